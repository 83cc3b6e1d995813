"""The answer to one question: classify, gather, rank, check the disk, pack. Read ``search`` as a sentence."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import anyio

from sophia_mcp.errors import BadArgument
from sophia_mcp.index.views import View
from sophia_mcp.search import route, verdict
from sophia_mcp.search.candidates.semantic import Meaning
from sophia_mcp.search.engine import Engine, Outcome, Question
from sophia_mcp.search.places import skipped
from sophia_mcp.search.question import spelling
from sophia_mcp.search.question.call import call
from sophia_mcp.search.question.query import classify
from sophia_mcp.search.reply import cursor
from sophia_mcp.search.reply.pack import Material, pack
from sophia_mcp.search.text import regex
from sophia_mcp.search.view import changed, filters, freshness
from sophia_mcp.search.view.content import Text
from sophia_mcp.security.text import call_of, plain_line
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import LOCAL, Answer, Coverage, Freshness, Request

__all__ = ["Engine", "search"]

REFRESH_S = 2.0
"""Changed files are read again for at most this long before an answer says ``stale``."""

LONGEST_QUERY = 2000
_CHECKED = 3
"""Files checked beyond the limit of hits, as a multiple: spans may fall away while packing."""

_MOVED = (
    "the code has changed since the page before: spans may be repeated or left out; ask without cursor"
)


async def search(
    engine: Engine,
    view: View,
    request: Request,
    *,
    fresh: bool = False,
    meaning: Meaning | None = None,
    others: bool = False,
) -> Answer:
    """Answer a request about one view. ``fresh``: the view was read from the store just now. ``meaning``: what the
    question means is known from another view. ``others``: see ``Question``.

    Raises BadArgument for a query or bounds out of range, BadQuery for a pattern or cursor that
    cannot be used.
    """
    _check(request)
    shown = cursor.read(view, request)
    meant = Meaning(engine.embedder) if meaning is None else meaning.elsewhere()
    asked = _Asked(engine, request, shown, meant, others, time.time_ns())
    view = await engine.index.reconcile(view, fresh=fresh)
    found, differing = await _sought(asked, view)
    states: dict[str, Freshness] = {}
    if differing:
        renewed = await _refresh(engine, found.question.view, differing)
        states = dict.fromkeys(differing, "stale" if renewed is None else "reindexed")
        if renewed is not None:
            found, differing = await _sought(asked, renewed)
            states |= dict.fromkeys(differing, "stale")
    answer = _packed(found, states)
    engine.tidy()
    return answer


def _check(request: Request) -> None:
    if not request.query.strip() or len(request.query) > LONGEST_QUERY:
        raise BadArgument(
            "query must hold 1 to 2,000 characters",
            why=f"it holds {len(request.query)}" if request.query.strip() else "it is blank",
            next="send the words, name, pattern or the first frames of the trace",
        )
    if not 1 <= request.limit <= 50:
        raise BadArgument("limit must be 1 to 50", why=f"it is {request.limit}", next="use limit=8")
    if request.max_tokens is not None and not 200 <= request.max_tokens <= 20_000:
        raise BadArgument(
            "max_tokens must be 200 to 20,000",
            why=f"it is {request.max_tokens}",
            next="use max_tokens=2500",
        )


_GONE_NAMED = 10
"""Removed files that an answer about changes names."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of whichever state of a view, and when it was: nanoseconds since 1970."""

    engine: Engine
    request: Request
    shown: cursor.Shown
    meaning: Meaning
    others: bool
    at_ns: int


@dataclass(frozen=True, slots=True)
class _Found:
    """What may be shown for a question, and the texts of those files by their place in the atlas."""

    question: Question
    outcome: Outcome
    texts: Mapping[int, Text]
    earlier: frozenset[bytes] = frozenset()


async def _find(asked: _Asked, view: View) -> _Found:
    """Classify the request, build its filter, and search in the way it asks for."""
    engine, request, shown, meaning = asked.engine, asked.request, asked.shown, asked.meaning
    query = classify(request.query, request.mode)
    if query.kind == "regex" and request.mode == "auto" and not regex.usable(query.text):
        query = replace(query, kind="words")
    # Before the store is read: a model may be far away.
    vector = await meaning.of(query.text) if query.kind in ("words", "error", "path") else None
    differing = await changed.of(view) if request.scope == "changed" else None
    aside = _gone(differing)
    async with engine.database.read(LOCAL) as tx:
        atlas = await engine.atlases.of(tx, view)
        chosen = filters.build(atlas, request, differing.paths if differing is not None else None)
        if query.of_tests:
            chosen, among = filters.of_tests(atlas, request, chosen)
            aside = (*aside, *among)
        question = Question(
            engine, view, atlas, request, query, chosen, meaning, shown.count, asked.others
        )
        if (nothing := await verdict.empty(question, tx)) is not None:
            return _Found(question, replace(nothing, notes=(*nothing.notes, *aside)), {})
        if chosen.problem:
            return _Found(question, await _excluded(question, tx, aside), {})
        question = await route.narrowed(question, tx)
        aside = (*aside, *spelling.said(question.query))
        outcome = await route.follow(question, tx, vector)
        outcome, earlier = _unseen(question, await verdict.judged(question, tx, outcome), shown)
        lack = (meaning.lack,) if meaning.lack else ()
        outcome = replace(outcome, notes=(*outcome.notes, *aside, *lack))
        files = sorted({item.file for item in outcome.candidates})
        texts = await engine.content.texts(tx, atlas.blobs[files].tolist()) if files else {}
    return _Found(question, outcome, {file: texts[int(atlas.blobs[file])] for file in files}, earlier)


