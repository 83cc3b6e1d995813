"""Of what type is what a promise, an option, a list or a tuple holds? Of what is asked for, and of it alone."""

from __future__ import annotations

import pytest
from tests.search.callers import proofs

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.callers_proof")]

GUESS = "guess: name only"
TYPED = "receiver-typed"


async def test_a_promise_is_none_of_what_it_promises_until_it_is_awaited(index_of) -> None:
    files = {
        "db.ts": "export class Conn {\n  then(): void {}\n}\n"
        "export class Pool {\n  async later(): Promise<Conn> { return new Conn(); }\n"
        "  now(): Conn { return new Conn(); }\n}\n",
        "work.ts": 'import { Conn, Pool } from "./db";\n'
        "async function work(pool: Pool, given: Promise<Conn>) {\n  pool.later().then();\n"
        "  (await pool.later()).then();\n  const a = pool.later();\n  a.then();\n  const b = await pool.later();\n"
        "  b.then();\n  given.then();\n  (await given).then();\n  const c = await pool.now();\n  c.then();\n}\n",
    }
    assert await proofs(index_of, files, "Conn.then", "work.ts") == {
        **dict.fromkeys((4, 8, 10, 12), TYPED),
        **dict.fromkeys((3, 6, 9), GUESS),
    }


async def test_what_a_task_of_csharp_gives_is_had_by_who_awaits_it(index_of) -> None:
    files = {
        "Db.cs": "namespace Shop;\nclass Conn { public void Run() {} }\n"
        "class Pool {\n  public async Task<Conn> Later<T>() => new Conn();\n  public async Task<Conn> LaterAsync() => null;\n"
        "  public Conn? Now() => null;\n}\n",
        "Work.cs": "namespace Shop;\nclass Work {\n  async void Go(Pool pool, object o) {\n    var a = pool.Now();\n"
        "    a.Run();\n    var b = await pool.LaterAsync();\n    b.Run();\n    var c = pool.LaterAsync();\n    c.Run();\n"
        "    ((Conn)o).Run();\n    (o as Conn).Run();\n    if (o is Conn d) d.Run();\n    pool.Now().Run();\n  }\n}\n",
    }
    assert await proofs(index_of, files, "Conn.Run", "Work.cs") == {
        **dict.fromkeys((5, 7, 10, 11, 12, 13), TYPED),
        9: GUESS,
    }


async def test_java_options_are_none_of_what_they_may_hold(index_of) -> None:
    files = {
        "s/Pool.java": "package s;\nclass Pool {\n  Optional<Pool> find() { return null; }\n"
        "  Pool get() { return this; }\n}\n",
        "s/Run.java": "package s;\nclass Run {\n  void run(Pool pool) {\n    pool.find().get();\n"
        "    pool.find()\n      .get()\n      .get();\n    pool.find().orElseThrow().get();\n  }\n}\n",
    }
    found = await proofs(index_of, files, "Pool.get", "s/Run.java")
    assert found == {4: GUESS, 6: GUESS, 7: TYPED, 8: TYPED}


async def test_rust_results_and_options_are_opened_before_they_are_called(index_of) -> None:
    files = {
        "src/pool.rs": "pub struct Conn;\nimpl Conn { pub fn run(&self) {} }\npub struct Pool(Conn, u8);\nimpl Pool {\n"
        "    pub fn get(&self) -> Result<Conn, Error> { todo() }\n    pub async fn later(&self) -> Option<Conn> { None }\n"
        "    fn own(&self) { self.0.run(); self.1.run(); }\n}\n",
        "src/work.rs": "use crate::pool::{Conn, Pool};\nfn work(pool: &Pool) -> Result<(), Error> {\n"
        "    pool.get()?.run();\n    pool.get().run();\n    let a = pool.get()?;\n    a.run();\n"
        "    let b = pool.get().unwrap();\n    b.run();\n    if let Some(c) = pool.get() { c.run(); }\n"
        "    let Ok(d) = pool.get() else { return Ok(()) };\n    d.run();\n"
        "    let e = pool.get().map_err(wrap)?;\n    e.run();\n    let f = pool.get();\n    f.run();\n"
        "    Ok(())\n}\nasync fn more(pool: &Pool) {\n    pool.later().await?.run();\n}\n",
    }
    assert await proofs(index_of, files, "Conn.run", "src/work.rs") == {
        **dict.fromkeys((3, 6, 8, 9, 11, 13, 19), TYPED),
        **dict.fromkeys((4, 15), GUESS),
    }


