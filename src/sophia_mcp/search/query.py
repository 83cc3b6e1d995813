"""What kind of question is this? Pure classification of the text a caller sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sophia_mcp.search.trace import Frame, frames
from sophia_mcp.types import Mode

QueryKind = Literal["words", "identifier", "path", "lines", "regex", "trace", "error"]

_IDENTIFIER = re.compile(r"~?[^\W\d][\w$]*[?!]?(?:(?:::|->|\.|#|\\|/)~?[^\W\d][\w$]*[?!]?)*(?:\(\))?")
_SEPARATOR = re.compile(r"::|->|\.|#|\\|/")
_LINES = re.compile(r"(?P<path>[^\s:]+?):(?P<start>\d+)(?:\s*[-–,:]\s*(?P<end>\d+))?")
_FILE = re.compile(r"[^\s*?\[\]|()^$]+\.[A-Za-z0-9_]{1,10}|[^\s*?\[\]|()^$]*/[^\s*?\[\]|()^$]*")
_REGEX = re.compile(
    r"\\[bBwWsSdD.(){}\[\]]"  # escapes
    r"|\.[*+?]|\[[^\]\s]*[\w^]-\w[^\]]*\][*+?{]?|\[\^"  # any-runs and classes
    r"|\(\?[:iPms]|\w\|\w+\)|^\^\S|[\w)]\$$|\)[*+?]|\w\{\d+,?\d*\}"  # groups, anchors, counts
)
_ERROR = re.compile(
    r"\b\w*(?:Error|Exception|Warning|Failure|Panic|Fault|Errno)\b\s*[:(\[]"
    r"|\b(?:error|panic|fatal|warning|exception|failed|failure)\b\s*[:\[]"
    r"|\b(?:panicked at|undefined reference|no such|is not defined|not found in|cannot (?:find|import|read)"
    r"|could not|unable to|unexpected|must be|expected .+ (?:got|but|found))\b"
    r"|(?-i:\bE[A-Z]{4,}\b|\bE\d{4}\b)",
    re.IGNORECASE,
)
_GLOB = re.compile(r"[\w./*?{},@-]*(?:/[\w./*?{},@-]*\*|\*\*?[./])[\w./*?{},@-]*")
_QUESTION = re.compile(
    r"^(?:how|what|where|which|when|why|who|does|do|is|are|can|find|show|list|code|the (?:code|function))\b",
    re.I,
)
_EMBEDDED = re.compile(
    r"[A-Za-z_][A-Za-z0-9_]*[a-z0-9_][A-Z_][A-Za-z0-9_]*|[A-Z][a-z]+[A-Z]\w*|`[^`\s]+`|\b\w+(?:\.\w+)+(?=\()"
)


@dataclass(frozen=True, slots=True)
class Query:
    """A classified question. ``path``, ``start`` and ``end`` are set for places (``end`` 0: one
    line), ``frames`` for traces, ``identifiers`` holds code names that occur in the text."""

    text: str
    kind: QueryKind
    path: str = ""
    start: int = 0
    end: int = 0
    frames: tuple[Frame, ...] = ()
    identifiers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last segment of an identifier query: ``Router.add()`` → ``add``."""
        return segments(self.text)[-1] if self.kind == "identifier" else self.text

    @property
    def container(self) -> str:
        """The segment before the last, or empty: ``app::Router::add`` → ``Router``."""
        split = segments(self.text) if self.kind == "identifier" else ()
        return split[-2] if len(split) > 1 else ""


def segments(identifier: str) -> tuple[str, ...]:
    """``Router.add()`` → ``("Router", "add")``."""
    bare = identifier.strip().removesuffix("()")
    return tuple(part for part in _SEPARATOR.split(bare) if part) or (bare,)


def classify(text: str, mode: Mode = "auto") -> Query:
    """The kind of a question; an explicit mode settles what it can settle."""
    text = text.strip()
    names = tuple(dict.fromkeys(name.strip("`") for name in _EMBEDDED.findall(text)))
    if mode == "regex":
        return Query(text, "regex")
    if mode == "text":
        return Query(text, "error" if _is_error(text) else "words", identifiers=names)
    place = _LINES.fullmatch(text)
    if place and (_FILE.fullmatch(place["path"]) or mode == "similar"):
        start, end = int(place["start"]), int(place["end"] or 0)
        return Query(text, "lines", place["path"], start, max(end, start) if end else 0)
    if mode in ("symbol", "references", "callers"):
        return Query(text, "identifier" if _IDENTIFIER.fullmatch(text) else "words", identifiers=names)
    found = frames(text)
    if found and ("\n" in text or len(text) > len(found[0].raw) * 0.6):
        return Query(text, "trace", frames=tuple(found), identifiers=names)
    if not re.search(r"\s", text):
        return _one_token(text)
    if _REGEX.search(text) and not _QUESTION.match(text) and not _is_error(text):
        return Query(text, "regex")
    return Query(text, "error" if _is_error(text) else "words", identifiers=names)


def _one_token(text: str) -> Query:
    if _GLOB.fullmatch(text) and ".*" not in text:
        return Query(text, "path", path=text)
    if _FILE.fullmatch(text) and not text.endswith("()") and not text.startswith(("->", "::")):
        # `os.path` and `app.py` look alike: the answer looks for a file first, then for a name.
        return Query(text, "path", path=text.removeprefix("./"), identifiers=(text,))
    if _IDENTIFIER.fullmatch(text):
        return Query(text, "identifier", identifiers=(text,))
    if _REGEX.search(text) or re.search(r"[*+|^$\[\]]", text):
        return Query(text, "regex")
    return Query(text, "words", identifiers=())


def _is_error(text: str) -> bool:
    return bool(_ERROR.search(text)) and not _QUESTION.match(text)
