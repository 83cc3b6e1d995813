"""Languages whose types live at run time."""

from __future__ import annotations

from sophia_mcp.index.languages import rules
from sophia_mcp.index.languages.record import Language

_SCRIPT = """
[(class_declaration) (class)] @class
(function_declaration) @function
(generator_function_declaration) @function
(method_definition) @function
(variable_declarator name: (identifier) value: [(arrow_function) (function_expression) (generator_function)]) @function
(variable_declarator name: (identifier) value: (class)) @class
(assignment_expression left: (_) right: [(arrow_function) (function_expression) (generator_function)]) @function
(assignment_expression left: (_) right: (class)) @class
(pair key: (_) value: [(arrow_function) (function_expression) (generator_function)]) @function
(program (lexical_declaration (variable_declarator name: (identifier)) @value))
(program (variable_declaration (variable_declarator name: (identifier)) @value))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier)) @value)))
(decorator) @lead
"""
_SCRIPT_CALLS = """
(call_expression function: [(identifier) (member_expression)] @call)
(new_expression constructor: [(identifier) (member_expression)] @new)
(import_statement) @import
"""
_FIELDS = """
(field_definition property: (_) value: [(arrow_function) (function_expression)]) @function
"""
_TYPES = """
[(abstract_class_declaration) (interface_declaration) (type_alias_declaration) (enum_declaration)] @class
(internal_module) @module
[(function_signature) (abstract_method_signature) (method_signature)] @function
(public_field_definition name: (_) value: [(arrow_function) (function_expression)]) @function
"""

