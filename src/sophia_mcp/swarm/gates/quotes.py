"""Does the quote of a finding stand at its path and line? Pure.

Files are compared as models were shown them (secrets masked, controls spelled out). A quote that
stands close by is moved to its true line, and that is said; any other finding is dropped.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sophia_mcp.swarm.fence import shown
from sophia_mcp.types import Finding, GateResult

DRIFT = 40
"""Lines by which a true quote may be misplaced."""

_PREFIX = re.compile(r"^\s*\d+\s?[│|:]\s?")
_WORTH = re.compile(r"\w")
_LEAST = 3
"""Letters and digits a quote must have: a lone bracket stands everywhere."""


def quoted(
    findings: Sequence[Finding], files: Mapping[str, str | None]
) -> tuple[tuple[Finding, ...], GateResult]:
    """The findings whose quotes stand, at their true lines, and what became of the others.

    ``files`` has the text of every path the findings name, or None where there is none.
    """
    pages = {path: shown(text).split("\n") for path, text in files.items() if text is not None}
    kept: list[Finding] = []
    told: list[str] = []
    moved = dropped = 0
    for finding in findings:
        place = f"{finding.path}:{finding.line}"
        lines = pages.get(finding.path)
        stands = _stands(finding, lines) if lines is not None else None
        if stands is None:
            dropped += 1
            told.append(f"{place} dropped: {'the quote is not there' if lines else 'no such file'}")
            continue
        if stands.line != finding.line:
            moved += 1
            told.append(f"{place} moved to line {stands.line}")
        kept.append(stands)
    detail = f"{len(kept)} of {len(findings)} findings quote what stands at their place"
    if told:
        detail += "; " + "; ".join(told[:8]) + (f"; and {len(told) - 8} more" if told[8:] else "")
    return tuple(kept), GateResult("quotes", dropped == 0, detail)


def _stands(finding: Finding, lines: Sequence[str]) -> Finding | None:
    """The finding with its true line and the file's own text, or None."""
    for quote in _readings(finding.quote):
        if len(_WORTH.findall("".join(quote))) < _LEAST:
            continue
        for same in (_verbatim, _dedented, _inside):
            found = [
                at
                for at in range(
                    max(0, finding.line - 1 - DRIFT),
                    min(len(lines), finding.line + DRIFT) - len(quote) + 1,
                )
                if same(lines[at : at + len(quote)], quote)
            ]
            if found:
                at = min(found, key=lambda line: abs(line - (finding.line - 1)))
                text = quote[0] if same is _inside else "\n".join(lines[at : at + len(quote)])
                return replace(finding, line=at + 1, quote=text)
    return None


def _readings(quote: str) -> Iterator[list[str]]:
    """The quote as lines; then without the line numbers, and the marks of a diff, that some models
    copy along."""
    lines = shown(quote).strip("\n").split("\n")
    yield lines
    bare = [_PREFIX.sub("", line) for line in lines]
    if bare != lines:
        yield bare
    if all(line[:1] in ("+", " ", "") for line in bare) and any(line[:1] == "+" for line in bare):
        yield [line[1:] for line in bare]


def _verbatim(there: Sequence[str], quote: Sequence[str]) -> bool:
    return [line.rstrip() for line in there] == [line.rstrip() for line in quote]


def _dedented(there: Sequence[str], quote: Sequence[str]) -> bool:
    """Equal but for an indentation that all lines share, or that the first line lost."""
    if there[0].strip() != quote[0].strip():
        return False
    return _flush(there) == _flush(quote) or _verbatim(there[1:], quote[1:])


def _flush(lines: Sequence[str]) -> str:
    return textwrap.dedent("\n".join(line.rstrip() for line in lines))


def _inside(there: Sequence[str], quote: Sequence[str]) -> bool:
    """A part of one line, long enough to say something."""
    part = quote[0].strip()
    return len(quote) == 1 and len(part) >= 8 and part in there[0]
