"""Of what type is that on which something is called, where only a signature elsewhere says it?"""

from __future__ import annotations

import pytest
from tests.search.callers import proofs

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.callers_proof")]

GUESS = "guess: name only"
TYPED = "receiver-typed"


JAVA = {
    "src/main/java/shop/Shop.java": """package shop;
public class Shop {
  public static final Till TILL = new Till();
  public static Shop open(String name) { return new Shop(); }
  public Till till() { return TILL; }
  public Shop name(String name) { return this; }
  public String name() { return ""; }
  public <T extends Till> T any() { return null; }
  public Till[] all() { return null; }
}
""",
    "src/main/java/shop/Till.java": "package shop;\npublic class Till {\n  public void ring() {}\n}\n",
    "src/main/java/shop/Size.java": "package shop;\npublic enum Size {\n  LARGE;\n  public void ring() {}\n}\n",
    "src/test/java/shop/Run.java": """package shop;
class Run extends Base {
  void run(Shop shop, Object other) {
    shop.till().ring();
    Shop.open("(").till()
        .ring();
    new Shop().till().ring();
    this.mine().ring();
    ours().ring();
  }
  void more(Shop shop, Object other) {
    ((Till) other).ring();
    Shop.TILL.ring();
    Size.LARGE.ring();
    shop.name().ring();
    shop.name("a").till().ring();
    shop.any().ring();
    shop.all().ring();
    other.till().ring();
  }
  private Till mine() { return null; }
}
class Base { Till ours() { return null; } }
""",
}


async def test_java_says_in_signatures_and_casts_on_what_is_called(index_of) -> None:
    found = await proofs(index_of, JAVA, "Till.ring", "src/test/java/shop/Run.java")
    assert found == {
        **dict.fromkeys((4, 6, 7, 8, 9, 12, 13), TYPED),
        # Another type, one of those that two methods of the name give, a parameter, a list, who knows.
        **dict.fromkeys((14, 15, 16, 17, 18, 19), GUESS),
    }
    found = await proofs(index_of, JAVA, "Size.ring", "src/test/java/shop/Run.java")
    assert {line for line, proof in found.items() if proof == TYPED} == {14}


async def test_a_class_of_java_that_is_imported_is_none_of_its_name_elsewhere(index_of) -> None:
    files = {
        "src/main/java/shop/io/Stream.java": "package shop.io;\npublic class Stream {\n  public void flush() {}\n}\n",
        "src/main/java/shop/Run.java": "package shop;\nimport java.util.Stream;\nclass Run {\n"
        "  void run(Stream a, shop.io.Stream b, java.util.Stream c) {\n    a.flush();\n    b.flush();\n    c.flush();\n  }\n}\n",
        "src/main/java/shop/Own.java": "package shop;\nimport shop.io.Stream;\nclass Own {\n"
        "  void run(Stream a) {\n    a.flush();\n  }\n}\n",
    }
    assert await proofs(index_of, files, "flush", "src/main/java/shop/Run.java") == {
        5: GUESS,
        6: TYPED,
        7: GUESS,
    }
    assert await proofs(index_of, files, "flush", "src/main/java/shop/Own.java") == {5: TYPED}


async def test_python_says_in_annotations_on_what_is_called(index_of) -> None:
    files = {
        "app/pool.py": "class Pool:\n    def get(self) -> 'Conn | None':\n        return None\n\n"
        "    @property\n    def first(self) -> 'Conn':\n        return Conn()\n\n"
        "    @first.setter\n    def first(self, to: 'Conn') -> None:\n        pass\n\n"
        "    def odd(self):\n        return Conn()\n\n\nclass Conn:\n    def run(self):\n        pass\n",
        "app/work.py": "from app.pool import Pool\n\n\nasync def make(name: str) -> Pool:\n    return Pool()\n\n\n"
        "class Base:\n    def base(self) -> Pool:\n        return Pool()\n\n\nclass Work(Base):\n    kept: Pool\n\n"
        "    def __init__(self, pool: Pool):\n        self.pool = pool\n\n    async def go(self, other):\n"
        "        self.pool.get().run()\n        self.kept.first.run()\n        (await make('x)')).get().run()\n"
        "        super().base().get().run()\n        Pool().get().run()\n"
        "        self.pool.odd().run()\n        other.get().run()\n",
    }
    assert await proofs(index_of, files, "Conn.run", "app/work.py") == {
        **dict.fromkeys((20, 21, 22, 23, 24), TYPED),
        **dict.fromkeys((25, 26), GUESS),  # nothing is stated
    }


