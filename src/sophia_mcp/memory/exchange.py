"""How does all of memory leave as one Markdown file, and come back after a person edited it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field, ValidationError, field_validator

from sophia_mcp.errors import BadArgument, NotFound, SophiaError
from sophia_mcp.memory import markdown, repos, rows, write
from sophia_mcp.memory.anchors import Pin, pin
from sophia_mcp.memory.markdown import Section
from sophia_mcp.memory.note import Note
from sophia_mcp.memory.repos import Repo, Space
from sophia_mcp.memory.rows import Kept
from sophia_mcp.memory.shelf import Shelf
from sophia_mcp.memory.similar import digest
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Memo, MemoryKind, MemoryScope, MemoryTier


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. ``problems`` name sections that were left out, with their line and why."""

    added: int
    changed: int
    same: int
    problems: tuple[str, ...] = ()


_Whole = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
_Vote = Annotated[int, Field(strict=True, gt=-(2**31), lt=2**31)]


class State(BaseModel):
    """What only a program needs to know of a memory, as its comment holds it."""

    created_ns: _Whole | None = None
    used_ns: _Whole | None = None
    uses: _Whole = 0
    repeats: _Whole = 0
    votes: list[tuple[str, _Vote, _Whole]] = []
    pins: list[Pin] = []
    identities: list[str] = []

    @field_validator("pins")
    @classmethod
    def _fit(cls, pins: list[Pin]) -> list[Pin]:
        numbers = (
            value for each in pins for value in rows.facts(each).values() if isinstance(value, int)
        )
        if not all(0 <= number < 2**63 for number in numbers):
            raise ValueError("a number of an anchor is out of range")
        return pins


async def export(shelf: Shelf, spaces: Sequence[Space]) -> str:
    """Every living memory of these spaces."""
    async with shelf.db.read(shelf.scope) as tx:
        kept = await rows.listed(tx, [space.id for space in spaces], shelf.clock())
        ids = [each.memo.id for each in kept]
        pins: dict[str, list[Pin]] = {}
        votes: dict[str, list[tuple[str, int, int]]] = {}
        for first in range(0, len(ids), 500):
            pins |= await rows.pins(tx, ids[first : first + 500])
            votes |= await rows.votes(tx, ids[first : first + 500])
        homes = await tx.rows(
            "SELECT space, identity FROM memory_homes WHERE workspace = :workspace ORDER BY identity"
        )
    identities: dict[int, list[str]] = {}
    for space, identity in homes:
        identities.setdefault(space, []).append(identity)
    order = sorted(
        kept, key=lambda each: (each.memo.scope, each.memo.repo, each.memo.created_ns, each.memo.id)
    )
    return markdown.write(
        [
            _section(each, pins.get(each.memo.id, []), votes.get(each.memo.id, []), identities)
            for each in order
        ]
    )


def _section(
    kept: Kept,
    pins: Sequence[Pin],
    votes: Sequence[tuple[str, int, int]],
    identities: Mapping[int, list[str]],
) -> Section:
    memo = kept.memo
    state: dict[str, Any] = {
        "created_ns": memo.created_ns,
        "used_ns": memo.used_ns,
        "uses": memo.uses,
        "repeats": kept.repeats,
    }
    if votes:
        state["votes"] = [list(each) for each in votes]
    if pins:
        state["pins"] = [rows.facts(each) for each in pins]
    if memo.scope == "repo":
        state["identities"] = identities.get(kept.space, [])
    return Section(
        memo.id,
        memo.text,
        memo.kind,
        memo.scope,
        memo.repo,
        memo.tier,
        memo.source,
        memo.expires_ns,
        tuple(each.place for each in pins),
        state,
    )


async def import_(shelf: Shelf, text: str, repo: Repo | None) -> Imported:
    """Take in a file. Memories it does not name stay as they are; a section that cannot be taken in is
    named and the rest goes on. Raises BadArgument when the file itself cannot be read."""
    counts = {"added": 0, "changed": 0, "same": 0}
    problems: list[str] = []
    touched: set[str] = set()
    for section in markdown.read(text):
        try:
            outcome = await _take(shelf, section, repo)
        except SophiaError as error:
            problems.append(f"line {section.line}: {error}")
            continue
        counts[outcome] += 1
        touched |= {section.scope} if outcome != "same" else set()
    if touched:
        await shelf.tell(*touched)
    return Imported(**counts, problems=tuple(problems))


