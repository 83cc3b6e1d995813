"""A name is found in every spelling, and answered as if every feature had been worked out."""

from __future__ import annotations

import pytest
from tests.search.conftest import Asked

from sophia_mcp.search.ranking import absent, spanfeatures

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("search.not_here")
@pytest.mark.parametrize(
    "name", ["add_money", "Cart", "add_mony", "MoneyPrinter", "cart.total", "amounts", "unheard_carts"]
)
async def test_what_does_not_count_for_a_name_is_not_missed(
    ask: Asked, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    few = await ask.text(name)
    monkeypatch.setattr(spanfeatures, "TOLD", spanfeatures.SPAN)
    monkeypatch.setattr(absent, "of_name", absent.facts)
    assert await ask.text(name) == few


SPELT = {
    "scroll.ts": "export class ScrollArea {\n  public scrollUpByLines(count: number): number {\n    return -count;\n  }\n}\n",
    "limits.py": "MAX_FRAME_SIZE = 16384\n\n\ndef shrink(frame):\n    return frame[:MAX_FRAME_SIZE]\n",
    "macro.rs": "macro_rules! proto_err {\n    () => {};\n}\n\nfn other() {\n    proto_err!();\n}\n",
}


@pytest.mark.requirement("search.not_here")
@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("scroll_up_by_lines", "ScrollArea.scrollUpByLines"),
        ("scrollupbylines", "ScrollArea.scrollUpByLines"),
        ("ScrollUpByLine", "ScrollArea.scrollUpByLines"),
        ("ScrollArea.scroll_up_by_lines", "ScrollArea.scrollUpByLines"),
        ("maxFrameSize", "MAX_FRAME_SIZE"),
        ("max_frame_sizes", "MAX_FRAME_SIZE"),
        ("proto_err!", "proto_err"),
    ],
)
async def test_a_name_is_here_in_whatever_spelling(index_of, name: str, symbol: str) -> None:
    async with index_of(SPELT) as ask:
        answers = [await ask(name), await ask(name, mode="symbol")]
    for answer in answers:
        assert answer.hits[0].symbol == symbol
        assert not any(note.startswith("not here") for note in answer.notes)


@pytest.mark.requirement("search.not_here")
async def test_a_name_of_other_words_is_still_not_here(index_of) -> None:
    async with index_of(SPELT) as ask:
        answer = await ask("scroll_down_by_lines")
    assert answer.notes[0].startswith("not here:")
    assert "scrollUpByLines" in answer.notes[0]


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize(
    "text",
    [
        "where is shrink defined",
        "Where is the function shrink declared?",
        "find the definition of `shrink`",
    ],
)
async def test_a_sentence_that_asks_where_a_name_is_defined_asks_for_the_name(
    index_of, text: str
) -> None:
    async with index_of(SPELT) as ask:
        answer = await ask(text)
    assert (answer.hits[0].symbol, answer.hits[0].why) == ("shrink", "defines shrink")


@pytest.mark.requirement("search.not_here")
async def test_a_name_is_not_here_though_each_of_its_letters_in_threes_is(index_of) -> None:
    pieces = "add dde ded ed_ d_o _on on_ n_m _ma mai ain"
    files = {"a.py": f"# {pieces}\ndef main(): ...\n", "b.py": "def added(): ...\n"}
    async with index_of(files) as ask:
        assert (await ask("added_on_main")).notes[0].startswith("not here")
        (ask.root / "c.py").write_text("call('ADDED_ON_MAIN')\n")
        await ask.update()
        assert not any(note.startswith("not here") for note in (await ask("added_on_main")).notes)


HELD = {
    "shop/fields.py": "class Nested:\n    def load(self, value):\n        return value\n",
    "shop/other.py": "class Other:\n    class Nested:\n        pass\n\n    def dump(self):\n        return 1\n",
    "shop/use.py": "from shop import fields\n\n\ndef made():\n    return fields.Nested()\n",
    "docs/guide.md": "# Guide\n\nHow to load a nested value.\n",
}