RECORDS = (
    Language(
        "python",
        "python",
        (".py", ".pyi", ".pyw", ".pyx", ".bzl", ".bazel", ".star"),
        ("BUILD", "WORKSPACE", "SConstruct", "SConscript", "Tiltfile"),
        ("python", "python2", "python3", "pypy", "pypy3"),
        """
        (class_definition) @class
        (function_definition) @function
        (module (assignment left: (identifier)) @value)
        (decorator) @lead
        (module (string) @doc)
        (block . (string) @doc)
        """,
        name_rule=rules.script_name,
        references="(call function: [(identifier) (attribute)] @call)",
        own=("self", "cls"),
    ),
    Language(
        "javascript",
        "javascript",
        (".js", ".jsx", ".mjs", ".cjs", ".es6"),
        ("Jakefile",),
        ("node", "nodejs", "deno", "bun"),
        _SCRIPT + _FIELDS,
        name_rule=rules.script_name,
        references=_SCRIPT_CALLS,
        own=("this",),
    ),
    Language(
        "typescript",
        "typescript",
        (".ts", ".mts", ".cts"),
        interpreters=("ts-node", "tsx"),
        definitions=_SCRIPT + _TYPES,
        name_rule=rules.script_name,
        references=_SCRIPT_CALLS,
        own=("this",),
    ),
    Language(
        "tsx",
        "tsx",
        (".tsx",),
        definitions=_SCRIPT + _TYPES,
        name_rule=rules.script_name,
        references=_SCRIPT_CALLS,
        own=("this",),
    ),
    Language(
        "php",
        "php",
        (".php", ".phtml", ".php5", ".inc"),
        interpreters=("php",),
        definitions="""
        [(class_declaration) (trait_declaration) (interface_declaration) (enum_declaration)] @class
        [(function_definition) (method_declaration)] @function
        (const_declaration (const_element) @value)
        """,
        name_rule=rules.first_of("name"),
        own=("$this", "self", "static"),
    ),
    Language(
        "ruby",
        "ruby",
        (".rb", ".rake", ".gemspec", ".ru", ".podspec", ".jbuilder"),
        (
            "Rakefile",
            "Gemfile",
            "Guardfile",
            "Podfile",
            "Vagrantfile",
            "Fastfile",
            "Brewfile",
            "Capfile",
        ),
        ("ruby", "jruby"),
        """
        [(class) (module)] @class
        [(method) (singleton_method)] @function
        (program (assignment left: (constant)) @value)
        (body_statement (assignment left: (constant)) @value)
        """,
        name_rule=rules.script_name,
        own=("self",),
    ),
    Language(
        "lua",
        "lua",
        (".lua", ".rockspec", ".wlua"),
        interpreters=("lua", "luajit"),
        definitions="""
        (function_declaration name: (method_index_expression)) @method
        (function_declaration) @free
        (assignment_statement (variable_list . (_) .) (expression_list . (function_definition) .)) @free
        (field name: (_) value: (function_definition)) @free
        """,
        name_rule=rules.lua_name,
        own=("self",),
    ),
    Language(
        "elixir",
        "elixir",
        (".ex", ".exs"),
        interpreters=("elixir",),
        definitions="""
        ((call target: (identifier) @_k) @class (#any-of? @_k "defprotocol"))
        ((call target: (identifier) @_k) @module (#any-of? @_k "defmodule" "defimpl"))
        ((call target: (identifier) @_k) @function
          (#any-of? @_k "def" "defp" "defmacro" "defmacrop" "defguard" "defguardp" "defdelegate" "test"))
        ((call target: (identifier) @_k) @value (#any-of? @_k "defstruct" "defexception"))
        ((call target: (identifier) @_k) @scope (#eq? @_k "describe"))
        ((unary_operator operand: (call target: (identifier) @_d (arguments (_)))) @doc @above
          (#any-of? @_d "doc" "moduledoc" "typedoc"))
        ((unary_operator operand: (call target: (identifier) @_a)) @lead (#any-of? @_a "spec" "impl"))
        """,
        name_rule=rules.elixir_name,
        own=("__MODULE__",),
    ),
    Language(
        "bash",
        "bash",
        (".sh", ".bash", ".zsh", ".ksh", ".bats", ".ebuild"),
        (".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv", "PKGBUILD"),
        ("sh", "bash", "zsh", "dash", "ksh", "ash"),
        "(function_definition) @function",
    ),
    Language(
        "fish",
        "fish",
        (".fish",),
        interpreters=("fish",),
        definitions="(function_definition) @function",
    ),
    Language(
        "powershell",
        "powershell",
        (".ps1", ".psm1", ".psd1"),
        interpreters=("pwsh",),
        definitions="""
        [(class_statement) (enum_statement)] @class
        [(function_statement) (class_method_definition)] @function
        """,
        name_rule=rules.leading("function_name", "simple_name"),
        own=("$this",),
    ),
    Language(
        "perl",
        "perl",
        (".pl", ".pm", ".t", ".psgi"),
        interpreters=("perl",),
        definitions="(package_statement) @class (subroutine_declaration_statement) @function",
        comments=("comment", "pod"),
        name_rule=rules.split_at("::", rules.by_field("name")),
        own=("$self",),
    ),
    Language(
        "r",
        "r",
        (".r", ".rprofile"),
        (".Rprofile",),
        ("Rscript",),
        """
        (binary_operator lhs: [(identifier) (string)] operator: ["<-" "=" "<<-"] rhs: (function_definition)) @function
        (program (binary_operator lhs: (identifier) operator: ["<-" "="]) @value)
        """,
        name_rule=rules.by_field("lhs"),
    ),
    Language(
        "julia",
        "julia",
        (".jl",),
        interpreters=("julia",),
        definitions="""
        [(struct_definition) (abstract_definition) (primitive_definition)] @class
        (module_definition) @module
        [(function_definition) (macro_definition)] @function
        (assignment . (call_expression)) @function
        (assignment . (where_expression (call_expression))) @function
        (const_statement (assignment) @value)
        """,
        comments=("line_comment", "block_comment"),
        name_rule=rules.julia_name,
    ),
    Language(
        "tcl",
        "tcl",
        (".tcl", ".tk", ".itcl"),
        interpreters=("tclsh", "wish", "expect"),
        definitions="(procedure) @function (namespace) @scope",
        name_rule=rules.second_word,
    ),
    Language(
        "luau",
        "luau",
        (".luau",),
        definitions="""
        (function_declaration name: (method_index_expression)) @method
        (function_declaration) @free
        (type_definition) @class
        """,
        name_rule=rules.lua_name,
        own=("self",),
    ),
    Language(
        "gdscript",
        "gdscript",
        (".gd",),
        definitions="""
        [(class_definition) (class_name_statement) (enum_definition)] @class
        [(function_definition) (constructor_definition) (signal_statement)] @function
        (source [(const_statement) (variable_statement) (export_variable_statement) (onready_variable_statement)] @value)
        """,
        name_rule=rules.with_default(rules.by_field("name"), constructor_definition="_init"),
        own=("self",),
    ),
    Language(
        "vim",
        "vim",
        (".vim", ".vimrc"),
        ("vimrc", ".vimrc", ".gvimrc"),
        definitions="(function_definition) @function (command_statement) @function",
        name_rule=rules.leading("function_declaration"),
    ),
    Language(
        "matlab",
        "matlab",
        (".mlx",),
        definitions="(class_definition) @class (function_definition) @function",
    ),
)
