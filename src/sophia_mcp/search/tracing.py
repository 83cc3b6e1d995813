"""Where do the frames of a stack trace stand today? Frames to spans of the view."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sophia_mcp.search.content import Text
from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.place import enclosing, qualified
from sophia_mcp.search.trace import Frame, match_path, settle
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Symbol

_AROUND = 6
_LONGEST = 60


async def find(question: Question, tx: Transaction) -> Outcome:
    """One span for each frame that lies in this repository, the innermost frame first where the
    trace names it last (Python) as well as where it names it first."""
    frames = question.query.frames
    ordered = list(reversed(frames)) if _innermost_last(question.query.text) else list(frames)
    candidates: list[Candidate] = []
    outside: list[str] = []
    shown: dict[tuple[int, int], int] = {}
    for frame in ordered:
        files = _files(question, frame)
        if not files:
            outside.append(frame.path)
            continue
        for candidate in await _resolve(question, tx, frame, files[:3]):
            key = (candidate.file, candidate.focus)
            if key not in shown:
                shown[key] = len(candidates)
                candidates.append(candidate)
    notes = [
        f"{len(candidates)} of {len(frames)} frames are in this repository, at their lines of today"
    ]
    if outside:
        names = list(dict.fromkeys(outside))
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        notes.append(f"elsewhere: {', '.join(names[:5])}{more}")
    if not candidates:
        notes = [f"not here: none of the {len(frames)} frames lies in {question.view.label}", *notes[1:]]
    return Outcome(tuple(candidates), len(candidates), tuple(notes))


def _innermost_last(text: str) -> bool:
    return "most recent call last" in text or re.search(r'^\s*File "', text, re.MULTILINE) is not None


def _files(question: Question, frame: Frame) -> list[int]:
    atlas, allowed = question.atlas, question.filter.allowed
    found = [atlas.position[path] for path in match_path(frame.path, atlas.paths)]
    return [file for file in found if allowed is None or allowed[file]]


async def _resolve(
    question: Question, tx: Transaction, frame: Frame, files: Sequence[int]
) -> list[Candidate]:
    atlas, content = question.atlas, question.engine.content
    blobs = atlas.blobs[list(files)].tolist()
    texts = await content.texts(tx, blobs)
    symbols = await content.symbols(tx, blobs)
    options: list[tuple[bool, Candidate]] = []
    for file in files:
        blob = int(atlas.blobs[file])
        held, text = symbols[blob], texts[blob]
        before = await _before(question, tx, file)
        line = settle(frame, text.lines, held, before)
        named = bool(frame.function) and any(symbol.name == frame.function for symbol in held)
        options.append((named, _candidate(file, frame, line, text, held)))
    if len(options) > 1 and any(named for named, _ in options):
        options = [option for option in options if option[0]]
    return [candidate for _, candidate in options]


def _candidate(file: int, frame: Frame, line: int, text: Text, held: Sequence[Symbol]) -> Candidate:
    home = enclosing(tuple(held), line)
    if home and home.end_line - home.start_line < _LONGEST:
        start, end = home.start_line, home.end_line
    else:
        start, end = max(line - _AROUND, 1), min(line + _AROUND, len(text.lines))
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


async def _before(question: Question, tx: Transaction, file: int) -> Sequence[str]:
    """The lines the committed file had, when the tree shows another text at this path now."""
    rows = await tx.rows(
        "SELECT p.blob_id FROM placements p WHERE p.repo_id = :repo AND p.path = :path"
        " AND p.workspace = :workspace AND p.blob_id <> :blob ORDER BY p.id DESC",
        {
            "repo": question.atlas.view.repo_id,
            "path": question.atlas.paths[file],
            "blob": int(question.atlas.blobs[file]),
        },
    )
    if not rows:
        return ()
    blob = int(rows[0][0])
    texts = await question.engine.content.texts(tx, [blob])
    return texts[blob].lines if blob in texts else ()
