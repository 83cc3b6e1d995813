"""A name is followed through modules once, however many files use it, and not for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from sophia_mcp.index.parsing.packed import Edges
from sophia_mcp.search.places.symbols import Definition
from sophia_mcp.search.uses import handed
from sophia_mcp.search.uses.defined import Defined
from sophia_mcp.search.uses.follow import Follower
from sophia_mcp.search.uses.proof import Sources, Use
from sophia_mcp.types import Import, Reference, Symbol

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.callers_proof")]

MODULES, USERS = 40, 30


class Tree:
    """A package whose first file hands on all of many modules, the last of which defines ``area``; many
    files import that from the package. ``read`` counts how often the edges of each file were asked for."""

    def __init__(self) -> None:
        modules = [f"shapes/part{number}.py" for number in range(MODULES)]
        self.users = range(MODULES + 1, MODULES + 1 + USERS)
        self.paths = ["shapes/__init__.py", *modules, *(f"app/user{n}.py" for n in self.users)]
        handed = tuple(Import(f".part{number}", "*", "", 1) for number in range(MODULES))
        asked = Edges((), (Import("shapes", "area", "area", 1),))
        self.edges = {0: Edges((), handed)} | dict.fromkeys(self.users, asked)
        self.defined = [Definition(MODULES, Symbol("area", "function", 1, 2), True, True)]
        self.read: Counter[int] = Counter()

    async def edges_of(self, file: int) -> Edges | None:
        self.read[file] += 1
        return self.edges.get(file)

    async def named(self, name: str) -> Sequence[Definition]:
        return ()

    async def settled(self) -> list[Use]:
        uses = [
            Use(file, Reference("area", "call", line, caller=f"f{line}"), "name-only")
            for file in self.users
            for line in (3, 5, 7)
        ]
        sources = Sources(self.paths, ["python"] * len(self.paths), {})
        follower = Follower(sources, Defined(self.defined, sources.paths), self.edges_of, self.named)
        return await follower.settle(uses, self.defined)


async def test_modules_are_looked_through_once_for_all_who_use_them() -> None:
    tree = Tree()
    assert {use.proof for use in await tree.settled()} == {"import-resolved"}
    assert tree.read[0] == 1
    assert sum(tree.read[file] for file in range(1, MODULES + 1)) <= MODULES


async def test_what_needs_more_looks_than_one_question_has_stays_a_guess(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handed, "_LOOKS_MOST", MODULES // 2)
    assert {use.proof for use in await Tree().settled()} == {"name-only"}
