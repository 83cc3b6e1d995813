"""Languages whose types live at run time."""

from __future__ import annotations

from sophia_mcp.index.languages import bindings, hazards, imports, rules, script
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
(decorator) @lead
"""
_SCRIPT_TOP = """
(program (lexical_declaration (variable_declarator name: (identifier)) @value))
(program (variable_declaration (variable_declarator name: (identifier)) @value))
(program (export_statement [(lexical_declaration (variable_declarator name: (identifier)) @value)
  (variable_declaration (variable_declarator name: (identifier)) @value)]))
"""
_REQUIRE = (
    "(call_expression function: (identifier) @_r arguments: (arguments . [(string) (template_string)]))"
)
_AWAITED = "(await_expression (call_expression function: (import) arguments: (arguments . (string))))"
_SCRIPT_CALLS = f"""
(call_expression function: [(identifier) (member_expression)] @call)
(new_expression constructor: [(identifier) (member_expression)] @new)
(import_statement) @import
(export_statement source: (string)) @import
((variable_declarator value: [{_REQUIRE} (member_expression object: {_REQUIRE})
  (member_expression object: (member_expression object: {_REQUIRE}))]) @import (#eq? @_r "require"))
(variable_declarator value: {_AWAITED}) @import
(variable_declarator value: (member_expression object: (parenthesized_expression {_AWAITED}))) @import
(variable_declarator name: (identifier) value: (new_expression)) @bind
(assignment_expression left: (member_expression object: (this)) right: [(new_expression) (identifier)]) @bind
"""
_JS_BASES = "(class_heritage [(identifier) (member_expression)] @base) (field_definition value: (new_expression)) @bind"
_TS_BASES = f"""
((variable_declarator value: [(as_expression {_REQUIRE}) (satisfies_expression {_REQUIRE})
  (non_null_expression {_REQUIRE})]) @import (#eq? @_r "require"))
(extends_clause value: (_) @base)
(implements_clause (_) @base)
(extends_type_clause type: (_) @base)
[(required_parameter type: (_)) (optional_parameter type: (_))] @bind
(public_field_definition type: (_)) @bind
(public_field_definition value: (new_expression)) @bind
(property_signature type: (_)) @bind
(variable_declarator name: (identifier) type: (_)) @bind
(variable_declarator name: (identifier) !type value: [(call_expression) (await_expression) (member_expression)
  (non_null_expression)]) @bind
(call_expression function: (instantiation_expression (_) @call))
"""
_TS_CAST = f'((variable_declarator value: (type_assertion {_REQUIRE})) @import (#eq? @_r "require"))'
_FIELDS = """
(field_definition property: (_) value: [(arrow_function) (function_expression)]) @function
"""
_TYPES = """
[(abstract_class_declaration) (interface_declaration) (type_alias_declaration) (enum_declaration)] @class
(internal_module) @module
[(function_signature) (abstract_method_signature) (method_signature)] @function
(public_field_definition name: (_) value: [(arrow_function) (function_expression)]) @function
"""

_PERL_OWN = (
    "^(?:accept|atan2|bind|binmode|bless|chmod|chomp|chop|chown|close|closedir|connect|crypt|defined|delete|die|do|each|eof|"
    "eval|exec|exists|extends|fcntl|flock|formline|[gs]etsockopt|glob|grep|has|index|ioctl|join|keys|kill|link|listen|local|"
    "map|mkdir|open|opendir|pack|pipe|pop|print|printf|push|read|readdir|recv|ref|rename|require|return|reverse|rindex|say|"
    "scalar|seek|select|send|shift|shutdown|sleep|socket|socketpair|sort|splice|split|sprintf|substr|symlink|syscall|sysread|"
    "system|syswrite|tell|tie|time|truncate|unlink|unpack|unshift|untie|utime|values|vec|wait|waitpid|wantarray|warn|with)$"
)
"""Functions of the language itself."""

RECORDS = (
    Language(
        "python",
        "python",
        (".py", ".pyi", ".pyw", ".pyx", ".pxd", ".pxi", ".bzl", ".bazel", ".star"),
        ("BUILD", "WORKSPACE", "SConstruct", "SConscript", "Tiltfile"),
        ("python", "python2", "python3", "pypy", "pypy3"),
        """
        (class_definition) @class
        (function_definition) @function
        (type_alias_statement) @class
        (decorator) @lead
        (block . (string) @doc)
        """,
        top="(module (assignment left: (identifier)) @value) (module (string) @doc)",
        name_rule=rules.script_name,
        references="""
        (call function: [(identifier) (attribute)] @call)
        [(import_statement) (import_from_statement)] @import
        ((assignment left: (identifier) right: (call function: [(identifier) (attribute)] @_i
          arguments: (argument_list . (string)))) @import
          (#any-of? @_i "__import__" "import_module" "importlib.import_module" "pytest.importorskip"))
        (class_definition superclasses: (argument_list [(identifier) @base (attribute) @base
          (subscript value: [(identifier) (attribute)] @base)]))
        [(typed_parameter) (typed_default_parameter)] @bind
        (assignment left: [(identifier) (attribute)] type: (_)) @bind
        (assignment left: [(identifier) (attribute)] right: [(call) (await (call))]) @bind
        (as_pattern (call) alias: (as_pattern_target (identifier))) @bind
        (assignment left: (attribute) right: (identifier)) @bind
        """,
        imports=imports.python,
        binds=bindings.PYTHON,
        calls_make=True,
        own=("self", "cls"),
    ),
    Language(
        "javascript",
        "javascript",
        (".js", ".jsx", ".mjs", ".cjs", ".es6"),
        ("Jakefile",),
        ("node", "nodejs", "deno", "bun"),
        _SCRIPT + _FIELDS,
        top=_SCRIPT_TOP,
        name_rule=rules.script_name,
        references=_SCRIPT_CALLS + _JS_BASES,
        imports=imports.script,
        binds=bindings.SCRIPT,
        plain=script.plain,
        own=("this",),
    ),
    Language(
        "typescript",
        "typescript",
        (".ts", ".mts", ".cts"),
        interpreters=("ts-node", "tsx"),
        definitions=_SCRIPT + _TYPES,
        top=_SCRIPT_TOP,
        name_rule=rules.script_name,
        references=_SCRIPT_CALLS + _TS_BASES + _TS_CAST,
        imports=imports.script,
        binds=bindings.SCRIPT,
        plain=script.plain,
        own=("this",),
    ),
    Language(
        "tsx",
        "tsx",
        (".tsx",),
        definitions=_SCRIPT + _TYPES,
        top=_SCRIPT_TOP,
        name_rule=rules.script_name,
        references=_SCRIPT_CALLS + _TS_BASES,
        imports=imports.script,
        binds=bindings.SCRIPT,
        plain=script.plain,
        own=("this",),
    ),
    Language(
        "php",
        "php",
        (".php", ".phtml", ".php5", ".phpt", ".inc"),
        interpreters=("php",),
        definitions="""
        [(class_declaration) (trait_declaration) (interface_declaration) (enum_declaration)] @class
        [(function_definition) (method_declaration)] @function
        (const_declaration (const_element) @value)
        (expression_statement (function_call_expression function: (name) @_d arguments: (arguments .
          (argument [(string) (encapsed_string)]))) @value (#eq? @_d "define"))
        """,
        name_rule=rules.php_name,
        references="""
        (function_call_expression function: [(name) (qualified_name)] @call)
        [(member_call_expression name: (name)) (nullsafe_member_call_expression name: (name))
         (scoped_call_expression name: (name))] @invoke
        (object_creation_expression [(name) (qualified_name)] @new)
        (namespace_use_declaration) @import
        [(require_expression) (require_once_expression) (include_expression) (include_once_expression)] @import
        (base_clause (_) @base) (class_interface_clause (_) @base) (use_declaration (_) @base)
        [(simple_parameter type: (_)) (property_promotion_parameter) (property_declaration type: (_))] @bind
        (assignment_expression right: [(object_creation_expression) (member_call_expression) (scoped_call_expression)
          (function_call_expression)]) @bind
        (assignment_expression left: (member_access_expression) right: (variable_name)) @bind
        (enum_case name: (_) @constant)
        """,
        imports=imports.php,
        binds=bindings.PHP,
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
        (assignment left: (constant) right: (call receiver: (constant) @_m method: (identifier) @_k
          (#any-of? @_m "Struct" "Data" "Class" "Module") (#any-of? @_k "new" "define"))) @class
        ((assignment left: (constant) right: (call receiver: (constant) @_q arguments: (argument_list . [(constant)
          (scope_resolution)] @base))) (#eq? @_q "Class"))
        [(method) (singleton_method)] @function
        (body_statement (assignment left: (constant)) @value)
        (alias) @function
        ((call !receiver method: (identifier) @_d arguments: (argument_list . [(simple_symbol) (delimited_symbol) (string)])) @function
          (#any-of? @_d "define_method" "alias_method"))
        ((call !receiver method: (identifier) @_a arguments: (argument_list (simple_symbol) @function))
          (#any-of? @_a "delegate" "attr_reader" "attr_writer" "attr_accessor" "mattr_accessor" "cattr_accessor" "class_attribute"))
        """,
        top="(program (assignment left: (constant)) @value)",
        name_rule=rules.ruby_name,
        references="""
        (call method: (_)) @invoke
        ((call !receiver method: (identifier) @_m) @import
          (#any-of? @_m "require" "require_relative" "load" "autoload"))
        (superclass (_) @base)
        ((call !receiver method: (identifier) @_i arguments: (argument_list [(constant) (scope_resolution)] @base))
          (#any-of? @_i "include" "extend" "prepend"))
        ((call receiver: (identifier) method: (identifier) @_h arguments: (argument_list [(constant) (scope_resolution)] @base))
          (#any-of? @_h "include" "extend" "prepend"))
        (super) @call
        [(assignment left: [(identifier) (constant) (instance_variable) (class_variable)] right: (call))
         (operator_assignment left: [(identifier) (instance_variable) (class_variable)] right: (call))] @bind
        [(method body: (body_statement (_) @last .)) (singleton_method body: (body_statement (_) @last .))]
        [(method body: (call) @last) (singleton_method body: (call) @last)]
        """,
        invoke_field="method",
        imports=imports.quoted,
        binds=bindings.RUBY,
        own=("self",),
        maker="new",
        keywords=frozenset(
            {
                "require",
                "require_relative",
                "include",
                "extend",
                "prepend",
                "private",
                "attr_accessor",
                "attr_reader",
            }
        ),
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
        references="""
        (function_call name: [(identifier) (dot_index_expression) (method_index_expression)] @call)
        ((assignment_statement (variable_list) (expression_list (function_call name: (identifier) @_r))) @import
          (#eq? @_r "require"))
        ((function_call name: (identifier) @_q) @import (#eq? @_q "require"))
        (assignment_statement (variable_list . (identifier) .)
          (expression_list . (dot_index_expression table: (identifier)) .)) @import
        (assignment_statement (variable_list . (_) .) (expression_list . (function_call
          name: [(dot_index_expression) (method_index_expression)]) .)) @bind
        """,
        imports=imports.lua,
        binds=bindings.CONSTRUCTED,
        own=("self",),
        maker="new",
        keywords=frozenset({"require"}),
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
        ((unary_operator operand: (call target: (identifier) @_b (arguments (_)))) @function
          (#any-of? @_b "callback" "macrocallback"))
        ((unary_operator operand: (call target: (identifier) @_y (arguments (_)))) @class
          (#any-of? @_y "type" "typep" "opaque"))
        ((call target: (identifier) @_k) @space (#eq? @_k "describe"))
        ((unary_operator operand: (call target: (identifier) @_d (arguments (_)))) @doc @above
          (#any-of? @_d "doc" "moduledoc" "typedoc"))
        ((unary_operator operand: (call target: (identifier) @_a)) @lead (#any-of? @_a "spec" "impl"))
        """,
        name_rule=rules.elixir_name,
        references="""
        (call target: (identifier) @call)
        (call target: (dot) @call (arguments))
        (call target: (dot left: (alias)) @call)
        ((unary_operator operand: (call target: (identifier) @_t)) @silent
          (#any-of? @_t "spec" "type" "typep" "opaque" "callback" "macrocallback"))
        ((call target: (identifier) @_u) @import (#any-of? @_u "alias" "import" "use" "require"))
        ((call target: (identifier) @_k2 (arguments . [(call target: (identifier) @head)
          (binary_operator left: (call target: (identifier) @head))]))
          (#any-of? @_k2 "def" "defp" "defmacro" "defmacrop" "defguard" "defguardp" "defdelegate"))
        (unary_operator operator: "@" operand: (call target: (identifier) @head))
        """,
        imports=imports.elixir,
        own=("__MODULE__",),
        keywords=frozenset(
            "def defp defmacro defmacrop defmodule defprotocol defimpl defstruct defexception defguard defguardp "
            "defdelegate alias import use require if unless case cond for with quote unquote fn raise try receive "
            "super test describe do end".split()
        ),
    ),
    Language(
        "bash",
        "bash",
        (".sh", ".bash", ".zsh", ".ksh", ".bats", ".ebuild"),
        (".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv", "PKGBUILD"),
        ("sh", "bash", "zsh", "dash", "ksh", "ash"),
        "(function_definition) @function",
        references="""
        (command name: (command_name (word) @call))
        ((command name: (command_name (word) @_s)) @import (#any-of? @_s "source" "."))
        """,
        imports=imports.quoted,
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
        definitions="""
        (package_statement) @class @reach
        [(block (package_statement)) (block_statement (package_statement))] @within
        (eof_marker) @beyond
        [(class_statement) (role_statement)] @class
        (subroutine_declaration_statement) @free
        (method_declaration_statement) @function
        ((use_statement module: (package) @_c (list_expression . (_))) @value (#eq? @_c "constant"))
        ((use_statement module: (package) @_c (anonymous_hash_expression (list_expression
          [(autoquoted_bareword) (string_literal) (interpolated_string_literal)] @value . "=>")))
          (#eq? @_c "constant"))
        ((ambiguous_function_call_expression function: (function) @_h arguments: [(autoquoted_bareword)
          (string_literal) (interpolated_string_literal)]) @value (#eq? @_h "has"))
        ((ambiguous_function_call_expression function: (function) @_h arguments: (anonymous_array_expression
          (list_expression [(string_literal) (interpolated_string_literal)] @value))) (#eq? @_h "has"))
        """,
        comments=("comment", "pod"),
        name_rule=rules.split_at("::", rules.perl_name),
        references=f"""
        ((function_call_expression function: (function) @call) (#not-match? @call "{_PERL_OWN}"))
        ((ambiguous_function_call_expression function: (function) @call) (#not-match? @call "{_PERL_OWN}"))
        [(function_call_expression function: (function (varname) @call))
         (refgen_expression (function (varname) @use))]
        (method_call_expression method: (method)) @invoke
        ((use_statement module: (package) @_u) @import (#not-eq? @_u "constant"))
        (require_expression) @import
        ((use_statement module: (package) @_p [(string_literal (string_content) @base)
          (interpolated_string_literal (string_content) @base) (quoted_word_list (string_content) @base)
          (list_expression [(string_literal (string_content) @base)
            (interpolated_string_literal (string_content) @base)])]) (#any-of? @_p "parent" "base"))
        ((ambiguous_function_call_expression function: (function) @_e arguments: [(string_literal (string_content) @base)
          (interpolated_string_literal (string_content) @base)]) (#any-of? @_e "extends" "with"))
        (assignment_expression left: (variable_declaration)) @bind
        """,
        invoke_field="method",
        imports=imports.perl,
        binds=bindings.PERL,
        own=("$self", "$this"),
        hazard=hazards.nested_quotes,
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
        (program (binary_operator lhs: (identifier) operator: ["<-" "="] rhs: (call function: (_) @_c
          arguments: (arguments . (argument value: (string))))) @class
          (#any-of? @_c "setClass" "setRefClass" "R6Class" "R6::R6Class" "ggproto" "ggplot2::ggproto"))
        (program (call function: (identifier) @_c arguments: (arguments . (argument value: (string)))) @class
          (#any-of? @_c "setClass" "setRefClass" "setClassUnion"))
        (program (call function: (identifier) @_g arguments: (arguments . (argument value: (string)))) @function
          (#any-of? @_g "setGeneric" "setMethod" "setReplaceMethod"))
        (argument name: (identifier) value: (function_definition)) @function
        """,
        name_rule=rules.r_name,
        references="""
        (call function: [(identifier) (namespace_operator) (extract_operator)] @call)
        ((call function: (identifier) @_l) @import (#any-of? @_l "library" "require" "source"))
        """,
        imports=imports.called,
        keywords=frozenset({"library", "require", "source"}),
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
        (assignment . [(call_expression) (typed_expression . (call_expression))
          (where_expression . [(call_expression) (typed_expression . (call_expression))])]) @function
        ((macrocall_expression (macro_identifier (identifier) @_e)) @class (#eq? @_e "enum"))
        (const_statement (assignment) @value)
        """,
        comments=("line_comment", "block_comment"),
        name_rule=rules.julia_name,
        references="""
        (call_expression . [(identifier) (field_expression)] @call)
        (signature (call_expression . (_) @head))
        (assignment . (call_expression . (_) @head))
        [(using_statement) (import_statement)] @import
        """,
        imports=imports.module,
    ),
    Language(
        "tcl",
        "tcl",
        (".tcl", ".tk", ".itcl"),
        interpreters=("tclsh", "wish", "expect"),
        definitions="(procedure) @function (namespace) @space",
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
        ((const_statement value: (call (identifier) @_l arguments: (arguments . (string) @_s .))) @import
          (#any-of? @_l "preload" "load") (#match? @_s "[.](gd|cs).$"))
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
