"""How do memories, their anchors and votes stand in the tables?"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sophia_mcp.memory.anchors import Pin
from sophia_mcp.store.database import Row, Transaction
from sophia_mcp.types import Anchor, Memo

_MEMO = (
    "m.id, m.number, m.space, m.text, m.kind, s.scope, s.name, m.tier, m.source, m.created_ns, m.used_ns,"
    " m.uses, m.repeats, m.standing, m.expires_ns, m.forgotten_ns, m.digest"
)
_FROM = "FROM memories m JOIN memory_spaces s ON s.id = m.space WHERE m.workspace = :workspace"
_LIVING = "m.forgotten_ns = 0 AND (m.expires_ns = 0 OR m.expires_ns > :now)"


@dataclass(frozen=True, slots=True)
class Kept:
    """A memory with what only the store knows of it."""

    memo: Memo
    number: int
    space: int
    repeats: int
    forgotten_ns: int
    digest: str


def new_id() -> str:
    """An id nobody has."""
    return f"m-{secrets.token_hex(6)}"


def _kept(row: Row) -> Kept:
    id_, number, space, text, kind, scope, name, tier, source, created, used, uses, repeats, *rest = row
    standing, expires, forgotten, digest = rest
    memo = Memo(
        id_, text, kind, scope, name, tier, source, created, used, uses, standing, expires or None
    )
    return Kept(memo, number, space, repeats, forgotten, digest)


async def one(tx: Transaction, id: str) -> Kept | None:
    """A memory by its id, forgotten ones too."""
    rows = await tx.rows(f"SELECT {_MEMO} {_FROM} AND m.id = :id", {"id": id})
    return _kept(rows[0]) if rows else None


async def by_digest(tx: Transaction, space: int, digest: str) -> list[Kept]:
    """Memories of a space that say exactly this, living ones first, then the latest."""
    rows = await tx.rows(
        f"SELECT {_MEMO} {_FROM} AND m.space = :space AND m.digest = :digest"
        " ORDER BY m.forgotten_ns, m.created_ns DESC",
        {"space": space, "digest": digest},
    )
    return [_kept(row) for row in rows]


async def lessons(tx: Transaction, digest: str) -> list[tuple[str, bool]]:
    """(id, whether it was forgotten) of every lesson that says exactly this, in whatever space."""
    found = await tx.rows(
        "SELECT m.id, m.forgotten_ns FROM memory_spaces s CROSS JOIN memories m"
        " WHERE s.workspace = :workspace AND m.workspace = :workspace AND m.space = s.id"
        " AND m.digest = :digest AND m.kind = 'lesson'",
        {"digest": digest},
    )
    return [(id_, forgotten > 0) for id_, forgotten in found]


async def by_number(tx: Transaction, numbers: Iterable[int], now: int) -> dict[int, Kept]:
    """The living ones among these."""
    wanted = ", ".join(str(int(number)) for number in numbers)
    if not wanted:
        return {}
    rows = await tx.rows(
        f"SELECT {_MEMO} {_FROM} AND m.number IN ({wanted}) AND {_LIVING}",
        {"now": now},
    )
    return {kept.number: kept for kept in map(_kept, rows)}


async def listed(
    tx: Transaction,
    spaces: Sequence[int],
    now: int,
    *,
    kinds: Collection[str] = (),
    tiers: Collection[str] = (),
    skip: Collection[int] = (),
    limit: int | None = None,
) -> list[Kept]:
    """Living memories of these spaces: pinned ones, then the newest. Each space is asked alone, in the
    order of an index: a list of the newest reads no others."""
    where = f"m.space = :space AND {_LIVING}" + _among("m.kind", kinds) + _among("m.tier", tiers)
    if skip:
        where += f" AND m.number NOT IN ({', '.join(str(int(number)) for number in skip)})"
    found: list[Kept] = []
    for tier in ("m.tier = 'pinned'", "m.tier <> 'pinned'"):
        left = "" if limit is None else f" LIMIT {max(limit - len(found), 0)}"
        rows = [
            row
            for space in spaces
            for row in await tx.rows(
                f"SELECT {_MEMO} {_FROM} AND {where} AND {tier} ORDER BY m.created_ns DESC, m.id DESC{left}",
                {"now": now, "space": space},
            )
        ]
        alike = sorted(
            map(_kept, rows), key=lambda kept: (kept.memo.created_ns, kept.memo.id), reverse=True
        )
        found += alike if limit is None else alike[: limit - len(found)]
    return found


async def counted(
    tx: Transaction, spaces: Sequence[int], now: int, kinds: Collection[str] = ()
) -> list[tuple[int, str, str, int]]:
    """(space, kind, tier, how many) of the living."""
    if not spaces:
        return []
    rows = await tx.rows(
        "SELECT m.space, m.kind, m.tier, count(*) FROM memories m WHERE m.workspace = :workspace"  # noqa: S608
        f" AND m.space IN ({', '.join(str(int(space)) for space in spaces)}) AND {_LIVING}{_among('m.kind', kinds)}"
        " GROUP BY m.space, m.kind, m.tier ORDER BY m.space, m.kind, m.tier",
        {"now": now},
    )
    return [(space, kind, tier, count) for space, kind, tier, count in rows]


def _among(column: str, values: Collection[str]) -> str:
    """A condition on a column with a fixed set of words; anything else cannot match."""
    if not values:
        return ""
    words = ", ".join(f"'{value}'" for value in values if value.isalpha())
    return f" AND {column} IN ({words or 'NULL'})"


async def next_number(tx: Transaction) -> int:
    """The number of the next memory."""
    [(number,)] = await tx.rows(
        "SELECT coalesce(max(number), 0) + 1 FROM memories WHERE workspace = :workspace"
    )
    return int(number)


async def touch(tx: Transaction, space: int) -> int:
    """Count one more change of a space; the count goes into the rows that changed."""
    [(changed,)] = await tx.rows(
        "UPDATE memory_spaces SET changed = changed + 1 WHERE id = :id AND workspace = :workspace"
        " RETURNING changed",
        {"id": space},
    )
    return int(changed)


async def insert(tx: Transaction, kept: Kept, changed: int) -> None:
    """A new memory."""
    await tx.run(
        "INSERT INTO memories (id, workspace, number, space, kind, tier, source, text, digest, created_ns,"
        " used_ns, uses, repeats, standing, expires_ns, forgotten_ns, changed) VALUES (:id, :workspace,"
        " :number, :space, :kind, :tier, :source, :text, :digest, :created, :used, :uses, :repeats,"
        " :standing, :expires, :forgotten, :changed)",
        _values(kept) | {"changed": changed},
    )


async def update(tx: Transaction, kept: Kept, changed: int | None = None) -> None:
    """Write a memory again. ``changed`` where its text, kind or presence did."""
    mark = ", changed = :changed" if changed is not None else ""
    await tx.run(
        "UPDATE memories SET kind = :kind, tier = :tier, source = :source, text = :text, digest = :digest,"  # noqa: S608
        " created_ns = :created, used_ns = :used, uses = :uses, repeats = :repeats, standing = :standing,"
        f" expires_ns = :expires, forgotten_ns = :forgotten{mark} WHERE workspace = :workspace AND id = :id",
        _values(kept) | ({"changed": changed} if changed is not None else {}),
    )


def _values(kept: Kept) -> dict[str, Any]:
    memo = kept.memo
    return {
        "id": memo.id,
        "number": kept.number,
        "space": kept.space,
        "kind": memo.kind,
        "tier": memo.tier,
        "source": memo.source,
        "text": memo.text,
        "digest": kept.digest,
        "created": memo.created_ns,
        "used": memo.used_ns,
        "uses": memo.uses,
        "repeats": kept.repeats,
        "standing": memo.standing,
        "expires": memo.expires_ns or 0,
        "forgotten": kept.forgotten_ns,
    }


_PIN = (
    "place, kind, root, path, symbol, line, first, lines, copies, size, commit_id, file_hash, text_hash"
)


async def pins(tx: Transaction, ids: Sequence[str]) -> dict[str, list[Pin]]:
    """Anchors of these memories, in order."""
    found: dict[str, list[Pin]] = {}
    if not ids:
        return found
    among, values = _these(ids)
    rows = await tx.rows(
        f"SELECT memory, {_PIN} FROM memory_anchors WHERE workspace = :workspace"  # noqa: S608
        f" AND memory IN ({among}) ORDER BY memory, ordinal",
        values,
    )
    for memory, *stored in rows:
        found.setdefault(memory, []).append(Pin(*stored))
    return found


def _these(ids: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Named parameters for a list of texts, and their values."""
    values = {f"id{at}": id_ for at, id_ in enumerate(ids)}
    return ", ".join(f":{name}" for name in values) or "NULL", values


