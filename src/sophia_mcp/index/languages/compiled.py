"""Languages compiled to machine code, with the C family among them."""

from __future__ import annotations

from sophia_mcp.index.languages import rules
from sophia_mcp.index.languages.record import Language

_C = """
(function_definition) @function
(struct_specifier name: (_) body: (_)) @class
(union_specifier name: (_) body: (_)) @class
(enum_specifier name: (_) body: (_)) @class
(type_definition) @class
[(preproc_function_def)] @function
(preproc_def) @value
(declaration declarator: (function_declarator)) @function
(declaration declarator: (pointer_declarator declarator: (function_declarator))) @function
"""
_CPP = (
    _C
    + """
(class_specifier name: (_) body: (_)) @class
(namespace_definition name: (_)) @class
(alias_declaration) @class
(concept_definition) @class
(field_declaration declarator: (function_declarator)) @function
(field_declaration declarator: (pointer_declarator declarator: (function_declarator))) @function
(field_declaration declarator: (reference_declarator (function_declarator))) @function
(declaration declarator: (reference_declarator (function_declarator))) @function
(template_declaration) @wrap
"""
)

RECORDS = (
    Language(
        "go",
        "go",
        (".go",),
        definitions="""
        [(function_declaration) (method_declaration)] @function
        [(type_spec) (type_alias)] @class
        (source_file (const_declaration (const_spec) @value))
        (source_file (var_declaration (var_spec) @value))
        (source_file (var_declaration (var_spec_list (var_spec) @value)))
        """,
        name_rule=rules.go_name,
    ),
    Language(
        "rust",
        "rust",
        (".rs",),
        interpreters=("rust-script",),
        definitions="""
        [(struct_item) (enum_item) (union_item) (trait_item) (type_item) (mod_item body: (_))] @class
        [(function_item) (function_signature_item) (macro_definition)] @function
        [(const_item) (static_item)] @value
        (impl_item) @scope
        (attribute_item) @lead
        """,
        comments=("line_comment", "block_comment"),
        name_rule=rules.rust_name,
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
        (typealias_declaration) @class
        (source_file (property_declaration) @value)
        (class_body (property_declaration) @value)
        """,
        comments=("comment", "multiline_comment"),
        name_rule=rules.swift_name,
        own=("self", "Self"),
    ),
    Language("c", "c", (".c", ".h"), definitions=_C, name_rule=rules.declared_name),
    Language(
        "cpp",
        "cpp",
        (".cc", ".cpp", ".cxx", ".c++", ".hpp", ".hxx", ".hh", ".h++", ".ipp", ".tpp", ".inl", ".ino"),
        definitions=_CPP,
        name_rule=rules.declared_name,
        own=("this",),
    ),
    Language(
        "haskell",
        "haskell",
        (".hs", ".hs-boot"),
        interpreters=("runhaskell", "runghc"),
        definitions="""
        [(data_type) (newtype) (class) (type_synomym) (type_family)] @class
        (declarations [(function) (bind)] @function)
        (class_declarations [(signature) (function) (bind)] @function)
        (instance_declarations [(function) (bind)] @function)
        (declarations (signature) @lead)
        (instance) @scope
        """,
        comments=("comment", "haddock"),
        name_rule=rules.haskell_name,
    ),
    Language(
        "zig",
        "zig",
        (".zig", ".zon"),
        definitions="""
        (Decl (FnProto)) @function
        (Decl (VarDecl (ErrorUnionExpr (SuffixExpr (ContainerDecl))))) @class
        (source_file (Decl (VarDecl)) @value)
        (TestDecl) @function
        """,
        comments=("line_comment", "doc_comment", "container_doc_comment"),
        name_rule=rules.zig_name,
    ),
)
