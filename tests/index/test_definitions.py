"""Forms of definitions that a tag program finds in real packages, each under the name people search for."""

from __future__ import annotations

import pytest

from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.index.parsing.parse import parse

_FORMS = {
    "ruby": (
        "class Devise::Callbacks\n  attr_accessor :idx, :size\n  alias_method :text, :banner\n"
        "  alias readline gets\n  define_method(:os) { 1 }\n  def [](key); end\n  def self.[]=(key, value); end\n"
        "end\nmodule ::Kernel; end\n"
        'define_method("x_#{y}") { 1 }\ndefine_method(:"a b") { 1 }\ndefine_method("c") { 1 }\n',
        "Devise.Callbacks:class:1 Devise.Callbacks.idx:method:2 Devise.Callbacks.size:method:2 "
        "Devise.Callbacks.text:method:3 Devise.Callbacks.readline:method:4 Devise.Callbacks.os:method:5 "
        "Devise.Callbacks.[]:method:6 Devise.Callbacks.[]=:method:7 Kernel:class:9 "
        "a b:function:11 c:function:12",
    ),
    "php": (
        "<?php\ndefine('PCLZIP_READ_BLOCK_SIZE', 2048);\nif (!defined('A')) { define( \"A\", 1 ); }\ndefine($b, 1);\n"
        'define("A$b", 1);\ndefine("A{$b}", 1);\n',
        "PCLZIP_READ_BLOCK_SIZE:text:2 A:text:3",
    ),
    "csharp": (
        "namespace Shop.Web;\n\nclass Cart {\n  object IList.this[int index] { get => 1; }\n}\n// end\n",
        "Shop.Web.Cart:class:3 Shop.Web.Cart.this:method:4",
    ),
    "kotlin": (
        "class Desk {\n  constructor(name: String) : this()\n  fun `a loan is due`() {}\n}\n"
        "enum class Level {\n  LOW;\n\n  val rank = 1\n}\n",
        "Desk:class:1 Desk.constructor:method:2 Desk.a loan is due:method:3 Level:class:5 Level.rank:text:8",
    ),
    "scala": ("package object shapes {\n  def area = 1\n}\n", "shapes:class:1 shapes.area:method:2"),
    "dart": (
        "typedef Compare = int Function(int);\ntypedef int Older(int x);\nint count = 4;\nset limit(int x) {}\n"
        "class A {\n  factory A.other() = B;\n}\n",
        "Compare:class:1 Older:class:2 count:text:3 limit:function:4 A:class:5 A.other:method:6",
    ),
    "elixir": (
        "defmodule A do\n  @type pos :: 10\n  @typep required(arg) :: any()\n  def left <> right, do: left\n"
        "  def unquote(name)(), do: 1\n  def f(a) when a > 1, do: a\nend\n",
        "A:class:1 A.pos:class:2 A.required:class:3 A.<>:function:4 A.f:function:6",
    ),
    "haskell": (
        "module M where\ndata Feed = Feed\n  { feedTitle :: Text\n  , feedUpdated :: Date\n  }\ndata family D a\n"
        '(<**>) x y = x\nforeign import ccall "sin" c_sin :: Double -> Double\npattern P x <- (x, _)\n'
        "data Point = Point { x, y :: Int, z :: Int }\n",
        "Feed:class:2 Feed.feedTitle:method:3 Feed.feedUpdated:method:4 D:class:6 <**>:function:7 c_sin:function:8 "
        "P:function:9 Point:class:10 Point.x:method:10 Point.y:method:10 Point.z:method:10",
    ),
    "ocaml": (
        "class type transform = object\n  method strip : int\nend\nlet (>>=) = bind\nlet _ = run ()\n",
        "transform:class:1 transform.strip:method:2 (>>=):function:4",
    ),
    "ocaml_interface": (
        "class libev : unit -> object\n  method transfer : int\nend\nclass type hash = object end\n",
        "libev:class:1 libev.transfer:method:2 hash:class:4",
    ),
    "erlang": (
        "-define(SYSTEM, 'Elixir.System').\n-define(F(X), X).\n-callback init(A) -> ok.\n",
        "SYSTEM:text:1 F:text:2 init:function:3",
    ),
    "clojure": (
        "(clojure.core/defn either [] 1)\n(defn #^{:private true} read-map [x] x)\n(defprotocol Baked (minutes [item]))\n"
        "(defroutes routes 1)\n(default x)\n(deflate x)\n(defmacro m [] `(def ~name 1))\n",
        "either:function:1 read-map:function:2 Baked:class:3 Baked.minutes:method:3 routes:text:4 m:function:7",
    ),
    "commonlisp": (
        "(defpackage #:hunchentoot (:use :cl))\n(rtest:deftest named-lambda.2 1)\n(define-vop (fixnump) 1)\n"
        "(defparameter hunchentoot:*version* 1)\n(defmacro m () `(defconstant ,size 1))\n"
        "(defun f (x)\n  (let ((definition (find x)) (defs nil) (defroute x))\n    (deflate stream x) (defined-p y)))\n"
        "(deflate stream x)\n(defer x)\n(progn (defroute home ()))\n#+sbcl (defroute away ())\n"
        "(let ((x 1)) (defvar *deep* x))\n",
        "hunchentoot:class:1 named-lambda.2:text:2 fixnump:text:3 *version*:text:4 m:function:5 "
        "f:function:6 home:text:11 away:text:12 *deep*:text:13",
    ),
    "elisp": (
        "(defalias '-drop #'nthcdr)\n(define-globalized-minor-mode yas-global-mode yas-mode on)\n"
        '(define-key map "a" \'b)\n(define-error \'magit-outside "x")\n(ert-deftest bounds () 1)\n'
        "(transient-define-prefix magit-merge () 1)\n",
        "-drop:function:1 yas-global-mode:function:2 magit-outside:text:4 bounds:function:5 magit-merge:function:6",
    ),
    "perl": (
        "package Shop::Cart;\nuse constant LIMIT => 8;\nuse constant {\n  LOW => 1,\n  'HIGH' => 'UP',\n};\n"
        "has 'items' => (is => 'rw');\nsub add { 1 }\n\n# Sold.\npackage Shop::Sale;\nsub add { 2 }\n"
        "has ['buyer', \"price\"] => (is => 'rw');\nhas \"a$b\" => 1;\n",
        "Shop.Cart:class:1 Shop.Cart.LIMIT:text:2 Shop.Cart.LOW:text:4 Shop.Cart.HIGH:text:5 Shop.Cart.items:text:7 "
        "Shop.Cart.add:function:8 Shop.Sale:class:11 Shop.Sale.add:function:12 Shop.Sale.buyer:text:13 "
        "Shop.Sale.price:text:13",
    ),
    "r": (
        'setClass("Hits", contains = "Vector")\nsetGeneric("zipup", function(x, y) standardGeneric("zipup"))\n'
        'setMethod("length", "NSBS", function(x) 1)\nStack <- R6Class("Stack", public = list(\n  push = function(x) x\n))\n'
        'Coord <- ggproto("Coord", Base,\n  distance = function(self, x) x\n)\ntryCatch(f(), error = function(e) 1)\n',
        "Hits:class:1 zipup:function:2 NSBS.length:method:3 Stack:class:4 Stack.push:method:5 Coord:class:7 "
        "Coord.distance:method:8",
    ),
    "rust": (
        "impl<T> Area for [T] {\n    fn area(&self) {}\n}\nimpl Area for (A, B) {\n    fn area(&self) {}\n}\n",
        "[T].area:method:2 (A, B).area:method:5",
    ),
    "julia": (
        "f(x::Int)::Int = 2\ng(x::T) where {T} = 3\nBase.:+(a, b) = 1\n@enum Colour red green\n",
        "f:function:1 g:function:2 Base.+:method:3 Colour:class:4",
    ),
    "zig": (
        'extern "c" fn puts(s: u8) c_int;\ntest area {}\n'
        'test {\n  try run();\n}\n/// Adds.\ntest "adds" {}\ntest @"a b" {}\n',
        "puts:function:1 area:function:2 adds:function:6 a b:function:8",
    ),
    "sql": (
        'CREATE TABLE `shop`.`orders` (id int);\nCREATE INDEX "orders_idx" ON "orders" ("id");\nCREATE INDEX ON orders (id);\n',
        "orders:class:1 orders_idx:text:2",
    ),
    "swift": (
        "class Store {\n  #if DEBUG\n  func log() {}\n  #endif\n  func save() {}\n}\n"
        "#if os(iOS)\nclass View: A {\n#else\nclass View: B {\n#endif\n  func draw() {}\n}\n"
        "#if DEBUG\nfunc a() {}\n#else\nfunc b() {}\n#endif\nfunc c() {}\n",
        "Store:class:1 Store.log:method:3 Store.save:method:5 View:class:8 View.draw:method:12 a:function:15 "
        "b:function:17 c:function:19",
    ),
    "objc": ("#define DLog(x) NSLog(x)\n@implementation A\n@end\n", "DLog:function:1 A:class:2"),
    "fortran": (
        "module nf\ninterface put\n module procedure put_int\nend interface\nend module\n",
        "nf:class:1 nf.put:function:2",
    ),
    "make": (
        "pre_CFLAGS+=-a\nif WITH_X\nA = 1\nelse\nA = 2\nendif\nB = 2\nclean :\n\trm\n",
        "pre_CFLAGS:text:1 A:text:3 A:text:5 B:text:7 clean:function:8",
    ),
    "cmake": (
        "ADD_CUSTOM_TARGET(check)\nAdd_Test(NAME fast COMMAND x)\n",
        "check:config:1 fast:config:2",
    ),
}


