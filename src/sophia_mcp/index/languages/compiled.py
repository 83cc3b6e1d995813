"""Languages compiled to machine code, with the C family among them."""

from __future__ import annotations

from sophia_mcp.index.languages import bindings, declarators, imports, macros, rules, swift
from sophia_mcp.index.languages.record import Language

_C = """
(function_definition) @function
(struct_specifier name: (_) body: (_)) @class
(union_specifier name: (_) body: (_)) @class
(enum_specifier name: (_) body: (_)) @class
(type_definition) @class
(preproc_function_def) @macro
(preproc_def) @value
"""


def _prototypes(*declarators: str) -> str:
    """Declarations of functions, and of what has their form: ``declarators.placed_name`` tells where it is none. A
    pattern for each place would be compiled for a tenth of a second in every worker."""
    return f"(declaration declarator: [{' '.join(declarators)}]) @function"


_POINTED = "(pointer_declarator declarator: (function_declarator))"
_FUNCTION = ("(function_declarator)", _POINTED, f"(pointer_declarator declarator: {_POINTED})")
_C_CALLS = """
(call_expression function: [(identifier) (field_expression)] @call)
(preproc_include) @import
(parameter_declaration declarator: (_)) @bind
(declaration declarator: [(identifier) (init_declarator) (pointer_declarator declarator: (identifier))]) @bind
(field_declaration declarator: [(field_identifier) (pointer_declarator declarator: (field_identifier))]) @bind
"""
_CPP_CALLS = (
    _C_CALLS
    + """
(call_expression function: [(qualified_identifier) (template_function)] @call)
((call_expression function: (identifier) @_expects arguments: (argument_list . (_) . (call_expression
  function: (identifier))) @told) (#any-of? @_expects "EXPECT_CALL" "ON_CALL"))
(new_expression type: (_) @new)
(using_declaration) @import
(base_class_clause [(type_identifier) (qualified_identifier) (template_type)] @base)
(type_definition type: [(type_identifier) (qualified_identifier) (template_type)] @alias declarator: (type_identifier))
(alias_declaration type: (type_descriptor type: [(type_identifier) (qualified_identifier) (template_type)] @alias))
(field_declaration declarator: (reference_declarator (field_identifier))) @bind
"""
)
_CPP = (
    _C
    + """
(class_specifier name: (_) body: (_)) @class
(namespace_definition name: (_)) @module
(alias_declaration) @class
(concept_definition) @class
(template_declaration) @wrap
"""
    + f"(field_declaration declarator: [{' '.join(_FUNCTION)} (reference_declarator (function_declarator))]) @function"
    + _prototypes(*_FUNCTION, "(reference_declarator (function_declarator))", "(operator_cast)")
)