@pytest.mark.requirement("search.modes")
async def test_a_module_holds_what_its_file_defines(index_of) -> None:
    async with index_of(HELD) as ask:
        for name in ("fields.Nested", "shop.Nested"):  # the file, and the package it lies in
            used = await ask(name, mode="callers")
            assert used.notes == ("1 resolved call; defined at shop/fields.py:1",)
        assert (await ask("other.fields.Nested(value)")).hits[0].path == "shop/fields.py"


@pytest.mark.requirement("search.why")
async def test_a_name_that_only_others_have_is_said_to_be_theirs(index_of) -> None:
    async with index_of(HELD) as ask:
        answer = await ask("Nested.dump")
        assert answer.hits[0].symbol == "Other.dump"
        assert answer.notes == ("no dump of Nested is known, but of others",)
        assert (await ask("Other.dump")).notes == ()
        # A namespace or the name of the repository stands in no path.
        said = "no class, file or folder here is called Acme: every dump is meant"
        assert (await ask("Acme.dump")).notes == (said,)
        assert (await ask("Acme.load", mode="references")).notes[0].endswith("every load is meant")
        for module in ("fields", "shop"):  # a file and a folder that are there
            assert (await ask(f"{module}.dump")).notes == (
                f"no dump of {module} is known, but of others",
            )
        assert (await ask("self.dump")).notes == ()  # of whatever class


@pytest.mark.requirement("search.filters", "search.not_here")
@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"kinds": ("class",)}, "kinds=['class']"),
        ({"paths": ("docs",)}, "paths=['docs']"),
        ({"scope": "docs"}, "scope='docs'"),
    ],
)
async def test_a_name_that_the_filters_leave_out_is_named_with_its_place(
    index_of, filters: dict, said: str
) -> None:
    async with index_of(HELD) as ask:
        for mode in ("auto", "symbol"):
            answer = await ask("Nested.load", mode=mode, **filters)
            notes = " ".join(answer.notes)
            assert f"Nested.load is defined at shop/fields.py:2, left out by {said}" in notes
            assert "nothing in" not in notes
        assert not any("left out" in note for note in (await ask("Nested.load")).notes)


@pytest.mark.requirement("search.not_here")
async def test_a_member_that_is_not_there_leads_to_those_that_are(index_of) -> None:
    async with index_of(HELD) as ask:
        close, far = await ask("Nested.laod"), await ask("Nested.frobnicate")
    assert close.notes[0].endswith("nearest names: Nested.load")
    assert close.notes[1] == 'next: search_code("Nested.load", mode="symbol")'
    assert far.notes[1] == 'next: search_code("Nested", mode="symbol")'


@pytest.mark.requirement("search.not_here")
async def test_a_name_is_near_a_question_when_it_says_half_of_it(index_of) -> None:
    files = {"net.py": "def connect():\n    return 1\n\n\ndef connection_pool():\n    return 2\n"}
    async with index_of(files) as ask:
        near = (await ask("redis connection pool", mode="symbol")).notes
        far = (await ask("kafka connection rebalance", mode="symbol")).notes
    assert near[0].endswith("nearest names: connection_pool")
    assert "nearest names" not in far[0]
    assert far[1] == 'next: search_code("connection", mode="regex")'


WRITTEN = {
    "src/switches.java": "enum Switches {\n    READ_NULLS(true),\n    WRITE_NULLS(false);\n}\n",
    "src/reader.java": "class Reader {\n  void read() {\n    if (on(Switches.READ_NULLS)) { skip(); }\n  }\n}\n",
    "src/null_reads.java": "class NullReads {\n  // what reads nulls, and switches\n  void nulls() {}\n}\n",
    "tests/reader_test.java": "class ReaderTest {\n  void t() { set(Switches.READ_NULLS, true); }\n}\n",
    "CHANGES.md": "# Changes\n\nAdd `READ_NULLS`.\n",
}


