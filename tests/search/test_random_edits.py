"""Questions between random edits: what is called fresh is what the disk says."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.search.conftest import Asked
from tests.search.sample import FILES

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.never_silently_stale")]

WORDS = ("granite", "willow", "harbour", "lantern", "meadow", "compass")


def change(root: Path, rng: random.Random, step: int) -> None:
    """Edit, move, delete or make one file."""
    files = sorted(place for place in root.rglob("*.py") if place.is_file())
    place = rng.choice(files)
    action = rng.choice(["edit", "edit", "insert", "same size", "move", "delete", "make"])
    if action == "edit":
        place.write_text(f"def {rng.choice(WORDS)}_{step}():\n    return {step}\n")
    elif action == "insert":
        place.write_text("# moved\n" * rng.randrange(1, 4) + place.read_text())
    elif action == "same size":
        place.write_text(place.read_text().replace("return", "assert"))
    elif action == "move":
        place.rename(root / f"moved_{step}.py")
    elif action == "delete" and len(files) > 3:
        place.unlink()
    else:
        (root / f"made_{step}.py").write_text(f"def {rng.choice(WORDS)}_{step}():\n    return {step}\n")


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_no_answer_is_stale_without_saying_so(own: Asked, seed: int, long: bool) -> None:
    rng = random.Random(seed)
    seen = 0
    for step in range(10_000 if long else 60):
        change(own.root, rng, step)
        if rng.random() < 0.3:
            own.index.live(own.view, rng.choice([0.0, 600.0]))  # a watcher that says nothing
        question = rng.choice([*WORDS, "cart total", "reserve", "add_money", "moved_" + str(step)])
        answer = await own(question, detail=rng.choice(["snippets", "full", "signatures"]))
        for hit in answer.hits:
            if hit.freshness == "stale" or not hit.text:
                continue
            lines = (own.root / hit.path).read_text().split("\n")
            assert hit.text.split("\n") == lines[hit.start_line - 1 : hit.end_line], (step, hit)
            seen += 1
    assert seen > 30


async def test_an_edit_is_found_by_the_question_after_the_next_look(own: Asked, seed: int) -> None:
    rng = random.Random(seed)
    for step in range(8):
        word = f"{rng.choice(WORDS)}_{step}_thing"
        place = own.root / rng.choice(["shop/stock.py", "shop/cart.py", "late.py"])
        place.write_text((FILES.get("shop/stock.py", "")) + f"\n\ndef {word}():\n    return {step}\n")
        await own.index.reconcile(own.view, now=True)
        answer = await own(word, mode="symbol")
        assert [hit.symbol for hit in answer.hits] == [word]