async def test_go_lists_and_maps_give_what_they_hold(index_of) -> None:
    files = {
        "a.go": "package a\n\ntype Tap struct{}\n\nfunc (t *Tap) Go() {}\n\n"
        "type Bar struct {\n\ttaps []*Tap\n\tnamed map[string]*Tap\n}\n\nfunc (b *Bar) All() []*Tap { return b.taps }\n",
        "b.go": "package a\n\nfunc run(b *Bar, other [][]Tap) {\n\tfor _, t := range b.taps {\n\t\tt.Go()\n\t}\n"
        '\tb.taps[b.ids[0]].Go()\n\tb.taps.Go()\n\tx := b.named["x"]\n\tx.Go()\n\tb.All()[1].Go()\n\tys := []Tap{{}}\n'
        "\tys[0].Go()\n\tzs := make(map[string]*Tap, 2)\n\tfor _, z := range zs {\n\t\tz.Go()\n\t}\n\tother[0].Go()\n"
        "\tb.taps[0:1].Go()\n}\n",
    }
    assert await proofs(index_of, files, "Tap.Go", "b.go") == {
        **dict.fromkeys((5, 7, 10, 11, 13, 16), TYPED),
        **dict.fromkeys((8, 18, 19), GUESS),
    }


async def test_php_comments_say_what_is_given_where_the_code_does_not(index_of) -> None:
    files = {
        "Pool.php": "<?php\nclass Conn { function run() {} }\nclass Pool {\n  /** @var Conn|null */\n  private $kept;\n"
        "  private $made;\n  /** @param int $x\n   * @return $this the same */\n  function with($x) { return $this; }\n"
        "  /** @return Conn */\n  function get() {\n    $this->made = $this->get();\n    $this->made->run();\n"
        "    $this->kept->run();\n    $this->with(1)->with(2)->get()->run();\n  }\n"
        "  /** @return Conn */\n  function other(): Pool {\n    $this->other()->run();\n  }\n"
        "  /** @param Conn $conn */\n  function take($conn, $rest) {\n    $conn->run();\n    $rest->run();\n  }\n"
        "  /** @return Conn[] */\n  function all() {\n    /** @var Conn $one */\n    $one = shift();\n    $one->run();\n"
        "    $this->all()->run();\n  }\n  function loop() {\n"
        "    foreach (all() as $one) { $one->run(); }\n    foreach (all() as $kept) { $kept->run(); }\n  }\n}\n",
    }
    assert await proofs(index_of, files, "Conn.run", "Pool.php") == {
        **dict.fromkeys((13, 14, 15, 23, 30), TYPED),
        **dict.fromkeys((19, 24, 31, 34, 35), GUESS),
    }


async def test_what_rust_binds_anew_is_not_what_was_bound_before(index_of) -> None:
    files = {
        "src/pool.rs": "pub struct Conn;\nimpl Conn { pub fn run(&self) {} }\npub struct Pool;\nimpl Pool {\n"
        "    pub fn get(&self) -> Option<Conn> { None }\n}\n",
        "src/work.rs": "use crate::pool::{Conn, Pool};\nfn work(pool: &Pool, a: &mut Conn, b: Conn, c: Conn, d: Conn) {\n"
        "    let a = &mut *a;\n    a.run();\n    xs.map(|(i, b)| b.run());\n    match x { Some(c) => c.run(), None => {} }\n"
        "    for d in xs { d.run(); }\n    let e = pool.get().unwrap();\n    if e.is_open() || e == f || ok { e.run(); }\n"
        "    let g = pool.get().unwrap();\n    g.run();\n    let g = 3;\n}\n",
    }
    assert await proofs(index_of, files, "Conn.run", "src/work.rs") == {
        **dict.fromkeys((4, 9), TYPED),
        **dict.fromkeys((5, 6, 7, 11), GUESS),
    }


