"""How do tools and resources reach memory, and who hears when it changes?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sophia_mcp.errors import BadArgument, NotFound
from sophia_mcp.memory.note import Caller, Note, Remembered
from sophia_mcp.memory.render import anchors as anchor_lines
from sophia_mcp.memory.render import call, day
from sophia_mcp.memory.tiers import PERSON_VOTE
from sophia_mcp.security.text import json_of, plain_line
from sophia_mcp.server.changes import Changes
from sophia_mcp.server.state import State
from sophia_mcp.types import Memo, MemoryKind, MemoryScope

if TYPE_CHECKING:
    from sophia_mcp.memory.memory import Memory

UNDO = "undo:"
LISTED = 200
"""Memories that the resource of a scope names, the newest; `recall` turns the pages."""

SCOPES: tuple[MemoryScope, ...] = ("repo", "workspace", "user", "global")
_LINE = 160
_FINDING = re.compile(r"(swarm-[0-9a-z]+)#(\S+)")


@dataclass(frozen=True, slots=True)
class Written:
    """What `remember` did. ``verb`` is added, reinforced, restored, forgotten or
    undone; of a finding accepted or rejected."""

    memo: Memo
    verb: str
    rivals: tuple[Memo, ...]
    following: str | None
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The same in words, but for notes and the next call."""
        memo = self.memo
        where = f"repo {plain_line(memo.repo)}" if memo.scope == "repo" else memo.scope
        until = f", until {day(memo.expires_ns)}" if memo.expires_ns is not None else ""
        return [
            f"{self.verb} {memo.id}: {memo.kind}, {where}, {memo.tier}{until}",
            *(f"anchor{line[1:]}" for line in anchor_lines(memo)),
            *(f"similar {each.id}: {plain_line(each.text)[:300]}" for each in self.rivals),
        ]


async def remember(
    state: State,
    text: str,
    repo: str | None,
    *,
    kind: MemoryKind,
    scope: MemoryScope,
    anchors: Sequence[str],
    ttl_days: int | None,
    pinned: bool,
) -> Written:
    """Remember something for the caller's project, or a repository it names."""
    note = Note(text, kind, scope, tuple(anchors), ttl_days, pinned)
    if note.scope == "repo" and repo is None:
        await state.project()  # raises, with what was tried
    memory, caller = await reached(state, repo)
    done: Remembered = await memory.remember(note, caller)
    following = None
    notes = done.notes
    if done.rivals:
        following = f'remember(forget="{done.rivals[0].id}")'
        notes += (
            "a memory like it says something else in a number, name or negation: "
            "forget it if this replaces it",
        )
    return Written(done.memo, done.state, done.rivals, following, notes)


async def forget(state: State, id: str) -> Written:
    """Forget a memory, or with ``undo:`` before its id take that back."""
    memory, _ = await reached(state, None)
    if id.startswith(UNDO):
        memo = await memory.undo(id.removeprefix(UNDO).strip())
        return Written(memo, "undone", (), None, ("it is remembered again",))
    memo = await memory.forget(id.strip())
    back = f'remember(forget="{UNDO}{memo.id}")'
    days = memory.shelf.lifetimes.kept_days
    return Written(memo, "forgotten", (), back, (f"it can be taken back for {days} days",))


def finding(named: str) -> tuple[str, str] | None:
    """The run and the place in ``RUN#2`` or ``RUN#path:line``; None where it names no finding."""
    match = _FINDING.fullmatch(named.strip())
    return (match[1], match[2]) if match is not None else None


async def judged(state: State, run: str, place: str, *, accepted: bool) -> Written:
    """Accept or reject a finding of a run, as far as an assistant's word goes. Raises NotFound for a
    run that is not known, BadArgument for a finding it does not have."""
    memory, _ = await reached(state, None)
    app, project = await state.open()
    swarm = await app.swarm()
    outcome = (await swarm.report(run)).outcome
    order = (await swarm.means.book.find(run)).order
    caller = Caller(order.repo, project if order.repo is not None else None)
    findings = outcome.findings if outcome is not None else ()
    [memo] = await memory.judge(run, findings, {place: accepted}, caller, by="assistant")
    needed = memory.shelf.lifetimes.confirmations
    note = f"it stands in prompts from {needed} confirmations on; a person's counts {PERSON_VOTE}: "
    note += f"sophia memory {'accept' if accepted else 'reject'} {run} {place}"
    return Written(memo, "accepted" if accepted else "rejected", (), None, (note,))