@pytest.mark.requirement("search.modes")
async def test_a_name_without_a_definition_is_shown_where_it_is_written(index_of) -> None:
    said = "no definition of READ_NULLS is known, but it is written: 4 places in 4 files"
    async with index_of(WRITTEN) as ask:
        alone = await ask("READ_NULLS")
        held = await ask("Switches.READ_NULLS")
        short = await ask("READ_NULLS", limit=1)
    assert alone.notes == held.notes == (said,)
    assert short.notes[0] == said
    assert alone.hits[0].path.startswith("src/")
    assert held.hits[0].path == "src/switches.java"
    assert held.hits[0].why == "has this text at 2"


SPELLINGS = {
    "shop/router.go": "package shop\n\ntype Router struct{}\n\nfunc (r *Router) Find(path string) string {\n\treturn path\n}\n",
    "shop/schema.py": "class Schema:\n    def load(self, data):\n        return data\n\n\ndef pre_load(function):\n    return function\n",
    "shop/use.py": "from shop.schema import pre_load\n\n\nclass Use:\n    @pre_load\n    def clean(self, data):\n        return data\n",
    "shop/stream.php": "<?php\nclass StreamHandler\n{\n    public function write($record) {}\n}\n",
    "shop/make.php": "<?php\nfunction make($url) {\n    return new StreamHandler($url);\n}\n",
    "shop/cascade.rb": "class Cascade\n  attr_reader :apps\n\n  def initialize\n    @apps = []\n  end\nend\n",
}


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize(
    ("text", "symbol", "why"),
    [
        ("*Router.Find", "Router.Find", "defines Find"),
        ("&Router", "Router", "defines Router"),
        ("Schema(many=True).load(data)", "Schema.load", "defines load"),
        ("Schema().load()", "Schema.load", "defines load"),
        ("Schema(data).load", "Schema.load", "defines load"),
        ("@pre_load", "pre_load", "defines pre_load"),
        ("@pre_load(pass_many=True)", "pre_load", "defines pre_load"),
        ("new StreamHandler('php://stderr', 300)", "StreamHandler", "defines StreamHandler"),
        ("new StreamHandler($url)", "make", "has this text at 3"),
        ("Cascade.new", "Cascade", "defines Cascade"),
        ("Cascade::new", "Cascade", "defines Cascade"),
        ("@apps", "Cascade.initialize", "has this text at 5"),  # a variable, not the method
    ],
)
async def test_a_name_is_found_as_code_writes_it(index_of, text: str, symbol: str, why: str) -> None:
    async with index_of(SPELLINGS) as ask:
        first = (await ask(text)).hits[0]
    assert (first.symbol, first.why) == (symbol, why)


@pytest.mark.requirement("search.modes")
async def test_what_is_said_of_a_word_in_brackets_makes_no_class_of_it(index_of) -> None:
    files = {
        "app/request.py": "class Request:\n    url = 1\n",
        "app/send.py": "def send_again(url):\n    # a new request for retries\n    return url\n",
    }
    async with index_of(files) as ask:
        assert (await ask("new Request (url)")).hits[0].symbol == "Request"
        assert (await ask("new Request (for retries)")).hits[0].why != "defines Request"


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize("text", ["pre*_load", "pre&_load"])
async def test_a_sign_inside_a_text_makes_no_name_of_it(index_of, text: str) -> None:
    async with index_of(SPELLINGS) as ask:
        answer = await ask(text)
    assert not any(hit.why == "defines pre_load" for hit in answer.hits)


MEMBERS = {
    "app/server.py": "class Handler:\n    def log(self, line):\n        print(line)\n",
    "app/web.py": "class Response:\n    def json(self):\n        return {}\n",
    "app/use.js": "function used(res) {\n  return res.json(1)\n}\n",
    "app/paths.js": "function paths() {\n  return os.linked(1)\n}\n",
    "app/rate.py": "def parse_rate(text):\n    return text\n",
    "app/limit.py": "from app.rate import parse_rate\n\nLIMIT = parse_rate('5/s')\n",
}


