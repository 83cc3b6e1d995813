"""Where does the next page begin? A token that carries what was shown and to which question.

The token is opaque and holds everything itself: nothing is kept between two calls, and a token of
another question, repository or filter is refused.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable

from sophia_mcp.errors import BadQuery
from sophia_mcp.index.views import View
from sophia_mcp.types import Request

_DIGEST = 8
_SPAN = 5
"""Bytes of a shown span's hash: pages are short, so that two spans never share one in practice."""


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
    body = _question(view, request) + b"".join(dict.fromkeys(shown))
    check = zlib.crc32(body).to_bytes(4, "big")
    return base64.urlsafe_b64encode(check + body).decode().rstrip("=")


def read(view: View, request: Request) -> frozenset[bytes]:
    """The spans that earlier pages showed. Raises BadQuery for a token that is damaged or belongs to
    another question."""
    if not request.cursor:
        return frozenset()
    try:
        raw = base64.urlsafe_b64decode(request.cursor + "=" * (-len(request.cursor) % 4))
    except ValueError:
        raw = b""
    check, digest, shown = raw[:4], raw[4 : 4 + _DIGEST], raw[4 + _DIGEST :]
    if (
        len(digest) < _DIGEST
        or len(shown) % _SPAN
        or zlib.crc32(digest + shown).to_bytes(4, "big") != check
    ):
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
    return frozenset(shown[i : i + _SPAN] for i in range(0, len(shown), _SPAN))
