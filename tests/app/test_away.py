"""An embedding endpoint that is away costs meaning and nothing else, and answers say so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.app.hosted import opened
from tests.embed.endpoint import Endpoint
from tests.search.conftest import write
from tests.search.sample import FILES

from sophia_mcp.app import App
from sophia_mcp.index import watch
from sophia_mcp.types import LOCAL, Answer, IndexReport, Request, says_missing

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embed.away")]

WORDS = "where is an article held back in the warehouse"
ABSENT = "quaternion interpolation of skeletal animation"

Open = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "shop", FILES)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens the product with an endpoint."""

    @asynccontextmanager
    async def start(endpoint: Endpoint, **embed: Any) -> AsyncIterator[App]:
        async with opened(tmp_path, endpoint, monkeypatch, **({"max_tokens": 10**6} | embed)) as app:
            yield app

    return start


async def indexed(app: App, root: Path, **chosen: Any) -> IndexReport:
    run = await app.start_index(str(root), trusted=True, **chosen)
    await run.wait(60)
    assert run.report is not None
    return run.report


async def ask(app: App, root: Path, query: str, **more: Any) -> Answer:
    return await app.answer(Request(query, **more), project=root, trusted=True)


def lacks(answer: Answer) -> str:
    return next((note for note in answer.notes if note.startswith("meaning ")), "")


async def vectors(app: App) -> dict[int, int]:
    """Files by the dimensions of their vectors."""
    async with (await app.database()).read(LOCAL) as tx:
        found = await tx.rows("SELECT LENGTH(rows) / count, COUNT(*) FROM vectors GROUP BY 1")
    return dict(found)


@pytest.mark.parametrize(
    ("ill", "why"),
    [
        (401, "answered 401"),
        (403, "check embed.key"),
        ((429, "20"), "answered 429"),
        (500, "answered 500"),
        ("close", "connection failed"),
        ("cut", "connection failed"),
        ({"data": [{"index": 0, "embedding": [float("nan")] * 32}]}, "not finite"),
        ({"data": [{"index": 0, "embedding": [1.0]}]}, "1 dimensions, not 32"),
        ({"data": "nonsense"}, "not a list of embeddings"),
    ],
)
async def test_a_question_is_answered_by_words_when_the_endpoint_is_ill(
    start: Open, root: Path, ill: Any, why: str
) -> None:
    with Endpoint() as endpoint:
        async with start(endpoint) as app:
            await indexed(app, root)
            assert not lacks(await ask(app, root, WORDS))
            endpoint.ill = ill
            first = await ask(app, root, WORDS)
            tried = endpoint.tried
            second = await ask(app, root, ABSENT)
            similar = await ask(app, root, "shop/cart.py:20", mode="similar")
            named = await ask(app, root, "add_money")
    assert first.hits, "words, symbols and paths answer alone"
    assert why in lacks(first)
    assert "next: " in lacks(first)
    assert why in lacks(second), "the next question says so as well"
    assert "asked again in" in lacks(second)
    assert endpoint.tried == tried, "and does not wait for it again"
    assert not says_missing(second.notes), "nothing is called absent for want of meaning"
    assert why in lacks(similar)
    assert named.hits
    assert not lacks(named), "a name needs no meaning"


async def test_an_endpoint_that_is_gone_is_named_with_what_to_do(start: Open, root: Path) -> None:
    with Endpoint() as endpoint:
        async with start(endpoint) as app:
            await indexed(app, root)
    async with start(endpoint) as app:
        answer = await ask(app, root, WORDS)
    assert answer.hits
    assert "see whether it runs at embed.base_url" in lacks(answer)


async def test_an_endpoint_that_is_down_is_named_once_for_all_repositories(
    start: Open, root: Path, tmp_path: Path
) -> None:
    other = write(tmp_path / "depot", FILES)
    with Endpoint() as endpoint:
        async with start(endpoint) as app:
            for folder in (root, other):
                await indexed(app, folder)
            tried = endpoint.tried
            assert not lacks(await ask(app, root, WORDS, repo="*"))
            assert endpoint.tried == tried + 1, "one question is sent once"
            endpoint.ill = 401
            answer = await ask(app, root, WORDS, repo="*")
    assert {hit.repo for hit in answer.hits} == {"shop", "depot"}
    [said] = [note for note in answer.notes if "meaning is left out" in note]
    assert said.startswith("each of them: ")


async def test_an_absent_thing_is_called_absent_where_meaning_was_asked(start: Open, root: Path) -> None:
    with Endpoint() as endpoint:
        async with start(endpoint) as app:
            await indexed(app, root)
            assert says_missing((await ask(app, root, ABSENT)).notes)