@pytest.mark.requirement("search.modes", "search.not_here")
@pytest.mark.parametrize("text", ["server.log", "self.log", "app.server.log"])
async def test_a_member_may_be_called_like_the_ending_of_a_file(index_of, text: str) -> None:
    async with index_of(MEMBERS) as ask:
        assert (await ask(text)).hits[0].symbol == "Handler.log"
        assert (await ask("tsconfig.log")).hits == ()


@pytest.mark.requirement("search.modes")
async def test_what_may_be_a_file_or_a_member_is_shown_where_it_is_written_and_defined(
    index_of,
) -> None:
    async with index_of(MEMBERS) as ask:
        answer = await ask("res.json")
    assert answer.notes[0].startswith("no indexed file is 'res.json', but it is written: 1 place")
    assert [hit.symbol for hit in answer.hits[:2]] == ["used", "Response.json"]


@pytest.mark.requirement("search.modes")
async def test_a_call_without_a_definition_is_found_with_its_arguments(index_of) -> None:
    async with index_of(MEMBERS) as ask:
        answer = await ask("os.linked()")
    assert answer.notes[0].startswith("no definition of os.linked is known, but it is written")
    assert answer.hits[0].symbol == "paths"


@pytest.mark.requirement("search.filters")
async def test_a_definition_that_the_filters_leave_out_is_not_said_to_be_unknown(index_of) -> None:
    async with index_of(MEMBERS) as ask:
        answer = await ask("parse_rate", paths=("app/limit.py",))
    assert answer.notes[0] == (
        "no definition of parse_rate passes the filters, but it is written: 2 places in 1 file"
    )
    assert "parse_rate is defined at app/rate.py:1" in answer.notes[1]


@pytest.mark.requirement("search.not_here")
async def test_the_next_call_for_a_version_has_all_of_it(index_of) -> None:
    async with index_of(MEMBERS) as ask:
        answer = await ask("7.2.3")
    assert answer.notes[1] == r'next: search_code("7\\.2\\.3", mode="regex")'


@pytest.mark.requirement("search.not_here")
async def test_a_miss_names_whole_words(index_of) -> None:
    files = {f"a{i}.py": f"def rule_{i}():\n    return 'a graph of steps'\n" for i in range(40)}
    async with index_of(files) as ask:
        answer = await ask("GraphQL resolvers of websockets")
    assert "no file says 'GraphQL', 'resolvers', 'websockets'" in answer.notes[0]


@pytest.mark.requirement("search.why")
async def test_a_definition_asked_for_by_its_name_is_shown_from_its_first_line_on(index_of) -> None:
    body = "".join(f"        total = total + step_{i}(total, {i})\n" for i in range(30))
    text = f"class Stream:\n    def write(self, total):\n{body}        return self.stream.write(total)\n"
    async with index_of({"app/stream.py": text}) as ask:
        hit = (await ask("Stream.write", max_tokens=250)).hits[0]
    assert hit.text.lstrip().startswith("def write(self, total):")


@pytest.mark.requirement("search.not_here")
async def test_the_definition_of_a_name_that_was_mistyped_is_shown_first(index_of) -> None:
    text = "def parse_cookie(raw):\n    return raw.split(';')\n"
    files = {"web/cookies.py": text, "docs/cookies.md": "# Cookies\n\nHow to parse a cookie.\n"}
    async with index_of(files) as ask:
        for mode in ("auto", "symbol"):
            answer = await ask("parse_cokie", mode=mode)
            assert answer.notes[0].startswith("not here: ")
            assert "nearest names: parse_cookie" in answer.notes[0]
            assert "no file says" not in answer.notes[0]
            assert answer.hits[0].symbol == "parse_cookie"
        assert not any(
            hit.symbol == "parse_cookie" for hit in (await ask("parse_header", mode="symbol")).hits
        )