RECORDS = (
    Language(
        "go",
        "go",
        (".go",),
        definitions="""
        [(function_declaration) (method_declaration)] @function
        [(type_spec) (type_alias)] @class
        (type_spec type: (interface_type (method_elem) @method))
        """,
        top="""
        (source_file (const_declaration (const_spec) @value))
        (source_file (var_declaration (var_spec) @value))
        (source_file (var_declaration (var_spec_list (var_spec) @value)))
        """,
        name_rule=rules.go_name,
        references="""
        (call_expression function: [(identifier) (selector_expression)] @call)
        (composite_literal type: [(type_identifier) (qualified_type)] @new)
        (import_declaration) @import
        (field_declaration !name type: (_) @base)
        (interface_type (type_elem . [(type_identifier) (qualified_type)] @base .))
        (type_switch_statement alias: (expression_list . (identifier) @anew))
        (parameter_declaration name: (_)) @bind
        (field_declaration name: (_)) @bind
        (range_clause left: (expression_list . (_) . (identifier) .) right: (_)) @bind
        (var_spec type: (_)) @bind
        (var_spec value: (expression_list . [(composite_literal) (unary_expression operand: (composite_literal))
          (call_expression) (type_assertion_expression)] .)) @bind
        (short_var_declaration left: (expression_list . (identifier))
          right: (expression_list . [(composite_literal) (unary_expression operand: (composite_literal))
            (call_expression) (type_assertion_expression) (index_expression) (selector_expression)] .)) @bind
        """,
        imports=imports.go,
        binds=bindings.GO,
    ),
    Language(
        "rust",
        "rust",
        (".rs",),
        interpreters=("rust-script",),
        definitions="""
        [(struct_item) (enum_item) (union_item) (trait_item) (type_item) (associated_type)] @class
        (mod_item body: (_)) @module
        [(function_item) (function_signature_item) (macro_definition)] @function
        [(const_item) (static_item)] @value
        (impl_item) @scope
        (attribute_item) @lead
        """,
        comments=("line_comment", "block_comment"),
        name_rule=rules.rust_name,
        references="""
        (call_expression function: [(identifier) (field_expression) (scoped_identifier)] @call)
        (call_expression function: (generic_function function: (_) @call))
        (macro_invocation macro: (_) @call)
        (struct_expression name: (_) @new)
        (use_declaration) @import
        (impl_item trait: (_) @base)
        (trait_bounds [(type_identifier) (scoped_type_identifier)] @use)
        (parameter) @bind
        (field_declaration) @bind
        (let_declaration type: (_)) @bind
        (let_declaration value: [(struct_expression)
          (call_expression function: [(identifier) (field_expression) (scoped_identifier)])
          (try_expression [(call_expression) (await_expression (call_expression))])
          (await_expression (call_expression))]) @bind
        (let_condition pattern: (tuple_struct_pattern . (identifier) . (identifier) .) value: (call_expression)) @bind
        (struct_item body: (ordered_field_declaration_list) @places)
        (enum_variant name: (_) @constant)
        (macro_invocation (token_tree) @tokens)
        (token_tree (identifier) @token . (token_tree . "("))
        (token_tree (identifier) @token . "!" . (token_tree))
        """,
        imports=imports.rust,
        binds=bindings.RUST,
        own=("self", "Self"),
    ),
    Language(
        "swift",
        "swift",
        (".swift",),
        definitions="""
        (class_declaration ["class" "struct" "enum" "actor"]) @class
        (class_declaration "extension") @scope
        (protocol_declaration) @class
        [(function_declaration) (init_declaration) (deinit_declaration) (protocol_function_declaration)
         (subscript_declaration)] @function
        [(typealias_declaration) (associatedtype_declaration)] @class
        (protocol_property_declaration) @value
        [(class_body (property_declaration) @value) (enum_class_body (property_declaration) @value)]
        """,
        top="(source_file (property_declaration) @value)",
        comments=("comment", "multiline_comment"),
        plain=swift.plain,
        name_rule=rules.swift_name,
        references="""
        (call_expression . [(simple_identifier) (navigation_expression)] @call (call_suffix (value_arguments "(")))
        (call_expression . [(simple_identifier) (navigation_expression)] @call (call_suffix (lambda_literal)))
        (import_declaration) @import
        (inheritance_specifier inherits_from: (_) @base)
        (parameter) @bind
        (property_declaration (type_annotation)) @bind
        (property_declaration value: (call_expression . (simple_identifier))) @bind
        """,
        imports=imports.module,
        binds=bindings.NAMED,
        calls_make=True,
        own=("self", "Self"),
    ),
    Language(
        "c",
        "c",
        (".c", ".h"),
        definitions=_C + _prototypes(*_FUNCTION),
        name_rule=declarators.placed_name,
        references=_C_CALLS,
        imports=imports.include,
        plain=macros.plain,
        binds=bindings.TYPED,
    ),
    Language(
        "cpp",
        "cpp",
        (
            ".cc",
            ".cpp",
            ".cxx",
            ".c++",
            ".hpp",
            ".hxx",
            ".hh",
            ".h++",
            ".ipp",
            ".tpp",
            ".inl",
            ".ino",
            ".cppm",
            ".ixx",
        ),
        definitions=_CPP,
        name_rule=declarators.placed_name,
        references=_CPP_CALLS,
        imports=imports.include,
        plain=macros.plain,
        binds=bindings.TYPED,
        calls_make=True,
        own=("this",),
        bare_fields=True,
    ),
    Language(
        "zig",
        "zig",
        (".zig", ".zon"),
        definitions="""
        (Decl (FnProto)) @function
        (Decl (VarDecl (ErrorUnionExpr (SuffixExpr (ContainerDecl))))) @class
        (source_file (Decl (VarDecl)) @value)
        ((Decl (VarDecl (ErrorUnionExpr (SuffixExpr . (BUILTINIDENTIFIER) @_b)))) @import (#eq? @_b "@import"))
        (TestDecl) @function
        """,
        comments=("line_comment", "doc_comment", "container_doc_comment"),
        name_rule=rules.zig_name,
    ),
    Language(
        "cuda",
        "cuda",
        (".cu", ".cuh"),
        definitions=_CPP,
        name_rule=declarators.placed_name,
        references=_CPP_CALLS,
        imports=imports.include,
        plain=macros.plain,
        binds=bindings.TYPED,
        calls_make=True,
        own=("this",),
        bare_fields=True,
    ),
    Language(
        "objc",
        "objc",
        (".m", ".mm"),
        definitions="""
        [(class_interface) (class_implementation) (protocol_declaration)] @class
        [(method_declaration) (method_definition)] @function
        (function_definition) @function
        (struct_specifier name: (_) body: (_)) @class
        (type_definition) @class
        (preproc_function_def) @macro
        (preproc_def) @value
        """
        + _prototypes(*_FUNCTION),
        name_rule=declarators.selector_name,
        own=("self",),
    ),
    Language(
        "glsl",
        "glsl",
        (".glsl", ".vert", ".frag", ".geom", ".comp", ".tesc", ".tese"),
        definitions="""
        (function_definition) @function
        (struct_specifier name: (_) body: (_)) @class
        (translation_unit (declaration) @value)
        (preproc_def) @value
        """,
        name_rule=declarators.declared_name,
    ),
    Language(
        "wgsl",
        "wgsl",
        (".wgsl",),
        definitions="(struct_declaration) @class (function_declaration) @function",
        comments=("line_comment", "block_comment"),
    ),
    Language(
        "d",
        "d",
        (".d", ".di"),
        definitions="""
        [(class_declaration) (struct_declaration) (interface_declaration) (union_declaration) (enum_declaration)
         (template_declaration)] @class
        [(function_declaration) (constructor)] @function
        (manifest_constant (manifest_declarator) @value)
        """,
        name_rule=rules.with_default(rules.leading("identifier"), constructor="this"),
        own=("this",),
        bare_fields=True,
    ),
    Language(
        "odin",
        "odin",
        (".odin",),
        definitions="""
        [(struct_declaration) (enum_declaration) (union_declaration)] @class
        (procedure_declaration) @function
        (source_file (const_declaration) @value)
        """,
        comments=("comment", "block_comment"),
        name_rule=rules.leading("identifier"),
    ),
    Language(
        "hare",
        "hare",
        (".ha",),
        definitions="""
        (function_declaration) @function
        (type_declaration) @class
        [(constant_declaration) (global_declaration)] @value
        """,
        name_rule=rules.leading("identifier"),
    ),
    Language(
        "nim",
        "nim",
        (".nim", ".nims", ".nimble"),
        definitions="""
        (type_declaration) @class
        [(proc_declaration) (func_declaration) (method_declaration) (template_declaration) (macro_declaration)
         (iterator_declaration) (converter_declaration)] @function
        (source_file (const_section (variable_declaration) @value))
        """,
        comments=("comment", "block_comment", "documentation_comment", "block_documentation_comment"),
        name_rule=rules.nim_name,
    ),
    Language(
        "solidity",
        "solidity",
        (".sol",),
        definitions="""
        [(contract_declaration) (interface_declaration) (library_declaration) (struct_declaration)
         (enum_declaration)] @class
        [(function_definition) (constructor_definition) (modifier_definition) (event_definition)
         (error_declaration) (fallback_receive_definition)] @function
        (state_variable_declaration) @value
        """,
        name_rule=rules.with_default(
            rules.first_of("identifier"),
            constructor_definition="constructor",
            fallback_receive_definition="receive",
        ),
        references="""
        (call_expression function: (expression [(identifier) (member_expression)] @call))
        (import_directive) @import
        (inheritance_specifier ancestor: (_) @base)
        """,
        imports=imports.script,
    ),
    Language(
        "fortran",
        "fortran",
        (".f90", ".f95", ".f03", ".f08", ".f", ".for", ".ftn"),
        definitions="""
        (derived_type_definition) @class
        [(module) (submodule) (program)] @module
        [(subroutine) (function) (interface (interface_statement (name)))] @function
        """,
        name_rule=rules.leading("name", "type_name"),
    ),
    Language(
        "ada",
        "ada",
        (".adb", ".ads"),
        definitions="""
        (full_type_declaration) @class
        [(package_body) (package_declaration) (generic_package_declaration)] @module
        [(subprogram_body) (subprogram_declaration) (expression_function_declaration)] @function
        """,
        name_rule=rules.leading("identifier"),
    ),
    Language(
        "pascal",
        "pascal",
        (".pas", ".pp", ".dpr", ".lpr", ".inc.pas"),
        definitions="""
        (declType) @class
        (declProc) @function
        (defProc) @function
        (declConst) @value
        """,
        name_rule=rules.split_at(".", rules.leading("identifier")),
    ),
    Language(
        "verilog",
        "verilog",
        (".v", ".sv", ".svh", ".vh"),
        definitions="""
        [(interface_declaration) (class_declaration) (type_declaration)] @class
        [(module_declaration) (package_declaration)] @module
        [(function_declaration) (task_declaration) (class_constructor_declaration)] @function
        """,
        name_rule=rules.verilog_name,
    ),
    Language(
        "vhdl",
        "vhdl",
        (".vhd", ".vhdl"),
        definitions="""
        [(entity_declaration) (component_declaration) (full_type_declaration)] @class
        [(architecture_body) (package_declaration) (package_body)] @module
        [(function_declaration) (procedure_declaration) (function_body) (procedure_body)
         (process_statement)] @function
        """,
        name_rule=rules.vhdl_name,
    ),
)
