"""How is one question asked of several repositories at once?

Each repository answers for itself, because words are counted per repository; the answers are then
dealt out by rank, so that no repository's first hit waits behind another's tail; but what has the very text
comes before all that is only near to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import anyio

from sophia_mcp.errors import BadArgument, BadQuery, NotFound
from sophia_mcp.index.views import View
from sophia_mcp.ops.together import first
from sophia_mcp.search.answer import Engine, search
from sophia_mcp.search.candidates.semantic import Meaning
from sophia_mcp.search.question.call import EVERYWHERE, call
from sophia_mcp.search.question.query import classify
from sophia_mcp.search.reply.render import block, render
from sophia_mcp.security.text import counted
from sophia_mcp.types import Answer, Coverage, Hit, Request

_NAMED = 6
"""Repositories that are named one by one, and whose notes are repeated."""

_BESIDE = 4
"""Repositories that are asked at once: one that waits for what changed in it keeps no other waiting."""

_SOMEWHERE = ("words", "error", "identifier")
"""Kinds of questions that some repository mostly answers. Each that does not would read the names of all, to tell
which come near; that is told where none answers."""

_MISS, _NEXT = "not here:", "next:"


async def search_everywhere(engine: Engine, views: Sequence[View], request: Request) -> Answer:
    """One answer over many views, within the request's limit and tokens. It has no next page: the
    notes name the call that goes on in one repository.

    Raises NotFound when there is no view, BadQuery for a cursor.
    """
    if request.cursor is not None:
        raise BadQuery(
            "a cursor cannot be used with repo='*'",
            why="pages belong to one repository",
            next="name the repository the cursor came from",
        )
    if not views:
        raise NotFound("nothing is indexed yet", next="index_repo(path=<folder>)")
    request = replace(request, repo=EVERYWHERE)
    others = len(views) > 1 and classify(request.query, request.mode).kind in _SOMEWHERE
    answers, asked, refused = await _asked(engine, views, request, others=others)
    if others and all(answer.is_miss for answer in answers):
        answers, asked, refused = await _asked(engine, views, request, others=False)
    found = [answer for answer in answers if not answer.is_miss] or answers
    ranked = sorted(
        (
            (rank >= answer.exact, rank, -hit.score, hit)
            for answer in found
            for rank, hit in enumerate(answer.hits)
        ),
        key=lambda item: item[:3],
    )
    notes = (*_notes(asked, answers, found, request), *refused)
    coverage = _together([answer.index for answer in answers])
    whole = Answer((), sum(answer.total for answer in found), None, coverage, notes)
    while (
        request.max_tokens and len(notes) > 1 and _cost(engine, whole, (), request) > request.max_tokens
    ):
        notes = notes[:-1]
        whole = replace(whole, notes=notes)
    shown = _fitting(engine, whole, [hit for *_, hit in ranked], request)
    return replace(whole, hits=tuple(shown))


async def _asked(
    engine: Engine, views: Sequence[View], request: Request, *, others: bool
) -> tuple[list[Answer], list[View], list[str]]:
    """The answers, the views that gave them, and why the others cannot (no git to tell changes by). ``others``: see
    ``Question``. Raises their error when none can."""
    answers: dict[int, Answer] = {}
    refused: dict[int, BadArgument] = {}
    meaning, free = Meaning(engine.embedder), anyio.Semaphore(_BESIDE)

    async def ask(number: int, view: View) -> None:
        part = replace(request, max_tokens=None, repo=view.label)
        async with free:
            try:
                answers[number] = await search(engine, view, part, meaning=meaning, others=others)
            except BadArgument as problem:
                refused[number] = problem

    try:
        async with anyio.create_task_group() as tasks:
            for number, view in enumerate(views):
                tasks.start_soon(ask, number, view)
    except BaseExceptionGroup as several:
        raise first(several) from None
    if refused and not answers:
        raise refused[min(refused)]
    asked = sorted(answers)
    named = [f"{views[n].label} cannot answer: {problem}" for n, problem in sorted(refused.items())]
    return [answers[n] for n in asked], [views[n] for n in asked], named


def _fitting(engine: Engine, whole: Answer, hits: Sequence[Hit], request: Request) -> list[Hit]:
    if request.max_tokens is None:
        return list(hits[: request.limit])
    left = request.max_tokens - _cost(engine, whole, (), request)
    shown: list[Hit] = []
    for hit in hits:
        cost = engine.count_tokens(block(hit, request))
        if len(shown) < request.limit and cost <= left:
            shown.append(hit)
            left -= cost
    # Parts counted one by one may come to a token less than the whole.
    while shown and _cost(engine, whole, shown, request) > request.max_tokens:
        shown.pop()
    return shown


def _cost(engine: Engine, whole: Answer, hits: Sequence[Hit], request: Request) -> int:
    return engine.count_tokens(render(replace(whole, hits=tuple(hits)), request))


def _notes(
    views: Sequence[View], answers: Sequence[Answer], found: Sequence[Answer], request: Request
) -> tuple[str, ...]:
    labels = {id(answer): view.label for answer, view in zip(answers, views, strict=True)}
    if all(answer.is_miss for answer in answers):
        # That one knows the nearest names whose note says most.
        nearest = max(answers, key=lambda answer: len("".join(answer.notes[:1])))
        first, *others = nearest.notes or ("not here: no repository has it",)
        following = [note for note in others if note.startswith(_NEXT)]
        looked = f"looked in {counted(len(views), 'repository')}, and none has it"
        return (first, looked, *following, *_labelled(labels, answers, (_MISS, _NEXT)))
    names = [labels[id(answer)] for answer in found]
    more = call(request, request.query, repo=names[0], **_narrowed(request))
    said = f"{len(found)} of {len(views)} repositories answer: {', '.join(names[:_NAMED])}"
    if len(names) > _NAMED:
        said += f" and {len(names) - _NAMED} more"
    return (f"{said}; more of one: {more}", *_labelled(labels, found))


def _labelled(
    labels: dict[int, str], answers: Sequence[Answer], told: tuple[str, ...] = ()
) -> list[str]:
    """What answers note, each note once and with the repositories that it is about, but for notes that begin
    as what is ``told`` anyway. ``labels`` by the id of an answer."""
    about: dict[str, list[str]] = {}
    for answer in answers[:_NAMED]:
        for note in answer.notes:
            if not note.startswith(told):
                about.setdefault(note, []).append(labels[id(answer)])

    def whose(note: str) -> str:
        shared = len(answers) > 1 and all(note in answer.notes for answer in answers)
        return "each of them" if shared else ", ".join(dict.fromkeys(about[note]))

    return [f"{whose(note)}: {note}" for note in about]


def _narrowed(request: Request) -> dict[str, object]:
    """What makes the question another than its words alone."""
    held = {
        "mode": request.mode,
        "paths": list(request.paths),
        "languages": list(request.languages),
        "kinds": list(request.kinds),
        "scope": request.scope,
    }
    return {name: value for name, value in held.items() if value and value not in ("auto", "all")}


def _together(parts: Sequence[Coverage]) -> Coverage:
    states = [part.state for part in parts]
    return Coverage(
        state="indexing" if "indexing" in states else "failed" if set(states) == {"failed"} else "ready",
        commit="",
        files_indexed=sum(part.files_indexed for part in parts),
        files_total=sum(part.files_total for part in parts),
        stale_files=sum(part.stale_files for part in parts),
        checked_s_ago=max(part.checked_s_ago for part in parts),
    )