@pytest.mark.requirement("search.not_here")
async def test_a_name_mistyped_in_a_sentence_leads_to_the_one_that_was_meant(index_of) -> None:
    files = {
        f"shop/part{i}.py": f"class Part{i}:\n    def price(self):\n        return {i}\n"
        for i in range(40)
    }
    files["shop/atlas.py"] = "class Atlas:\n    def pages(self):\n        return []\n"
    async with index_of(files) as ask:
        for query in ("class Atlsa", "where is the class Atlsa", "class Atlsa of the shop"):
            notes = (await ask(query)).notes
            assert notes[0].endswith(
                "no file says 'Atlsa'; the hits are only the nearest; nearest names: Atlas"
            )
            assert notes[1] == 'next: search_code("Atlas", mode="symbol")'


@pytest.mark.requirement("search.budget")
async def test_a_copy_of_lines_that_are_shown_already_is_one_line(index_of) -> None:
    body = "export function persist(store) {\n  const kept = store.read()\n  store.write(kept)\n  return kept\n}\n"
    files = {"esm/store.mjs": body, "cjs/store.js": "'use strict'\n\n" + body}
    async with index_of(files | {"other.js": "export function persist(a) {\n  return a\n}\n"}) as ask:
        hits = (await ask("persist")).hits
        whole = (await ask("persist", detail="full")).hits
    (copy,) = [hit for hit in hits if not hit.text]
    first = next(hit for hit in hits if hit.path.endswith(("store.mjs", "store.js")))
    place = f"{first.path}:{first.start_line}-{first.end_line}"
    assert copy.why == f"defines persist; same lines as {place}"
    assert copy.end_line - copy.start_line == first.end_line - first.start_line
    assert all(hit.text for hit in whole)


POINTED = {
    "R/waiver.R": "waiver <- function() 1\n\nis.waive <- function(x) inherits(x, 'waiver')\n\nprint.gg <- function(x) is.waive(x)\n",
    "R/stat.R": "StatBin <- ggproto('StatBin', Stat,\n  setup = function(self) 1,\n  draw = function(self) self$setup()\n)\n"
    "StatSum <- ggproto('StatSum', Stat,\n  setup = function(self) 2\n)\n\nwaive <- function(x) base::is.waive(x)\n",
    "src/Box.java": "class Box {\n  static class Lid {\n    void shut() {}\n  }\n}\n",
    "src/Jar.java": "class Jar {\n  static class Lid {\n    void shut() { helper.fillFully(2); }\n  }\n}\n",
    "infra/main.tf": 'variable "region" {\n  default = "x"\n}\n\nresource "aws_instance" "web" {\n  ami = var.region\n}\n',
    "app.erl": "-module(app).\n%% A note for nobody at all.\nrun() -> ok.\n",
}


@pytest.mark.requirement("search.not_here")
@pytest.mark.parametrize(
    ("query", "place"),
    [
        *[
            ("is.waive", "R/waiver.R:3"),
            ("is.waive()", "R/waiver.R:3"),
            ("where is is.waive defined", "R/waiver.R:3"),
        ],
        *[
            ("print.gg", "R/waiver.R:5"),
            ("StatSum$setup", "R/stat.R:6"),
            ("StatBin$setup(x)", "R/stat.R:2"),
        ],
        *[
            ("Jar$Lid", "src/Jar.java:2"),
            ("Box$Lid", "src/Box.java:2"),
            ("variable.region", "infra/main.tf:1"),
        ],
        *[("implicit class Box", "src/Box.java:1"), ("data Jar", "src/Jar.java:1")],
        ("%% A note for nobody at all.", "app.erl:1"),
    ],
)
async def test_a_name_is_found_as_its_language_writes_it(index_of, query: str, place: str) -> None:
    async with index_of(POINTED) as ask:
        answer = await ask(query)
    first = answer.hits[0]
    assert f"{first.path}:{first.start_line}" == place
    assert not any("no definition" in note or "not here" in note for note in answer.notes)


