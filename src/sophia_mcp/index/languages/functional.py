"""Functional languages and the Lisp family."""

from __future__ import annotations

from sophia_mcp.index.languages import functional_rules, imports, rules
from sophia_mcp.index.languages.record import Language

_DEFINES = "def(?!ault|er(?!ror)|(eat|ect|end|lated?|lect|orm|rag|rost|use|y|ined|ines|inite|inition)([-s?!*]|$))"
"""How a macro begins that defines something: no other English word that begins so."""

_COMMON_FORM = (
    "(list_lit . [(sym_lit) (package_lit)] @_k"
    " . [(sym_lit) (package_lit) (kwd_lit) (str_lit) (list_lit . (sym_lit))]) @value"
)
_COMMON_VALUES = f"""
((list_lit . [(sym_lit) (package_lit)] @_k . [(sym_lit) (package_lit)]) @value
  (#match? @_k "^([^:]*:+)?def(var|parameter|constant|global|setf|test|ine-(constant|symbol-macro|modify-macro|setf-expander|compiler-macro|method-combination))$"))
((source {_COMMON_FORM}) (#match? @_k "^([^:]*:+)?{_DEFINES}"))
((source (include_reader_macro {_COMMON_FORM})) (#match? @_k "^([^:]*:+)?{_DEFINES}"))
((source (list_lit . (sym_lit) @_w {_COMMON_FORM}))
  (#any-of? @_w "progn" "eval-when") (#match? @_k "^([^:]*:+)?{_DEFINES}"))
"""
"""Of Common Lisp at any depth what the language defines by; where nothing is bound and hardly anything called, all
that is named as if it did."""