async def test_typescript_says_in_signatures_on_what_is_called(index_of) -> None:
    files = {
        "pool.ts": "export interface Pool {\n  get(name: string): Conn | undefined;\n  readonly first: Conn;\n}\n"
        "export class Conn {\n  run(): void {}\n  is(): this is Conn { return true; }\n}\n"
        "export function open(name: string): Pool { return null!; }\n",
        "work.ts": "import { Conn, Pool, open } from './pool';\nexport class Work {\n  static shared: Pool;\n"
        "  constructor(private pool: Pool) {}\n  go(other: any) {\n    this.pool.get('a')!.run();\n"
        "    this.pool.get('(')?.run();\n    open('b').first.run();\n    (other as Conn).run();\n"
        "    Work.shared.get('c').run();\n    other.get('d').run();\n    open('e').run();\n  }\n}\n",
    }
    assert await proofs(index_of, files, "Conn.run", "work.ts") == {
        **dict.fromkeys((6, 7, 8, 9, 10), TYPED),
        **dict.fromkeys((11, 12), GUESS),
    }


async def test_what_is_made_counts_before_what_only_may_be_given(index_of) -> None:
    files = {
        "go.mod": "module shop\n",
        "a.go": "package shop\n\ntype Tap struct{}\n\nfunc (t *Tap) Next() *Tap { return t }\n\n"
        "func (t *Tap) Go() {}\n\nfunc run(ok bool) {\n\tx := &Tap{}\n\tif ok {\n\t\tx = elsewhere()\n\t}\n\tx.Go()\n}\n",
    }
    assert await proofs(index_of, files, "Go", "a.go") == {14: TYPED}


async def test_variables_given_one_by_the_other_without_end_are_read(index_of) -> None:
    steps = "".join(f"\tx{i} := x{i + 1}.Next()\n" for i in range(3000))
    files = {
        "go.mod": "module shop\n",
        "a.go": "package shop\n\ntype Tap struct{}\n\nfunc (t *Tap) Next() *Tap { return t }\n\n"
        f"func run(x3000 *Tap) {{\n{steps}\tx2999.Go()\n\tx0.Go()\n}}\n\n"
        "func (t *Tap) Go() {}\n",
    }
    assert await proofs(index_of, files, "Tap.Go", "a.go") == {3008: TYPED, 3009: GUESS}


async def test_locals_of_java_have_the_type_of_what_gives_them(index_of) -> None:
    files = {
        "src/main/java/shop/Till.java": "package shop;\npublic class Till implements AutoCloseable {\n"
        "  public void ring() {}\n  public void close() {}\n}\n",
        "src/main/java/shop/Shop.java": "package shop;\nimport java.util.List;\npublic class Shop {\n"
        "  public Till till() { return new Till(); }\n  public List<Till> all() { return List.of(); }\n}\n",
        "src/main/java/shop/Run.java": "package shop;\nclass Run {\n  void run(Shop shop, Object other) {\n"
        "    var first = shop.till();\n    first.ring();\n"
        "    try (Till second = shop.till()) {\n      second.ring();\n    }\n"
        "    try (var third = shop.till()) {\n      third.ring();\n    } catch (Broken problem) {\n      problem.tell();\n    }\n"
        "    for (Till fourth : shop.all()) {\n      fourth.ring();\n    }\n"
        "    for (var fifth : shop.all()) {\n      fifth.ring();\n    }\n"
        "    var sixth = other.till();\n    sixth.ring();\n  }\n}\n"
        "class Broken extends Exception { void tell() {} }\nclass Other { void tell() {} void ring() {} }\n",
    }
    assert await proofs(index_of, files, "Till.ring", "src/main/java/shop/Run.java") == {
        **dict.fromkeys((5, 7, 10, 15), TYPED),
        **dict.fromkeys(
            (18, 21), GUESS
        ),  # what a list holds is not followed, and nobody says what gives the last
    }
    assert await proofs(index_of, files, "Broken.tell", "src/main/java/shop/Run.java") == {12: TYPED}


