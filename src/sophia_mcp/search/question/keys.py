"""What is named that no name of most languages is? Options of commands, keys of configurations, marks of issues, names
with hyphens."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from sophia_mcp.patterns import expression
from sophia_mcp.search.question import sentences

_KEY = expression(
    r"(?P<option>--[A-Za-z](?:[\w.-]*\w)?)(?:=\S*)?"
    r"|(?P<key>-\w|-[A-Za-z][\w:.+/,-]*\w(?:=\S*)?|(?=[^A-Za-z]*[A-Za-z])\w+(?:[-:.+]\w+)+)"
)
_FLAG = expression(r"-(?P<name>[A-Za-z][\w:.,/+-]*?)(?P<value>=\S*|\d+[kKmMgG]?)?|-\d")
"""An option with one dash, and what it is set to, if anything: ``-std=c++17``, ``-Xmx512m``."""
_LONG = expression(r"--[A-Za-z][\w.-]*")
_LISTED = expression(r"[a-z][\w.-]{2,}")
"""What names an option in a table of them, which has no dashes."""
_QUOTE = "[\"'`]"
_ENDS = r"(?:\b|\d)"
"""A number may follow: ``-Xmx512m``."""
_JOINED = expression(
    r"(`?)(?:[a-z][\w.-]*/)?(?:[\w*%&][\w*+!?<>=%&$.]*-[\w*+!?<>=%&$-]*[^\W\d][\w*+!?<>=%&$-]*|\*\w+\*)\1"
)


def said_key(text: str) -> str | None:
    """The option, the key of a configuration or the mark of an issue that a text names, as files write it:
    ``--dry-run=yes`` → ``--dry-run``, ``where is max-size set`` → ``max-size``, ``CVE-2020-1``; None for any other text."""
    found = _KEY.fullmatch(of_place(text).strip("`") or text)
    return found["option"] or found["key"] if found else None


def of_place(text: str) -> str:
    """The name of which a sentence asks where it is defined, gets its value or is used; empty for any other text."""
    asked = sentences.of_name(text)
    return asked[1] if asked and asked[0] in ("definition", "value", "references") else ""


def is_joined(name: str) -> bool:
    """Whether a name has hyphens or stars, as names of Lisp and of shells have: ``parse-cookie``, ``list->string``,
    ``Get-Item``, ``*out*``; what begins with a hyphen is an option."""
    return _JOINED.fullmatch(name) is not None


def written_as(text: str) -> Iterator[tuple[str, str]]:
    """What is said of an option and the pattern of it, one after the other where nothing is found; none for any other
    text."""
    if _LONG.fullmatch(text):
        # A table of options has no dashes; but a word alone stands in many places, and a minus next to a name, too.
        before = r"\b" if {"-", "."} & set(text[2:]) else f"(?:--|{_QUOTE})"
        yield "this option", rf"{before}{re2.escape(text[2:])}\b"
    elif found := _FLAG.fullmatch(text):
        written = re2.escape(text)
        listed = _LISTED.fullmatch(found["name"] or "")
        beside = rf"|{_QUOTE}{re2.escape(listed[0])}{_QUOTE}\s*," if listed else ""
        yield "this option", rf"\B{written}{_ENDS * text[-1].isalnum()}{beside}"
        if found["value"]:
            yield "this option, set otherwise", rf"\B-{re2.escape(found['name'])}{_ENDS}"
