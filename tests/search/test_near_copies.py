"""Functions copied and changed in fifty places are found by who asks for the original."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator

import pytest
from tests.search.conftest import Asked, open_engine
from tests.search.copies import SOURCE, Original, Planted, chosen, plant, sample_files

from sophia_mcp.types import Answer

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.similar")]

SEED = 1
"""What is planted decides what is found, so that it is the same in every run over the same sources."""

OF_SAMPLES, OF_PROJECT = 30, 20
FIRST = 3
SENT = 2_000
"""Characters that a question may hold."""


@pytest.fixture(scope="module")
async def wood(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Asked, list[Planted]]]:
    """This project's source and the samples of every language, with copies of their functions in
    other files."""
    root = tmp_path_factory.mktemp("copies") / "tree"
    for file in SOURCE.rglob("*.py"):
        place = root / "src" / "sophia_mcp" / file.relative_to(SOURCE)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    for file in sample_files():
        place = root / "samples" / file.parent.name / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    rng = random.Random(SEED)
    planted = plant(root, chosen(OF_SAMPLES, OF_PROJECT, rng), rng)
    async with open_engine(root, root.parent / "home") as ask:
        yield ask, planted


def shows(answer: Answer, copy: Planted, original: Original | None = None) -> bool:
    """Whether one of the first hits lies in the copy by half of its lines or more. What was sent as
    text is found itself, and is not counted."""
    hits = [
        hit
        for hit in answer.hits
        if original is None
        or hit.path != original.path
        or hit.end_line < original.start
        or original.end < hit.start_line
    ]
    for hit in hits[:FIRST]:
        shared = min(hit.end_line, copy.end) - max(hit.start_line, copy.start) + 1
        if hit.path == copy.path and shared * 2 >= hit.end_line - hit.start_line + 1:
            return True
    return False


async def test_of_fifty_planted_copies_nine_in_ten_are_among_the_first_three(
    wood: tuple[Asked, list[Planted]],
) -> None:
    ask, planted = wood
    assert len(planted) == 50
    assert len({copy.original.language for copy in planted}) >= 20
    missed = []
    for copy in planted:
        place = f"{copy.original.path}:{copy.original.start}"
        if not shows(await ask(place, mode="similar"), copy):
            missed.append((place, copy.path, copy.start))
    print(f"{len(planted) - len(missed)} of {len(planted)} copies found", missed)
    assert len(missed) <= len(planted) * 0.1


async def test_code_that_is_sent_finds_its_copies_too(wood: tuple[Asked, list[Planted]]) -> None:
    ask, planted = wood
    missed = []
    for copy in planted:
        code = "\n".join(copy.original.lines)[:SENT]
        if not shows(await ask(code, mode="similar"), copy, copy.original):
            missed.append((copy.original.path, copy.original.start, copy.path, copy.start))
    print(f"{len(planted) - len(missed)} of {len(planted)} copies found", missed)
    assert len(missed) <= len(planted) * 0.1


async def test_a_copy_differs_from_its_original_in_most_lines(
    wood: tuple[Asked, list[Planted]],
) -> None:
    ask, planted = wood
    same = total = 0
    for copy in planted:
        lines = (ask.root / copy.path).read_text().split("\n")[copy.start - 1 : copy.end]
        kept = {line.strip() for line in copy.original.lines}
        same += sum(line.strip() in kept for line in lines if len(line.strip()) > 8)
        total += sum(len(line.strip()) > 8 for line in lines)
    print(f"{same} of {total} lines as in the original")
    assert same < total / 2