async def test_locals_of_python_have_the_type_of_what_gives_them(index_of) -> None:
    files = {
        "app/pool.py": "class Conn:\n    def run(self):\n        pass\n\n    def __enter__(self) -> 'Conn':\n        return self\n\n\n"
        "class Pool:\n    def get(self) -> Conn:\n        return Conn()\n\n    async def later(self) -> Conn:\n        return Conn()\n",
        "app/work.py": "from app.pool import Conn, Pool\n\n\ndef take() -> Conn:\n    return Conn()\n\n\n"
        "async def work(pool: Pool, other):\n    a = take()\n    a.run()\n    b = pool.get()\n    b.run()\n"
        "    c = await pool.later()\n    c.run()\n    with Conn() as d:\n        d.run()\n"
        "    e = other.get()\n    e.run()\n    f = Conn().missing()\n    f.run()\n",
    }
    assert await proofs(index_of, files, "Conn.run", "app/work.py") == {
        **dict.fromkeys((10, 12, 14, 16), TYPED),
        **dict.fromkeys((18, 20), GUESS),
    }


async def test_locals_of_typescript_have_the_type_of_what_gives_them(index_of) -> None:
    files = {
        "pool.ts": "export class Conn {\n  run(): void {}\n}\nexport class Pool {\n  first: Conn;\n"
        "  get(): Conn { return this.first; }\n  async later(): Promise<Conn> { return this.first; }\n}\n",
        "work.ts": "import { Pool } from './pool';\nexport async function work(pool: Pool, other: any) {\n"
        "  const a = pool.get();\n  a.run();\n  const b = pool.first;\n  b.run();\n  const c = await pool.later();\n  c.run();\n"
        "  const d = pool.get()!;\n  d.run();\n  const e = other.get();\n  e.run();\n}\n",
    }
    assert await proofs(index_of, files, "Conn.run", "work.ts") == {
        **dict.fromkeys((4, 6, 8, 10), TYPED),
        12: GUESS,
    }


async def test_a_cast_says_what_it_stands_around_and_no_call_that_it_is_given_to(index_of) -> None:
    files = {
        "pool.ts": "export class Pool {\n  run(): void {}\n}\nexport class Other {\n  run(): void {}\n}\n"
        "export function wrap(x: any): Other { return null!; }\n",
        "w.ts": "import { Pool, wrap } from './pool';\nexport function f(x: any) {\n  wrap(x as Pool).run();\n"
        "  const c = wrap(x as Pool);\n  c.run();\n  (x || x as Pool).run();\n  (wrap(x) as Pool).run();\n}\n",
        "w.py": "from pool import Pool\n\n\ndef f(b):\n    ((Pool) or b).run()\n",
        "pool.py": "class Pool:\n    def run(self):\n        pass\n",
    }
    typescript = await proofs(index_of, files, "Pool.run", "w.ts")
    assert typescript == {**dict.fromkeys((3, 5, 6), GUESS), 7: TYPED}
    assert await proofs(index_of, files, "pool.py:Pool.run", "w.py") in ({}, {5: GUESS})


async def test_what_begins_a_text_is_no_variable(index_of) -> None:
    files = {
        "app/pool.py": "class Pool:\n    def get(self) -> 'Pool':\n        return self\n\n    def format(self):\n        pass\n",
        "app/work.py": "from app.pool import Pool\n\n\ndef work(f: Pool, r: Pool, x):\n    f'{x}'.format(1)\n"
        "    r'a'.get().format(1)\n    f.format(1)\n",
        "tag.ts": "export class Tag {\n  run(): void {}\n}\n",
        "work.ts": "import { Tag } from './tag';\nexport function f(sql: Tag) {\n  sql`select`.run();\n  sql.run();\n}\n",
    }
    found = await proofs(index_of, files, "Pool.format", "app/work.py")
    assert found == {5: GUESS, 6: GUESS, 7: TYPED}
    assert await proofs(index_of, files, "Tag.run", "work.ts") == {3: GUESS, 4: TYPED}