async def test_a_spent_budget_leaves_words(start: Open, root: Path) -> None:
    with Endpoint() as endpoint:
        async with start(endpoint, max_tokens=200) as app:
            report = await indexed(app, root)
            answer = await ask(app, root, WORDS)
    assert report.state == "ready"
    assert any("raise embed.max_tokens" in note for note in report.notes)
    assert answer.hits
    assert "meaning covers 0 of" in lacks(answer)


async def test_a_budget_that_is_spent_when_a_question_is_asked_leaves_words(
    start: Open, root: Path
) -> None:
    with Endpoint() as endpoint:
        async with start(endpoint) as app:
            await indexed(app, root)
        async with start(endpoint, max_tokens=1) as app:
            answer = await ask(app, root, WORDS)
    assert answer.hits
    assert "raise embed.max_tokens" in lacks(answer)


async def test_an_index_whose_endpoint_dies_is_whole_by_words_and_says_what_it_lacks(
    start: Open, root: Path
) -> None:
    write(root, {f"m{i}.py": f"def f{i}():\n    return {i}\n" for i in range(60)})
    with Endpoint() as endpoint:
        endpoint.script = [None, None, *[401] * 20]
        async with start(endpoint) as app:
            report = await indexed(app, root)
            held = sum((await vectors(app)).values())
            files = report.files_indexed - 1  # one is empty
            assert report.state == "ready"
            assert 0 < held < files
            [note] = [note for note in report.notes if note.startswith("meaning covers")]
            assert f"meaning covers {held} of {files} files" in note
            assert "answered 401" in note
            regex = await ask(app, root, r"return 5\d", mode="regex")
            assert regex.total == 10, "substrings are searched all the same"
            [listed] = await app.reports()
            assert any(note.startswith("meaning covers") for note in listed.notes)
        endpoint.script = []
        async with start(endpoint) as app:
            partly = await ask(app, root, ABSENT)
            assert f"meaning covers {held} of {files} files" in lacks(partly)
            assert "index_repo(" in lacks(partly)
            assert not says_missing(partly.notes)
            sent = len(endpoint.texts())
            again = await indexed(app, root)
            assert not any(note.startswith("meaning") for note in again.notes)
            assert sum((await vectors(app)).values()) == files
            assert not lacks(await ask(app, root, WORDS))
    passages = [text for text in endpoint.texts() if text.startswith("m")]
    assert len(passages) == len(set(passages)), "what was embedded before is not sent again"
    assert sent < len(endpoint.texts())


@pytest.mark.requirement("search.never_silently_stale")
async def test_many_edits_are_seen_while_a_slow_model_is_waited_for(start: Open, root: Path) -> None:
    with Endpoint() as endpoint:
        endpoint.ill = "stall"
        async with start(endpoint) as app:
            run = await app.start_index(str(root), trusted=True)
            with anyio.fail_after(30):
                while not endpoint.tried:
                    await anyio.sleep(0.02)
            for number in range(40):
                (root / f"parcel{number}.py").write_text(f"def wrap_parcel_{number}(): ...\n")
            answer = await ask(app, root, "wrap_parcel_7", mode="symbol")
            assert [hit.path for hit in answer.hits] == ["parcel7.py"]
            assert not run.done.is_set()
            await app.stop(run)
            endpoint.released.set()


