"""Where do the frames of a stack trace stand today? Frames to spans of the view."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.places import renamed, skipped, symbols
from sophia_mcp.search.places.locate import unfiltered
from sophia_mcp.search.places.settle import Version, settle, spoken_of
from sophia_mcp.search.question.trace import Frame, linked, match_path
from sophia_mcp.search.view.atlas import holding
from sophia_mcp.search.view.content import Text
from sophia_mcp.search.view.outline import enclosing, qualified
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Symbol

_AROUND = 6
_LONGEST = 60
_OLDER = 8
"""Older texts of a file that are looked at, the latest first."""

_OUTSIDE_MOST = 20
"""Files that are not here of which it is asked whether the index leaves them out."""

_ASKED = 8
"""Functions that a file must define to be taken for a trace's."""


async def find(question: Question, tx: Transaction) -> Outcome:
    """One span for each frame that lies in this repository, the innermost frame first where the
    trace names it last (Python) as well as where it names it first."""
    frames = question.query.frames
    ordered = linked(list(reversed(frames)) if _innermost_last(question.query.text) else frames)
    by_path: dict[str, list[Frame]] = {}
    for frame in ordered:
        by_path.setdefault(frame.path, []).append(frame)
    resolved: dict[Frame, list[Candidate]] = {}
    for path, some in by_path.items():
        resolved |= await _resolve(question, tx, path, some)
    candidates: dict[tuple[int, int], Candidate] = {}
    for frame in ordered:
        for one in resolved[frame]:
            candidates.setdefault((one.file, one.focus), one)
    here = sum(bool(resolved[frame]) for frame in ordered)
    outside = list(dict.fromkeys(frame.path for frame in ordered if not resolved[frame]))
    notes = [f"{here} of {len(frames)} frames are in this repository, at their lines of today"]
    if outside:
        more = f" and {len(outside) - 5} more" if len(outside) > 5 else ""
        notes.append(f"elsewhere: {', '.join(outside[:5])}{more}")
    left_out = [
        out for path in outside[:_OUTSIDE_MOST] if (out := await skipped.find(question, tx, path))
    ]
    notes += dict.fromkeys(out.said for out in left_out)
    notes += unfiltered(question, "a trace")
    if not here:
        held = f"the index of {question.view.label}" if left_out else question.view.label
        notes = [f"not here: none of the {len(frames)} frames lies in {held}", *notes[1:]]
    return Outcome(tuple(candidates.values()), len(candidates), tuple(notes))


def _innermost_last(text: str) -> bool:
    return (
        "most recent call last" in text
        or re.search(r'\bFile "[^"\n]+", line \d', text) is not None
        or re.search(r"^\S+\.py:\d+: in \w", text, re.MULTILINE) is not None
    )


async def _resolve(
    question: Question, tx: Transaction, path: str, frames: Sequence[Frame]
) -> dict[Frame, list[Candidate]]:
    """Candidates for the frames that name one path."""
    atlas, content = question.atlas, question.engine.content
    old_path, stored = await renamed.stored(question, tx, path)
    files = await _files(question, tx, path, old_path, [old for _, old in stored], frames)
    found: dict[Frame, list[tuple[bool, Candidate]]] = {frame: [] for frame in frames}
    for file in files[:3]:
        blob = int(atlas.blobs[file])
        own = atlas.paths[file]
        older = [
            old for held, old in stored if old != blob and (held == own or held not in atlas.position)
        ][:_OLDER]
        texts = await content.texts(tx, [blob, *older])
        defined = await content.symbols(tx, [blob, *older])
        versions = [Version(texts[one].lines, defined[one]) for one in (blob, *older) if one in texts]
        place = spoken_of(frames, versions, question.query.text)
        for frame in frames:
            line = settle(frame, versions[0], versions[place] if place else None)
            named = bool(versions[0].homes(frame))
            found[frame].append((named, _candidate(file, frame, line, texts[blob], defined[blob])))
    return {
        frame: [one for named, one in options if named or not any(sure for sure, _ in options)]
        for frame, options in found.items()
    }


async def _files(
    question: Question,
    tx: Transaction,
    path: str,
    old_path: str,
    old: Sequence[int],
    frames: Sequence[Frame],
) -> list[int]:
    """Files of the view that a written path means: those that end like it; what a file that stood there
    has become; else the only one that defines what the frames name."""
    atlas, allowed = question.atlas, question.filter.allowed
    name = path.rstrip("/").rpartition("/")[2]
    named = match_path(path, [atlas.paths[file] for file in holding(atlas, f"{name}\0")])
    files = [atlas.position[one] for one in named]
    said = _folder(path)
    doubtful = [file for file in files if said and _folder(atlas.paths[file]) not in ("", said)]
    others = {*doubtful} - {*await _holding(question, tx, doubtful, frames)}
    files = [file for file in files if file not in others]
    if old_path and old_path not in atlas.position:
        files = await renamed.successors(question, tx, old_path, old) or files
    if not files:
        files = await _defining(question, tx, path, frames)
    return [file for file in files if allowed is None or allowed[file]]


def _folder(path: str) -> str:
    """The name of the folder that a file is in; empty where none is said."""
    return "".join([part for part in path.split("/")[:-1] if part not in ("", ".", "..")][-1:])


async def _holding(
    question: Question, tx: Transaction, files: Sequence[int], frames: Sequence[Frame]
) -> list[int]:
    """Of files that are only called as frames say, those that define what one names: others are of other projects."""
    names = {frame.function for frame in frames if frame.function}
    blobs = question.atlas.blobs[files].tolist() if files else []
    held = await question.engine.content.symbols(tx, blobs)
    return [
        file
        for file, blob in zip(files, blobs, strict=True)
        if not names or any(symbol.name in names for symbol in held[blob])
    ]


async def _defining(
    question: Question, tx: Transaction, path: str, frames: Sequence[Frame]
) -> list[int]:
    """The only file of the view that defines every function the frames name, when two or more are named
    or the trace shows code of it."""
    names = list(dict.fromkeys(frame.function for frame in frames if frame.function))
    if not names or (len(names) < 2 and not any(frame.code for frame in frames)):
        return []
    ending = "." + path.rpartition(".")[2]
    held: list[set[int]] = []
    for name in names[:_ASKED]:
        found = await symbols.definitions(tx, question.atlas, name)
        held.append(
            {one.file for one in found if one.exact and question.atlas.paths[one.file].endswith(ending)}
        )
    common = sorted(set.intersection(*held))
    codes = [frame.code for frame in frames if frame.code]
    if codes and common:
        blobs = question.atlas.blobs[common].tolist()
        texts = await question.engine.content.texts(tx, blobs)
        common = [
            file
            for file, blob in zip(common, blobs, strict=True)
            if {line.strip() for line in texts[blob].lines}.issuperset(codes)
        ]
    return common if len(common) == 1 else []


def _candidate(file: int, frame: Frame, line: int, text: Text, held: Sequence[Symbol]) -> Candidate:
    home = enclosing(tuple(held), line)
    if home and home.end_line - home.start_line < _LONGEST:
        start, end = home.start_line, home.end_line
    else:
        start, end = max(line - _AROUND, 1), min(line + _AROUND, text.height)
    moved = f", was {frame.line}" if frame.line and frame.line != line else ""
    return Candidate(
        file,
        start,
        end,
        qualified(home) if home else "",
        home.kind if home else "text",
        1.0,
        f"frame at line {line}{moved}",
        (start, end),
        line,
    )