RECORDS = (
    Language(
        "haskell",
        "haskell",
        (".hs", ".hs-boot", ".hsc"),
        interpreters=("runhaskell", "runghc"),
        definitions="""
        [(data_type) (newtype) (class) (type_synomym) (type_family) (data_family)] @class
        [(foreign_import) (pattern_synonym) (field)] @function
        (field (field_name) @function)
        (declarations [(function) (bind)] @function)
        (class_declarations [(signature) (function) (bind)] @function)
        (instance_declarations [(function) (bind)] @function)
        (declarations (signature) @lead)
        (instance) @scope
        """,
        comments=("comment", "haddock"),
        name_rule=functional_rules.haskell_name,
        references="""
        (apply function: [(variable) (qualified)] @call)
        (import) @import
        """,
        imports=imports.module,
        clauses=True,
    ),
    Language(
        "purescript",
        "purescript",
        (".purs",),
        definitions="""
        [(data) (newtype) (type_alias) (class_declaration)] @class
        (purescript (function) @function)
        (class_instance (function) @function)
        (class_body (signature) @function)
        (purescript (signature) @lead)
        (class_instance) @scope
        """,
        name_rule=rules.leading("class_name", "instance_name"),
        clauses=True,
    ),
    Language(
        "elm",
        "elm",
        (".elm",),
        definitions="""
        [(type_declaration) (type_alias_declaration)] @class
        (file (value_declaration) @function)
        (port_annotation) @function
        (file (type_annotation) @lead)
        """,
        comments=("line_comment", "block_comment"),
        name_rule=rules.leading("lower_case_identifier"),
    ),
    Language(
        "ocaml",
        "ocaml",
        (".ml",),
        interpreters=("ocaml",),
        definitions="""
        (type_binding) @class
        [(class_binding) (class_type_binding)] @class
        (module_binding) @module
        (module_type_definition) @module
        (exception_definition) @class
        [(method_definition) (method_specification) (value_specification)] @function
        (value_definition (let_binding pattern: (parenthesized_operator)) @function)
        (compilation_unit (value_definition (let_binding (parameter)) @function))
        (structure (value_definition (let_binding (parameter)) @function))
        (compilation_unit (value_definition (let_binding pattern: (value_name) body: [(fun_expression) (function_expression)]) @function))
        (structure (value_definition (let_binding pattern: (value_name) body: [(fun_expression) (function_expression)]) @function))
        (compilation_unit (value_definition (let_binding pattern: (value_name)) @value))
        (structure (value_definition (let_binding pattern: (value_name)) @value))
        (external) @function
        """,
        name_rule=functional_rules.ocaml_name,
    ),
    Language(
        "ocaml_interface",
        "ocaml_interface",
        (".mli",),
        definitions="""
        [(type_binding) (class_binding) (class_type_binding)] @class
        (module_binding) @module
        (module_type_definition) @module
        (exception_definition) @class
        [(method_specification) (value_specification)] @function
        (external) @function
        """,
        name_rule=functional_rules.ocaml_name,
    ),
    Language(
        "fsharp",
        "fsharp",
        (".fs", ".fsx"),
        definitions="""
        (type_definition) @class
        [(module_defn) (named_module)] @module
        (namespace) @space
        (function_or_value_defn (function_declaration_left)) @function
        (named_module (declaration_expression (function_or_value_defn (value_declaration_left)) @value))
        (module_defn (declaration_expression (function_or_value_defn (value_declaration_left)) @value))
        (member_defn [(method_or_prop_defn) (member_signature)]) @function
        """,
        comments=("line_comment", "block_comment"),
        name_rule=functional_rules.fsharp_name,
    ),
    Language(
        "erlang",
        "erlang",
        (".erl", ".hrl", ".escript"),
        ("rebar.config",),
        ("escript",),
        """
        [(fun_decl) (callback)] @function
        [(record_decl) (type_alias) (opaque)] @class
        (pp_define) @value
        (spec) @lead
        """,
        name_rule=functional_rules.erlang_name,
        references="""
        (call expr: [(atom) (remote)] @call)
        """,
        clauses=True,
        plain=functional_rules.plain_erlang,
    ),
    Language(
        "gleam",
        "gleam",
        (".gleam",),
        definitions="""
        (function) @function
        [(type_definition) (type_alias) (external_type)] @class
        (constant) @value
        (attribute) @lead
        """,
        comments=("comment", "module_comment", "statement_comment"),
        name_rule=rules.leading("type_name", "type_identifier"),
        references="""
        (function_call function: [(identifier) (field_access)] @call)
        (import) @import
        """,
        imports=imports.module,
    ),
    Language(
        "clojure",
        "clojure",
        (".clj", ".cljs", ".cljc", ".edn", ".bb"),
        interpreters=("bb", "clojure"),
        definitions="""
        ((list_lit . (sym_lit) @_k . (_)) @function
          (#any-of? @_k "defn" "defn-" "defmacro" "defmulti" "defmethod" "deftest" "definline" "s/defn" "clojure.core/defn"
           "clojure.core/defmacro"))
        ((list_lit . (sym_lit) @_k . (_)) @class
          (#any-of? @_k "defprotocol" "defrecord" "deftype" "definterface"))
        ((source (list_lit . (sym_lit) @_k . (sym_lit) (list_lit . (sym_lit) . (vec_lit)) @function))
          (#any-of? @_k "defprotocol" "defrecord" "deftype" "definterface"))
        ((list_lit . (sym_lit) @_k . (_)) @value (#any-of? @_k "def" "defonce" "s/def"))
        ((source (list_lit . (sym_lit) @_k . (sym_lit)) @value) (#match? @_k "^([^/]*/)?"""
        + _DEFINES
        + """"))
        """,
        name_rule=functional_rules.lisp_name,
    ),
    Language(
        "commonlisp",
        "commonlisp",
        (".lisp", ".lsp", ".cl", ".asd"),
        interpreters=("sbcl", "clisp"),
        definitions="""
        (list_lit (defun)) @function
        ((list_lit . (sym_lit) @_k . (_)) @class
          (#any-of? @_k "defclass" "defstruct" "define-condition" "deftype" "defpackage"))
        """
        + _COMMON_VALUES,
        comments=("comment", "block_comment"),
        name_rule=functional_rules.lisp_name,
    ),
    Language(
        "elisp",
        "elisp",
        (".el",),
        (".emacs",),
        definitions="""
        [(function_definition) (macro_definition)] @function
        (source_file (special_form . ["defvar" "defconst"]) @value)
        ((list . (symbol) @_k . (_)) @value (#any-of? @_k "defcustom" "defgroup" "defface" "defvar-local" "defvaralias"
          "define-obsolete-variable-alias" "define-error" "define-skeleton"))
        ((list . (symbol) @_k . (_)) @function
          (#any-of? @_k "cl-defun" "cl-defmethod" "cl-defgeneric" "cl-defmacro" "cl-defsubst" "define-minor-mode"
           "define-derived-mode" "define-globalized-minor-mode" "define-inline" "defalias" "defun*" "defmacro*"
           "define-obsolete-function-alias" "transient-define-prefix" "transient-define-suffix" "ert-deftest"))
        ((list . (symbol) @_k . (_)) @class (#any-of? @_k "cl-defstruct" "defstruct" "defclass"))
        """,
        name_rule=functional_rules.lisp_name,
    ),
    Language(
        "scheme",
        "scheme",
        (".scm", ".ss", ".sld", ".sls"),
        interpreters=("guile", "chibi-scheme"),
        definitions="""
        ((list . (symbol) @_k . (list)) @function (#any-of? @_k "define" "define*" "define-public" "define-syntax-rule" "define-inlinable"))
        ((list . (symbol) @_k . (symbol)) @function (#any-of? @_k "define-syntax" "define-syntax-rule"))
        ((list . (symbol) @_k . (_)) @class (#any-of? @_k "define-record-type" "define-class"))
        (program ((list . (symbol) @_k . (symbol)) @value (#any-of? @_k "define" "define-public")))
        """,
        comments=("comment", "block_comment"),
        name_rule=functional_rules.lisp_name,
    ),
    Language(
        "racket",
        "racket",
        (".rkt", ".rktl"),
        interpreters=("racket",),
        definitions="""
        ((list . (symbol) @_k . (list)) @function (#any-of? @_k "define" "define/contract" "define-syntax-rule"
           "define-syntax" "define/public" "define/override" "define/private"))
        ((list . (symbol) @_k . (symbol)) @function (#any-of? @_k "define-syntax"))
        ((list . (symbol) @_k . (_)) @class (#any-of? @_k "struct" "define-struct"))
        (program ((list . (symbol) @_k . (symbol)) @value (#any-of? @_k "define")))
        """,
        comments=("comment", "block_comment"),
        name_rule=functional_rules.lisp_name,
    ),
)