async def test_a_go_variable_is_of_the_field_that_it_is_given(index_of) -> None:
    files = {
        "a.go": "package a\n\ntype Tx struct{}\n\nfunc (t *Tx) Go() {}\n\ntype Other struct{}\n\n"
        "type Bucket struct {\n\ttx *Tx\n\tother *Other\n}\n\nfunc (b *Bucket) Tx() *Tx { return b.tx }\n",
        "b.go": "package a\n\nfunc run(b *Bucket) {\n\ttx := b.tx\n\ttx.Go()\n}\n\nfunc far(b *Bucket) {\n\ttx := b.other\n"
        "\ttx.Go()\n\tif tx := b.Tx(); tx != nil {\n\t\tx := 1\n\t}\n}\n",
    }
    assert await proofs(index_of, files, "Tx.Go", "b.go") == {5: TYPED, 10: GUESS}


async def test_what_perl_calls_self_in_a_function_is_of_what_was_made(index_of) -> None:
    files = {
        "Base.pm": "package Base;\nsub new { bless {}, shift }\nsub ring { 1 }\n",
        "Kid.pm": "package Kid;\nsub ring { 2 }\nsub check {\n  my $self = Base->new;\n  $self->ring(1);\n}\n"
        "sub own {\n  my $self = shift;\n  $self->ring(1);\n}\n",
    }
    assert await proofs(index_of, files, "Base.ring", "Kid.pm") == {5: TYPED, 9: GUESS}


_POINTERS = (
    "struct Conn {\n  void reset();\n  Conn* get();\n  Conn* next;\n};\nusing Handle = std::shared_ptr<Conn>;\n"
    "struct Pool {\n  std::unique_ptr<Conn> own;\n  Conn *plain, value;\n  std::shared_ptr<Conn> make();\n"
    "  std::vector<std::unique_ptr<Conn>> all;\n};\n"
)


@pytest.mark.parametrize(
    ("of_the_pointer", "of_what_it_points_to"),
    [
        ("std::unique_ptr<Conn> p; p.reset();", "std::unique_ptr<Conn> p; p->reset();"),
        ("boost::shared_ptr<Conn> p; p.reset();", "boost::shared_ptr<Conn> p; p->reset();"),
        ("std::optional<Conn> p; p.reset();", "std::optional<Conn> p; p->reset();"),
        ("Handle p; p.reset();", "Handle p; p->reset();"),
        (
            "auto p = std::make_unique<Conn>(); p.reset();",
            "auto p = std::make_unique<Conn>(); p->reset();",
        ),
        ("Pool pool; pool.own.reset();", "Pool pool; pool.own->reset();"),
        ("Pool* pool; pool->own.reset();", "Pool* pool; pool->own->reset();"),
        ("Pool pool; pool.make().reset();", "Pool pool; pool.make()->reset();"),
        ("Pool pool; pool.all[0].reset();", "Pool pool; pool.all[0]->reset();"),
        (
            "Pool* pool; auto p = pool->make(); p.reset();",
            "Pool* pool; auto p = pool->make(); p->reset();",
        ),
        ("Pool* pool; pool->plain.size();", "Pool* pool; pool->plain->reset();"),
        ("Handle p; p->size();", "Handle p; p->get()->reset();"),
        ("Handle p; p.next->reset();", "Handle p; p->next->reset();"),
        ("std::vector<Conn>* p; p->reset();", "std::vector<Conn>* p; p->at(0).reset();"),
        ("std::unique_ptr<Conn>* p; p->reset();", "std::vector<Conn*>* p; p->front()->reset();"),
        ("Handle p; p.size();", "Handle p; auto q = p.get(); q->reset();"),
    ],
)
async def test_a_smart_pointer_is_none_of_what_it_points_to_without_an_arrow(
    index_of, of_the_pointer: str, of_what_it_points_to: str
) -> None:
    files = {
        "conn.h": _POINTERS,
        "work.cc": '#include "conn.h"\n'
        f"void one() {{\n{of_the_pointer}\n}}\nvoid two() {{\n{of_what_it_points_to}\n}}\n",
    }
    found = await proofs(index_of, files, "Conn.reset", "work.cc")
    assert (found.get(3, GUESS), found[6]) == (GUESS, TYPED)


async def test_what_is_behind_a_lock_of_rust_is_had_by_who_takes_it(index_of) -> None:
    files = {
        "src/conn.rs": "pub struct Conn;\nimpl Conn { pub fn lock(&self) {} }\n"
        "pub struct Pool { pub conn: Arc<Mutex<Conn>>, pub cell: RefCell<Conn> }\n",
        "src/work.rs": "use crate::conn::{Conn, Pool};\nfn work(m: &Mutex<Conn>, pool: &Pool) {\n    m.lock();\n"
        "    m.write().unwrap().lock();\n    let a = pool.conn.lock().unwrap();\n    a.lock();\n    pool.conn.lock();\n"
        "    pool.cell.borrow().lock();\n    let mut b = pool.cell.borrow_mut();\n    b.lock();\n}\n",
    }
    assert await proofs(index_of, files, "Conn.lock", "src/work.rs") == {
        **dict.fromkeys((4, 6, 8, 10), TYPED),
        **dict.fromkeys((3, 5, 7), GUESS),
    }


