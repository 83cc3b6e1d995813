"""A name that a closure, a loop or a pattern binds anew is not of the type that it has around it."""

from __future__ import annotations

import pytest

from sophia_mcp.index.parsing import shadows
from sophia_mcp.index.parsing.parse import parse

_ANEW = [
    ("java", "class A { Conn c; void f() { all(c -> c.run()); } }"),
    ("java", "class A { void f(Conn c) { all((a, c) -> { c.run(); }); } }"),
    ("java", "class A { Conn c; void f() { for (var c : all()) c.run(); } }"),
    ("kotlin", "class A(val c: Conn) { fun f() { all { c -> c.run() } } }"),
    ("kotlin", "fun f(c: Conn) { all { a, c -> c.run() } }"),
    ("kotlin", "fun f(c: Conn) { for (c in all) c.run() }"),
    ("csharp", "class A { Conn c; void F() { All(c => c.run()); } }"),
    ("csharp", "class A { void F(Conn c) { All((a, c) => { c.run(); }); } }"),
    ("csharp", "class A { Conn c; void F() { var c = 1; c.run(); } }"),
    ("csharp", "class A { void F(Conn c) { var q = from c in All() select c.run(); } }"),
    ("swift", "class A { var c: Conn\n func f() { all { c in c.run() } } }"),
    ("swift", "func f(c: Conn) { all { (a, c) in c.run() } }"),
    ("swift", "class A { var c: Conn\n func f() { guard let c = other() else { return }\n c.run() } }"),
    ("swift", "class A { var c: Conn\n func f() { for c in all { c.run() } } }"),
    ("php", "<?php function f(Conn $c) { all(function ($c) { $c->run(); }); }"),
    ("php", "<?php function f(Conn $c) { all(fn($c) => $c->run()); }"),
    ("php", "<?php function f(Conn $c) { foreach (all() as $k => $c) { $c->run(); } }"),
    ("scala", "class A(c: Conn) { def f() = all(c => c.run()) }"),
    ("scala", "def f(c: Conn) = for (c <- all) c.run()"),
    ("scala", "class A { val c: Conn = x; def f() = { val c = other(); c.run() } }"),
    ("cpp", "class A { Conn c; void f() { auto c = 1; c.run(); } };"),
    ("cpp", "void f(Conn c) { for (auto& c : all) c.run(); }"),
    ("cpp", "void f(Conn c) { auto [a, c] = all; c.run(); }"),
    ("go", "func f(c *Conn) { switch c := x.(type) { case *Other: c.run() } }"),
    ("javascript", "function f() { const c = new Conn(); all(c => c.run()); }"),
    ("ruby", "def f\n c = Conn.new\n all { |c| c.run(1) }\nend"),
    ("ruby", "def f\n c = Conn.new\n c = other\n c.run(1)\nend"),
    ("ruby", "def f\n c = Conn.new\n all.each do |a, c|\n c.run(1)\n end\nend"),
    ("lua", "local c = Conn.new()\nfunction f(c) c:run() end"),
    ("lua", "local c = Conn.new()\nfor _, c in pairs(all) do c:run() end"),
    ("perl", "my $c = Conn->new; for my $c (@all) { $c->run; }"),
]
_KEPT = [
    ("java", "class A { Conn c; void f(B b) { all(x -> c.run()); } }"),
    ("java", "class A { void f() { var c = new Conn(); if (c == null) {} c.run(); } }"),
    ("kotlin", "class A(val c: Conn) { fun f() { all { x -> c.run() } } }"),
    ("java", "class A { Other c; void f(Object o) { if (o instanceof P(Conn c, var d)) c.run(); } }"),
    ("csharp", "class A { void F() { var c = new Conn(); All(x => c.run()); } }"),
    ("csharp", "class A { Other c; void F() { var q = from Conn c in All() select c.run(); } }"),
    ("csharp", "class A { Other c; void F() { try { G(); } catch (Conn c) { c.run(); } } }"),
    ("dart", "class A { Other? c; void f(Object o) { switch (o) { case Conn c: c.run(); } } }"),
    ("swift", "class A { var c: Conn?\n func f() { guard let c = c else { return }\n c.run() } }"),
    ("swift", "class A { var c: Conn?\n func f() { if let c = self.c { c.run() } } }"),
    ("php", "<?php function f(Conn $c) { all(function ($x) use ($c) { $c->run(); }); }"),
    ("php", "<?php function f(Conn $c) { $c = other(); $c->run(); }"),
    ("scala", "class A(c: Conn) { def f() = all(x => c.run()) }"),
    ("cpp", "void f() { auto c = std::make_unique<Conn>(); c->run(); }"),
    ("go", "func f(c *Conn) { switch d := c.(type) { default: c.run() } }"),
    ("ruby", "def f\n c = Conn.new\n all { |x| c.run(1) }\nend"),
    ("lua", "local c = Conn.new()\nfunction f(x) c:run() end"),
    ("perl", "my $c = Conn->new; for my $x (@all) { $c->run; }"),
]


def _type(language: str, text: str) -> str:
    (call,) = [each for each in parse(text, language).references if each.name == "run"]
    return call.receiver_type


@pytest.mark.parametrize(("language", "text"), _ANEW)
def test_what_is_bound_anew_has_not_the_type_around_it(language: str, text: str) -> None:
    assert _type(language, text) == ""


@pytest.mark.parametrize(("language", "text"), _KEPT)
def test_what_is_bound_once_keeps_its_type_in_a_closure(language: str, text: str) -> None:
    assert _type(language, text) == "Conn"


def test_of_a_file_that_would_be_read_again_and_again_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shadows, "_LOOKED_MOST", 100)
    names = [f"c{number}" for number in range(9)]
    text = "".join(f"Conn {name}; {name}.run();" for name in names)
    found = [each.receiver_type for each in parse(f"void f() {{{text}}}", "cpp").references]
    assert found == [""] * len(names)


def test_places_of_names_that_are_parts_of_others_are_counted_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shadows, "_LOOKED_MOST", 10_000)
    text = f"void f() {{Conn a; Conn b; {'a' * 400}; a.run(); b.run();}}"
    assert [each.receiver_type for each in parse(text, "cpp").references] == ["Conn", ""]
