"""Calls, constructions, base classes and imports, and the types the source itself states."""

from __future__ import annotations

import pytest
import zstandard

from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.parsing import packed, signs
from sophia_mcp.index.parsing.parse import parse
from sophia_mcp.index.parsing.written import plain_type

_CALLS = {
    "python": (
        "class A(B):\n s: Store\n def f(self, p: Foo | None):\n  self.p = p\n  k = Kind(1)\n  k.a(); self.p.b(); self.s.c()\n"
        "  self.f(); Foo(1).d(); g()(2); super().e()\n",
        "B@A Kind@A.f k.a:Kind self.p.b:Foo self.s.c:Store self.f:A Foo@A.f Foo().d:Foo g@A.f super@A.f super.e",
    ),
    "typescript": (
        "class A extends B { private s: Store; constructor(private x: Foo) { this.t = new T(); }\n"
        "f(y?: Bar<T>) { this.s.a(); this.t.b(); this.x.c(); y.d(); } }",
        "B@A T@A.constructor this.s.a:Store this.t.b:T this.x.c:Foo y.d:Bar",
    ),
    "tsx": ("const A = (p: Props) => { p.go(); return <b/>; };", "p.go:Props"),
    "javascript": ("class A { x = new Foo(); f() { this.x.go(); h(); } }", "Foo@A this.x.go:Foo h@A.f"),
    "java": (
        "class A extends B implements I { private final Foo x = new Foo();\n"
        "void f(final Bar<T> y) { var w = new Q(); x.a(); this.x.b(); y.c(); w.d(); super.f(); g(); } }",
        "B@A I@A Foo@A Q@A.f x.a:Foo this.x.b:Foo y.c:Bar w.d:Q super.f g@A.f",
    ),
    "go": (
        "package a\ntype S struct { s *Store }\nfunc (s *S) F(p *pkg.Foo) { z := &Foo{}; s.s.Get(); p.a(); z.c(); s.F() }",
        "Foo@S.F s.s.Get:Store p.a:pkg.Foo z.c:Foo s.F:S",
    ),
    "rust": (
        "struct S { t: Arc<Foo> }\nimpl Tr for S { fn f(&self, p: &mut Bar) { let z = Foo::new(); z.a(); p.d(); self.t.e(); m!(1); } }",
        "Tr@S Foo.new z.a:Foo p.d:Bar self.t.e:Foo !.m",
    ),
    "csharp": (
        "class A : B { Bar P { get; set; } void M(Baz y) { var q = new Q(); q.X(); y.Y(); P.Z(); G(); } }",
        "B@A Q@A.M q.X:Q y.Y:Baz P.Z:Bar G@A.M",
    ),
    "php": (
        "<?php class A extends B { private Foo $x; function f(Baz $z) { $this->x->go(); $z->h(); g(); C::s(); } }",
        "B@A $this->x.go:Foo $z.h:Baz g@A.f C.s",
    ),
    "ruby": (
        "class A < B\n def f\n  x = Foo.new(1)\n  @y = Bar.new\n  x.go\n  @y.h 1\n  self.k\n  g(2)\n end\nend",
        "B@A Foo@A.f Bar@A.f x.go:Foo @y.h:Bar self.k:A g@A.f",
    ),
    "kotlin": (
        "class A(private val x: Foo) : B() {\n fun f(y: Bar?) { val r = Rr(1)\n y.a()\n x.b()\n r.c()\n g() } }",
        "B@A Rr@A.f y.a:Bar x.b:Foo r.c:Rr g@A.f",
    ),
    "scala": (
        "class A(x: Foo) extends B { def f(y: Bar[T]) = { val z = new Q(1); y.a(1); z.b(); x.c(); g(3) } }",
        "B@A Q@A.f y.a:Bar z.b:Q x.c:Foo g@A.f",
    ),
    "swift": (
        "class A: B { var x: Foo\n func f(_ z: Baz) { let w = W()\n self.x.a()\n z.b()\n w.c()\n g() } }",
        "B@A W@A.f self.x.a:Foo z.b:Baz w.c:W g@A.f",
    ),
    "c": ("int f(struct foo *p) { g(1); p->h(2); }", "g@f p.h:foo"),
    "cpp": (
        "class A : public B { Foo x; std::unique_ptr<Bar> y; void f(const Baz& z) { auto t = new T(); x.a(); y->b(); z.c(); t->d(); } };\n"
        "void A::m() { this->f(); }",
        "B@A T@A.f x.a:Foo y.b:Bar z.c:Baz t->.d:T this.f:A",
    ),
    "lua": (
        "function M:g()\n local f = Foo.new(1)\n self:h(); f:a(); k(1)\nend",
        "Foo@M.g self.h:M f.a:Foo k@M.g",
    ),
    "elixir": ("defmodule M do\n def f(a) when a > 1 do\n B.go(1) |> g()\n end\nend", "B.go g@M.f"),
    "haskell": ("f x = g (M.h x)\n", "g@f M.h"),
    "bash": ("f() { g a; }\n", "g@f"),
}

