"""How is memory written as Markdown that a person can edit, and read back without loss? Pure.

A section is a memory: its id as heading, what a person may change as a list, the text in a fence, and
in a comment what only a program needs (times, uses, votes, hashes of anchors).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from sophia_mcp.errors import BadArgument
from sophia_mcp.types import MemoryKind, MemoryScope, MemoryTier

TITLE = """# Sophia memory

Change a text, its kind, its end or its anchors, or add a section with `## new`, and import the file again:
`sophia memory import FILE`. A section that is taken out is not forgotten; `sophia memory forget ID` does that.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z?)?$")
_FIELD = re.compile(r"[-*] +(\w+): *(.*)$")
_STATE = re.compile(r"<!-- sophia (\{.*\}) -->$")
_FENCE = re.compile(r"(~{3,}|`{3,})\w*\s*$")
_ID = re.compile(r"m-[0-9a-f]{12}$")
_LATEST_NS = 2**63 - 1
_LISTED = ("kind", "scope", "repo", "tier", "expires", "source")
_CHOICES: dict[str, tuple[str, ...]] = {
    "kind": get_args(MemoryKind),
    "scope": get_args(MemoryScope),
    "tier": get_args(MemoryTier),
}


@dataclass(frozen=True, slots=True)
class Section:
    """One memory in the file. ``id`` is empty for a new one, ``state`` for what a person wrote."""

    id: str
    text: str
    kind: str = "fact"
    scope: str = "repo"
    repo: str = ""
    tier: str = "lasting"
    source: str = "person"
    expires_ns: int | None = None
    anchors: tuple[str, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0


def write(sections: Sequence[Section]) -> str:
    """The whole file."""
    return "\n".join([TITLE, *map(_section, sections)])


def _section(section: Section) -> str:
    lines = [f"## {section.id or 'new'}", ""]
    values = {
        "kind": section.kind,
        "scope": section.scope,
        "repo": section.repo,
        "tier": section.tier,
        "expires": time_text(section.expires_ns) if section.expires_ns is not None else "",
        "source": section.source,
    }
    lines += [f"- {name}: {values[name]}" for name in _LISTED if values[name]]
    lines += [f"- anchor: {place}" for place in section.anchors]
    tildes = max((len(run) for run in re.findall(r"^~+", section.text, re.M)), default=0)
    fence = "~" * max(3, tildes + 1)
    lines += ["", f"{fence}text", section.text, fence, ""]
    if section.state:
        state = json.dumps(section.state, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        lines += [f"<!-- sophia {state.replace('>', chr(92) + 'u003e')} -->", ""]
    return "\n".join(lines)


def read(text: str) -> list[Section]:
    """The sections of a file, in order. Raises BadArgument, which names the line, also for a file that
    is none of these."""
    found: list[Section] = []
    body: list[str] = []
    heading, fence, began = "", "", 0
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not fence and line.startswith("## "):
            if heading:
                found.append(_read(heading, body, began))
            heading, body, began = line[3:].strip(), [], number
            continue
        if fence:
            if line.strip() == fence:
                fence = ""
        elif match := _FENCE.match(line):
            fence = match[1]
        body.append(line)
    if fence:
        raise BadArgument(
            f"the text that begins after line {began} does not end",
            why=f"its closing {fence} is missing",
            next="close it",
        )
    if heading:
        found.append(_read(heading, body, began))
    if not found and TITLE.partition("\n")[0] not in text:
        raise BadArgument(
            "there is no memory in this file",
            why="no section of it begins with `## new` or with the id of a memory",
            next="export memory to see the form",
        )
    return found


def _read(heading: str, body: Sequence[str], began: int) -> Section:
    if heading != "new" and not _ID.match(heading):
        raise BadArgument(
            f"line {began}: {heading[:60]!r} is neither `new` nor the id of a memory",
            why="each section of the file is one memory",
            next="head a memory of your own with `## new`",
        )
    values: dict[str, str] = {}
    anchors: list[str] = []
    state: Mapping[str, Any] = {}
    plain: list[str] = []
    fenced: list[str] | None = None
    fence = ""
    for offset, line in enumerate(body, 1):
        if fence:
            if line.strip() == fence:
                fence = ""
            elif fenced is not None:
                fenced.append(line)
        elif fenced is None and (match := _FENCE.match(line)):
            fence, fenced = match[1], []
        elif match := _STATE.match(line):
            state = _json(match[1], began + offset)
        elif not plain and fenced is None and (match := _FIELD.match(line)):
            name, value = match[1].lower(), match[2].strip()
            if name == "anchor":
                anchors.append(value.strip("`"))
            else:
                values[name] = _checked(name, value, began + offset)
        elif fenced is None and (line.strip() or plain):
            plain.append(line)
    text = "\n".join(fenced if fenced is not None else plain).strip("\n")
    given = {name: value for name, value in values.items() if name in _LISTED and name != "expires"}
    expires = time_ns(values["expires"], began) if values.get("expires") else None
    id_ = "" if heading == "new" else heading
    return Section(
        id_, text, **given, expires_ns=expires, anchors=tuple(anchors), state=state, line=began
    )


def _checked(name: str, value: str, line: int) -> str:
    choices = _CHOICES.get(name)
    if name not in _LISTED:
        raise BadArgument(
            f"line {line}: {name!r} is unknown",
            why=f"known: {', '.join((*_LISTED, 'anchor'))}",
            next="mend it",
        )
    if choices is not None and value not in choices:
        raise BadArgument(
            f"line {line}: {value!r} is no {name}", why=f"known: {', '.join(choices)}", next="mend it"
        )
    return value


def _json(text: str, line: int) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadArgument(
            f"line {line}: the comment cannot be read", why=str(error), next="restore or remove it"
        ) from error
    return value if isinstance(value, dict) else {}


def time_text(ns: int) -> str:
    """UTC with nine digits, so that nothing is lost."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def time_ns(text: str, line: int = 0) -> int:
    """The nanoseconds of such a text; a date alone is its first moment. Raises BadArgument."""
    match = _TIME.match(text)
    try:
        if match is None:
            raise ValueError("it is neither a date nor a time in UTC")
        moment = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00:00'}+00:00")
        seconds = (moment - _EPOCH) // timedelta(seconds=1)
        ns = seconds * 1_000_000_000 + int((match[3] or "").ljust(9, "0"))
        if not 0 < ns <= _LATEST_NS:
            raise ValueError("it lies before 1970 or after 2261")
    except ValueError as error:
        raise BadArgument(
            f"line {line}: {text!r} is no time", why=str(error), next="write it as 2026-12-31"
        ) from error
    return ns
