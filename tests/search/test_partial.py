"""Answers while the index is made: at once, from what is there, and with its share."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from tests.search.conftest import open_engine, write

from sophia_mcp.search.reply.render import as_text
from sophia_mcp.types import Answer, Coverage, Request

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.partial")]

FILES = 600


async def test_a_partial_index_answers_says_its_share_and_calls_nothing_absent(tmp_path: Path) -> None:
    root = write(tmp_path / "app", {"first.py": "def first_thing(): pass\n"})
    async with open_engine(root, tmp_path / "home") as ask, anyio.create_task_group() as group:
        write(
            root,
            {f"m{i}.py": "\n\n".join(f"def f{i}_{j}(): pass" for j in range(9)) for i in range(FILES)},
        )
        begun = anyio.Event()

        def tell(done: int, total: int, text: str) -> None:
            if done:
                begun.set()

        async def run() -> None:
            await ask.index.update(root, progress=tell)

        group.start_soon(run)
        await begun.wait()
        database = ask.engine.database
        # While this holds the one write transaction, the run cannot store another batch.
        async with database.write(ask.index.storage.scope):
            answer = await ask("first_thing")
            text = await ask.text("first_thing")
            missing = await ask("quaternion interpolation of skeletal animation")
        assert answer.hits[0].path == "first.py"
        assert answer.index.state == "indexing"
        assert answer.index.checked_s_ago < 3600  # when the run began
        assert 1 <= answer.index.files_indexed < answer.index.files_total == FILES + 1
        assert f"of {FILES + 1} files so far" in text
        assert not missing.notes[0].startswith("not here:")
        assert any("ask again" in note for note in missing.notes)
    async with open_engine(root, tmp_path / "home") as ask:
        after = await ask("first_thing")
        assert (after.index.state, after.index.files_indexed) == ("ready", FILES + 1)


@pytest.mark.parametrize(
    ("indexed", "total", "said"),
    [(100, 100, "100 files, and still reading"), (40, 100, "40 of 100 files so far (40 %)")],
)
def test_a_tree_that_is_read_again_is_not_all_of_it_so_far(indexed: int, total: int, said: str) -> None:
    coverage = Coverage("indexing", "", indexed, total, 0, 0.0)
    assert said in as_text(Answer((), 0, None, coverage, ()), Request("cart"))