@pytest.mark.requirement("search.callers_proof")
async def test_who_calls_a_name_is_told_with_points_in_it_and_of_a_library(index_of) -> None:
    async with index_of(POINTED) as ask:
        pointed = await ask("who calls is.waive")
        own = await ask("setup", mode="callers")
        foreign = await ask("who calls fillFully?")
    assert [(hit.path, hit.why) for hit in pointed.hits] == [
        ("R/waiver.R", "calls it at 5 (same file)"),
        ("R/stat.R", "calls it at 9 (guess: name only)"),
    ]
    assert [(hit.path, hit.why) for hit in own.hits] == [("R/stat.R", "calls it at 3 (same file)")]
    assert [(hit.path, hit.why) for hit in foreign.hits] == [
        ("src/Jar.java", "calls it at 3 (guess: name only)")
    ]


@pytest.mark.requirement("search.not_here")
async def test_a_key_of_a_configuration_is_not_used_by_its_whole_name(index_of) -> None:
    async with index_of(POINTED) as ask:
        answer = await ask("variable.region", mode="references")
    assert ("infra/main.tf", 6) in [(hit.path, hit.start_line) for hit in answer.hits]
    assert not any("not here" in note for note in answer.notes)


async def test_signs_in_quotes_are_no_pattern(index_of) -> None:
    async with index_of({"a.R": "x <- y %||% z\nb <- c || d\n"}) as ask:
        answer = await ask("`%||%`")
    assert [(hit.path, hit.why) for hit in answer.hits] == [("a.R", "has this text at 1")]


WHOLE = {
    "R/ready.R": "is.ready <- function(x) 1\n\nisXready <- 2\n",
    "tests/testthat/test.R": "check <- function() is.ready(3)\n",
    "web/menu.js": "function menu$open(x) { return 1 }\nfunction show() { return menu$open(2) }\n"
    "class menu { open() { return 2 } }\n",
    "store.c": "struct user {\n  int id;\n};\n",
    "load.py": 'def read_rows(path):\n    """Load the user data."""\n    return open(path)\n',
}


@pytest.mark.requirement("search.modes")
async def test_a_pattern_is_one_where_a_name_with_points_is_written_like_it(index_of) -> None:
    async with index_of(WHOLE) as ask:
        answer = await ask("is.ready", mode="regex")
    assert {(hit.path, hit.why) for hit in answer.hits} == {
        ("R/ready.R", "2 matches in file"),
        ("tests/testthat/test.R", "matches"),
    }


@pytest.mark.requirement("search.callers_proof")
async def test_the_filters_say_in_which_files_a_name_with_points_is_used(index_of) -> None:
    async with index_of(WHOLE) as ask:
        answer = await ask("is.ready", mode="callers", paths=("tests/**",))
    assert [hit.path for hit in answer.hits] == ["tests/testthat/test.R"]
    assert "1 resolved call; defined at R/ready.R:1" in answer.notes


@pytest.mark.requirement("search.callers_proof")
@pytest.mark.parametrize("query", ["menu$open", "who calls menu$open"])
async def test_a_dollar_may_be_a_letter_of_a_name(index_of, query: str) -> None:
    async with index_of(WHOLE) as ask:
        answer = await ask(query)
    assert answer.hits[0].why in ("defines menu$open", "calls it at 2 (same file)")


async def test_data_of_something_are_words(index_of) -> None:
    async with index_of(WHOLE) as ask:
        answer = await ask("user data")
    assert answer.hits[0].path == "load.py"


LISP = {
    "src/shop/core.clj": "(ns shop.core\n  (:require [shop.cookie :as cookie]))\n\n(defn handle [req]\n"
    "  (cookie/parse-cookie req)\n  (cookie/age->text 1)\n  (cookie/full? req))\n",
    "src/shop/cookie.clj": "(ns shop.cookie)\n\n(defn text [t] t)\n\n(defn age->text [t] (text t))\n\n(defn full? [t] true)\n\n"
    "(defn parse-cookie [t] (age->text t))\n\n(defn parse-cookie-all [ts] (map parse-cookie ts))\n\n(defn parse [t] t)\n",
    "tool.psm1": "function Get-Level {\n  return 1\n}\n\nfunction Show-Level {\n  Get-Level\n}\n",
}


