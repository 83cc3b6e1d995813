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
[(abstract_class_declaration) (interface_declaration) (type_alias_declaration) (enum_declaration) (internal_module)] @class
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
        (function_declaration) @function
        (assignment_statement (variable_list . (_) .) (expression_list . (function_definition) .)) @function
        (field name: (_) value: (function_definition)) @function
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
        ((call target: (identifier) @_k) @class (#any-of? @_k "defmodule" "defprotocol" "defimpl"))
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
)
