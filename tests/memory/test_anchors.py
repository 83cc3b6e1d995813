"""Anchors against real files: what changed is flagged, what only moved is found again."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from tests.memory.conftest import CART, Mind
from tests.trees import git

from sophia_mcp.errors import BadArgument, NotFound
from sophia_mcp.memory.memory import Caller, Note
from sophia_mcp.types import Anchor

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("memory.anchors")]

CART_PY = "shop/cart.py"
PLACES = (
    CART_PY,
    f"{CART_PY}:12",
    f"{CART_PY}:3",
    "charge_card",
    "Cart.total_cents",
    f"{CART_PY}::Cart",
)


async def verdicts(mind: Mind, *places: str) -> dict[str, Anchor]:
    """Anchor one memory to the places, or look at it again."""
    if places:
        await mind.keep("Carts add up in cents", anchors=places)
    (memo,) = await mind.found("carts add up")
    return {each.place: each for each in memo.anchors}


async def test_what_nobody_touched_is_fresh(mind: Mind) -> None:
    first = await verdicts(mind, *PLACES)
    assert list(first) == list(PLACES)
    assert {each.verdict for each in (await verdicts(mind)).values()} == {"fresh"}
    assert {each.detail for each in first.values()} == {""}


@pytest.mark.parametrize("seed", range(6))
async def test_every_anchor_whose_code_changed_is_flagged(
    mind: Mind, seed: int, long: bool, project: Path
) -> None:
    """The oracle is the text itself: an anchor may be fresh only where its lines are still there."""
    draw = random.Random(seed)
    spans = {
        CART_PY: (1, 99),
        f"{CART_PY}:12": (10, 12),
        f"{CART_PY}:3": (3, 3),
        "charge_card": (19, 21),
        "Cart.total_cents": (14, 16),
        f"{CART_PY}::Cart": (7, 16),
    }
    await verdicts(mind, *PLACES)
    file, lines = project / CART_PY, CART.split("\n")
    flagged = 0
    for _ in range(120 if long else 12):
        edited = list(lines)
        at = draw.randrange(len(lines) - 1)
        if not lines[at].strip():
            continue
        how = draw.choice(("change", "delete", "double"))
        edited[at : at + 1] = {
            "change": [lines[at] + "  # changed"],
            "delete": [],
            "double": [lines[at], lines[at] + " or None"],
        }[how]
        file.write_text("\n".join(edited))
        found = await verdicts(mind)
        for place, (first, last) in spans.items():
            inside = first <= at + 1 <= last
            if inside:
                flagged += 1
                assert found[place].verdict != "fresh", (place, how, at + 1, found[place])
            elif place != CART_PY and how == "change":
                assert found[place].verdict == "fresh", (place, how, at + 1, found[place])
        file.write_text(CART)
    assert flagged > 5
    assert {each.verdict for each in (await verdicts(mind)).values()} == {"fresh"}


async def test_code_that_moved_inside_its_file_is_fresh_and_says_where_it_is(
    mind: Mind, project: Path
) -> None:
    await verdicts(mind, *PLACES)
    (project / CART_PY).write_text("# one more line\n" + CART)
    found = await verdicts(mind)
    assert found[CART_PY].verdict == "drifted"
    assert found[f"{CART_PY}:12"] == Anchor(f"{CART_PY}:12", "fresh", "now at line 13")
    assert found["charge_card"] == Anchor("charge_card", "fresh", "now at line 20")


async def test_a_file_that_moved_is_found_by_its_content(mind: Mind, project: Path) -> None:
    await verdicts(mind, *PLACES)
    (project / "store").mkdir()
    shutil.move(project / CART_PY, project / "store" / "basket.py")
    found = await verdicts(mind)
    assert {each.verdict for each in found.values()} == {"fresh"}
    assert found[CART_PY].detail == "moved to store/basket.py"
    assert found[f"{CART_PY}:12"].detail == "moved to store/basket.py:12"
    assert found["charge_card"].detail == "moved to store/basket.py:19"


async def test_a_symbol_that_moved_to_another_file_is_found_and_one_that_changed_there_is_drifted(
    mind: Mind, project: Path
) -> None:
    await verdicts(mind, "charge_card", "Cart.total_cents")
    head, function = CART.split("def charge_card")
    (project / CART_PY).write_text(head.replace("in cents", "in cents, rounded"))
    (project / "pay.py").write_text("from shop.cart import Cart\n\n\ndef charge_card" + function)
    found = await verdicts(mind)
    assert found["charge_card"] == Anchor("charge_card", "fresh", "moved to pay.py:4")
    assert found["Cart.total_cents"].verdict == "drifted"
    (project / "pay.py").write_text("def charge_card():\n    return False\n")
    changed = (await verdicts(mind))["charge_card"]
    assert (changed.verdict, changed.detail) == ("drifted", "moved to pay.py:1 and changed")


async def test_what_is_gone_is_orphaned(mind: Mind, project: Path) -> None:
    await verdicts(mind, *PLACES, "notes.txt:3")
    (project / CART_PY).unlink()
    (project / "notes.txt").write_text("first line\n")
    found = await verdicts(mind)
    assert found.pop("notes.txt:3").verdict == "drifted"
    assert {each.verdict for each in found.values()} == {"orphaned"}
    (project / CART_PY).write_text(CART)
    assert (await verdicts(mind))["charge_card"].verdict == "fresh"


async def test_one_of_two_equal_places_that_changed_is_flagged(mind: Mind, project: Path) -> None:
    twins = "alpha = load_settings('production')\n\nbeta = 1\n\nalpha = load_settings('production')\n"
    (project / "twins.py").write_text(twins)
    await verdicts(mind, "twins.py:5")
    (project / "twins.py").write_text(twins[: twins.rindex("alpha")] + "alpha = None\n")
    assert (await verdicts(mind))["twins.py:5"].verdict == "drifted"


async def test_the_verdict_names_the_commit_it_was_anchored_at(mind: Mind, project: Path) -> None:
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    await verdicts(mind, CART_PY)
    (project / CART_PY).write_text(CART + "\n")
    assert (await verdicts(mind))[
        CART_PY
    ].detail == f"the file changed since {git(project, 'rev-parse', 'HEAD')[:10]}"


@pytest.mark.parametrize(
    ("place", "error", "says"),
    [
        ("shop/crat.py", NotFound, "shop/cart.py"),
        (f"{CART_PY}:999", BadArgument, "no line 999"),
        ("no_such_function", NotFound, "no definition of that name"),
        ("shop", BadArgument, "folder"),
        ("../outside.py", NotFound, "no such file"),
        ("/etc/passwd", NotFound, "no such file"),
    ],
)
async def test_a_place_that_cannot_be_anchored_is_refused_and_nothing_is_written(
    mind: Mind, place: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as refused:
        await mind.keep("Carts add up in cents", anchors=(place,))
    assert says in str(refused.value)
    assert await mind.found(None) == []


async def test_a_memory_said_again_is_anchored_to_the_code_of_today(mind: Mind, project: Path) -> None:
    await verdicts(mind, "charge_card")
    (project / CART_PY).write_text(CART.replace("bool(token) and ", ""))
    assert (await verdicts(mind))["charge_card"].verdict == "drifted"
    assert (await verdicts(mind, "charge_card"))["charge_card"].verdict == "fresh"


async def test_an_anchor_in_a_folder_that_is_gone_is_not_called_fresh(
    mind: Mind, project: Path, tmp_path: Path
) -> None:
    note = Note("Carts add up in cents", scope="user", anchors=("charge_card",))
    await mind.memory.remember(note, mind.caller)
    shutil.rmtree(project)
    _, found = await mind.memory.recall("carts add up", Caller(project=tmp_path))
    assert found.memos[0].anchors[0].verdict == "drifted"
    assert "not checked" in found.memos[0].anchors[0].detail
