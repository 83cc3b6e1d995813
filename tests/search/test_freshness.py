"""Every hit says whether its text is that of the disk: fresh, reindexed or stale."""

from __future__ import annotations

import pytest
from tests.search.conftest import Asked
from tests.search.sample import FILES

from sophia_mcp.store import leases

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.fresh")]

OLD, NEW = "def add_money", "def sum_money"


def edit(own: Asked) -> None:
    """Change a file unseen: a watcher has promised to report changes and has not done so yet."""
    own.index.live(own.view, 600)
    (own.root / "shop/money.py").write_text(FILES["shop/money.py"].replace(OLD, NEW))


@pytest.mark.parametrize(("format", "said"), [("text", "(reindexed)"), ("json", '"reindexed"')])
async def test_a_file_read_again_for_the_answer_is_called_reindexed(
    own: Asked, format: str, said: str
) -> None:
    edit(own)
    text = await own.text("add_money", format=format)
    assert said in text
    assert OLD not in text
    assert said not in await own.text("add_money", format=format)


async def test_a_file_that_cannot_be_read_again_in_time_is_called_stale(own: Asked) -> None:
    edit(own)
    repository = f"index:{own.view.repo_id}"
    assert await leases.take(own.engine.database, repository, "elsewhere:1:x", 600)
    answer = await own("add_money")
    assert {hit.path: hit.freshness for hit in answer.hits}["shop/money.py"] == "stale"
    assert answer.index.stale_files == 1
    assert {hit.freshness for hit in answer.hits if hit.path != "shop/money.py"} <= {"fresh"}
    assert "(stale)" in await own.text("add_money")


async def test_a_file_that_went_away_gives_no_hit_that_is_called_fresh(own: Asked) -> None:
    own.index.live(own.view, 600)
    (own.root / "shop/money.py").unlink()
    answer = await own("add_money")
    assert all(hit.freshness == "stale" for hit in answer.hits if hit.path == "shop/money.py")