async def test_meaning_is_made_up_for_while_a_tree_is_followed(
    start: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MAKE_UP_S", 0.05)
    monkeypatch.setattr(watch, "RETRY_S", 0.05)
    with Endpoint() as endpoint:
        endpoint.ill = {"data": "nonsense"}
        async with start(endpoint) as app, anyio.create_task_group() as tasks:
            report = await indexed(app, root)
            assert await vectors(app) == {}
            tasks.start_soon(app.watch, root)

            async def covers(files: int) -> None:
                with anyio.fail_after(60):
                    while sum((await vectors(app)).values()) < files:
                        await anyio.sleep(0.02)

            breaker = (await app.embedder())._fuse.breaker  # type: ignore[attr-defined]
            breaker.undecided(breaker.trial)
            endpoint.ill = None
            before = report.files_indexed - 1  # one is empty
            await covers(before)
            (root / "shop/cart.py").write_text("def parcel(): pass\n")
            await covers(before + 1)
            assert not lacks(await ask(app, root, WORDS))
            tasks.cancel_scope.cancel()


async def test_a_text_that_is_refused_leaves_the_others_their_meaning_and_is_named(
    start: Open, root: Path
) -> None:
    write(root, {"long.py": "def endless():\n    return 'too much of it'\n"})
    with Endpoint() as endpoint:
        endpoint.unwanted = "too much of it"
        async with start(endpoint) as app:
            report = await indexed(app, root)
            files = report.files_indexed - 1  # one is empty
            [note] = [note for note in report.notes if note.startswith("meaning")]
            assert "leaves out parts of 1 file" in note
            assert "long.py" in note
            assert "an input is too long" in note
            assert sum((await vectors(app)).values()) == files
            assert (await ask(app, root, WORDS)).hits
            [hit, *_] = (await ask(app, root, "endless")).hits
            assert hit.path == "long.py"
        async with start(endpoint) as app:
            tried = endpoint.tried
            again = await indexed(app, root)
            [known] = [each for each in again.notes if each.startswith("meaning")]
            assert "leaves out parts of 1 file: long.py" in known
            assert endpoint.tried == tried + 1, "what was refused is not sent with every run"
            endpoint.unwanted = ""
            rebuilt = await indexed(app, root, full=True)
            assert not any(each.startswith("meaning") for each in rebuilt.notes)
            assert not lacks(await ask(app, root, WORDS))


async def test_edits_are_followed_while_a_slow_model_is_waited_for(start: Open, root: Path) -> None:
    with Endpoint(script=[None, "stall"]) as endpoint:
        async with start(endpoint) as app, anyio.create_task_group() as tasks:
            run = await app.start_index(str(root), trusted=True)
            tasks.start_soon(app.watch, root)
            with anyio.fail_after(20):
                while endpoint.tried < 2:
                    await anyio.sleep(0.02)
                (root / "shop/parcel.py").write_text("def wrap_parcel(): pass\n")
                database = await app.database()
                found = []
                while not found:
                    await anyio.sleep(0.05)
                    async with database.read(LOCAL) as tx:
                        found = await tx.rows("SELECT 1 FROM files WHERE path = 'shop/parcel.py'")
            assert not run.done.is_set()
            tasks.cancel_scope.cancel()


async def test_edits_are_seen_while_a_slow_model_is_waited_for(start: Open, root: Path) -> None:
    with Endpoint(script=[None, "stall"]) as endpoint:
        async with start(endpoint) as app:
            run = await app.start_index(str(root), trusted=True)
            with anyio.fail_after(60):
                while endpoint.tried < 2:
                    await anyio.sleep(0.02)
            (root / "shop/parcel.py").write_text("def wrap_parcel(): pass\n")
            answer = await ask(app, root, "wrap_parcel")
            assert [hit.path for hit in answer.hits] == ["shop/parcel.py"]
            assert not run.done.is_set()
            await app.stop(run)


async def test_another_model_under_the_same_name_is_not_mixed_with_the_first(
    start: Open, root: Path
) -> None:
    with Endpoint(dimensions=32) as endpoint:
        async with start(endpoint) as app:
            await indexed(app, root)
            [files] = (await vectors(app)).values()
        endpoint.dimensions = 16
        async with start(endpoint) as app:
            answer = await ask(app, root, WORDS)
            assert answer.hits
            assert "of 16 dimensions, and the index holds 32" in lacks(answer)
            await indexed(app, root)
            assert await vectors(app) == {16: files}
            assert not lacks(await ask(app, root, WORDS))


async def test_a_server_that_knows_the_former_model_leaves_the_vectors_of_the_present_one(
    start: Open, root: Path
) -> None:
    with Endpoint(dimensions=32) as endpoint:
        async with start(endpoint) as former, start(endpoint) as present:
            await indexed(former, root)
            [files] = (await vectors(former)).values()
            endpoint.dimensions = 16
            await indexed(present, root)
            assert await vectors(present) == {16: files}
            await indexed(former, root)
            assert await vectors(present) == {16: files}
            assert "16 dimensions, not 32" in lacks(await ask(former, root, WORDS))


async def test_a_change_of_dimensions_is_another_model(start: Open, root: Path) -> None:
    with Endpoint(dimensions=32) as endpoint:
        async with start(endpoint, dimensions=32) as app:
            await indexed(app, root)
            [files] = (await vectors(app)).values()
        endpoint.dimensions = 16
        async with start(endpoint, dimensions=16) as app:
            assert "covers 0 of" in lacks(await ask(app, root, WORDS))
            await indexed(app, root)
            assert not lacks(await ask(app, root, WORDS))
            assert await vectors(app) == {32: files, 16: files}
        endpoint.dimensions = 32
        sent = len(endpoint.texts())
        async with start(endpoint, dimensions=32) as app:
            assert not lacks(await ask(app, root, WORDS)), "back again nothing has to be redone"
        assert len(endpoint.texts()) == sent + 1
