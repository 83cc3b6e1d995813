"""How does something come to be remembered? Masked, compared with what is known, anchored, and written in
one transaction. No model but the local embedder is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sophia_mcp.errors import BadArgument, NotFound, TooLarge
from sophia_mcp.memory import repos, rows
from sophia_mcp.memory.anchors import Pin, pin, verdicts
from sophia_mcp.memory.finder import Vector
from sophia_mcp.memory.note import Note, Remembered, State
from sophia_mcp.memory.repos import Repo, Space
from sophia_mcp.memory.rows import Kept
from sophia_mcp.memory.shelf import Shelf
from sophia_mcp.memory.similar import digest, holds_more, likeness
from sophia_mcp.memory.tiers import DAY_NS, PERSON_VOTE, tier_of
from sophia_mcp.security.secrets import mask
from sophia_mcp.security.text import plain, plain_line
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Anchor, Memo, MemoryTier

MAX_CHARS = 4000
COMPARED = 6
"""Nearest memories that a new one is compared with."""

_MARK = re.compile(r"«masked [^»]*»")
_SWEPT = 500


@dataclass(frozen=True, slots=True)
class _Likes:
    """What a space holds that is like a text, as of the space's ``changed``."""

    near: Kept | None
    rivals: tuple[Kept, ...]
    changed: int


def cleaned(text: str) -> tuple[str, tuple[str, ...]]:
    """A text as it may be kept, and what was done to it. Raises BadArgument and TooLarge."""
    shown = plain(text).strip()
    if not shown:
        raise BadArgument("there is nothing to remember", why="the text is empty", next="give `text`")
    if len(shown) > MAX_CHARS:
        raise TooLarge(
            f"the text has {len(shown)} characters",
            why=f"a memory holds at most {MAX_CHARS}",
            next="say it shorter, or split it into several memories",
        )
    masked = mask(shown)
    if not masked.count:
        return shown, ()
    if len(re.findall(r"\w{2,}", _MARK.sub("", masked.text))) < 3:
        raise BadArgument(
            "a secret is not remembered",
            why="besides the secret the text says next to nothing",
            next="remember where the secret is kept, not its value",
        )
    return masked.text, (
        f"{masked.count} secret{'s' * (masked.count > 1)} masked; only the rest is kept",
    )


async def remember(shelf: Shelf, note: Note, repo: Repo | None) -> Remembered:
    """Write a note, or reinforce what says the same. Raises BadArgument, TooLarge, NotFound."""
    text, notes = cleaned(note.text)
    note = replace(note, text=text, source=plain_line(note.source)[:200])
    now = shelf.clock()
    tier = tier_of(note.pinned, note.ttl_days, note.tier)
    # Refuses what contradicts itself before anything is done.
    shelf.lifetimes.ends(tier, now, note.ttl_days)
    pins = await _pinned(shelf, note, repo)
    vector = shelf.finder.vector(text)
    async with shelf.db.read(shelf.scope) as tx:
        space = await repos.find(tx, note.scope, repo)
        likes = await _likes(shelf, tx, space, text, vector) if space is not None else None
    async with shelf.db.write(shelf.scope) as tx:
        space = await repos.settle(tx, note.scope, repo)
        if likes is None or likes.changed != space.changed:
            likes = await _likes(shelf, tx, space, text, vector)
        exact = await rows.by_digest(tx, space.id, digest(text))
        known = exact[0] if exact else likes.near
        if known is None:
            kept, state = await _add(shelf, tx, space, note, tier, vector, pins), "added"
        else:
            kept, state = await _reinforce(shelf, tx, note, tier, known, pins)
        held = (await rows.pins(tx, [kept.memo.id])).get(kept.memo.id, [])
    if pins:
        judged = [Anchor(each.place) for each in held]
    else:
        judged = await verdicts(repo.root if repo is not None else None, held, shelf.find)
    memo = rows.judged(kept, judged)
    notes += _said(state, known, kept)
    await shelf.tell(memo.id, memo.scope)
    rivals = tuple(each.memo for each in likes.rivals if each.memo.id != memo.id)
    return Remembered(memo, state, notes, rivals)  # type: ignore[arg-type]


