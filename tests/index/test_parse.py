"""What a file says: definitions by language, and lines where no grammar helps."""

from __future__ import annotations

import pytest

from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.parsing.parse import PARSE_BYTES, parse

_DEFINED = {
    "python": ("@a\nclass C:\n    def m(self): ...\nX = 1\n", "C:class:1 C.m:method:3 X:text:4"),
    "javascript": (
        "A.prototype.g = function () {};\nclass B { m() {} }\n",
        "A.g:method:1 B:class:2 B.m:method:2",
    ),
    "typescript": ("interface I { f(): void }\nenum E { A }\n", "I:class:1 I.f:method:1 E:class:2"),
    "tsx": ("const A = () => <div/>;\n", "A:function:1"),
    "go": ("package a\nfunc (s *S[T]) F() {}\ntype S struct{}\n", "S.F:method:2 S:class:3"),
    "rust": ("#[x]\nstruct Foo;\nimpl<T> Tr for Foo<T> { fn a() {} }\n", "Foo:class:1 Foo.a:method:3"),
    "java": ("class A {\n @Override\n int f() { return 1; }\n}\n", "A:class:1 A.f:method:2"),
    "php": ("<?php\nclass A { function f() {} }\n", "A:class:2 A.f:method:2"),
    "ruby": (
        "module M\n class A\n  def self.g; end\n end\nend\n",
        "M:class:1 M.A:class:2 M.A.g:method:3",
    ),
    "csharp": ("namespace N { class A { void F() {} } }\n", "N.A:class:1 N.A.F:method:1"),
    "kotlin": ("class A { fun f() = 1 }\nfun g() = 2\n", "A:class:1 A.f:method:1 g:function:2"),
    "scala": ("object O { def f(x: Int): Int = 1 }\n", "O:class:1 O.f:method:1"),
    "swift": (
        "class A { init() {} }\nextension A { func z() {} }\n",
        "A:class:1 A.init:method:1 A.z:method:2",
    ),
    "c": (
        "typedef struct S { int x; } S;\nstatic int *f(int a) { return 0; }\n",
        "S:class:1 f:function:2",
    ),
    "cpp": (
        "template<class T>\nclass A { void f(); };\nvoid A::f() {}\n",
        "A:class:1 A.f:method:2 A.f:method:3",
    ),
    "elixir": (
        "defmodule A.B do\n def f(a) when a > 1 do\n 1\n end\nend\n",
        "A.B:class:1 A.B.f:function:2",
    ),
    "bash": ("f() { echo; }\n", "f:function:1"),
    "haskell": ("module M where\nf :: Int\nf = 1\ndata T = A\n", "f:function:2 T:class:4"),
    "lua": ("function M.f() end\nM.g = function() end\n", "M.f:function:1 M.g:function:2"),
    "zig": ("const P = struct { fn init() P {} };\n", "P:class:1 P.init:method:1"),
}


@pytest.mark.parametrize("language", sorted(_DEFINED))
def test_definitions_are_found_with_their_kind_container_and_first_line(language: str) -> None:
    text, expected = _DEFINED[language]
    parsed = parse(text, language)
    found = [f"{s.container}.{s.name}:{s.kind}:{s.start_line}".removeprefix(".") for s in parsed.symbols]
    assert found == expected.split()
    assert parsed.fallback == ""


@pytest.mark.requirement("index.equals_fresh")
def test_a_text_says_the_same_each_time_it_is_read() -> None:
    one = "template <class T>\ntemplate <class U>\nint A<T>::f%d(U u) {\n  return 1;\n}\n"
    text = "".join(one % number for number in range(8))
    for _ in range(20):
        parsed = parse(text, "cpp")
        assert [symbol.start_line for symbol in parsed.symbols] == list(range(1, 41, 5))


def test_every_script_of_a_page_is_read() -> None:
    page = "".join(f"<script>\nfunction f{number}() {{}}\n</script>\n" for number in range(6))
    parsed = parse(page, "vue")
    assert parsed.fallback == ""
    assert [symbol.name for symbol in parsed.symbols] == [f"f{number}" for number in range(6)]