_IMPORTS = {
    "python": (
        "import a.b as c, d\nfrom .x import (y, z as w,  # why\n  q)\nfrom r import *\n"
        's: Any = __import__("t")\n',
        {("t", "", "s"), ("a.b", "", "c"), ("d", "", "d"), (".x", "y", "y"), (".x", "z", "w"), (".x", "q", "q"), ("r", "*", "")},
    ),
    "typescript": (
        'import d, {a as b, type T} from "m";\nimport * as ns from "n";\nimport "s";\nexport {q} from "z";\n'
        'const {r, k: l} = require("k"); const v = require("v");\n'
        'import j from "./j.json" with { type: "json" };',
        {
            ("./j.json", "default", "j"),
            *{("m", "default", "d"), ("m", "a", "b"), ("m", "T", "T"), ("n", "", "ns"), ("s", "", "")},
            *{("z", "q", "q"), ("k", "r", "r"), ("k", "k", "l"), ("v", "", "v")},
        },
    ),
    "javascript": (
        'const a = require("m/a"), b = require("b").c\nvar {d, e: f = 1} = require("g")\n'
        'const h = await import("h")\nlet i = (await import("i")).default\n'
        'const made = require("j")("k"), log = require(path)\n',
        {
            *{("m/a", "", "a"), ("b", "c", "b"), ("g", "d", "d"), ("g", "e", "f"), ("h", "", "h")},
            ("i", "default", "i"),
        },
    ),
    "tsx": (
        'import fs = require("fs")\nconst a: Map<K, V> = require("b")\nconst c = require("d") as E\n'
        'import {require} from "f"\n',
        {("fs", "", "fs"), ("b", "", "a"), ("d", "", "c"), ("f", "require", "require")},
    ),
    "go": (
        'package a\nimport (\n x "a/b"\n "c/d/v2"\n . "e"\n)\n',
        {("a/b", "", "x"), ("c/d/v2", "", "d"), ("e", "*", "")},
    ),
    "rust": (
        "use a::b::{c, d as e, f::{self, g}};\nuse x::*;\n",
        {("a::b", "c", "c"), ("a::b", "d", "e"), ("a::b", "f", "f"), ("a::b::f", "g", "g"), ("x", "*", "")},
    ),
    "java": (
        "import a.b.C; import static a.b.C.m; import x.*; import module y.z;",
        {("a.b", "C", "C"), ("a.b.C", "m", "m"), ("x", "*", ""), ("y.z", "*", "")},
    ),
    "csharp": ("using A.B; using X = A.C;", {("A.B", "*", ""), ("A", "C", "X")}),
    "php": (
        "<?php use A\\B as C, D\\E; use F\\{G, H};",
        {("A", "B", "C"), ("D", "E", "E"), ("F", "G", "G"), ("F", "H", "H")},
    ),
    "ruby": ('require "x"\nrequire_relative "y/z"\n', {("x", "", ""), ("./y/z", "", "")}),
    "kotlin": ("import a.b.C as D\nimport x.*\n", {("a.b", "C", "D"), ("x", "*", "")}),
    "scala": (
        "import a.b.{C, D => E}\nimport x._\nimport y.Z\n",
        {("a.b", "C", "C"), ("a.b", "D", "E"), ("x", "*", ""), ("y", "Z", "Z")},
    ),
    "swift": ("import Foundation\n", {("Foundation", "*", "")}),
    "c": ('#include "a.h"\n#include <b.h>\n', {("a.h", "*", ""), ("b.h", "*", "")}),
    "cpp": ("using std::vector;\n", {("std", "vector", "vector")}),
    "lua": ('local r = require("x.y")\n', {("x.y", "", "r")}),
    "elixir": (
        "defmodule M do\nalias A.{C, D}\nalias X.Y, as: Z\nimport Q\nend\n",
        {("A", "C", "C"), ("A", "D", "D"), ("X", "Y", "Z"), ("Q", "*", "")},
    ),
    "dart": ("import 'a.dart' as b;\nimport 'c.dart' show D, E;\n", {("a.dart", "", "b"), ("c.dart", "D", "D"), ("c.dart", "E", "E")}),
}  # fmt: skip