async def recalled(
    state: State,
    query: str | None,
    repo: str | None,
    scope: MemoryScope | None,
    kinds: Sequence[MemoryKind],
    limit: int,
    max_tokens: int,
    cursor: str | None,
) -> str:
    """The answer of `recall`."""
    if scope == "repo" and repo is None:
        await state.project()
    memory, caller = await reached(state, repo)
    asked, found = await memory.recall(
        query, caller, scope=scope, kinds=kinds, limit=limit, cursor=cursor
    )
    again: dict[str, object] = {"query": query, "scope": scope, "repo": repo, "kinds": list(kinds)}
    if limit != 8:
        again["limit"] = limit
    if found.memos:
        page = await memory.told(asked, found, max_tokens, again)
        if not page.shown:
            raise BadArgument(
                f"{max_tokens} tokens hold no memory",
                why="the first one needs more",
                next="raise max_tokens",
            )
        return "\n".join((page.text, *(f"note: {note}" for note in found.notes)))
    spaces = await memory.spaces(caller)
    total = sum(count for _, count, _ in spaces)
    if query is None or not total:
        return "nothing is remembered here yet\nnext: remember(text=...)"
    return f"not here: none of {total} memories answers that\nnext: {call()}, which lists them"


async def overview(state: State) -> str:
    """Where there are memories, and how many of which kind."""
    memory, caller = await reached(state, None)
    return json_of(
        [
            {
                "scope": space.scope,
                "repo": space.name or None,
                "memories": count,
                "kinds": kinds,
                "uri": f"sophia://memory/{space.scope}",
            }
            for space, count, kinds in await memory.spaces(caller)
        ]
    )


async def listed(state: State, scope: str) -> str:
    """The memories of a scope by their first lines."""
    if scope not in SCOPES:
        raise NotFound(
            f"no memory scope {scope!r}", why=f"known: {', '.join(SCOPES)}", next="name one of them"
        )
    memory, caller = await reached(state, None)
    _, found = await memory.recall(None, caller, scope=scope, limit=LISTED)
    return json_of(
        {
            "memories": [
                facts(memo) | {"text": memo.text.split("\n")[0][:_LINE], "uri": _uri(memo.id)}
                for memo in found.memos
            ],
            "total": found.total,
        }
    )


async def item(state: State, id: str) -> str:
    """One memory, whole, with the verdicts of its anchors."""
    memory, caller = await reached(state, None)
    memo = await memory.get(id, caller)
    if memo is None:
        raise NotFound(
            f"there is no memory {plain_line(id)[:80]!r} here",
            why="it was forgotten, has expired, or belongs to another repository",
            next="read sophia://memory",
        )
    return json_of(
        facts(memo)
        | {"text": memo.text, "provenance": memory.shelf.lifetimes.provenance(memo), "uses": memo.uses}
    )


async def ids(state: State) -> Sequence[str]:
    """Ids of the newest memories, for completion."""
    memory, caller = await reached(state, None)
    _, found = await memory.recall(None, caller, limit=LISTED)
    return [memo.id for memo in found.memos]


async def scopes(state: State) -> Sequence[str]:
    """The scopes, for completion."""
    return SCOPES


def facts(memo: Memo) -> dict[str, Any]:
    """What is known of a memory besides its text."""
    return {
        "id": memo.id,
        "kind": memo.kind,
        "scope": memo.scope,
        "repo": memo.repo or None,
        "tier": memo.tier,
        "source": memo.source,
        "standing": memo.standing,
        "created": day(memo.created_ns),
        "expires": day(memo.expires_ns) if memo.expires_ns is not None else None,
        "anchors": [
            {"place": each.place, "verdict": each.verdict, "detail": each.detail}
            for each in memo.anchors
        ],
    }


def _uri(id: str) -> str:
    return f"sophia://memory/item/{id}"


async def reached(state: State, repo: str | None) -> tuple[Memory, Caller]:
    """Memory and who asks. Whoever subscribed hears of every change of this process from now on."""
    app, project = await state.open()
    memory: Memory = await app.memory()
    if not any(
        isinstance(each, Announce) and each.changes is state.changes for each in memory.shelf.heard
    ):
        memory.shelf.heard.append(Announce(state.changes))
    return memory, Caller(repo, project)


@dataclass(frozen=True, slots=True)
class Announce:
    """Tells subscribers which resources read differently now."""

    changes: Changes

    async def __call__(self, touched: frozenset[str]) -> None:
        await self.changes.updated("sophia://memory")
        for each in sorted(touched):
            await self.changes.updated(f"sophia://memory/{each}" if each in SCOPES else _uri(each))