@pytest.mark.parametrize("language", sorted(_FORMS))
def test_a_form_that_packages_use_is_found_under_its_name(language: str) -> None:
    text, expected = _FORMS[language]
    parsed = parse(text, language)
    found = [f"{s.container}.{s.name}:{s.kind}:{s.start_line}".removeprefix(".") for s in parsed.symbols]
    assert " ".join(found) == expected
    assert parsed.fallback == ""


def test_a_package_goes_on_to_the_comments_of_the_next_one() -> None:
    parsed = parse(_FORMS["perl"][0], "perl")
    assert [(s.name, s.end_line) for s in parsed.symbols if s.kind == "class"] == [
        ("Cart", 8),
        ("Sale", 14),
    ]


def test_every_package_of_many_holds_what_follows_it() -> None:
    text = "".join(f"package P{each};\nsub f{each} {{ 1 }}\n" for each in range(4000))
    found = [(s.container, s.name) for s in parse(text, "perl").symbols]
    assert found == [
        pair for each in range(4000) for pair in (("", f"P{each}"), (f"P{each}", f"f{each}"))
    ]


def test_a_package_ends_with_its_block_and_with_the_code() -> None:
    text = "{\n  package A;\n  sub f { 1 }\n}\nsub g { 2 }\npackage B;\nsub h { 3 }\n\n__END__\n\n=head1 B\n\nMore.\n"
    found = [(s.container, s.name, s.end_line) for s in parse(text, "perl").symbols]
    assert found == [("", "A", 4), ("A", "f", 3), ("", "g", 5), ("", "B", 7), ("B", "h", 7)]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (
            "shop.cppm",
            "module;\nexport module shop.till;\nimport std;\nexport import :part;\nexport template <class T>\nclass Till {\n"
            "  int ring();\n};\nexport namespace shop {\nint sell(int x) { return x; }\n}\n",
            "Till:class:5 Till.ring:method:7 shop:class:9 shop.sell:function:10",
        ),
        (
            "Extensions.cs",
            "static class Extensions {\n  extension<T>(IEnumerable<T> source) where T : class {\n"
            '    public bool IsEmpty() { return "{" == text; } // }\n  }\n  extension(Till) {\n'
            "    public static Till Create() => null;\n  }\n  public static int Twice(int x) => x;\n}\nclass After {}\n",
            "Extensions:class:1 Extensions.IsEmpty:method:3 Extensions.Create:method:6 Extensions.Twice:method:8 "
            "After:class:10",
        ),
        (
            "a.kt",
            "fun List<Till<Int>>.total(): Int = 1\nfun Map<String, List<Int>>?.none() = 1\n",
            "List.total:method:1 Map.none:method:2",
        ),
        (
            "a.rs",
            "impl<K, V, W> Show for Wrapper<HashMap<K, V>, W> { fn show(&self) {} }\n"
            "impl Call for Held<Box<dyn Fn(A) -> B>> { fn call(&self) {} }\n",
            "Wrapper.show:method:1 Held.call:method:2",
        ),
        (
            "a.py",
            "type Point[T] = tuple[T, T]\n\nclass Store[K, V = int]:\n    type Inner = list[K]\n\n    def get[D](self): ...\n",
            "Point:class:1 Store:class:3 Store.Inner:class:4 Store.get:method:6",
        ),
        (
            "a.ts",
            "class Till {\n  *[Symbol.iterator]() {}\n  [key]() {}\n  [Symbol.dispose]() {}\n}\n",
            "Till:class:1 Till.[Symbol.iterator]:method:2 Till.[Symbol.dispose]:method:4",
        ),
        (
            "b.ts",
            "export var observable: IFactory = assign(create, {})\nif (x) {\n  var inner = 1\n}\n",
            "observable:text:1",
        ),
        (
            "a.rb",
            "Point = Struct.new(:x) do\n  def far = 1\nend\nSize = Data.define(:w)\nclass Till\n  Broken = Class.new(Error)\n"
            "  LIMIT = Integer.new(1)\n  delegate :size, to: :store\n"
            "  delegate :open, to: :bell, prefix: true\n  delegate :shut, :lock, to: :bell, prefix: :front\nend\n",
            "Point:class:1 Point.far:method:2 Size:class:4 Till:class:5 Till.Broken:class:6 Till.LIMIT:text:7 "
            "Till.size:method:8 Till.bell_open:method:9 Till.front_shut:method:10 Till.front_lock:method:10",
        ),
        (
            "a.erl",
            "-type maybe(T) :: T | none.\n-type pair() :: {a:maybe(x()), b:maybe(pid())}.\nmaybe(X) -> X.\n"
            "last() -> ok.\n",
            "maybe:class:1 pair:class:2 maybe:function:3 last:function:4",
        ),
    ],
)
def test_newer_and_nested_forms_are_found_where_they_stand(path: str, text: str, found: str) -> None:
    symbols = parse(text, language_of(path, text.encode())).symbols
    named = (f"{s.container}.{s.name}".lstrip(".") + f":{s.kind}:{s.start_line}" for s in symbols)
    assert " ".join(named) == found