def _said(state: str, known: Kept | None, kept: Kept) -> tuple[str, ...]:
    if known is None:
        return ()
    if state == "restored":
        return ("it had been forgotten; it is remembered again",)
    longer = kept.memo.text != known.memo.text
    return ("it was known already" + (", and now has the longer wording" if longer else ""),)


async def _pinned(shelf: Shelf, note: Note, repo: Repo | None) -> list[Pin]:
    if not note.anchors:
        return []
    if repo is None or repo.root is None:
        raise BadArgument(
            "an anchor needs a repository",
            why="there is no project here to find it in",
            next="give `repo`, or leave out `anchors`",
        )
    return await pin(repo.root, note.anchors, shelf.find)


async def _likes(shelf: Shelf, tx: Transaction, space: Space, text: str, vector: Vector) -> _Likes:
    nearest = await shelf.finder.near(tx, space.id, vector, COMPARED)
    cosines = dict(zip(nearest.ids.tolist(), nearest.scores.tolist(), strict=True))
    found = await rows.by_number(tx, cosines, shelf.clock())
    near, rivals = None, []
    for number, cosine in cosines.items():
        kept = found.get(number)
        how = likeness(kept.memo.text, text, cosine) if kept is not None else "other"
        if how in ("same", "near") and near is None:
            near = kept
        elif how == "rival" and kept is not None:
            rivals.append(kept)
    return _Likes(near, tuple(rivals), space.changed)


async def _add(
    shelf: Shelf,
    tx: Transaction,
    space: Space,
    note: Note,
    tier: MemoryTier,
    vector: Vector,
    pins: Sequence[Pin],
) -> Kept:
    now = shelf.clock()
    changed = await rows.touch(tx, space.id)
    await _sweep(shelf, tx, changed)
    memo = Memo(
        rows.new_id(),
        note.text,
        note.kind,
        space.scope,
        space.name,
        tier,
        note.source,
        created_ns=now,
        used_ns=now,
        uses=0,
        standing=0,
        expires_ns=shelf.lifetimes.ends(tier, now, note.ttl_days),
    )
    kept = Kept(memo, await rows.next_number(tx), space.id, 0, 0, digest(note.text))
    await insert(shelf, tx, kept, pins, changed, vector)
    if note.source == "person":
        kept = await _voted(tx, kept, "person", now)
    return kept


async def insert(
    shelf: Shelf,
    tx: Transaction,
    kept: Kept,
    pins: Sequence[Pin],
    changed: int,
    vector: Vector | None = None,
) -> None:
    """A new row with its anchors, words and vector."""
    await rows.insert(tx, kept, changed)
    if pins:
        await rows.put_pins(tx, kept.memo.id, pins)
    await shelf.finder.put(
        tx, kept.number, vector if vector is not None else shelf.finder.vector(kept.memo.text)
    )
    if not kept.forgotten_ns:
        await shelf.finder.add(tx, kept.space, kept.number, kept.memo.text)


async def rewrite(shelf: Shelf, tx: Transaction, old: Kept, new: Kept) -> None:
    """Write a memory whose text, kind or presence changed."""
    await rows.update(tx, new, await rows.touch(tx, new.space))
    said = new.memo.text != old.memo.text
    if not old.forgotten_ns and (said or new.forgotten_ns):
        await shelf.finder.remove(tx, old.space, [old.number])
    if not new.forgotten_ns and (said or old.forgotten_ns):
        await shelf.finder.add(tx, new.space, new.number, new.memo.text)
    if said:
        await shelf.finder.put(tx, new.number, shelf.finder.vector(new.memo.text))


