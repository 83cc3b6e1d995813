"""How does an agent see an answer? As plain text grouped by file, or as one JSON object."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sophia_mcp.search.question.call import EVERYWHERE
from sophia_mcp.security.text import json_of, plain_line
from sophia_mcp.types import Answer, Hit, Request


def render(answer: Answer, request: Request) -> str:
    """The whole answer in the format asked for."""
    return as_json(answer) if request.format == "json" else as_text(answer, request)


def as_json(answer: Answer) -> str:
    """One compact JSON object with every field of the contract."""
    whole: dict[str, Any] = {
        "hits": [asdict(hit) for hit in answer.hits],
        "total": answer.total,
        "next_cursor": answer.next_cursor,
        "index": asdict(answer.index),
        "notes": [*answer.notes, *(f"omitted: {name}" for name in answer.omitted)],
    }
    return json_of(whole, separators=(",", ":"))


def as_text(answer: Answer, request: Request, more: str = "search_code(query=<same>, cursor={})") -> str:
    """Notes, then hits under their files, then how to continue; ``more`` is the call for the next page."""
    parts: list[str] = []
    coverage = _coverage(answer)
    # "not here" must be the first thing read.
    notes = [
        plain_line(note) for note in answer.notes
    ]  # they name paths, and so do traces that are asked about
    parts += [*notes[:1], *coverage, *notes[1:]]
    if parts:
        parts.append("")
    parts += [_block(hit, request) for hit in answer.hits]
    if answer.omitted:
        parts.append("not shown: " + "; ".join(map(plain_line, answer.omitted)))
    if answer.next_cursor:
        parts.append(f"more: {more.format(json.dumps(answer.next_cursor))}")
    return "\n".join(parts).rstrip("\n") or "no hits"


def block(hit: Hit, request: Request) -> str:
    """One hit as it stands in an answer, for counting."""
    if request.format == "json":
        return json_of(asdict(hit), separators=(",", ":")) + ","
    return _block(hit, request) + "\n"


def written(line: str, format: str) -> str:
    """One line of a hit as it stands in an answer, without its number and end."""
    return json_of(line)[1:-1] if format == "json" else line


def _block(hit: Hit, request: Request) -> str:
    place = f"{plain_line(hit.path)}:{hit.start_line}-{hit.end_line}"
    if request.repo == EVERYWHERE:
        place = f"{plain_line(hit.repo)}: {place}"
    state = "" if hit.freshness == "fresh" else f"  ({hit.freshness})"
    symbol = f"  {plain_line(hit.symbol)}" if hit.symbol else ""
    why = f"  {plain_line(hit.why)}" if hit.why else ""
    head = f"{place}{symbol}  [{hit.kind}]{why}{state}"
    if not hit.text:
        return head
    lines = hit.text.split("\n")
    if len(lines) != hit.end_line - hit.start_line + 1:
        # Not lines of the file (an outline carries its own line numbers).
        return "\n".join([head, *(f"  {line}" for line in lines), ""])
    return "\n".join([head, *(f"{hit.start_line + i} {line}" for i, line in enumerate(lines)), ""])


def _coverage(answer: Answer) -> list[str]:
    index = answer.index
    if index.state == "failed":
        read = f"{index.files_indexed} of {max(index.files_total, index.files_indexed)} files"
        return [f"index: failed; the answer stands on {read} that were read before"]
    if index.files_indexed < index.files_total or index.state == "indexing":
        if index.files_indexed >= index.files_total:  # read again, or walked for the first time
            return [f"index: {index.files_indexed} files, and still reading; more may match later"]
        share = 100 * index.files_indexed // index.files_total
        return [
            f"index: {index.files_indexed} of {index.files_total} files so far ({share} %); more may match later"
        ]
    return []