async def _take(shelf: Shelf, section: Section, repo: Repo | None) -> str:
    state = _state(section)
    home = _home(section, state, repo)
    if not section.id:
        note = Note(
            section.text,
            cast("MemoryKind", section.kind),
            cast("MemoryScope", section.scope),
            section.anchors,
            source="person",
            tier=cast("MemoryTier", section.tier),
        )
        made = await write.remember(shelf, note, home)
        return "added" if made.state == "added" else "same"
    cleaned, _ = write.cleaned(section.text)
    section = replace(section, text=cleaned)
    pins = await _pins(shelf, section, state, home)
    async with shelf.db.write(shelf.scope) as tx:
        known = await rows.one(tx, section.id)
        if known is None:
            return await _insert(shelf, tx, section, state, home, pins)
        return await _update(shelf, tx, section, known, pins)


def _state(section: Section) -> State:
    """Raises BadArgument for a comment that somebody changed into what it cannot be."""
    try:
        return State.model_validate(section.state)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadArgument(
            "the comment of this memory cannot be read",
            why=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            next="restore it, or remove it",
        ) from error


def _home(section: Section, state: State, repo: Repo | None) -> Repo | None:
    """The repository a section belongs to: the one its state names, else the one at hand."""
    if section.scope != "repo":
        return repo
    named = tuple(state.identities)
    if not named:
        return repo
    root = repo.root if repo is not None and set(named) & set(repo.identities) else None
    return Repo(section.repo, named, root)


async def _pins(shelf: Shelf, section: Section, state: State, home: Repo | None) -> list[Pin]:
    """Anchors the file still knows keep their hashes; those a person added are looked up. Raises
    NotFound and BadArgument."""
    pins = {each.place: each for each in state.pins}
    added = [place for place in section.anchors if place not in pins]
    if added and (home is None or home.root is None):
        raise NotFound(
            f"nothing to anchor at {added[0]!r}",
            why="the repository of this memory is not the one at hand",
            next="import the file inside that repository",
        )
    if added and home is not None and home.root is not None:
        pins |= {each.place: each for each in await pin(home.root, added, shelf.find)}
    return [pins[place] for place in section.anchors if place in pins]


async def _insert(
    shelf: Shelf,
    tx: Transaction,
    section: Section,
    state: State,
    home: Repo | None,
    pins: Sequence[Pin],
) -> str:
    scope = cast("MemoryScope", section.scope)
    space = await repos.settle(tx, scope, home)
    if any(not each.forgotten_ns for each in await rows.by_digest(tx, space.id, digest(section.text))):
        return "same"
    now = shelf.clock()
    memo = Memo(
        section.id,
        section.text,
        cast("MemoryKind", section.kind),
        scope,
        space.name,
        cast("MemoryTier", section.tier),
        section.source,
        created_ns=now if state.created_ns is None else state.created_ns,
        used_ns=now if state.used_ns is None else state.used_ns,
        uses=state.uses,
        standing=0,
        expires_ns=section.expires_ns,
    )
    kept = Kept(memo, await rows.next_number(tx), space.id, state.repeats, 0, digest(section.text))
    await write.insert(shelf, tx, kept, pins, await rows.touch(tx, space.id))
    for voter, value, at in state.votes:
        await rows.vote(tx, memo.id, voter, value, at)
    return "added"


async def _update(
    shelf: Shelf, tx: Transaction, section: Section, known: Kept, pins: Sequence[Pin]
) -> str:
    old = known.memo
    if section.scope != old.scope:
        raise BadArgument(
            f"the memory {old.id} cannot move to the scope {section.scope}",
            why=f"it holds for {old.scope}, and a scope is for good",
            next="write it again under `## new`, and forget this one",
        )
    edited = section.text != old.text
    memo = replace(
        old,
        text=section.text,
        kind=cast("MemoryKind", section.kind),
        tier=cast("MemoryTier", section.tier),
        source="person" if edited else old.source,
        expires_ns=section.expires_ns,
    )
    held = (await rows.pins(tx, [old.id])).get(old.id, [])
    moved = [each.place for each in held] != [each.place for each in pins]
    if memo == old and not moved and not known.forgotten_ns:
        return "same"
    new = replace(known, memo=memo, digest=digest(memo.text), forgotten_ns=0)
    await write.rewrite(shelf, tx, known, new)
    if moved:
        await rows.put_pins(tx, old.id, pins)
    return "changed"
