"""Where does the next page begin? A token that carries what was shown and to which question.

The token is opaque and holds everything itself: nothing is kept between two calls, and a token of
another question, repository or filter is refused. It names the spans that were shown while they are few
beside the tokens of an answer; of more it holds how many there were and what they fold into, so that it
does not grow with the pages. Then an order that has changed since is noticed, and said.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from sophia_mcp.errors import BadQuery
from sophia_mcp.index.views import View
from sophia_mcp.types import Request

_DIGEST = 8
_SPAN = 5
"""Bytes of a shown span's hash: pages are short, so that two spans never share one in practice."""

_NAMED_MOST = 48
_TOKENS_PER_SPAN = 60
"""A span is named for so many tokens of the answer: the names take a twelfth of it at most."""

_NAMED, _COUNTED = b"n", b"c"
_COUNT = 4
"""Bytes of how many spans were shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What earlier pages showed: the spans themselves, or their number and what they fold into."""

    count: int = 0
    marks: frozenset[bytes] = frozenset()
    fold: bytes = b""

    def among(self, marks: Sequence[bytes]) -> tuple[frozenset[bytes], bool]:
        """Which of the spans that may be shown now, in their order, are those of earlier pages, and whether
        that is sure: of counted ones it is not once the order has changed."""
        if not self.fold:
            return self.marks, True
        first = list(dict.fromkeys(marks))[: self.count]
        return frozenset(first), _folded(first) == self.fold


NOTHING_SHOWN = Shown()


def _question(view: View, request: Request) -> bytes:
    asked = (
        view.id,
        request.query.strip(),
        request.mode,
        sorted(request.paths),
        sorted(request.languages),
        sorted(request.kinds),
        request.scope,
    )
    return hashlib.blake2b(repr(asked).encode(), digest_size=_DIGEST).digest()


def span(path: str, start: int, end: int) -> bytes:
    """The mark of a shown span."""
    return hashlib.blake2b(f"{path}\0{start}\0{end}".encode(), digest_size=_SPAN).digest()


def write(view: View, request: Request, shown: Iterable[bytes]) -> str:
    """The token of the page after ``shown``."""
    marks = list(dict.fromkeys(shown))
    most = _NAMED_MOST
    if request.max_tokens is not None:
        most = min(most, request.max_tokens // _TOKENS_PER_SPAN)
    if len(marks) <= most:
        held = _NAMED + b"".join(marks)
    else:
        held = _COUNTED + len(marks).to_bytes(_COUNT, "big") + _folded(marks)
    body = _question(view, request) + held
    check = zlib.crc32(body).to_bytes(4, "big")
    return base64.urlsafe_b64encode(check + body).decode().rstrip("=")


def read(view: View, request: Request) -> Shown:
    """What earlier pages showed. Raises BadQuery for a token that is damaged or belongs to another
    question."""
    if not request.cursor:
        return NOTHING_SHOWN
    try:
        raw = base64.urlsafe_b64decode(request.cursor + "=" * (-len(request.cursor) % 4))
    except ValueError:
        raw = b""
    check, digest, held = raw[:4], raw[4 : 4 + _DIGEST], raw[4 + _DIGEST :]
    shown = _held(held)
    if shown is None or zlib.crc32(digest + held).to_bytes(4, "big") != check:
        raise BadQuery(
            "the cursor is damaged",
            why="it was not written by an answer",
            next="ask again without cursor",
        )
    if digest != _question(view, request):
        raise BadQuery(
            "the cursor belongs to another question",
            why="query, mode, filters and repository must be the ones of the page before",
            next="repeat the first call's arguments with this cursor, or leave the cursor out",
        )
    return shown


def _held(held: bytes) -> Shown | None:
    """The shown spans of a token's body; None where there are none."""
    form, rest = held[:1], held[1:]
    if form == _NAMED and len(rest) % _SPAN == 0:
        marks = frozenset(rest[i : i + _SPAN] for i in range(0, len(rest), _SPAN))
        return Shown(len(marks), marks)
    if form == _COUNTED and len(rest) == _COUNT + _SPAN:
        return Shown(int.from_bytes(rest[:_COUNT], "big"), fold=rest[_COUNT:])
    return None


def _folded(marks: Iterable[bytes]) -> bytes:
    """One mark for many, in whatever order."""
    whole = reduce(lambda fold, mark: fold ^ int.from_bytes(mark, "big"), marks, 0)
    return whole.to_bytes(_SPAN, "big")
