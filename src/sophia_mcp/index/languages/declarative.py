"""Markup, style, build, query and schema languages: what they declare is what they define."""

from __future__ import annotations

from sophia_mcp.index.languages import declarative_rules, hazards, rules, sql
from sophia_mcp.index.languages.record import Language

RECORDS = (
    Language(
        "sql",
        "sql",
        (".sql", ".ddl", ".pgsql", ".psql"),
        definitions="""
        [(create_table) (create_view) (create_materialized_view) (create_type) (create_schema)] @class
        [(create_function) (create_trigger)] @function
        [(create_index) (create_sequence)] @value
        """,
        comments=("comment", "marginalia"),
        name_rule=declarative_rules.sql_name,
        plain=sql.plain,
    ),
    Language(
        "hcl",
        "hcl",
        (".tf", ".hcl", ".tfvars", ".nomad"),
        definitions="(body (block) @config) (config_file (body (attribute) @config))",
        name_rule=declarative_rules.hcl_name,
        kind="config",
    ),
    Language(
        "bicep",
        "bicep",
        (".bicep",),
        definitions="""
        [(resource_declaration) (module_declaration) (parameter_declaration) (variable_declaration)
         (output_declaration)] @config
        (user_defined_function) @function
        (type_declaration) @class
        (decorators) @lead
        """,
        name_rule=rules.leading("identifier"),
        kind="config",
    ),
    Language(
        "proto",
        "proto",
        (".proto",),
        definitions="[(message) (enum) (service)] @class (rpc) @function",
        name_rule=rules.leading("message_name", "enum_name", "service_name", "rpc_name"),
    ),
    Language(
        "thrift",
        "thrift",
        (".thrift",),
        definitions="""
        [(struct_definition) (service_definition) (enum_definition) (exception_definition) (union_definition)
         (typedef_definition)] @class
        (function_definition) @function
        (const_definition) @value
        """,
        name_rule=rules.leading("identifier", "typedef_identifier"),
    ),
    Language(
        "graphql",
        "graphql",
        (".graphql", ".gql", ".graphqls"),
        definitions="""
        [(object_type_definition) (input_object_type_definition) (enum_type_definition) (interface_type_definition)
         (union_type_definition) (scalar_type_definition)] @class
        [(operation_definition) (fragment_definition) (directive_definition)] @function
        [(object_type_extension)] @scope
        """,
        name_rule=rules.leading("name", "fragment_name"),
    ),
    Language(
        "prisma",
        "prisma",
        (".prisma",),
        definitions="[(model_block) (enum_block)] @class (key_value_block) @config",
        name_rule=rules.leading("identifier"),
    ),
    Language(
        "nix",
        "nix",
        (".nix",),
        definitions="""
        (binding expression: (function_expression)) @function
        (binding expression: [(attrset_expression) (rec_attrset_expression) (let_expression)]) @config
        (binding expression: (apply_expression argument: [(attrset_expression) (rec_attrset_expression)])) @config
        (binding expression: (apply_expression argument: (parenthesized_expression
          (function_expression body: [(attrset_expression) (rec_attrset_expression)])))) @config
        (binding expression: (apply_expression argument: (parenthesized_expression
          (binary_expression right: [(attrset_expression) (rec_attrset_expression)])))) @config
        """,
        name_rule=rules.by_field("attrpath"),
    ),
    Language(
        "css",
        "css",
        (".css",),
        definitions="(rule_set) @class (keyframes_statement) @class",
        name_rule=declarative_rules.selectors,
    ),
    Language(
        "scss",
        "scss",
        (".scss", ".less"),
        definitions="""
        (rule_set) @class (keyframes_statement) @class
        [(mixin_statement) (function_statement)] @function
        (stylesheet (declaration) @value)
        """,
        comments=("comment", "js_comment"),
        name_rule=declarative_rules.scss_name,
    ),
    Language(
        "html",
        "html",
        (".html", ".htm", ".xhtml", ".jinja", ".j2", ".hbs", ".ejs"),
        definitions="(element) @config (script_element (raw_text) @script)",
        name_rule=declarative_rules.element_id,
        script="javascript",
    ),
    Language(
        "vue",
        "vue",
        (".vue",),
        definitions="""
        (element) @config
        (template_element) @config
        (style_element) @config
        (script_element (raw_text) @script)
        """,
        name_rule=declarative_rules.section_name,
        script="typescript",
    ),
    Language(
        "svelte",
        "svelte",
        (".svelte",),
        definitions="""
        (element) @config
        (style_element) @config
        (script_element (raw_text) @script)
        """,
        name_rule=declarative_rules.section_name,
        script="typescript",
    ),
    Language(
        "astro",
        "astro",
        (".astro",),
        definitions="""
        (element) @config
        (style_element) @config
        (frontmatter_js_block) @script
        (script_element (raw_text) @script)
        """,
        name_rule=declarative_rules.section_name,
        script="typescript",
    ),
    Language(
        "cmake",
        "cmake",
        (".cmake",),
        ("CMakeLists.txt",),
        definitions="""
        [(function_def) (macro_def)] @function
        ((normal_command (identifier) @_k) @config
          (#match? @_k "^(?i:add_(library|executable|custom_target|test)|project|option)$"))
        """,
        comments=("line_comment", "bracket_comment"),
        name_rule=declarative_rules.cmake_name,
    ),
    Language(
        "make",
        "make",
        (".mk", ".mak", ".make", ".am"),
        ("Makefile", "makefile", "GNUmakefile", "Makefile.am", "Makefile.in"),
        ("make",),
        definitions="""
        (rule (targets)) @function
        (define_directive) @function
        (makefile (variable_assignment) @value)
        (conditional (variable_assignment) @value)
        (else_directive (variable_assignment) @value)
        (elsif_directive (variable_assignment) @value)
        """,
        plain=declarative_rules.without_conditions,
        name_rule=declarative_rules.make_name,
    ),
    Language(
        "dockerfile",
        "dockerfile",
        (".dockerfile",),
        ("Dockerfile", "Containerfile"),
        definitions="(from_instruction as: (image_alias)) @config (arg_instruction) @config (env_pair) @config",
        name_rule=rules.by_field("as", "name"),
        kind="config",
    ),
    Language(
        "latex",
        "latex",
        (".tex", ".sty", ".cls", ".ltx"),
        definitions="""
        [(section) (subsection) (subsubsection) (chapter) (part)] @heading
        (new_command_definition) @function
        """,
        comments=("line_comment", "block_comment"),
        name_rule=declarative_rules.latex_name,
        kind="doc",
    ),
    Language(
        "json",
        "json",
        (".json", ".jsonc", ".json5", ".webmanifest", ".code-workspace", ".avsc", ".har"),
        (
            ".eslintrc",
            ".babelrc",
            ".prettierrc",
            ".swcrc",
            "composer.lock",
            "flake.lock",
            "Pipfile.lock",
        ),
        definitions="(pair value: [(object) (array)]) @part",
        top="(document (object (pair) @config))",
        name_rule=declarative_rules.key_name,
        kind="config",
    ),
    Language(
        "yaml",
        "yaml",
        (".yaml", ".yml", ".cff"),
        (".clang-format", ".clang-tidy"),
        definitions="""
        (document (block_node (block_mapping (block_mapping_pair) @config)))
        (block_mapping_pair value: (block_node)) @part
        """,
        hazard=hazards.nested_blocks,
        name_rule=declarative_rules.key_name,
        kind="config",
    ),
    Language(
        "toml",
        "toml",
        (".toml",),
        ("Pipfile", "poetry.lock", "Cargo.lock", "uv.lock"),
        definitions="[(table) (table_array_element)] @config",
        top="(document (pair) @config)",
        name_rule=declarative_rules.key_name,
        kind="config",
    ),
    Language(
        "ini",
        "ini",
        (".ini", ".cfg", ".conf", ".desktop", ".service", ".editorconfig", ".gitconfig"),
        (".npmrc", ".flake8", ".pylintrc", ".coveragerc", ".pypirc"),
        definitions="(section) @config",
        name_rule=declarative_rules.key_name,
        kind="config",
    ),
    Language(
        "properties",
        "properties",
        (".properties",),
        definitions="(property) @config",
        name_rule=declarative_rules.key_name,
        kind="config",
    ),
    Language(
        "xml",
        "xml",
        (
            *(
                ".xml",
                ".xsd",
                ".xsl",
                ".xslt",
                ".svg",
                ".plist",
                ".pom",
                ".wsdl",
                ".resx",
                ".xaml",
                ".nuspec",
            ),
            *(
                ".vcproj",
                ".filters",
                ".iml",
                ".wxs",
                ".glade",
                ".qrc",
                ".rng",
                ".xlf",
                ".xcscheme",
                ".rdf",
                ".kml",
            ),
            *(".csproj", ".fsproj", ".vbproj", ".vcxproj", ".props", ".targets", ".ui", ".storyboard"),
        ),
        definitions="(element) @config",
        comments=("Comment",),
        name_rule=declarative_rules.element_id,
        kind="config",
    ),
)
