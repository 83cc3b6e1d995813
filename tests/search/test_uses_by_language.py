"""What proves a use in one language only: packages and namespaces that manifests name, constants that nest."""

from __future__ import annotations

import pytest
from tests.search.callers import callers

from sophia_mcp.search.uses.manifests import READERS

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


async def test_go_calls_packages_by_the_name_of_their_module(index_of) -> None:
    assert await callers(index_of, GO, "Default") == [
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
    monkeypatch.setattr("sophia_mcp.search.uses.graph.READERS", counted)
    async with index_of(GO) as ask:
        for name in ("Default", "Conn.Close", "Default"):
            await ask(name, mode="callers")
    assert len(read) == 1


async def test_what_a_function_gives_is_of_the_type_that_it_states(index_of) -> None:
    assert await callers(index_of, GO, "Conn.Close") == [
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
    assert await callers(index_of, files, "Go") == [
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
    assert await callers(index_of, PHP, "Trouble") == [
        ("src/Db/Store.php", "calls it at 6 (import-resolved)"),
        ("src/Db/Store.php", f"calls it at 5 ({GUESS})"),  # the global one
        ("src/Run.php", f"calls it at 8 ({GUESS})"),
    ]
    assert await callers(index_of, PHP, "Store") == [("src/Cart.php", "calls it at 5 (import-resolved)")]


async def test_php_methods_give_what_they_state_or_their_own_class(index_of) -> None:
    for name, line in (("save", 6), ("go", 7)):
        assert await callers(index_of, PHP, name) == [
            ("src/Run.php", f"calls it at {line} (receiver-typed)")
        ]


async def test_a_trait_defines_before_an_interface_declares(index_of) -> None:
    files = {
        "I.php": "<?php\ninterface I { function go(); }\n",
        "T.php": "<?php\ntrait T { function go() {} }\n",
        "A.php": "<?php\nclass A implements I {\n  use T;\n  function run() { $this->go(); }\n}\n",
    }
    assert await callers(index_of, files, "T.go") == [("A.php", "calls it at 4 (receiver-typed)")]
    assert await callers(index_of, files, "I.go") == [("A.php", f"calls it at 4 ({GUESS})")]


async def test_ruby_constants_are_looked_for_in_the_modules_around(index_of) -> None:
    files = {
        "lib/shop/text.rb": "module Shop\n  module Text\n    def self.trim(s)\n    end\n  end\nend\n",
        "lib/other/text.rb": "module Other\n  module Text\n    def self.trim(s)\n    end\n  end\nend\n",
        "lib/shop/cart.rb": "module Shop\n  class Cart\n    def go\n      Text.trim(1)\n      Other::Text.trim(1)\n"
        "    end\n  end\nend\n",
        "lib/free.rb": "def go\n  Text.trim(1)\nend\n",
    }
    assert await callers(index_of, files, "trim") == [
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
    assert await callers(index_of, files, "push") == [("part.rb", "calls it at 10 (receiver-typed)")]
    assert await callers(index_of, files, "save") == [("more.rb", "calls it at 5 (receiver-typed)")]
    assert await callers(index_of, files, "define") == [
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
    assert await callers(index_of, files, "open") == [
        ("src/db/store.rs", "calls it at 7 (import-resolved)")
    ]
    assert await callers(index_of, files, "next") == [
        ("src/db/store.rs", "calls it at 8 (receiver-typed)")
    ]
    assert await callers(index_of, files, "Store.Edges") == [
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


async def test_perl_names_packages_whole_and_has_the_subs_of_its_bases(index_of) -> None:
    files = {
        "lib/Shop/Till.pm": "package Shop::Till;\nuse parent -norequire, 'Shop::Base';\nuse Shop::Store qw(save);\n"
        "sub new { my ($class) = @_; return bless {}, $class; }\n"
        "sub ring {\n  my $self = shift;\n  $self->note(1);\n  $self->SUPER::note(2);\n  save(3);\n  print 4;\n"
        "  Shop::Store::save(5);\n  Other::Store::save(6);\n  &save;\n}\n",
        "lib/Shop/Base.pm": "package Shop::Base;\nsub note { 1 }\n",
        "lib/Web/Base.pm": "package Web::Base;\nsub note { 1 }\n",
        "lib/Shop/Store.pm": "package Shop::Store;\nsub save { 1 }\nsub print { 2 }\n",
        "run.pl": "use Shop::Till;\nmy $t = Shop::Till->new;\n$t->note(1);\nsub other {\n  my ($t) = @_;\n  $t->note(2);\n}\n",
    }
    typed, brought = "(receiver-typed)", "(import-resolved)"
    assert await callers(index_of, files, "Shop::Base.note") == [
        ("lib/Shop/Till.pm", f"calls it at 7, 8 {typed}"),
        ("run.pl", f"calls it at 3 {typed}"),
        ("run.pl", f"calls it at 6 ({GUESS})"),
    ]
    assert await callers(index_of, files, "save") == [
        ("lib/Shop/Till.pm", f"calls it at 9, 11, 13 {brought}"),
        ("lib/Shop/Till.pm", f"calls it at 12 ({GUESS})"),
    ]
    assert await callers(index_of, files, "new") == [("run.pl", f"calls it at 2 {brought}")]
    assert ("lib/Shop/Till.pm", f"calls it at 10 ({GUESS})") not in await callers(
        index_of, files, "print"
    )


async def test_csharp_types_are_those_of_the_namespaces_around_and_of_those_used(index_of) -> None:
    files = {
        "core/Till.cs": "namespace Shop.Core {\n  public class Till : Base {\n    public Till(int x) { }\n  }\n}\n",
        "core/Base.cs": "namespace Shop.Core {\n  public class Base { public void Ring() { } }\n}\n",
        "far/Till.cs": "namespace Far {\n  public class Till { public void Ring() { } }\n}\n",
        "web/Run.cs": "namespace Shop.Web {\n  using Shop.Core;\n  class Run {\n    Till kept = new Till(1);\n"
        "    void Go(Till t) { t.Ring(); }\n  }\n}\n",
        "in/Deep.cs": "namespace Shop.Core.Deep {\n  class Deep { void Go() { new Till(2); } }\n}\n",
        "no/None.cs": "namespace Other {\n  class None { void Go(Till t) { t.Ring(); } }\n}\n",
    }
    assert await callers(index_of, files, "Shop.Core.Base.Ring") == [
        ("web/Run.cs", "calls it at 5 (receiver-typed)"),
        ("no/None.cs", f"calls it at 2 ({GUESS})"),
    ]
    made = await callers(index_of, files, "Shop.Core.Till")
    assert [path for path, why in made if "import-resolved" in why] == ["in/Deep.cs", "web/Run.cs"]


async def test_csharp_names_the_nearest_class_even_one_that_lacks_the_method(index_of) -> None:
    files = {
        "Conn.cs": "namespace Shop;\npublic class Conn { public void Ring() { } }\n",
        "Far.cs": "namespace Far;\nclass Conn { }\nclass Run { void Go(Conn c) { c.Ring(); } }\n",
        "Near.cs": "namespace Shop.Web;\nclass Run { void Go(Conn c) { c.Ring(); } }\n",
        "Used.cs": "using Shop;\nnamespace Web;\nclass Run { void Go(Conn c) { c.Ring(); } }\n",
        "Alone.cs": "namespace Web;\nclass More { void Go(Only o) { o.Ding(); } }\n",
        "Only.cs": "namespace Core;\npublic partial class Only { }\n",
        "More.cs": "namespace Core;\npublic partial class Only { public void Ding() { } }\n",
    }
    assert await callers(index_of, files, "Conn.Ring") == [
        ("Near.cs", "calls it at 2 (receiver-typed)"),
        ("Used.cs", "calls it at 3 (receiver-typed)"),
        ("Far.cs", f"calls it at 3 ({GUESS})"),
    ]
    assert await callers(index_of, files, "Only.Ding") == [
        ("Alone.cs", "calls it at 2 (receiver-typed)")
    ]


async def test_a_class_that_ruby_makes_is_called_by_its_name(index_of) -> None:
    files = {
        "a.rb": "Point = Struct.new(:x) do\n  def self.origin(x) = new(x)\nend\nPoint.origin(1)\n",
    }
    assert await callers(index_of, files, "Point.origin") == [("a.rb", "calls it at 4 (same file)")]


async def test_what_a_class_calls_outside_of_its_methods_is_its_own(index_of) -> None:
    files = {
        "A.java": "class A extends B {\n  int x = own(1);\n  int y = above(2);\n  static int own(int a) { return a; }\n}\n"
        "class B { static int above(int a) { return a; } }\nclass C { int z = own(3); }\n",
        "K.kt": "class K {\n  val x = made(1)\n  init { made(2) }\n  fun use() { inner() }\n"
        "  companion object {\n    fun inner() = 1\n  }\n  fun made(a: Int) = a\n}\nfun far() { K.inner() }\n",
    }
    assert await callers(index_of, files, "own") == [
        ("A.java", "calls it at 2 (same file)"),
        ("A.java", f"calls it at 7 ({GUESS})"),
    ]
    assert await callers(index_of, files, "above") == [("A.java", "calls it at 3 (receiver-typed)")]
    made = ["calls it at 2 (same file)", "calls it at 3 (same file)"]
    assert [why for _, why in await callers(index_of, files, "made")] == made
    assert [why for _, why in await callers(index_of, files, "inner")] == [
        "calls it at 4 (same file)",
        "calls it at 10 (same file)",
    ]


async def test_the_constants_of_an_enumeration_are_of_its_type_and_those_of_its_interface_are_not(
    index_of,
) -> None:
    files = {
        "s/Size.java": "package s;\nenum Size implements Sizes {\n  Small, LARGE;\n  void ring() {}\n}\n",
        "s/Sizes.java": "package s;\ninterface Sizes {\n  Bell LOUD = null;\n}\n",
        "s/Bell.java": "package s;\nclass Bell { void ring() {} }\n",
        "s/Run.java": "package s;\nclass Run {\n  void a() { Size.Small.ring(); }\n  void b() { Size.LARGE.ring(); }\n"
        "  void c() { Size.LOUD.ring(); }\n  void d() { Sizes.LOUD.ring(); }\n}\n",
    }
    typed = "(receiver-typed)"
    size = await callers(index_of, files, "Size.ring")
    assert [why for _, why in size if typed in why] == [
        f"calls it at 3 {typed}",
        f"calls it at 4 {typed}",
    ]
    bell = await callers(index_of, files, "Bell.ring")
    assert [why for _, why in bell if typed in why] == [
        f"calls it at 5 {typed}",
        f"calls it at 6 {typed}",
    ]


async def test_calls_in_the_text_of_a_rust_macro_are_calls(index_of) -> None:
    files = {
        "src/a.rs": "struct Tap;\nimpl Tap {\n    fn go(&self) -> u8 { 1 }\n}\nfn one() -> Tap { Tap }\n"
        "#[cfg(any(one(x)))]\nfn run(t: &Tap) {\n    assert_eq!(t.go(), one().go());\n"
        '    println!("{}", format!("{}", t.go()));\n    make!(fn go() {});\n    vec!["go()".go()];\n}\n',
    }
    assert await callers(index_of, files, "Tap.go") == [
        ("src/a.rs", "calls it at 8, 9 (receiver-typed)"),
        ("src/a.rs", f"calls it at 11 ({GUESS})"),
    ]
    assert await callers(index_of, files, "one") == [("src/a.rs", "calls it at 8 (same file)")]


async def test_macros_of_rust_are_no_functions_and_are_seen_below_the_folder_that_defines_them(
    index_of,
) -> None:
    files = {
        "src/macros.rs": "macro_rules! check {\n    ($e:expr) => { $e };\n}\n",
        "src/a/run.rs": "fn run() { check!(1); }\n",
        "src/a/own.rs": "fn check() {}\nfn one() { check(); }\nfn two() { check!(1); }\n",
        "src/a/far.rs": "use other::check;\nfn run() { check!(1); }\n",
        "srcs/run.rs": "fn run() { check!(1); }\n",
        "src/vec.rs": "macro_rules! vec { () => {} }\nfn run() { vec!(); }\n",
        "src/b.rs": "fn run() { vec![1]; }\n",
    }
    assert await callers(index_of, files, "check") == [
        ("src/a/own.rs", "calls it at 3 (import-resolved)"),
        ("src/a/run.rs", "calls it at 1 (import-resolved)"),
        ("src/a/own.rs", "calls it at 2 (same file)"),
        ("src/a/far.rs", f"calls it at 2 ({GUESS})"),
        ("srcs/run.rs", f"calls it at 1 ({GUESS})"),
    ]
    assert await callers(index_of, files, "vec") == [
        ("src/vec.rs", "calls it at 2 (same file)"),
        ("src/b.rs", f"calls it at 1 ({GUESS})"),
    ]


async def test_variables_in_the_text_of_a_rust_macro_have_the_types_that_are_stated_there(
    index_of,
) -> None:
    files = {
        "src/a.rs": "struct Tap;\nimpl Tap {\n    fn go(&self) {}\n}\n"
        "case!(one, |dir: Dir, mut tap: Tap| {\n    tap.go();\n    dir.go();\n});\n"
        "case!(two, {\n    let other = Tap::new();\n    other.go();\n    last.go();\n});\n"
        "fn far((tap, other): Pair) { tap.go(); }\n",
    }
    assert await callers(index_of, files, "Tap.go") == [
        ("src/a.rs", "calls it at 6 (receiver-typed)"),
        ("src/a.rs", "calls it at 11 (receiver-typed)"),
        ("src/a.rs", f"calls it at 7 ({GUESS})"),
        ("src/a.rs", f"calls it at 12 ({GUESS})"),
        ("src/a.rs", f"calls it at 14 ({GUESS})"),
    ]


async def test_what_stands_behind_a_lock_of_rust_is_what_it_locks(index_of) -> None:
    files = {
        "src/a.rs": "struct Tap;\nimpl Tap {\n    fn go(&self) {}\n}\nstruct Reader;\nimpl Reader {\n"
        "    fn read(&self) -> Other { Other }\n}\nstruct Pool { tap: Arc<Mutex<Tap>>, reader: Reader }\nimpl Pool {\n"
        "    fn run(&self) {\n        self.tap.lock().unwrap().go();\n        let held = self.tap.lock().unwrap();\n"
        "        held.go();\n        self.reader.read().go();\n        self.tap.other().go();\n    }\n}\n",
    }
    assert await callers(index_of, files, "Tap.go") == [
        ("src/a.rs", "calls it at 12, 14 (receiver-typed)"),
        ("src/a.rs", f"calls it at 15, 16 ({GUESS})"),
    ]


CPP = {
    "tap.h": "namespace app {\nstruct Tap {\n  void Go();\n  Tap& Next();\n  int level() const;\n  Tap operator[](int at);\n"
    "};\n}\n",
    "pipe.h": '#include "tap.h"\n#define CHECK_TAP(tap) \\\n  (tap)\nnamespace app {\nclass Pipe {\n public:\n'
    "  static Pipe& Only();\n  std::shared_ptr<Tap> tap() const;\n  std::vector<Tap*> taps;\n};\n"
    "using Main = Pipe;\nstd::unique_ptr<Tap> Open(int size);\nnamespace deep { void Flush(); }\n}\n",
}


async def test_cpp_says_in_declarations_what_is_called_on(index_of) -> None:
    files = CPP | {
        "run.cc": '#include "pipe.h"\nnamespace app {\nvoid Run(Main* pipe) {\n  pipe->tap()->Go();\n'
        "  Pipe::Only().tap()->Go();\n  auto made = Open(1);\n  made->Go();\n  made[0].Go();\n"
        "  pipe->taps[1]->Go();\n  made->Next().Next().Go();\n  made->level().Go();\n  auto two = elsewhere();\n"
        "  two.Go();\n}\n}\n",
    }
    assert await callers(index_of, files, "Tap.Go") == [
        ("run.cc", "calls it at 4, 5, 7, 8, 9, 10 (receiver-typed)"),
        ("run.cc", f"calls it at 11, 13 ({GUESS})"),
    ]


async def test_cpp_names_are_those_of_the_namespaces_that_are_written_used_or_around(index_of) -> None:
    files = CPP | {
        "around.cc": '#include "pipe.h"\nnamespace app {\nvoid Run() { deep::Flush(); }\n}\n',
        "written.cc": '#include "pipe.h"\nvoid Run() { app::deep::Flush(); }\n',
        "used.cc": '#include "pipe.h"\nusing app::deep::Flush;\nvoid Run() { Flush(); }\n',
        "opened.cc": '#include "pipe.h"\nusing namespace app::deep;\nvoid Run() { Flush(); }\n',
        "other.cc": '#include "pipe.h"\nvoid Run() { other::Flush(); Flush(); }\n',
        "apart.cc": "void Run() { app::deep::Flush(); }\n",
        "variable.cc": '#include "pipe.h"\nvoid Run() { Pipe.Flush(); }\n',
    }
    assert await callers(index_of, files, "Flush") == [
        ("around.cc", "calls it at 3 (import-resolved)"),
        ("opened.cc", "calls it at 3 (import-resolved)"),
        ("used.cc", "calls it at 3 (import-resolved)"),
        ("written.cc", "calls it at 2 (import-resolved)"),
        ("apart.cc", f"calls it at 1 ({GUESS})"),
        ("other.cc", f"calls it at 2 ({GUESS})"),
        ("variable.cc", f"calls it at 2 ({GUESS})"),
    ]


async def test_a_macro_of_c_is_of_no_namespace(index_of) -> None:
    files = {
        "a.h": "namespace app {\n#define CHECK(tap) \\\n  (tap)\n}\n",
        "b.cc": '#include "a.h"\nvoid Run() { CHECK(1); }\n',
    }
    assert await callers(index_of, files, "CHECK") == [("b.cc", "calls it at 2 (import-resolved)")]


async def test_tests_of_googletest_have_what_their_suite_has(index_of) -> None:
    files = CPP | {
        "base.h": '#include "tap.h"\nclass MockTap : public Tap {\n public:\n  MOCK_METHOD(void, Fill, (int), (override));\n'
        "  MOCK_METHOD1(Drain, void(int));\n};\nclass Base {\n protected:\n  void Parse();\n"
        "  ::testing::StrictMock<MockTap> mock_;\n};\n",
        "t.cc": '#include "base.h"\ntypedef Base Suite;\nTEST_F(Suite, First) {\n  Parse();\n'
        "  EXPECT_CALL(mock_, Fill(1)).Times(2);\n  EXPECT_CALL(other, Fill(1));\n  EXPECT_CALL(mock_, Drain(_));\n}\n"
        "TEST(Suite, Alone) { Parse(); }\n",
    }
    assert await callers(index_of, files, "Base.Parse") == [
        ("t.cc", "calls it at 4 (receiver-typed)"),
        ("t.cc", f"calls it at 9 ({GUESS})"),
    ]
    assert await callers(index_of, files, "MockTap.Fill") == [
        ("t.cc", "calls it at 5 (receiver-typed)"),
        ("t.cc", f"calls it at 6 ({GUESS})"),
    ]
    assert await callers(index_of, files, "MockTap.Drain") == [
        ("t.cc", "calls it at 7 (receiver-typed)")
    ]
    async with index_of(files) as ask:
        answer = await ask("Base.Parse", mode="callers")
    assert [hit.symbol for hit in answer.hits] == ["Suite.Suite_First_Test", "Suite_Alone_Test"]


async def test_of_two_cpp_classes_of_one_name_that_is_meant_which_the_namespaces_tell(index_of) -> None:
    files = {
        "a.h": "namespace left {\nclass Tap {\n public:\n  void Go();\n};\n}\n"
        "namespace right {\nclass Tap {\n public:\n  void Go();\n};\nusing Kind = left::Tap;\n}\nusing Kind = right::Tap;\n",
        "run.cc": '#include "a.h"\nvoid One(left::Tap one, right::Tap two) {\n  one.Go();\n  two.Go();\n}\n'
        "namespace left {\nvoid Two(Tap one, Kind two) {\n  one.Go();\n  two.Go();\n}\n}\n"
        "namespace right {\nvoid Three(Kind one) {\n  one.Go();\n}\n}\n",
    }
    assert await callers(index_of, files, "left.Go") == [
        ("run.cc", "calls it at 3 (receiver-typed)"),
        ("run.cc", "calls it at 8 (receiver-typed)"),
        ("run.cc", "calls it at 14 (receiver-typed)"),
        ("run.cc", f"calls it at 4 ({GUESS})"),
        ("run.cc", f"calls it at 9 ({GUESS})"),
    ]


async def test_a_cpp_name_that_two_namespaces_in_use_have_is_none_of_them_and_methods_hide_functions(
    index_of,
) -> None:
    files = {
        "a.h": "namespace left {\nvoid Flush();\n}\nnamespace right {\nvoid Flush();\n}\nclass Box {\n  void Run();\n"
        "  void Clear();\n};\nvoid Clear();\n",
        "both.cc": '#include "a.h"\nusing namespace left;\nusing namespace right;\nvoid Run() { Flush(); }\n',
        "box.cc": '#include "a.h"\nvoid Box::Run() { Clear(); }\nvoid Run() { Clear(); }\n',
    }
    assert await callers(index_of, files, "left.Flush") == [("both.cc", f"calls it at 4 ({GUESS})")]
    async with index_of(files) as ask:
        answer = await ask("Box.Clear", mode="callers")
    assert [(hit.symbol, hit.why) for hit in answer.hits] == [
        ("Box.Run", "calls it at 2 (import-resolved)"),
        ("Run", f"calls it at 3 ({GUESS})"),
    ]


async def test_a_cpp_variable_is_no_namespace_or_class_that_is_called_like_it(index_of) -> None:
    files = {
        "a.h": "namespace log {\nvoid put();\n}\nclass sink {\n public:\n  void put();\n};\n",
        "run.cc": '#include "a.h"\nvoid one() { for (auto log : all()) log.put(); }\n'
        "void two(Own* own) { auto log = own->next(); log->put(); }\nvoid three() { log::put(); }\n"
        "void four() { for (auto& sink : all()) sink->put(); }\n"
        "void five() { auto made = std::make_shared<sink>(); made->put(); }\n",
    }
    assert await callers(index_of, files, "put") == [
        ("run.cc", "calls it at 6 (receiver-typed)"),
        ("run.cc", "calls it at 4 (import-resolved)"),
        ("run.cc", f"calls it at 2 ({GUESS})"),
        ("run.cc", f"calls it at 3 ({GUESS})"),
        ("run.cc", f"calls it at 5 ({GUESS})"),
    ]


SELVES = {
    "src/A.scala": "package a\n\nclass Tap { me =>\n  def open(): Int = 1\n"
    "  val inner = new Runnable { def run(): Unit = me.open() }\n}\n",
    "src/B.scala": "package a\n\nclass Lid { me: Base =>\n  def open(): Int = 2\n  def go() = me.open()\n}\n",
}


async def test_scala_calls_an_object_by_the_name_that_it_has_for_itself(index_of) -> None:
    assert await callers(index_of, SELVES, "Tap.open") == [
        ("src/A.scala", "calls it at 5 (receiver-typed)"),
        ("src/B.scala", f"calls it at 5 ({GUESS})"),
    ]


async def test_erlang_calls_its_own_module_by_a_macro(index_of) -> None:
    files = {
        "src/srv.erl": "-module(srv).\n\nstart() -> ?MODULE:loop(1).\n\nloop(N) -> N.\n",
        "src/other.erl": "-module(other).\n\nstart() -> ?MODULE:loop(1).\n",
    }
    assert await callers(index_of, files, "loop") == [
        ("src/srv.erl", "calls it at 3 (same file)"),
        ("src/other.erl", f"calls it at 3 ({GUESS})"),
    ]


async def test_a_part_of_dart_calls_what_its_library_has(index_of) -> None:
    files = {
        "lib/model.dart": "part 'grown.dart';\n\nint grow() => helper();\nint own() => 1;\n",
        "lib/grown.dart": "part of 'model.dart';\n\nint helper() => own();\n",
        "lib/far.dart": "int other() => helper() + own();\n",
    }
    assert await callers(index_of, files, "helper") == [
        ("lib/model.dart", "calls it at 3 (import-resolved)"),
        ("lib/far.dart", f"calls it at 1 ({GUESS})"),
    ]
    assert await callers(index_of, files, "own") == [
        ("lib/grown.dart", "calls it at 3 (import-resolved)"),
        ("lib/far.dart", f"calls it at 1 ({GUESS})"),
    ]
