"""What was remembered, for one process: written, recalled, forgotten, exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from sophia_mcp.errors import BadArgument
from sophia_mcp.memory import exchange, render, repos, rows, write
from sophia_mcp.memory.exchange import Imported
from sophia_mcp.memory.note import ANYONE, Caller, Note, Remembered
from sophia_mcp.memory.recall import Query, Recalled, recall, write_cursor
from sophia_mcp.memory.repos import Repo, Space
from sophia_mcp.memory.shelf import Shelf
from sophia_mcp.types import Memo, MemoryKind, MemoryScope, MemoryTier

FLUSH_NS = 30_000_000_000
"""Uses are written at most this much later; a process that is killed loses only these counts."""


class Places(Protocol):
    """Where repositories are, and what of them may be read."""

    async def repo(self, place: str | None, project: Path | None, *, trusted: bool) -> Repo | None:
        """The repository a name or path means; None: the project's, if there is one. Raises NotFound,
        OutsideRoots."""
        ...

    async def readable(self, project: Path | None, *, trusted: bool) -> Callable[[Path], bool]:
        """Whether a folder lies inside what the caller may read."""
        ...


@dataclass(slots=True)
class Notes:
    """The memories of one store."""

    shelf: Shelf
    places: Places
    count_tokens: Callable[[str], int]
    _uses: dict[str, tuple[int, int]] = field(default_factory=dict)
    _flushed_ns: int = 0

    async def remember(self, note: Note, caller: Caller = ANYONE) -> Remembered:
        """Remember a note, or reinforce what says the same already."""
        repo = await self._repo(caller)
        if note.scope == "repo" and repo is None:
            raise BadArgument(
                "there is no repository to remember this for",
                why="the caller is in no project",
                next='give `repo`, or scope="user" or "workspace"',
            )
        return await write.remember(self.shelf, note, repo)

    async def recall(
        self,
        query: str | None,
        caller: Caller = ANYONE,
        *,
        scope: MemoryScope | None = None,
        kinds: Sequence[MemoryKind] = (),
        tiers: Sequence[MemoryTier] = (),
        limit: int = 8,
        cursor: str | None = None,
    ) -> tuple[Query, Recalled]:
        """The memories that answer a question, or all of them, and the question as it was put."""
        asked = replace(
            await self._query(caller, scope),
            text=query,
            kinds=tuple(kinds),
            tiers=tuple(tiers),
            limit=limit,
            cursor=cursor,
        )
        found = await recall(self.shelf, asked)
        if asked.text is not None:
            await self._note_uses(found.memos)
        return asked, found

    async def told(
        self, asked: Query, found: Recalled, max_tokens: int, again: dict[str, object]
    ) -> render.Page:
        """What was found, as quoted text of at most so many tokens; ``again`` are the arguments that
        fetch the next page."""

        def tail(shown: int) -> list[str]:
            left = found.total - shown
            if left <= 0:
                return []
            cursor = write_cursor(asked, found, shown)
            return [f"{left} more: {render.call(**again, cursor=cursor)}" if shown else f"{left} more"]

        return render.page(found.memos, self.shelf.lifetimes, max_tokens, self.count_tokens, tail)

    def shown(self, memos: Sequence[Memo]) -> str:
        """Memories for a person, without a limit."""
        return "\n".join(render.block(memo, self.shelf.lifetimes) for memo in memos)

    async def get(self, id: str, caller: Caller = ANYONE) -> Memo | None:
        """One memory that the caller may see, with the verdicts of its anchors."""
        found = await recall(self.shelf, replace(await self._query(caller, None), text=id))
        return next((memo for memo in found.memos if memo.id == id), None)

    async def forget(self, id: str) -> Memo:
        """Forget it, for 30 days undoably. Raises NotFound."""
        return await write.forget(self.shelf, id)

    async def undo(self, id: str) -> Memo:
        """Take a forgetting back. Raises NotFound."""
        return await write.undo(self.shelf, id)

    async def confirm(self, id: str, voter: str = "person", *, agrees: bool = True) -> Memo:
        """Someone confirms a memory, or with ``agrees`` false contradicts it. Raises NotFound."""
        return await write.vote(self.shelf, id, voter, agrees=agrees)

    async def export(self, caller: Caller, scope: MemoryScope | None = None) -> str:
        """All of it as one Markdown file."""
        return await exchange.export(self.shelf, (await self._query(caller, scope)).spaces)

    async def import_markdown(self, text: str, caller: Caller) -> Imported:
        """Take in such a file."""
        return await exchange.import_(self.shelf, text, await self._repo(caller))

    async def spaces(self, caller: Caller = ANYONE) -> list[tuple[Space, int, dict[str, int]]]:
        """Where the caller has memories: each space with how many, and how many of each kind."""
        put = await self._query(caller, None)
        async with self.shelf.db.read(self.shelf.scope) as tx:
            counted = await rows.counted(tx, [each.id for each in put.spaces], self.shelf.clock())
        kinds: dict[int, dict[str, int]] = {each.id: {} for each in put.spaces}
        for space, kind, _, count in counted:
            kinds[space][kind] = kinds[space].get(kind, 0) + count
        return [(each, sum(kinds[each.id].values()), kinds[each.id]) for each in put.spaces]

    async def close(self) -> None:
        """Write what is still to be written."""
        uses, self._uses = self._uses, {}
        if uses:
            async with self.shelf.db.write(self.shelf.scope) as tx:
                await rows.used(tx, uses)

    async def _repo(self, caller: Caller) -> Repo | None:
        place = None if caller.repo == "*" else caller.repo
        return await self.places.repo(place, caller.project, trusted=caller.trusted)

    async def _query(self, caller: Caller, scope: MemoryScope | None) -> Query:
        """The spaces a caller may ask, and from where its anchors are checked."""
        repo = await self._repo(caller)

        async def readable() -> Callable[[Path], bool]:
            return await self.places.readable(caller.project, trusted=caller.trusted)

        everywhere = await readable() if caller.repo == "*" else None
        async with self.shelf.db.read(self.shelf.scope) as tx:
            own = await repos.find(tx, "repo", repo) if repo is not None else None
            known = await repos.spaces(tx)
        chosen = tuple(
            space
            for space in known
            if (scope is None or space.scope == scope)
            and (
                space.scope != "repo"
                or (own is not None and space.id == own.id)
                or (everywhere is not None and everywhere(Path(space.root)))
            )
        )
        home, root = (own.id, repo.root) if own is not None and repo is not None else (0, None)
        return Query(None, chosen, home=home, root=root, readable=readable)

    async def _note_uses(self, memos: Sequence[Memo]) -> None:
        """Count uses, and write them together, not with every question."""
        now = self.shelf.clock()
        for memo in memos:
            count, _ = self._uses.get(memo.id, (0, 0))
            self._uses[memo.id] = (count + 1, now)
        if now - self._flushed_ns > FLUSH_NS:
            self._flushed_ns = now
            await self.close()