@pytest.mark.requirement("search.callers_proof")
@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("who calls parse-cookie", [("src/shop/cookie.clj", 11), ("src/shop/core.clj", 5)]),
        ("callers of cookie/parse-cookie", [("src/shop/cookie.clj", 11), ("src/shop/core.clj", 5)]),
        ("where is age->text called?", [("src/shop/cookie.clj", 9), ("src/shop/core.clj", 6)]),
        ("who calls full?", [("src/shop/core.clj", 7)]),
        ("who uses Get-Level", [("tool.psm1", 6)]),
    ],
)
async def test_who_calls_a_name_is_told_with_hyphens_in_it(
    index_of, query: str, lines: list[tuple[str, int]]
) -> None:
    async with index_of(LISP) as ask:
        answer = await ask(query)
    assert sorted((hit.path, hit.start_line) for hit in answer.hits) == lines
    assert "defined at" in answer.notes[0]


@pytest.mark.requirement("search.callers_proof")
async def test_a_name_is_not_written_by_one_that_goes_on_with_a_hyphen(index_of) -> None:
    async with index_of(LISP) as ask:
        assert (await ask("who calls parse")).notes[0].startswith("not here: parse is defined but never")


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize("name", ["parse-cookie", "age->text", "full?", "Get-Level"])
async def test_a_name_with_hyphens_is_answered_with_its_definition(index_of, name: str) -> None:
    async with index_of(LISP) as ask:
        best = (await ask(name)).hits[0]
    assert (best.symbol, best.why) == (name, f"defines {name}")


@pytest.mark.requirement("search.modes")
async def test_an_operator_is_answered_with_its_definition_and_then_with_its_places(index_of) -> None:
    files = {
        "R/util.r": "other <- function(x) x\n\n`%||%` <- function(a, b) if (is.null(a)) b else a\n",
        "R/plot.r": "size <- function(x) {\n  x %||% 5\n}\n",
    }
    async with index_of(files) as ask:
        hits = (await ask("%||%")).hits
    assert [(hit.path, hit.why) for hit in hits] == [
        ("R/util.r", "defines %||%"),
        ("R/plot.r", "has this text at 2"),
    ]


TERRAFORM = {
    "infra/main.tf": 'resource "aws_vpc" "main" {\n  cidr = var.cidr\n}\n\nresource "aws_eks_cluster" "main" {\n  vpc = aws_vpc.main.id\n}\n\n'
    'module "net" {\n  source = "./net"\n  cidr = var.cidr\n}\n\noutput "id" {\n  value = [aws_vpc.main.id, module.net.id]\n}\n',
    "infra/variables.tf": 'variable "cidr" {\n  default = "10.0.0.0"\n}\n',
    "run.py": "def main():\n    cidr = 1\n    return cidr\n",
}


@pytest.mark.requirement("search.modes")
@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("aws_eks_cluster.main", "infra/main.tf:5"),
        ("aws_vpc.main", "infra/main.tf:1"),
        ("resource.aws_vpc.main", "infra/main.tf:1"),
        ("var.cidr", "infra/variables.tf:1"),
        ("module.net", "infra/main.tf:9"),
    ],
)
async def test_an_address_of_terraform_is_the_block_that_it_names(
    index_of, query: str, place: str
) -> None:
    async with index_of(TERRAFORM) as ask:
        first = (await ask(query)).hits[0]
    assert f"{first.path}:{first.start_line}" == place
    assert first.why.startswith("defines ")


@pytest.mark.requirement("search.callers_proof")
@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("who uses aws_vpc.main", [6, 15]),
        ("who uses resource.aws_vpc.main", [6, 15]),
        ("where is module.net used", [15]),
        ("who uses variable.cidr", [2, 11]),
    ],
)
async def test_who_uses_an_address_of_terraform_writes_it(
    index_of, query: str, lines: list[int]
) -> None:
    async with index_of(TERRAFORM) as ask:
        answer = await ask(query)
    assert sorted((hit.path, hit.start_line) for hit in answer.hits) == [
        ("infra/main.tf", line) for line in lines
    ]
    assert "defined at infra/" in answer.notes[0]