async def put_pins(tx: Transaction, memory: str, pins: Sequence[Pin]) -> None:
    """The anchors of a memory, replacing those it had."""
    await tx.run(
        "DELETE FROM memory_anchors WHERE workspace = :workspace AND memory = :memory",
        {"memory": memory},
    )
    await tx.many(
        f"INSERT INTO memory_anchors (workspace, memory, ordinal, {_PIN}) VALUES"  # noqa: S608
        " (:workspace, :memory, :ordinal, :place, :kind, :root, :path, :symbol, :line, :first, :lines, :copies,"
        " :size, :commit, :file_hash, :text_hash)",
        [{"memory": memory, "ordinal": at, **facts(each)} for at, each in enumerate(pins)],
    )


def facts(pin: Pin) -> dict[str, Any]:
    """A pin as plain values."""
    return {name: getattr(pin, name) for name in Pin.__slots__}


async def vote(tx: Transaction, memory: str, voter: str, value: int, now: int) -> int:
    """Record what a voter thinks now, in place of what it thought; returns the sum of all votes."""
    await tx.run(
        "INSERT INTO memory_votes (workspace, memory, voter, vote, at_ns)"
        " VALUES (:workspace, :memory, :voter, :vote, :now) ON CONFLICT (workspace, memory, voter)"
        " DO UPDATE SET vote = excluded.vote, at_ns = excluded.at_ns",
        {"memory": memory, "voter": voter, "vote": value, "now": now},
    )
    [(standing,)] = await tx.rows(
        "SELECT sum(vote) FROM memory_votes WHERE workspace = :workspace AND memory = :memory",
        {"memory": memory},
    )
    await tx.run(
        "UPDATE memories SET standing = :standing WHERE workspace = :workspace AND id = :memory",
        {"standing": standing, "memory": memory},
    )
    return int(standing)