async def test_what_cpp_names_in_no_namespace_is_no_method_around_it(index_of) -> None:
    files = {
        "a.h": "void Shut(int);\nstruct Disk { void Shut(); };\n",
        "a.cc": '#include "a.h"\nvoid Disk::Shut() {\n  ::Shut(1);\n  Shut();\n}\n',
    }
    assert await proofs(index_of, files, "Disk.Shut", "a.cc") == {3: GUESS, 4: "same file"}


async def test_a_name_alone_means_what_is_nearest(index_of) -> None:
    files = {
        "src/table.rs": "pub fn encode() {}\n",
        "src/work.rs": "use crate::table::encode;\nfn work() { encode(); }\nmod test {\n    use super::*;\n"
        "    fn encode() {}\n    fn check() { encode(); }\n}\n",
    }
    assert await proofs(index_of, files, "table.encode", "src/work.rs") == {
        2: "import-resolved",
        6: GUESS,
    }
    assert await proofs(index_of, files, "test.encode", "src/work.rs") == {2: GUESS, 6: "same file"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "def run(): pass\ndef one(a, run: Job = None):\n    run()\ndef two(a):\n    run()\n"),
        (
            "a.js",
            "function run() {}\nconst one = ({ run }) => {\n  run();\n};\nconst two = (a) => g(run) +\n  run();\n",
        ),
        (
            "a.ts",
            "function run() {}\nfunction one(run?: () => void) {\n  [1].map(() => run());\n}\nfunction two() {\n  run(); }\n",
        ),
        (
            "a.go",
            "package a\nfunc run() {}\nfunc (t *T) one(a int, run func()) { run() }\nfunc two(a int) {\n\trun()\n}\n",
        ),
        (
            "a.rs",
            "fn run() {}\nfn one(mut run: impl Fn()) {\n    run();\n}\nfn two(a: u8) {\n    run();\n}\n",
        ),
        (
            "a.lua",
            "function run() end\nfunction one(run)\n  run()\nend\nfunction two(a)\n  run()\nend\n",
        ),
    ],
)
async def test_a_parameter_hides_the_function_of_its_name(index_of, path: str, text: str) -> None:
    last = [number for number, line in enumerate(text.splitlines(), 1) if "run()" in line][-1]
    assert await proofs(index_of, {path: text}, "run", path) == {3: GUESS, last: "same file"}


async def test_a_class_in_a_class_is_none_of_its_name_in_another(index_of) -> None:
    files = {
        "s/Conn.java": "package s;\nclass Conn { static class Reply { void send() {} } }\n",
        "s/Http.java": "package s;\nclass Http { static class Reply { void send() {} } }\n",
        "s/Run.java": "package s;\nclass Run {\n  void a(Conn.Reply r) { r.send(); }\n  void b(Http.Reply r) { r.send(); }\n}\n",
    }
    assert await proofs(index_of, files, "Conn.send", "s/Run.java") == {3: TYPED, 4: GUESS}


async def test_a_method_of_an_object_or_table_is_not_called_by_its_name_alone(index_of) -> None:
    files = {
        "timers.js": "module.exports = {\n  setTimer (a) {\n    setTimer(a, 1)\n    module.exports.setTimer(a)\n  },\n"
        "  clear: function (a) {\n    clear(a)\n  }\n}\n",
        "list.lua": "local split = utils.split\nfunction List.split(s)\n  return split(s)\nend\n"
        "function List.all(s)\n  local function each(t)\n    return each(t)\n  end\n  return List.split(each(s))\nend\n",
    }
    assert (await proofs(index_of, files, "setTimer", "timers.js"))[3] == GUESS
    assert await proofs(index_of, files, "clear", "timers.js") == {7: GUESS}
    assert await proofs(index_of, files, "List.split", "list.lua") == {3: GUESS, 9: "same file"}
    assert await proofs(index_of, files, "each", "list.lua") == {7: "same file", 9: "same file"}