async def test_a_variable_of_go_or_java_that_another_of_its_name_hides_is_a_guess(index_of) -> None:
    go = "package shop\n\ntype Tap struct{}\n\nfunc (t *Tap) Go() {}\n\nfunc tap() *Tap { return nil }\n\n"
    files = {
        "go.mod": "module shop\n",
        "a.go": f"{go}func run(x *Tap) {{\n\tfor {{\n\t\tx := other()\n\t\tx.Go()\n\t}}\n}}\n\n"
        "func both(ok bool) {\n\tif ok {\n\t\tx := &Tap{}\n\t\tx.Go()\n\t} else {\n\t\tx := other()\n\t\tx.Go()\n\t}\n}\n\n"
        "func one() {\n\tx := tap()\n\tx.Go()\n}\n",
        "src/main/java/a/Pool.java": "package a;\npublic class Pool {\n  public void run() {}\n}\n",
        "src/main/java/a/R.java": "package a;\nclass R {\n  void f(java.util.List<Pool> ps) {\n    for (Pool x : ps) {\n"
        "      x.run();\n    }\n    { var x = oth(); x.run(); }\n  }\n"
        "  void g(java.util.List<Pool> ps) {\n    for (Pool x : ps) {\n      x.run();\n    }\n    for (var x : all()) {}\n  }\n"
        "  void h(java.util.List<Pool> ps) {\n    for (Pool x : ps) {\n      x.run();\n    }\n  }\n}\n",
    }
    assert await proofs(index_of, files, "Tap.Go", "a.go") == {
        12: GUESS,
        19: GUESS,
        22: GUESS,
        28: TYPED,
    }
    assert await proofs(index_of, files, "Pool.run", "src/main/java/a/R.java") == {
        **dict.fromkeys((5, 7, 11), GUESS),
        17: TYPED,
    }


async def test_folders_of_kotlin_need_not_be_its_packages(index_of) -> None:
    files = {
        "app/src/Things.kt": "package com.x.a\n\nclass Pool {\n    fun run() {}\n}\n",
        "app/src/R.kt": "package com.x.c\n\nimport com.x.a.Pool\n\nclass R {\n    fun f(p: Pool) {\n        p.run()\n    }\n}\n",
    }
    assert await proofs(index_of, files, "run", "app/src/R.kt") == {7: TYPED}


async def test_fields_of_python_have_the_type_of_what_makes_or_gives_them(index_of) -> None:
    made = f"Pool(a.b().c, {', '.join(f'a.b({i})' for i in range(40))})"
    files = {
        "app/pool.py": "class Pool:\n    def run(self):\n        pass\n\n    def next(self) -> 'Pool':\n        return self\n\n\n"
        "def make() -> Pool:\n    return Pool()\n",
        "app/base.py": "from app.pool import Pool, make\n\n\nclass Base:\n    def __init__(self, a):\n"
        f"        self.one = Pool(a.b().c, ')')\n        self.two = {made}\n        self.three = make()\n"
        "        self.four = Pool(1).next()\n        self.five = self.five.next()\n        self.six = Pool(1).other()\n",
        "app/work.py": "from app.base import Base\n\n\nclass Work(Base):\n    def go(self):\n        self.one.run()\n"
        "        self.two.run()\n        self.three.run()\n        self.four.run()\n        self.five.run()\n        self.six.run()\n",
    }
    assert await proofs(index_of, files, "Pool.run", "app/work.py") == {
        **dict.fromkeys((6, 7, 8, 9), TYPED),
        **dict.fromkeys((10, 11), GUESS),  # given by itself, and by who knows what
    }


