"""What proves a use in one language only: packages and namespaces that manifests name, constants that nest."""

from __future__ import annotations

import pytest

from sophia_mcp.search.manifests import READERS

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.callers_proof")]

GUESS = "guess: name only"

GO = {
    "go.mod": "module example.com/shop\n\ngo 1.19\n",
    "store/store.go": "package store\n\ntype Store struct{ conn *Conn }\n\ntype Conn struct{}\n\n"
    "func Open(name string) (*Store, error) { return &Store{}, nil }\n",
    "store/conn.go": "package store\n\nfunc (s *Store) Conn() *Conn { return s.conn }\n\n"
    "func (c *Conn) Close() error { return nil }\n\nfunc Default() {}\n",
    "app/run.go": 'package app\n\nimport (\n\t"net"\n\n\t"example.com/shop/store"\n)\n\n'
    "func Run(other net.Conn) {\n\ts, err := store.Open(name(1, (2)))\n\tc := s.Conn()\n\tc.Close()\n"
    "\ts.Conn().Close()\n\tother.Close()\n\tstore.Default()\n}\n",
    "app/far.go": 'package app\n\nimport "example.com/elsewhere/store"\n\nfunc Far() { store.Default() }\n',
}


async def _callers(index_of, files: dict[str, str], name: str) -> list[tuple[str, str]]:
    async with index_of(files) as ask:
        answer = await ask(name, mode="callers")
    return [(hit.path, hit.why) for hit in answer.hits]


async def test_go_calls_packages_by_the_name_of_their_module(index_of) -> None:
    assert await _callers(index_of, GO, "Default") == [
        ("app/run.go", "calls it at 15 (import-resolved)"),
        ("app/far.go", f"calls it at 5 ({GUESS})"),
    ]


async def test_a_module_that_is_called_otherwise_is_asked_for_by_its_new_name(index_of) -> None:
    async with index_of(GO) as ask:
        before = await ask("Default", mode="callers")
        (ask.root / "go.mod").write_text("module example.com/elsewhere\n")
        await ask.update()
        after = await ask("Default", mode="callers")
    assert [hit.path for hit in before.hits] == ["app/run.go", "app/far.go"]
    assert [(hit.path, hit.why) for hit in after.hits] == [
        ("app/far.go", "calls it at 5 (import-resolved)"),
        ("app/run.go", f"calls it at 15 ({GUESS})"),
    ]