@pytest.mark.parametrize("language", sorted(_CALLS))
def test_calls_are_found_with_receiver_caller_and_stated_type(language: str) -> None:
    text, expected = _CALLS[language]
    found = []
    for reference in parse(text, language).references:
        if reference.receiver:
            stated = f":{reference.receiver_type}" if reference.receiver_type else ""
            found.append(f"{reference.receiver}.{reference.name}{stated}")
        else:
            found.append(f"{reference.name}@{reference.caller}")
    assert sorted(set(found) - {"?.?"}) == sorted(expected.split())


@pytest.mark.parametrize("language", sorted(_IMPORTS))
def test_imports_are_found_with_module_name_and_alias(language: str) -> None:
    text, expected = _IMPORTS[language]
    assert {(i.module, i.name, i.alias) for i in parse(text, language).imports} == expected


def test_fifteen_languages_and_more_have_references() -> None:
    assert sum(1 for record in LANGUAGES.values() if record.references and record.imports) >= 15


def test_all_that_a_class_of_scala_extends_is_a_base_of_it() -> None:
    text = "class A extends B(1) with C[Int]\nobject O extends X with a.Y with Z\n"
    found = [(each.caller, each.name) for each in parse(text, "scala").references]
    assert found == [("A", "B"), ("A", "C"), ("O", "X"), ("O", "Y"), ("O", "Z")]


def test_a_variable_with_two_types_states_none() -> None:
    text = "def f():\n    x = A()\n    x = B()\n    x.go()\n"
    call = next(r for r in parse(text, "python").references if r.name == "go")
    assert call.receiver_type == ""


def test_what_is_declared_counts_before_what_is_made() -> None:
    text = "class A { private s: Store; constructor() { this.s = new Disk(); } f() { this.s.go(); } }\n"
    call = next(r for r in parse(text, "typescript").references if r.name == "go")
    assert call.receiver_type == "Store"


def test_a_parameter_behind_decorators_is_a_field_of_its_type() -> None:
    text = 'class A { constructor(@Inject("s") @Opt() private readonly s: Store) {} f() { this.s.go(); } }\n'
    call = next(r for r in parse(text, "typescript").references if r.name == "go")
    assert call.receiver_type == "Store"


def test_this_in_an_arrow_function_is_what_it_is_around_it() -> None:
    text = "class A { f() { socket.onopen = () => { this.go(); }; other.on = function () { this.run(); }; } }\n"
    found = {r.name: r.receiver_type for r in parse(text, "javascript").references}
    assert (found["go"], found["run"]) == ("A", "A.f.other")


def test_a_field_that_another_file_declares_is_said_with_the_class_that_has_it() -> None:
    python = "class A(B):\n def f(self, c: Crawler):\n  c.settings.get(); self.log.put(); self.a = Q(); self.a.b.run()\n"
    found = {r.name: r.receiver_type for r in parse(python, "python").references}
    assert (found["get"], found["put"], found["run"]) == ("Crawler>settings", "A>log", "Q>b")
    found = {r.name: r.receiver_type for r in parse("void A::f() { log_->put(); }", "cpp").references}
    assert found["put"] == "A>log_"


def test_a_class_without_bases_has_no_fields_elsewhere() -> None:
    text = "class A:\n def f(self):\n  self.log.put()\n"
    assert [r.receiver_type for r in parse(text, "python").references] == [""]


@pytest.mark.parametrize(
    ("language", "text", "stated"),
    [
        ("go", "func f(p *Pool) { x, err := p.Get(1, g(2)); x.run() }", "Pool>Get()"),
        ("go", "func f() { x := pool.New(1).With(2); x.conn.run() }", "pool.New()>With()>conn"),
        ("go", "func f() { pool.New(1).With(2).run() }", "pool.New()>With()"),
        ("go", "func f() { x := New(1).(*Disk); x.run() }", "Disk"),
        ("go", "func f() { x := many()[0].get(); x.run() }", "many()>__item__()>get()"),
        ("go", "func f() { x := many()[0:1].get(); x.run() }", ""),
        ("go", "func f() { x := open(); x = 1; { x := shut(); x.run() } }", ""),
        ("go", "func f() { x := disk{a: 1}; x.run() }", "disk"),
        ("php", "<?php function f(Pool $p) { $x = $p->get(1); $x->run(); }", "Pool>get()"),
        ("php", "<?php class A { function f() { self::get()->with(1)->run(); } }", "A>get()>with()"),
        ("php", "<?php class A { function f(self $x) { $x->run(); } }", "A"),
        ("rust", "fn f(p: &'a Arc<Pool>) { let x = p.get(1); x.run(); }", "Pool>get()"),
        ("rust", "impl A { fn f() { let x = Self::new(1); x.run(); } }", "A"),
        ("ruby", "class A\n def f\n  @x.run(1)\n end\nend", "A>@x"),
    ],
)
def test_what_a_call_gives_is_said_by_what_is_called(language: str, text: str, stated: str) -> None:
    types = [r.receiver_type for r in parse(text, language).references if r.name == "run"]
    assert types == [stated]


