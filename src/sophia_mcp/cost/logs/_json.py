"""How is JSON of another program read without trusting it? Wrong shapes are None, never an error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sophia_mcp.cost.logs import Call
from sophia_mcp.types import Usage

MOST_BYTES = 512_000_000
"""A file larger than this is no log that a person's assistant wrote."""

_EARLIEST_MS, _LATEST_MS = 1_500_000_000_000, 4_000_000_000_000


def lines(path: Path, *words: bytes) -> Iterator[Mapping[str, Any] | None]:
    """The objects of a file of JSON lines, those that hold one of ``words`` somewhere; None for a line
    that is no object. A last line still being written is left for the next time."""
    with path.open("rb") as file:
        for line in file:
            if words and not any(word in line for word in words):
                continue
            if line.strip():
                found = parsed(line)
                if found is None and not line.endswith(b"\n"):
                    return
                yield found if isinstance(found, Mapping) else None


def whole(path: Path) -> Any:
    """A file of JSON, or None."""
    try:
        return parsed(path.read_bytes())
    except OSError:
        return None


def parsed(raw: bytes | str) -> Any:
    """A JSON text, or None."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def get(value: Any, *keys: str) -> Any:
    """A value inside objects, or None on the way."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def text(value: Any, *keys: str) -> str:
    """A string inside objects, else empty."""
    found = get(value, *keys)
    return found if isinstance(found, str) else ""


def count(value: Any, *keys: str) -> int:
    """A non-negative number inside objects, else zero."""
    found = get(value, *keys)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1e12:
        return 0
    return int(found)


def moment(value: Any) -> int | None:
    """A time as nanoseconds: ISO text (UTC where it names no zone), or milliseconds as a number."""
    if isinstance(value, str) and not value.isdigit():
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        value = int(at.timestamp() * 1000)
    if isinstance(value, str):
        value = int(value[:15])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) * 1_000_000 if _EARLIEST_MS < value < _LATEST_MS else None


def folder(path: str) -> str:
    """The last part of a folder's path, of either platform."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def merged(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Each call once. A client writes a call again while its answer grows: of all its writings the
    largest counts hold, and nothing is ever added up."""
    kept: dict[str, Call] = {}
    for call in calls:
        known = kept.get(call.id)
        kept[call.id] = call if known is None else _larger(known, call)
    return tuple(kept.values())


def _larger(known: Call, again: Call) -> Call:
    numbers = {
        field.name: max(getattr(known.usage, field.name), getattr(again.usage, field.name))
        for field in fields(Usage)
        if field.name not in ("billed_nano", "estimated")
    }
    estimated = known.usage.estimated and again.usage.estimated
    usage = replace(again.usage, **numbers, estimated=estimated)
    claimed = max(known.claimed_nano or 0, again.claimed_nano or 0) or None
    model = again.model or known.model
    return replace(known, usage=usage, model=model, processing=again.processing, claimed_nano=claimed)
