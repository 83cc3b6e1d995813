"""The parts of a search that think: classification, traces, literals, filters, packing, cursors."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_mcp.llm.counting import tokens
from sophia_mcp.search.candidates.evidence import alike
from sophia_mcp.search.candidates.lexicon import Lexicon
from sophia_mcp.search.engine import Candidate
from sophia_mcp.search.places.modules import written_parts
from sophia_mcp.search.places.settle import Version, settle
from sophia_mcp.search.question.query import Place, classify, said_place
from sophia_mcp.search.question.trace import Frame, frames, linked, match_path
from sophia_mcp.search.ranking.absent import likeness as likeness_to
from sophia_mcp.search.reply.pack import Material, pack
from sophia_mcp.search.reply.render import render
from sophia_mcp.search.text.literals import required
from sophia_mcp.search.text.similar import likeness, shingles
from sophia_mcp.search.view.atlas import ROLE_BITS, ROLES, compiled, path_roles, path_words
from sophia_mcp.search.view.content import Lines, Text
from sophia_mcp.search.view.filters import pattern
from sophia_mcp.search.view.near import near_names
from sophia_mcp.search.view.spans import Piece, comment_lines, cut, units
from sophia_mcp.types import Coverage, Kind, Request, Symbol


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("how does dependency injection work", "words"),
        ("error handling", "words"),
        ("what is an E2E test", "words"),
        ("user_id", "identifier"),
        ("std::vector::push_back", "identifier"),
        ("Array#map", "identifier"),
        ("add()", "identifier"),
        ("src/app/router.py", "path"),
        ("router.py:10-80", "lines"),
        ("src/app.ts:7", "lines"),
        ("*.py", "path"),
        ("src/**/x.ts", "path"),
        (r"foo\s+bar.*baz", "regex"),
        (r"def \w+\(self", "regex"),
        ("get_user[0-9]+", "regex"),
        ("KeyError: 'x' not found in map", "error"),
        ("TypeError: cannot read properties of undefined (reading 'x')", "error"),
        ("where is ValueError: bad raised", "words"),
        ("[main] src/app.go:12 cannot listen", "trace"),
        ("why does src/app.go:12 wait", "words"),
    ],
)
def test_a_question_is_classified(text: str, kind: str) -> None:
    assert classify(text).kind == kind


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a/b c.py, lines 5 to 3", Place("a/b c.py", 5, 5)),
        ("`a/b.py`:5-7", Place("a/b.py", 5, 7)),
        ("a.py 5", Place("a.py", 5, is_bare=True)),
        ("a.py, 5", Place("a.py", 5, is_bare=True)),
        ("a.py L5", Place("a.py", 5)),
        ("a.py lines 0-5", None),
        ("https://h/o/n/blob/v1/a%20b.py?plain=1#L5-L7", Place("a b.py", 5, 7, repository="h/o/n")),
        ("https://h/g/o/n/-/tree/v1/a/b", Place("a/b", repository="h/g/o/n")),
        ("file:///r/a.py#L5", Place("file:///r/a.py", 5)),
        ("a/" * 300 + "b.py lines 5-7", None),
    ],
)
def test_a_place_is_what_its_text_says(text: str, place: Place | None) -> None:
    assert said_place(text) == place


PYTHON = 'Traceback (most recent call last):\n  File "/a/app/main.py", line 12, in run\n    go()\nValueError: x\n'
PYTEST = "    def test_x():\n>       assert f() == 1\n\ntests/test_a.py:5: AssertionError\nFAILED tests/test_a.py::test_x - x"
NODE = "TypeError: x\n    at Router.handle (/srv/lib/router.js:45:12)\n    at async next (file:///srv/lib/layer.mjs:9:3)\n"
JAVA = 'Exception in thread "main" x.E: y\n\tat com.acme.Foo.bar(Foo.java:12)\n\tat com.acme.Foo$In.baz(Foo.java:44)\n'
GO = "panic: x\n\ngoroutine 1 [running]:\nmain.(*Server).Handle(0xc0, 0x1)\n\t/x/server.go:33 +0x1b\n"
RUST = "thread 'main' panicked at src/lib.rs:10:5:\nx\n   3: a::parser::Parser::parse\n             at ./src/parser.rs:88:9\n"
RUBY = "/app/lib/a.rb:10:in `each': x (E)\n\tfrom /app/lib/b.rb:3:in `block in run'\n"
DOTNET = "E: x\n   at Acme.Router.Match(String p) in /src/Web/Router.cs:line 55\n   at M() in C:\\s\\P.cs:line 9\n"
PHP = "#0 /app/src/Router.php(31): App\\Router->match()\n#1 {main}\n"
GDB = "#0  parse (s=0x7f, n=3) at src/parse.c:42\n#1  0x0000555 in main () at src/main.c:7\n"
LLDB = "  * frame #0: 0x0000000100000f2e demo`geo::parse(s=3) at parse.cpp:12:5\n"
SANITIZER = "    #1 0x4f5a in geo::parse(char const*, int) /src/parse.cpp:42:7\n"
LUA = "lua: a/b.lua:3: no\nstack traceback:\n\ta/b.lua:3: in function 'walk'\n"
JEST = "    > 12 |   go();\n         |   ^\n      at Desk.open (src/desk.js:12:3)\n"
SHORT = "a/b.py:3: in walk\n    step(one)\na/c.py:9: in step\n    raise E\n"
BEHIND = 'web_1  |   File "/a/b.py", line 3, in f\nweb_1  |     go()\n10:00 E  at a.C.g(C.java:4)\n[x] /a/d.go:5 bad\n'
JSON = '{"exc": "Traceback:\\\\n  File \\\\"/a/b.py\\\\", line 3, in f\\\\n    go()\\\\nE"}'.replace(
    "\\\\", "\\"
)
BROWSER = "    at f (C:\\w\\a.js:3:4)\n    at g (webpack-internal:///(rsc)/./b.tsx:5:6)\n    at http://h:80/c.js?t=1:7:8\n".replace(
    "\\\\", "\\"
)
VITEST = " ❯ go src/a.ts:3:5\n ❯ src/b.ts:4:1\n"
BRACKETS = "a\\b.ts(3,4): error TS1: x\nb.cc(5): error: y\n[ERROR] /x/C.java:[6,7] z\n[ERROR]   DTest.runs:8 w\n"
LISTED = "/a/b.js\n  204:9   error  Unexpected  no-var\n  210:1   warning  y  z\n\n/a/c.js\n  3:1   error  bad  no-bad\n"
COLOURED = '  File \x1b[35m"/a/b.py"\x1b[0m, line \x1b[35m3\x1b[0m, in \x1b[35mf\x1b[0m\n\x1b[1m\x1b[31mc/d.py\x1b[0m:4: E\n[1m[31me.py[0m:5: E\n'
FIELDS = 'level=error caller=raft/state.go:3 msg="x"\nsource=/x/b.go:4 err=y\n'
GOROUTINE = (
    "  a/b.(*T).Run()\n      /x/t.go:3 +0x4\ncreated by a/b.Start in goroutine 1\n\t/x/s.go:5 +0x1\n"
)
QUALIFIED = "   1: <a::P as core::Deref>::deref\n             at ./src/p.rs:3:1\n   2: a::b::{closure#0}\n             at src/b.rs:4:1\n"
VALGRIND = "==1==    at 0x4: ns::D::Recover (d.cc:3)\n==1==    by 0x5: main (m.c:4)\n"
ON_LINE = 'Died at lib/A.pm line 3.\nWarning: x in C:\\w\\b.php on line 4\n./c.sh: line 5: no\nfile "d.ml", line 6, characters 1-2\n'
LAMBDA = "\tat a.B.lambda$text$3(B.java:3)\n\tat a.C$.$anonfun$go$1(C.scala:4)\n"
SERVERS = "connect example.com:443 failed\nredis.internal:6379 is down, 10.0.0.1:80 too\n"
ENCODED = "    at go (file:///srv/my%20shop/gr%C3%B6%C3%9Fe.mjs:3:11)\n"
ELIXIR = "** (E) x\n    (app 0.1.0) lib/app/user.ex:14: App.User.load/2\n"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (PYTHON, [("/a/app/main.py", 12, "run")]),
        (PYTEST, [("tests/test_a.py", 5, ""), ("tests/test_a.py", 0, "test_x")]),
        (NODE, [("/srv/lib/router.js", 45, "handle"), ("/srv/lib/layer.mjs", 9, "next")]),
        (JAVA, [("Foo.java", 12, "bar"), ("Foo.java", 44, "baz")]),
        (GO, [("/x/server.go", 33, "Handle")]),
        (RUST, [("src/lib.rs", 10, ""), ("./src/parser.rs", 88, "parse")]),
        (RUBY, [("/app/lib/a.rb", 10, "each"), ("/app/lib/b.rb", 3, "run")]),
        (DOTNET, [("/src/Web/Router.cs", 55, "Match"), ("C:/s/P.cs", 9, "M")]),
        (ENCODED, [("/srv/my shop/größe.mjs", 3, "go")]),
        (PYTHON.replace("main", "a%20b"), [("/a/app/a%20b.py", 12, "run")]),
        (ENCODED.replace("%20", "%0a"), [("/srv/my%0ashop/gr%C3%B6%C3%9Fe.mjs", 3, "go")]),
        (PHP, [("/app/src/Router.php", 31, "")]),
        (GDB, [("src/parse.c", 42, "parse"), ("src/main.c", 7, "main")]),
        (LLDB, [("parse.cpp", 12, "parse")]),
        (SANITIZER, [("/src/parse.cpp", 42, "parse")]),
        (LUA, [("a/b.lua", 3, ""), ("a/b.lua", 3, "walk")]),
        (JEST, [("src/desk.js", 12, "open")]),
        (SHORT, [("a/b.py", 3, "walk"), ("a/c.py", 9, "step")]),
        (ELIXIR, [("lib/app/user.ex", 14, "load")]),
        (BEHIND, [("/a/b.py", 3, "f"), ("C.java", 4, "g"), ("/a/d.go", 5, "")]),
        (JSON, [("/a/b.py", 3, "f")]),
        (BROWSER, [("C:/w/a.js", 3, "f"), ("./b.tsx", 5, "g"), ("c.js", 7, "")]),
        (VITEST, [("src/a.ts", 3, "go"), ("src/b.ts", 4, "")]),
        (
            BRACKETS,
            [("a/b.ts", 3, ""), ("b.cc", 5, ""), ("/x/C.java", 6, ""), ("DTest.java", 8, "runs")],
        ),
        (LISTED, [("/a/b.js", 204, ""), ("/a/b.js", 210, ""), ("/a/c.js", 3, "")]),
        (GOROUTINE, [("/x/t.go", 3, "Run"), ("/x/s.go", 5, "Start")]),
        (QUALIFIED, [("./src/p.rs", 3, "deref"), ("src/b.rs", 4, "b")]),
        (VALGRIND, [("d.cc", 3, "Recover"), ("m.c", 4, "main")]),
        (ON_LINE, [("lib/A.pm", 3, ""), ("C:/w/b.php", 4, ""), ("./c.sh", 5, ""), ("d.ml", 6, "")]),
        (LAMBDA, [("B.java", 3, "text"), ("C.scala", 4, "go")]),
        (SERVERS, []),
        (COLOURED, [("/a/b.py", 3, "f"), ("c/d.py", 4, ""), ("e.py", 5, "")]),
        (FIELDS, [("raft/state.go", 3, ""), ("/x/b.go", 4, "")]),
    ],
)
@pytest.mark.requirement("search.trace")
def test_traces_of_each_language_are_read(text: str, places: list[tuple[str, int, str]]) -> None:
    assert [(frame.path, frame.line, frame.function) for frame in frames(text)] == places


def test_code_that_a_trace_shows_belongs_to_its_frame() -> None:
    assert [frame.code for frame in frames(SHORT)] == ["step(one)", "raise E"]
    assert [frame.code for frame in frames(BEHIND)] == ["go()", "", ""]
    assert [(frame.code, frame.column) for frame in frames(JEST)] == [("go();", 3)]
    line = frames(JEST)[0].line
    deeper = frames(f"{JEST}\n    at run (src/other.js:{line}:1)")
    assert [frame.code for frame in deeper] == ["go();", ""]


def test_php_names_what_is_called_where_others_name_what_a_line_lies_in() -> None:
    (frame,) = frames(PHP)
    assert (frame.function, frame.callee) == ("", "match")
    inner = frames("Uncaught E: x in /app/src/Map.php:9\n" + PHP)
    assert [(one.function, one.callee) for one in linked(inner)] == [("match", ""), ("", "match")]


def test_a_frame_matches_the_file_that_shares_the_longest_ending() -> None:
    paths = ["a/core/run.py", "b/core/run.py", "run.py"]
    assert match_path("/srv/b/core/run.py", paths) == ["b/core/run.py"]
    assert match_path("core/run.py", paths) == ["a/core/run.py", "b/core/run.py"]
    assert match_path("/x/walk.py", paths) == []


@pytest.mark.requirement("search.trace")
def test_a_frame_settles_on_its_code_inside_its_function_even_when_lines_moved() -> None:
    lines = ["x = 1", "", "def f():", "    y = 2", "    go()", "def g():", "    go()"]
    held = (Symbol("f", "function", 3, 5), Symbol("g", "function", 6, 7))
    (frame,) = frames('  File "a.py", line 2, in g\n    go()\n')
    assert settle(frame, Version(lines, held)) == 7
    (frame,) = frames('  File "a.py", line 900, in f\n    gone()\n')
    assert settle(frame, Version(lines, held)) == 3


@pytest.mark.requirement("search.trace")
def test_a_line_that_was_removed_at_the_end_is_followed_to_the_last_one() -> None:
    (frame,) = frames('  File "a.py", line 4, in f\n    last()\n')
    then, today = ["x = 1", "y = 2", "z = 3", "last()"], ["new = 0", "x = 1", "y = 2", "z = 3"]
    assert settle(frame, Version(today, ()), Version(then, ())) == 4


@pytest.mark.requirement("search.trace")
def test_a_line_is_followed_through_a_long_file_of_much_the_same_lines() -> None:
    rng = random.Random(1)
    lines = [rng.choice(["{", "}", "},", '"key": 1,', '"key": 2,']) for _ in range(30_000)]
    frame = Frame("a.json", 20_001, "", "", "")
    then = [*lines[:20_000], '"asked": 1,', *lines[20_000:]]
    today = [line for i, line in enumerate(lines) if i % 50]
    today.insert(today_of := sum(i % 50 > 0 for i in range(20_000)), '"asked": 2,')
    assert settle(frame, Version(today, ()), Version(then, ())) == today_of + 1


@pytest.mark.parametrize(
    ("regex", "plan"),
    [
        ("foo.*barn", [["foo", "barn"]]),
        ("foo|barn", [["foo"], ["barn"]]),
        ("(alpha|beta)+gamma", [["alpha", "gamma"], ["beta", "gamma"]]),
        ("colou?r scheme", [["colo", "r scheme"]]),
        (r"def \w+\(self", [["def ", "(self"]]),
        (r"\Qa.b(c)\E", [["a.b(c)"]]),
        ("ab.cd", None),
        ("a(bcd|)e", None),
        ("(abc)*", None),
        ("[abc]{3}", None),
    ],
)
def test_required_literals_of_a_pattern(regex: str, plan: object) -> None:
    assert required(regex) == plan


_PIECE = st.one_of(
    st.text("abcde", min_size=1, max_size=4),
    st.sampled_from(["a+", "b*", "c?", "[ab]", ".", "(abc|de)", "(?:ab)+", "d{2}", "(abcd)?", r"\w"]),
)


@given(st.lists(_PIECE, min_size=1, max_size=5), st.text("abcde", max_size=30))
@settings(max_examples=300)
def test_every_match_holds_the_literals_of_some_alternative(pieces: list[str], text: str) -> None:
    regex = "".join(pieces)
    plan = required(regex)
    if plan is not None and re.search(regex, text):
        assert any(all(literal in text for literal in both) for both in plan)


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("src", "src/a/b.py", True),
        ("src", "srcs/a.py", False),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/a/b.py", False),
        ("src/**/*.py", "src/a/b.py", True),
        ("src/**/*.py", "src/b.py", True),
        ("**/*.{js,ts}", "x/y.ts", True),
        ("a[0-9].c", "a7.c", True),
        ("a[!0-9].c", "a7.c", False),
        ("a.c", "abc", False),
        ("*a" * 12 + "*b", "a" * 60, False),
        ("**a" * 12 + "**b", "a" * 60, False),
        ("*ab*b?*c", "aabxbc/c", False),
        ("*ab*b?*c", "aabxbcc", True),
    ],
)
def test_globs_files_and_folders_match_paths(glob: str, path: str, matches: bool) -> None:
    assert bool(pattern(glob).fullmatch(path)) is matches


@given(st.lists(st.sampled_from("a b / ? * ** {a,ab}".split())), st.text("ab/", max_size=12))
def test_stars_of_a_glob_match_whatever_they_can(pieces: list[str], path: str) -> None:
    glob = "".join(pieces)
    every = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]", "{a,ab}": "(?:a|ab)"}
    tokens = re.findall(r"\*\*/|\*+|\{a,ab\}|.", glob)
    plain = "".join(every.get(token, ".*" if token[0] == "*" else token) for token in tokens)
    assert bool(pattern(glob).fullmatch(path)) is bool(re.fullmatch(plain + "(?:/.*)?", path))


def test_a_chunk_is_cut_into_methods_and_the_head_of_their_class() -> None:
    lines = ["class A:", '    """Doc."""', "    x = 1", "", "    # about b", "    def b(self):", "        pass", "", "    def c(self):", "        pass"]  # fmt: skip
    held: tuple[tuple[str, Kind, int, int, str, str], ...] = (
        ("A", "class", 1, 10, "", ""),
        ("b", "method", 6, 7, "A", ""),
        ("c", "method", 9, 10, "A", ""),
    )
    spans = cut(Piece(1, 10, "class"), lines, units(held))
    assert [(span.symbol, span.start, span.end) for span in spans] == [
        ("A", 1, 3),
        ("A.b", 5, 7),
        ("A.c", 9, 10),
    ]


def test_comment_lines_hold_docstrings_and_not_directives() -> None:
    lines = ["#include <x>", "// a", "x = 1", '"""Doc', "more", '"""', "y = 2"]
    assert comment_lines(lines) == [False, True, False, True, True, True, False]


def test_stems_are_alike_when_one_begins_with_the_other() -> None:
    assert alike("retri", "retri")
    assert alike("auth", "authent")
    assert not alike("a", "about")


@pytest.mark.parametrize("unit", ["$", "&", "`", ",", "@", "\n", "\\n", "> \n"])
def test_a_long_hostile_text_is_no_trace_in_linear_time(unit: str) -> None:
    assert frames("a" + unit * 20_000) == []


def test_places_with_a_comma_between_them_are_frames() -> None:
    assert [frame.path for frame in frames("see src/a.go:3,src/b.go:4; `lib/c.py`:5")] == [
        "src/a.go",
        "src/b.go",
    ]


def test_near_names_put_spelling_before_shared_words() -> None:
    known = ["parse_money", "parse_date", "money_of", "unrelated"]
    assert near_names("parse_mony", known)[0] == "parse_money"
    assert "unrelated" not in near_names("parse_mony", known)


def test_likeness_is_highest_for_copies() -> None:
    code = "def f(a):\n    for x in a:\n        total += x.price * x.count\n    return total"
    copy = code.replace("total", "amount")
    assert likeness(shingles(code), shingles(code)) == pytest.approx(1.0)
    assert likeness(shingles(code), shingles(copy)) > likeness(
        shingles(code), shingles("import os\nx = 3")
    )


@pytest.mark.parametrize(
    ("module", "importer", "parts"),
    [
        ("..a.b", "pkg/sub/m.py", ["pkg", "a", "b"]),
        ("./x/y.js", "src/m.js", ["src", "x", "y"]),
        ("../z", "src/m/n.ts", ["src", "z"]),
        ("crate::a::b", "src/m.rs", ["a", "b"]),
        ("net/http.h", "m.c", ["net", "http"]),
    ],
)
def test_written_modules_become_path_parts(module: str, importer: str, parts: list[str]) -> None:
    assert written_parts(module, importer) == parts


_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=60)


@given(
    st.lists(st.lists(_LINE, min_size=1, max_size=30), min_size=1, max_size=8),
    st.integers(200, 1500),
    st.integers(1, 20),
    st.sampled_from(["auto", "locations", "signatures", "snippets", "full"]),
    st.sampled_from(["text", "json"]),
    st.lists(st.text(max_size=200), max_size=3),
)
@settings(max_examples=120)
@pytest.mark.requirement("search.budget")
def test_the_budget_is_never_exceeded(files, budget, limit, detail, format, notes) -> None:
    texts = {i: _text(lines) for i, lines in enumerate(files)}
    candidates = [
        Candidate(
            i, 1 + k, len(text.lines), f"f{i}", "function", 1.0, "why", (1 + k, len(text.lines)), 1 + k
        )
        for i, text in texts.items()
        for k in range(min(2, len(text.lines)))
    ]
    request = Request("q", limit=limit, max_tokens=budget, detail=detail, format=format)
    answer = pack(_material(candidates, texts, notes), request, tokens.count)
    assert tokens.count(render(answer, request)) <= budget
    assert len(answer.hits) <= limit


def _text(lines: Sequence[str]) -> Text:
    raw = "\n".join(lines).encode()
    return Text(Lines(raw), len(raw))


def _material(
    candidates: Sequence[Candidate], texts: Mapping[int, Text], notes: Sequence[str] = ()
) -> Material:
    return Material(
        candidates,
        texts,
        {i: f"src/file_{i}.py" for i in texts},
        dict.fromkeys(texts, "python"),
        {},
        "repo",
        len(candidates),
        Coverage("ready", "0" * 40, len(texts), len(texts), 0, 0.1),
        tuple(notes),
        frozenset(),
        lambda shown: "c" * (16 + 7 * len(shown)),
    )


@pytest.mark.requirement("search.budget")
def test_who_asks_for_many_hits_sees_many_places_and_reads_the_best() -> None:
    lines = ("def charge(card, amount):", *("    total = card.take(amount) + total" for _ in range(10)))
    texts = {i: _text((*lines, f"    return total + {i}")) for i in range(50)}
    candidates = [Candidate(i, 1, 12, "charge", "function", 1.0, "name", (1, 12), 1) for i in texts]
    answer = pack(_material(candidates, texts), Request("q", limit=50, max_tokens=2500), tokens.count)
    assert len(answer.hits) >= 45
    assert all(hit.end_line - hit.start_line >= 3 for hit in answer.hits[:8])
    assert all(hit.text for hit in answer.hits)


_NAMES = st.sampled_from(
    "src tests Test FooTest vendor docs_src Examples util.py test_util.py util.spec.js x.d.ts conftest.py LICENSE"
    " news.TXT history.ts ChangeLog.1 install a.Json Makefile .env __init__.py x\udcff.md benches Suite.kt é.toml".split()
)


@given(st.lists(_NAMES, min_size=1, max_size=5).map("/".join))
def test_the_roles_of_a_path_are_those_that_each_pattern_tells(path) -> None:
    told = {name for name, bit in ROLE_BITS.items() if path_roles(path) & bit}
    assert told == {name for name, pattern in ROLES.items() if pattern.search(path)}


@pytest.mark.parametrize(
    ("path", "is_document"),
    [
        *(
            (path, True)
            for path in ("a/NEWS", "NEWS.old", "LICENSE-MIT", "ChangeLog.1", "Changes", "INSTALL")
        ),
        *((path, True) for path in ("debian/changelog", "docs/history.md", "COPYING.LESSER", "readme")),
        *(
            (path, False)
            for path in ("src/history.ts", "app/news.py", "newsletter.go", "bin/install", "todo")
        ),
    ],
)
def test_code_that_is_called_like_a_document_is_none(path: str, is_document: bool) -> None:
    assert bool(path_roles(path) & ROLE_BITS["document"]) == is_document


@pytest.mark.requirement("search.not_here")
def test_a_missing_word_tells_by_the_words_that_it_is_like() -> None:
    known = {"socket": (3.0, 0.0), "nobody": (0.0, 2.0), "cookie": (0.0, 0.0)}
    lexicon = Lexicon(lambda asked: np.array([known[word] for word in asked], np.float32))
    missing = np.array([0.8, 0.6], np.float32)
    assert likeness_to(lexicon, list(known), missing).tolist() == pytest.approx([0.8, 0.6, 0.0])
    assert likeness_to(lexicon, [], missing).tolist() == []
    assert likeness_to(Lexicon(), list(known), np.zeros(1, np.float32)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("path", "goes_by"),
    [
        ("lib/defaults/index.js", "defaults"),
        ("src/retry_policy/mod.rs", "retry_policy"),
        ("app/billing/__init__.py", "billing"),
        ("lua/outline/init.lua", "outline"),
        ("index.js", "index"),
        ("src/indexer.py", "indexer"),
    ],
)
def test_a_file_that_stands_for_its_folder_goes_by_its_name(path: str, goes_by: str) -> None:
    assert path_words(path).stem == path_words(f"{goes_by}.c").stem


def test_a_compiled_script_is_told_from_its_source_and_from_scripts_of_its_own() -> None:
    paths = [
        "a/core/parse.cjs",
        "a/core/parse.d.ts",
        "a/dist/esm/core/parse.js",
        "a/src/core/parse.ts",
        "b/lib/index.js",
        "b/src/index.js",
        "c/lib/only.js",
        "d/beside.js",
        "d/beside.ts",
        "e/types.d.ts",
        "f/src/lib/own.js",
        "f/src/own.js",
    ]
    made = [paths[i] for i in sorted(compiled(paths))]
    assert made == [
        "a/core/parse.cjs",
        "a/core/parse.d.ts",
        "a/dist/esm/core/parse.js",
        "b/lib/index.js",
        "d/beside.js",
    ]