def test_a_file_of_an_unknown_language_is_cut_by_lines_and_says_so() -> None:
    parsed = parse("one\n\ntwo\n", None)
    assert [(c.start_line, c.end_line) for c in parsed.chunks] == [(1, 3)]
    assert "no grammar" in parsed.fallback


@pytest.mark.requirement("index.parse_limit")
def test_a_file_over_the_limit_is_cut_by_lines_and_says_so() -> None:
    parsed = parse("x = 1\n" * (PARSE_BYTES // 6 + 1), "python")
    assert "larger than" in parsed.fallback
    assert parsed.symbols == ()


def test_every_record_has_a_unique_name_and_no_two_share_an_extension() -> None:
    seen: dict[str, str] = {}
    for name, record in LANGUAGES.items():
        assert record.name == name
        for extension in record.extensions:
            assert seen.setdefault(extension, name) == name


_BROUGHT = {
    "javascript": (
        'const A = require("a")\nvar B = require("b").b, C = await import("c")\n'
        'const made = require("m")("n")\nconst f = function () {}\nconst K = class {}\n'
        'const g = () => require("g")\nconst LIMIT = 5\nconst both = x ? require("p") : require("q")\n',
        "made f K g LIMIT both",
    ),
    "typescript": (
        'import a = require("a")\nconst B = require("b") as T\nconst C = <any>require("c")\n'
        'const D: T = require("d")!\nconst e: T = load("e")\n',
        "e",
    ),
    "vue": ('<script>\nconst A = require("a")\nconst b = 1\n</script>\n', "b"),
    "lua": ('local a = require "a"\nlocal b = require("b").c\nlocal f = function() end\n', "f"),
    "python": (
        'np = __import__("numpy")\njs = importlib.import_module("json")\nkind = import_module(name)\n',
        "kind",
    ),
    "zig": (
        'const std = @import("std");\nconst Foo = @import("foo.zig").Foo;\nconst size = @sizeOf(u8);\n',
        "size",
    ),
    "gdscript": (
        'const Foo = preload("res://foo.gd")\nconst SCENE = preload("res://a.tscn")\nconst N = 1\n',
        "SCENE N",
    ),
}


@pytest.mark.parametrize("language", sorted(_BROUGHT))
def test_a_name_bound_to_another_module_is_imported_not_defined(language: str) -> None:
    text, expected = _BROUGHT[language]
    parsed = parse(text, language)
    assert not parsed.fallback
    assert [symbol.name for symbol in parsed.symbols] == expected.split()


_DECLARED = """int top(int);
char *pointer(void);
#ifdef A
int guarded(int);
#else
int other(int);
#endif
#if B
int tested(int);
#endif
void body() { lock_guard lock(mutex); if (x) { T y(z); } for (T a(b);;) {} switch (x) { case 1: T c(d); } }
"""
_DECLARED_IN_CPP = """namespace n { int spaced(int); }
extern "C" { int linked(int); }
template <class T> T drawn(T);
class K { int method(int); T &reference(int); K(int); };
T &shared(int);
"""


def test_what_a_script_gives_has_its_own_name_and_a_member_its_class() -> None:
    text = "class A { f() { this.send = () => 1; } }\nmodule.exports = class Shape { area() {} };\n"
    found = [(s.container, s.name) for s in parse(text, "javascript").symbols]
    assert found == [("", "A"), ("A", "f"), ("A", "send"), ("", "Shape"), ("Shape", "area")]


def test_a_prototype_is_a_function_and_a_variable_made_with_arguments_is_none() -> None:
    everywhere = "top pointer guarded other tested body".split()
    in_c = parse(_DECLARED, "c")
    in_cpp = parse(_DECLARED + _DECLARED_IN_CPP, "cpp")
    assert [symbol.name for symbol in in_c.symbols] == everywhere
    assert [symbol.name for symbol in in_cpp.symbols] == [
        *everywhere,
        *"n spaced linked drawn K method reference K shared".split(),
    ]