async def _reinforce(
    shelf: Shelf,
    tx: Transaction,
    note: Note,
    tier: MemoryTier,
    known: Kept,
    pins: Sequence[Pin],
) -> tuple[Kept, State]:
    """A memory said again lives on: it counts as used, keeps the longer wording and the longer life. It
    gains standing only when someone else says it."""
    now, old = shelf.clock(), known.memo
    expires = shelf.lifetimes.ends(tier, now, note.ttl_days)
    lasts = expires is None or old.expires_ns is None
    memo = replace(
        old,
        text=note.text if holds_more(old.text, note.text) else old.text,
        used_ns=now,
        tier=tier if tier == "pinned" or (lasts and old.expires_ns is not None) else old.tier,
        expires_ns=None if lasts else max(expires or 0, old.expires_ns or 0),
    )
    kept = replace(
        known,
        memo=memo,
        repeats=known.repeats + 1,
        forgotten_ns=0,
        digest=digest(memo.text),
    )
    if known.forgotten_ns or memo.text != old.text:
        await rewrite(shelf, tx, known, kept)
    else:
        await rows.update(tx, kept)
    if pins:
        await rows.put_pins(tx, memo.id, pins)
    if note.source != old.source:
        kept = await _voted(tx, kept, note.source, now)
    return kept, "restored" if known.forgotten_ns else "reinforced"


async def _voted(tx: Transaction, kept: Kept, voter: str, now: int) -> Kept:
    value = PERSON_VOTE if voter == "person" else 1
    standing = await rows.vote(tx, kept.memo.id, voter, value, now)
    return replace(kept, memo=replace(kept.memo, standing=standing))


async def vote(shelf: Shelf, id: str, voter: str, *, agrees: bool) -> Memo:
    """Let someone confirm or contradict a memory; each voter counts once, a person threefold. A lesson
    that fell far enough is forgotten, which can be undone. Raises NotFound."""
    now = shelf.clock()
    async with shelf.db.write(shelf.scope) as tx:
        kept = await _living(tx, id)
        value = (PERSON_VOTE if voter == "person" else 1) * (1 if agrees else -1)
        standing = await rows.vote(tx, id, voter, value, now)
        kept = replace(kept, memo=replace(kept.memo, standing=standing))
        if kept.memo.kind == "lesson" and standing <= -shelf.lifetimes.confirmations:
            await rewrite(shelf, tx, kept, replace(kept, forgotten_ns=now))
    await shelf.tell(id, kept.memo.scope)
    return kept.memo


async def forget(shelf: Shelf, id: str) -> Memo:
    """Forget a memory; `undo` takes it back for 30 days. Raises NotFound."""
    async with shelf.db.write(shelf.scope) as tx:
        kept = await _living(tx, id)
        await rewrite(shelf, tx, kept, replace(kept, forgotten_ns=shelf.clock()))
    await shelf.tell(id, kept.memo.scope)
    return kept.memo


async def undo(shelf: Shelf, id: str) -> Memo:
    """Remember what was forgotten. Raises NotFound where nothing of it is left."""
    now = shelf.clock()
    async with shelf.db.write(shelf.scope) as tx:
        kept = await rows.one(tx, id)
        if kept is None or kept.forgotten_ns <= now - shelf.lifetimes.kept_days * DAY_NS:
            if kept is not None and not kept.forgotten_ns:
                return kept.memo
            raise _unknown(id)
        await rewrite(shelf, tx, kept, replace(kept, forgotten_ns=0))
    await shelf.tell(id, kept.memo.scope)
    return kept.memo


async def _living(tx: Transaction, id: str) -> Kept:
    kept = await rows.one(tx, id)
    if kept is None or kept.forgotten_ns:
        raise _unknown(id)
    return kept


def _unknown(id: str) -> NotFound:
    return NotFound(
        f"there is no memory {plain_line(id)[:80]!r}",
        why="it was never written, has expired, or was forgotten more than 30 days ago",
        next="recall() lists what is remembered, with ids",
    )


async def _sweep(shelf: Shelf, tx: Transaction, changed: int) -> None:
    """Now and then, remove what expired and what was forgotten for good."""
    if changed % 100 != 1:
        return
    kept_ns = shelf.lifetimes.kept_days * DAY_NS
    gone = await rows.ended(tx, shelf.clock(), kept_ns, _SWEPT)
    for space in {space for _, _, space in gone}:
        await shelf.finder.remove(tx, space, [number for _, number, own in gone if own == space])
    await rows.erase(tx, gone)