def test_the_hidden_function_of_a_package_of_r_is_called_on_the_package() -> None:
    calls = parse("f <- function(x) { scales:::expand(x); ggplot2::draw(x) }\n", "r").references
    assert [(call.receiver, call.name) for call in calls] == [("scales", "expand"), ("ggplot2", "draw")]


def test_a_package_of_go_is_known_by_its_name_and_not_by_its_folder() -> None:
    text = 'package a\n\nimport "x.org/go-git/v5"\n\nimport (\n\t"x.org/yaml.v3"\n\tj "x.org/json"\n)\n'
    found = {item.module: item.alias for item in parse(text, "go").imports}
    assert found == {"x.org/go-git/v5": "git", "x.org/yaml.v3": "yaml", "x.org/json": "j"}


def test_a_name_of_the_whole_is_no_expression() -> None:
    cpp = parse("void f() { ::shut(1); }", "cpp").references
    php = parse("<?php throw new \\Trouble(1);", "php").references
    assert [(r.receiver, r.name) for r in (*cpp, *php)] == [
        (signs.TOP, "shut"),
        (signs.GLOBAL, "Trouble"),
    ]


def test_the_types_of_fields_are_kept_for_other_files() -> None:
    text = "class A { Store *s; int n; };\nstruct B { A a; };\n"
    parsed = parse(text, "cpp")
    assert [field for field in parsed.fields if field.type != "int"] == [
        ("A", "s", "Store"),
        ("B", "a", "A"),
    ]
    assert packed.unpack(packed.pack(parsed)).fields == parsed.fields


def test_a_call_on_an_expression_says_so() -> None:
    call = next(r for r in parse("a[0].go()\n", "python").references if r.name == "go")
    assert call.receiver == signs.EXPRESSION


def test_what_is_packed_comes_back_unchanged() -> None:
    parsed = parse(_CALLS["python"][0] + _IMPORTS["python"][0], "python")
    unpacked = packed.unpack(packed.pack(parsed))
    assert (unpacked.references, unpacked.imports) == (parsed.references, parsed.imports)


def test_what_an_older_parser_packed_is_read_until_it_is_redone() -> None:
    raw = zstandard.compress(b'[[["f","call",1,"","",""]],[["m","f","f",1]]]')
    held = packed.unpack(raw)
    assert (held.references[0].name, held.imports[0].module, held.fields) == ("f", "m", ())
    assert packed.uses(zstandard.decompress(raw), "f", b'"f"').references == held.references


def test_the_uses_of_a_name_are_those_among_all_that_was_packed() -> None:
    parsed = parse(_CALLS["python"][0] + _IMPORTS["python"][0], "python")
    text = zstandard.decompress(packed.pack(parsed))
    for name in {reference.name for reference in parsed.references}:
        found = packed.uses(text, name, packed.spelling(name, part=False))
        assert found.references == tuple(each for each in parsed.references if each.name == name)
        assert found.imports == parsed.imports


def test_a_name_that_is_a_part_of_others_is_used_nowhere_unless_parts_count() -> None:
    parsed = parse("import store.cupboard\n\nstore.cupboard.open()\n", "python")
    text = zstandard.decompress(packed.pack(parsed))
    assert not packed.uses(text, "cupb", packed.spelling("cupb", part=False)).imports
    assert packed.uses(text, "cupb", packed.spelling("cupb", part=True)).imports == parsed.imports
    assert not packed.uses(text, "cupb", packed.spelling("cupb", part=True)).references


@pytest.mark.parametrize(
    ("language", "written", "named"),
    [
        ("python", "Optional[Store]", "Store"),
        ("python", "Store | None", "Store"),
        ("go", "*Store", "Store"),
        ("cpp", "const Store&", "Store"),
        ("cpp", "std::unique_ptr<Store>", "with Store"),
        ("java", "List<Store>", "List"),
        ("rust", "Box<Store>", "Store"),
        ("typescript", "Readonly<Store>", "Store"),
        ("typescript", "Box<Store>", "Box"),
        ("java", "Mutex<Store>", "Mutex"),
        ("python", "A | B", ""),
        ("python", "None", ""),
        ("python", "", ""),
    ],
)
def test_a_written_type_names_one_class_or_none(language: str, written: str, named: str) -> None:
    """What holds another and is used as that one does so in its own language: elsewhere it is a project's own."""
    assert plain_type(written, language) == named


def test_imports_come_in_the_order_of_the_source() -> None:
    text = "".join(f"import m{number}\n" for number in range(200))
    assert [i.line for i in parse(text, "python").imports] == list(range(1, 201))