def _gone(differing: changed.Changes | None) -> tuple[str, ...]:
    """What a search of changes cannot show: files of the base that are no more."""
    if differing is None or not differing.removed:
        return ()
    names = sorted(differing.removed)
    more = f" and {len(names) - _GONE_NAMED} more" if len(names) > _GONE_NAMED else ""
    return (f"removed since the base: {plain_line(', '.join(names[:_GONE_NAMED]))}{more}",)


async def _excluded(question: Question, tx: Transaction, aside: tuple[str, ...]) -> Outcome:
    """No file passes the filters: why, what is said beside it, and the call without them or for what the index leaves
    out there."""
    request, atlas, problem = question.request, question.atlas, question.filter.problem
    for written in request.paths:
        if not filters.matches(atlas, written) and (out := await skipped.find(question, tx, written)):
            following = out.following(question, request.query)
            return Outcome((), 0, (f"not here: {problem}; {out.said}", *aside, following))
    return Outcome((), 0, (f"not here: {problem}", *aside, _widen(request)))


def _widen(request: Request) -> str:
    mode = {} if request.mode == "auto" else {"mode": request.mode}
    return f"next: {call(request, request.query, **mode)}"


async def _sought(asked: _Asked, view: View) -> tuple[_Found, list[str]]:
    """What is found, and the files of it whose text is not that of the disk. A hit is compared with its file; that
    there is none, or where one went, is told by a look at the tree that is no older than the question."""
    found = await _find(asked, view)
    checked = await _fresh(found)
    doubted = found.outcome.is_miss or checked.gone
    if doubted and view.on_disk and view.reconciled_ns < asked.at_ns:
        again = await asked.engine.index.reconcile(view, doubted=True)
        if again.generation != view.generation or again.behind:
            found = await _find(asked, again)
            checked = await _fresh(found)
    paths = found.question.atlas.paths
    return found, sorted(paths[file] for file in checked.changed | checked.gone)


async def _fresh(found: _Found) -> freshness.Checked:
    if not found.texts:
        return freshness.NOTHING_CHANGED
    question = found.question
    return await freshness.check(question.engine.database, question.view, question.atlas, found.texts)


async def _refresh(engine: Engine, view: View, paths: Sequence[str]) -> View | None:
    """The view with these files read again, or None when that took too long."""
    with anyio.move_on_after(REFRESH_S):
        return await engine.index.refresh(view, paths)
    return None


def _unseen(
    question: Question, outcome: Outcome, shown: cursor.Shown
) -> tuple[Outcome, frozenset[bytes]]:
    """The outcome without spans of earlier pages, cut to what is checked on disk and may be shown, and the
    marks of those spans."""
    paths, every = question.atlas.paths, outcome.candidates
    if not shown.count:
        return replace(outcome, candidates=every[: question.request.limit * _CHECKED]), shown.marks
    marks = [cursor.span(paths[item.file], item.start, item.end) for item in every]
    earlier, sure = shown.among(marks)
    left = [item for item, mark in zip(every, marks, strict=True) if mark not in earlier]
    notes = outcome.notes if sure else (*outcome.notes, _MOVED)
    most = question.request.limit * _CHECKED
    return replace(outcome, candidates=tuple(left[:most]), notes=notes), earlier


def _packed(found: _Found, states: dict[str, Freshness]) -> Answer:
    question, outcome, files = found.question, found.outcome, found.texts
    view, atlas, request = question.view, question.atlas, question.request
    material = Material(
        candidates=outcome.candidates,
        texts=files,
        paths={file: atlas.paths[file] for file in files},
        languages={file: atlas.languages[file] for file in files},
        freshness={file: states[atlas.paths[file]] for file in files if atlas.paths[file] in states},
        repo=view.label,
        total=outcome.total,
        index=_coverage(question, sum(state == "stale" for state in states.values())),
        notes=(*outcome.notes, *_failure(view)),
        earlier=found.earlier,
        cursor=lambda shown: cursor.write(view, request, shown),
        named=_is_named(question, outcome),
        query=question.query,
    )
    return pack(material, request, question.engine.count_tokens)


def _failure(view: View) -> tuple[str, ...]:
    """Why the answer may not know all of the tree: the last index run failed, was cancelled, or could not be."""
    if view.behind:
        return (f"what changed since the tree was last read is not in this answer: {view.behind}",)
    if view.cancelled:
        again = call_of("index_repo", path=view.place)
        return (f"{view.reason}, and no question begins it again; next: {again}",)
    return (
        (f"the last index run failed: {view.reason}",) if view.state == "failed" and view.reason else ()
    )


def _is_named(question: Question, outcome: Outcome) -> bool:
    """Whether the best candidate is the definition of the name that was asked for."""
    query = question.query
    if query.kind != "identifier" or not outcome.candidates:
        return False
    best = outcome.candidates[0]
    return best.text is None and best.symbol.replace("::", ".").rsplit(".", 1)[-1] == query.name


def _coverage(question: Question, stale: int) -> Coverage:
    view, indexed = question.view, len(question.atlas.paths)
    return Coverage(
        state=view.state,
        commit=view.commit,
        files_indexed=indexed,
        # Files that were read and left out (minified, binary) are in the view's total, and not missing.
        files_total=indexed if view.state == "ready" else max(view.files_total, indexed),
        stale_files=stale,
        checked_s_ago=round(max(time.time_ns() - view.reconciled_ns, 0) / 1e9, 1)
        if view.on_disk
        else 0.0,
    )