async def test_manifests_are_read_once_for_a_map_of_the_view(
    index_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    pattern, reader = READERS["go"]
    counted = {"go": (pattern, lambda text: (read.append(text), reader(text))[1])}
    monkeypatch.setattr("sophia_mcp.search.graph.READERS", counted)
    async with index_of(GO) as ask:
        for name in ("Default", "Conn.Close", "Default"):
            await ask(name, mode="callers")
    assert len(read) == 1


async def test_what_a_function_gives_is_of_the_type_that_it_states(index_of) -> None:
    assert await _callers(index_of, GO, "Conn.Close") == [
        ("app/run.go", "calls it at 12, 13 (receiver-typed)"),
        ("app/run.go", f"calls it at 14 ({GUESS})"),  # that of net.Conn
    ]


async def test_go_types_are_those_of_their_package(index_of) -> None:
    files = {
        "go.mod": "module shop\n",
        "a/a.go": "package a\n\ntype Tap struct{}\n\nfunc (t *Tap) Go() {}\n",
        "b/b.go": "package b\n\ntype Tap struct{}\n\nfunc (t *Tap) Go() {}\n\nfunc run(t *Tap) { t.Go() }\n",
        "b/more.go": "package b\n\ntype Outer struct{ *Tap }\n\nfunc (o *Outer) Run(v any) {\n\to.Tap.Go()\n"
        "\tx := v.(*Tap)\n\tx.Go()\n\ty := make(1).(*Tap)\n\ty.Go()\n\tz := new(Tap)\n\tz.Go()\n\tTap := other()\n\tTap.Go()\n}\n",
    }
    assert await _callers(index_of, files, "Go") == [
        ("b/b.go", "calls it at 7 (receiver-typed)"),
        ("b/more.go", "calls it at 6, 8, 10, 12 (receiver-typed)"),
        ("b/more.go", f"calls it at 14 ({GUESS})"),
    ]


PHP = {
    "composer.json": '{"autoload": {"psr-4": {"Acme\\\\Shop\\\\": "src/"}}}',
    "src/Cart.php": "<?php\nnamespace Acme\\Shop;\nuse Acme\\Shop\\Db\\Store;\nclass Cart {\n"
    "  function open(): ?Store { return new Store(); }\n"
    "  static function make(): self { return new self(); }\n"
    "  function with(): static { return $this; }\n  function go() {}\n}\n",
    "src/Db/Store.php": "<?php\nnamespace Acme\\Shop\\Db;\nclass Store {\n  function save() {}\n"
    "  function fail() { throw new \\Trouble(1); }\n  function stop() { throw new Trouble(1); }\n}\n",
    "src/Db/Trouble.php": "<?php\nnamespace Acme\\Shop\\Db;\nclass Trouble extends \\Exception {}\n",
    "src/Run.php": "<?php\nnamespace Acme\\Shop;\nuse Other\\Shop\\Db\\Trouble;\nfunction run(Cart $cart) {\n"
    "  $store = $cart->open();\n  $store->save();\n  Cart::make()->with()->go();\n  new Trouble(2);\n}\n",
}


async def test_php_names_are_those_of_their_namespace(index_of) -> None:
    assert await _callers(index_of, PHP, "Trouble") == [
        ("src/Db/Store.php", "calls it at 6 (import-resolved)"),
        ("src/Db/Store.php", f"calls it at 5 ({GUESS})"),  # the global one
        ("src/Run.php", f"calls it at 8 ({GUESS})"),
    ]
    assert await _callers(index_of, PHP, "Store") == [
        ("src/Cart.php", "calls it at 5 (import-resolved)")
    ]


async def test_php_methods_give_what_they_state_or_their_own_class(index_of) -> None:
    for name, line in (("save", 6), ("go", 7)):
        assert await _callers(index_of, PHP, name) == [
            ("src/Run.php", f"calls it at {line} (receiver-typed)")
        ]


async def test_a_trait_defines_before_an_interface_declares(index_of) -> None:
    files = {
        "I.php": "<?php\ninterface I { function go(); }\n",
        "T.php": "<?php\ntrait T { function go() {} }\n",
        "A.php": "<?php\nclass A implements I {\n  use T;\n  function run() { $this->go(); }\n}\n",
    }
    assert await _callers(index_of, files, "T.go") == [("A.php", "calls it at 4 (receiver-typed)")]
    assert await _callers(index_of, files, "I.go") == [("A.php", f"calls it at 4 ({GUESS})")]


async def test_ruby_constants_are_looked_for_in_the_modules_around(index_of) -> None:
    files = {
        "lib/shop/text.rb": "module Shop\n  module Text\n    def self.trim(s)\n    end\n  end\nend\n",
        "lib/other/text.rb": "module Other\n  module Text\n    def self.trim(s)\n    end\n  end\nend\n",
        "lib/shop/cart.rb": "module Shop\n  class Cart\n    def go\n      Text.trim(1)\n      Other::Text.trim(1)\n"
        "    end\n  end\nend\n",
        "lib/free.rb": "def go\n  Text.trim(1)\nend\n",
    }
    assert await _callers(index_of, files, "trim") == [
        ("lib/shop/cart.rb", "calls it at 4, 5 (import-resolved)"),
        ("lib/free.rb", f"calls it at 2 ({GUESS})"),
    ]


async def test_ruby_classes_are_open_and_call_where_they_are_written(index_of) -> None:
    files = {
        "kit.rb": "module Kit\n  def push\n  end\nend\n",
        "base.rb": "class Base\n  def self.define(name)\n  end\nend\n",
        "part.rb": "class Part < Base\n  include ::Kit\n  define :a\n\n  def initialize\n    @store = Store.new\n"
        "  end\n\n  def go\n    push(1)\n  end\nend\n",
        "more.rb": "class Part\n  define :b\n\n  def more\n    @store.save\n  end\nend\n",
        "store.rb": "class Store\n  def save\n  end\nend\n",
    }
    assert await _callers(index_of, files, "push") == [("part.rb", "calls it at 10 (receiver-typed)")]
    assert await _callers(index_of, files, "save") == [("more.rb", "calls it at 5 (receiver-typed)")]
    assert await _callers(index_of, files, "define") == [
        ("more.rb", "calls it at 2 (receiver-typed)"),
        ("part.rb", "calls it at 3 (receiver-typed)"),
    ]


async def test_rust_names_modules_from_the_crate_and_from_those_around(index_of) -> None:
    files = {
        "src/lib.rs": "mod db;\nmod other;\npub fn root() {}\n",
        "src/db/mod.rs": "pub mod store;\npub struct Edges;\npub fn open() -> Edges { Edges }\n"
        "impl Edges { pub fn next(&self) {} }\n",
        "src/other.rs": "pub fn open() {}\npub fn root() {}\n",
        "src/db/store.rs": "use super::{open, Edges};\nuse crate::root;\n\nimpl Iterator for Store {\n"
        "    type Edges = Edges;\n    fn go(&self) {\n        let edges = open();\n        edges.next();\n"
        "        root();\n        Edges(1);\n    }\n}\n",
    }
    assert await _callers(index_of, files, "open") == [
        ("src/db/store.rs", "calls it at 7 (import-resolved)")
    ]
    assert await _callers(index_of, files, "next") == [
        ("src/db/store.rs", "calls it at 8 (receiver-typed)")
    ]
    assert await _callers(index_of, files, "Store.Edges") == [
        ("src/db/store.rs", f"calls it at 10 ({GUESS})")
    ]


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("go", "// a shop\nmodule example.com/shop // v1\n", {"": "example.com/shop"}),
        ("go", "go 1.19\n", {}),
        (
            "php",
            '{"autoload": {"psr-4": {"A\\\\": ["src/", "./lib"]}}, "autoload-dev": {"psr-4": {"A\\\\T\\\\": ""}}}',
            {"src": "A", "lib": "A", "": "A\\T"},
        ),
        ("php", '{"autoload": {"psr-4": ["src"]}}', {}),
        ("php", '{"autoload": []}', {}),
        ("php", "[]", {}),
        ("php", "[" * 100_000, {}),
        ("php", "{", {}),
    ],
)
def test_a_manifest_names_folders_or_nothing(language: str, text: str, said: dict[str, str]) -> None:
    assert READERS[language][1](text) == said