async def test_what_is_entered_has_the_type_that_entering_states(index_of) -> None:
    files = {
        "app/pool.py": "from contextlib import contextmanager\nfrom typing import Iterator, Self\n\n\n"
        "class Conn:\n    def run(self):\n        pass\n\n    def __enter__(self) -> Self:\n        return self\n\n"
        "    async def __aenter__(self) -> 'Other':\n        pass\n\n\nclass Other:\n    def run(self):\n        pass\n\n"
        "    def __enter__(self):\n        return Conn()\n\n\nclass Lease:\n    def __enter__(self) -> Conn:\n        return Conn()\n\n"
        "    def run(self):\n        pass\n\n\n"
        "@contextmanager\ndef lease() -> Iterator[Conn]:\n    yield Conn()\n",
        "app/work.py": "from app.pool import Conn, Lease, Other, lease\n\n\nasync def work():\n"
        "    with lease() as a:\n        a.run()\n    b = lease()\n    b.run()\n    with Conn() as c:\n        c.run()\n"
        "    async with Conn() as d:\n        d.run()\n    with Lease() as e:\n        e.run()\n    with Other() as f:\n        f.run()\n",
    }
    found = await proofs(index_of, files, "Conn.run", "app/work.py")
    assert found == {**dict.fromkeys((6, 10, 14), TYPED), **dict.fromkeys((8, 12, 16), GUESS)}
    for other, typed in (("Lease.run", set()), ("Other.run", {12})):
        found = await proofs(index_of, files, other, "app/work.py")
        assert {line for line, proof in found.items() if proof == TYPED} == typed


async def test_a_method_of_an_enum_is_none_of_its_values(index_of) -> None:
    files = {
        "src/main/java/s/Size.java": "package s;\npublic enum Size {\n  BIG;\n  public Other OF() { return null; }\n"
        "  public void ring() {}\n}\n",
        "src/main/java/s/Other.java": "package s;\npublic class Other {\n  public void ring() {}\n}\n",
        "src/main/java/s/R.java": "package s;\nclass R {\n  void f(Size z) {\n    z.OF().ring();\n  }\n}\n",
    }
    assert await proofs(index_of, files, "Size.ring", "src/main/java/s/R.java") == {4: GUESS}
    assert await proofs(index_of, files, "Other.ring", "src/main/java/s/R.java") == {4: TYPED}


async def test_a_name_that_python_binds_again_is_a_guess(index_of) -> None:
    files = {
        "app/pool.py": "class Pool:\n    def run(self):\n        pass\n\n\ndef make() -> Pool:\n    return Pool()\n",
        "app/work.py": "from app.pool import Pool, make\n\npool = make()\n\n\n"
        "def given(pool):\n    pool.run()\n\n\ndef looped(xs):\n    for pool in xs:\n        pool.run()\n\n\n"
        "def assigned(xs):\n    pool = xs[0]\n    pool.run()\n\n\ndef again(xs):\n    p = make()\n    p, q = xs\n    p.run()\n\n\n"
        "def without_a_name(xs):\n    p = make()\n    xs.map(lambda p: p.run())\n\n\n"
        "def made(other):\n    p = Pool()\n    p = other()\n    p.run()\n\n\n"
        "def sure(p: Pool, other):\n    pool.run()\n    p = other[0]\n    p.run()\n    q = make()\n    other(q, q=q)\n    q.run()\n",
    }
    assert await proofs(index_of, files, "Pool.run", "app/work.py") == {
        **dict.fromkeys((7, 12, 17, 23, 28, 34), GUESS),
        **dict.fromkeys((38, 40, 43), TYPED),
    }


async def test_a_name_that_typescript_binds_again_is_a_guess(index_of) -> None:
    head = "import { Pool, pool } from './pool';\n"
    bodies = (
        "const y = pool(); ys.map(y => y.run());",
        "const y = pool(); ys.map((i: number, y) => { y.run(); });",
        "const y = pool(); for (const y of ys) { y.run(); }",
        "const y = pool(); { const y = ys[0]; y.run(); }",
        "const y = pool(); { const { y } = ys; y.run(); }",
        "const y = pool(); if (y) { y.run(); } use(y, 1);",
        "let y: Pool = ys[0]; y = ys[1]; y.run();",
    )
    files = {
        "pool.ts": "export class Pool {\n  run(): void {}\n}\nexport function pool(): Pool { return null!; }\n",
        "work.ts": head
        + "".join(f"export function f{i}(ys: any) {{ {body} }}\n" for i, body in enumerate(bodies))
        + "const y = pool();\nexport function g(y) { y.run(); }\nexport function h() { y.run(); }\n",
    }
    assert await proofs(index_of, files, "Pool.run", "work.ts") == {
        **dict.fromkeys((2, 3, 4, 5, 6, 10), GUESS),
        **dict.fromkeys((7, 8, 11), TYPED),
    }