async def votes(tx: Transaction, ids: Sequence[str]) -> dict[str, list[tuple[str, int, int]]]:
    """(voter, vote, when) of these memories."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    among, values = _these(ids)
    rows = await tx.rows(
        "SELECT memory, voter, vote, at_ns FROM memory_votes WHERE workspace = :workspace"  # noqa: S608
        f" AND memory IN ({among}) ORDER BY memory, at_ns, voter",
        values,
    )
    for memory, voter, value, at in rows:
        found.setdefault(memory, []).append((voter, value, at))
    return found


async def used(tx: Transaction, uses: Mapping[str, tuple[int, int]]) -> None:
    """Add (how often, when last) to the uses of memories."""
    await tx.many(
        "UPDATE memories SET uses = uses + :count,"
        " used_ns = CASE WHEN used_ns > :at THEN used_ns ELSE :at END"
        " WHERE workspace = :workspace AND id = :id",
        [{"id": id_, "count": count, "at": at} for id_, (count, at) in uses.items()],
    )


async def ended(tx: Transaction, now: int, kept_ns: int, limit: int) -> list[tuple[str, int, int]]:
    """(id, number, space) of memories that expired, or were forgotten too long ago to be undone."""
    rows = await tx.rows(
        "SELECT id, number, space FROM memories WHERE workspace = :workspace AND expires_ns > 0"
        " AND expires_ns <= :now UNION SELECT id, number, space FROM memories WHERE workspace = :workspace"
        " AND forgotten_ns > 0 AND forgotten_ns <= :lost LIMIT :limit",
        {"now": now, "lost": now - kept_ns, "limit": limit},
    )
    return [(id_, number, space) for id_, number, space in rows]


async def erase(tx: Transaction, ids: Sequence[tuple[str, int, int]]) -> None:
    """Remove memories with everything that hangs on them; their words are the caller's."""
    for table, column in (
        ("memory_anchors", "memory"),
        ("memory_votes", "memory"),
        ("memories", "id"),
    ):
        await tx.many(
            f"DELETE FROM {table} WHERE workspace = :workspace AND {column} = :id",  # noqa: S608
            [{"id": id_} for id_, _, _ in ids],
        )
    await tx.many(
        "DELETE FROM memory_vectors WHERE workspace = :workspace AND number = :number",
        [{"number": number} for _, number, _ in ids],
    )


def judged(kept: Kept, anchors: Sequence[Anchor], score: float = 0.0) -> Memo:
    """The memory as it is told, with the verdicts of its anchors."""
    return replace(kept.memo, anchors=tuple(anchors), score=score)
