"""Languages of the Java and .NET runtimes."""

from __future__ import annotations

from sophia_mcp.index.languages import bindings, csharp, groovy, imports, rules
from sophia_mcp.index.languages.record import Language

_JAVA = """
(method_invocation name: (_)) @invoke
(object_creation_expression type: (_) @new)
(superclass (_) @base)
(super_interfaces (type_list (_) @base))
(extends_interfaces (type_list (_) @base))
[(formal_parameter) (field_declaration) (local_variable_declaration)] @bind
(enum_constant name: (_) @constant)
"""

RECORDS = (
    Language(
        "java",
        "java",
        (".java",),
        definitions="""
        [(class_declaration) (enum_declaration) (interface_declaration) (record_declaration)
         (annotation_type_declaration)] @class
        [(method_declaration) (constructor_declaration) (compact_constructor_declaration)
         (annotation_type_element_declaration)] @function
        """,
        comments=("line_comment", "block_comment"),
        references=f"""{_JAVA} (import_declaration) @import
        [(catch_formal_parameter) (resource name: (_)) (enhanced_for_statement) (constant_declaration) (type_pattern)
         (record_pattern_component (type_identifier) (identifier)) (instanceof_expression name: (_))]
          @bind""",
        imports=imports.dotted,
        binds=bindings.TYPED,
        own=("this",),
        bare_fields=True,
    ),
    Language(
        "csharp",
        "csharp",
        (".cs", ".csx"),
        definitions="""
        [(class_declaration) (interface_declaration) (struct_declaration) (enum_declaration)
         (record_declaration) (delegate_declaration)] @class
        [(method_declaration) (constructor_declaration) (destructor_declaration) (operator_declaration)
         (conversion_operator_declaration) (local_function_statement)
         (indexer_declaration)] @function
        [(property_declaration) (event_declaration) (event_field_declaration)] @value
        (namespace_declaration) @scope
        (file_scoped_namespace_declaration) @scope @reach
        """,
        name_rule=rules.csharp_name,
        plain=csharp.plain,
        references="""
        (invocation_expression function: [(identifier) (member_access_expression) (generic_name)
          (conditional_access_expression)] @call)
        (object_creation_expression type: (_) @new)
        (using_directive) @import
        (base_list [(identifier) (qualified_name) (generic_name)] @base)
        [(parameter) (variable_declaration) (property_declaration) (declaration_pattern) (declaration_expression)
         (foreach_statement type: (_)) (from_clause type: (_)) (catch_declaration name: (_))] @bind
        """,
        imports=imports.csharp,
        binds=bindings.TYPED,
        own=("this",),
        bare_fields=True,
    ),
    Language(
        "kotlin",
        "kotlin",
        (".kt", ".kts"),
        definitions="""
        [(class_declaration) (object_declaration) (type_alias)] @class
        (companion_object) @scope
        [(function_declaration) (secondary_constructor)] @function
        [(class_body (property_declaration) @value) (enum_class_body (property_declaration) @value)]
        [(getter) (setter)] @tail
        """,
        top="(source_file (property_declaration) @value)",
        comments=("line_comment", "multiline_comment"),
        name_rule=rules.kotlin_name,
        references="""
        (call_expression . [(simple_identifier) (navigation_expression)] @call)
        (import_header) @import
        (delegation_specifier [(constructor_invocation (user_type) @base) (user_type) @base])
        [(parameter) (class_parameter)] @bind
        (property_declaration (variable_declaration (user_type))) @bind
        (property_declaration (call_expression . [(simple_identifier) (navigation_expression)])) @bind
        (enum_entry (simple_identifier) @constant)
        """,
        imports=imports.dotted,
        binds=bindings.NAMED,
        calls_make=True,
        own=("this",),
        bare_fields=True,
    ),
    Language(
        "scala",
        "scala",
        (".scala", ".sc", ".sbt"),
        interpreters=("scala",),
        definitions="""
        [(object_definition) (class_definition) (trait_definition) (enum_definition) (type_definition)
         (package_object)] @class
        [(function_definition) (function_declaration)] @function
        (given_definition name: (_)) @value
        (template_body [(val_definition) (var_definition) (val_declaration) (var_declaration)] @value)
        """,
        top="(compilation_unit [(val_definition) (var_definition)] @value)",
        comments=("comment", "block_comment"),
        name_rule=rules.scala_name,
        references="""
        (call_expression function: [(identifier) (field_expression)] @call)
        (call_expression function: (generic_function function: (_) @call))
        (instance_expression . (_) @new)
        (import_declaration) @import
        (extends_clause [(type_identifier) (generic_type) (stable_type_identifier)] @base)
        [(parameter) (class_parameter)] @bind
        (val_definition type: (_)) @bind
        (val_definition value: [(instance_expression) (call_expression function: (identifier))]) @bind
        (self_type . (identifier) @own)
        """,
        imports=imports.scala,
        binds=bindings.NAMED,
        calls_make=True,
        own=("this",),
        bare_fields=True,
    ),
    Language(
        "groovy",
        "groovy",
        (".groovy", ".gradle", ".gvy"),
        ("Jenkinsfile",),
        ("groovy",),
        comments=("line_comment", "block_comment"),
        definitions=groovy.DEFINITIONS,
        name_rule=groovy.name,
        own=("this",),
        bare_fields=True,
    ),
    Language(
        "dart",
        "dart",
        (".dart",),
        definitions="""
        [(class_definition) (mixin_declaration) (enum_declaration) (extension_type_declaration) (type_alias)] @class
        (extension_declaration) @scope
        [(method_signature) (constructor_signature) (constant_constructor_signature)
         (redirecting_factory_constructor_signature)] @function
        (class_body (declaration [(function_signature) (getter_signature) (setter_signature) (operator_signature)]
          @function))
        (lambda_expression (function_signature) @function)
        (annotation) @lead
        (program (function_signature) @function)
        (program [(getter_signature) (setter_signature)] @function)
        (program (initialized_identifier_list (initialized_identifier) @value))
        (static_final_declaration) @value
        (function_body) @tail
        """,
        comments=("comment", "documentation_comment"),
        name_rule=rules.dart_name,
        references="""
        [(import_or_export) (part_directive) (part_of_directive)] @import
        (superclass [(type_identifier) (mixins (type_identifier) @base)] @base)
        (interfaces (type_identifier) @base)
        (_ (identifier) @token . (selector (argument_part)))
        (_ (selector (_ (identifier) @token)) . (selector (argument_part)))
        (_ (unconditional_assignable_selector (identifier) @token) . (selector (argument_part)))
        (cascade_section (cascade_selector (identifier) @token) . (argument_part))
        [(new_expression (type_identifier) @new) (const_object_expression (type_identifier) @new)]
        [(formal_parameter (type_identifier)) (variable_pattern (type_identifier) (identifier))] @bind
        (declaration (type_identifier) (initialized_identifier_list)) @bind
        (local_variable_declaration (initialized_variable_definition)) @bind
        """,
        imports=imports.dart,
        binds=bindings.TYPED,
        calls_make=True,
        own=("this",),
        bare_fields=True,
    ),
    Language(
        "haxe",
        "haxe",
        (".hx",),
        definitions="""
        [(class_declaration) (interface_declaration) (typedef_declaration)] @class
        (function_declaration) @function
        """,
        own=("this",),
        bare_fields=True,
    ),
    Language(
        "hack",
        "hack",
        (".hack", ".hck"),
        definitions="""
        [(class_declaration) (trait_declaration) (interface_declaration) (enum_declaration)] @class
        [(function_declaration) (method_declaration)] @function
        (alias_declaration) @class
        (script (const_declaration (const_declarator) @value))
        """,
        name_rule=rules.first_of("identifier"),
        own=("$this",),
    ),
    Language(
        "apex",
        "apex",
        (".apex", ".trigger"),
        definitions="""
        [(class_declaration) (enum_declaration) (interface_declaration)] @class
        [(method_declaration) (constructor_declaration)] @function
        """,
        comments=("line_comment", "block_comment"),
        references=_JAVA.replace("super_interfaces", "interfaces"),
        binds=bindings.TYPED,
        own=("this",),
        bare_fields=True,
    ),
)
