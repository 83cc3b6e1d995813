"""Which text do these bytes hold? UTF-8 first, then marks, then a guess; never an exception."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD_BYTES = 8192
_GUESS_BYTES = 1 << 16
_ALONE = 1.5
"""Letters beyond ASCII that stand together, on average, where most of a word is ASCII; in other scripts and in
those of two bytes a letter they are more."""

_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_WESTERN = re.compile(
    rb"[\xa0\xa1\xa3\xa7\xa9-\xab\xae\xb0\xb1\xb4\xb5\xb7\xba\xbb\xbf-\xff\x80\x85\x91-\x97\x99\x9c]*"
)
"""What western Europe writes beside ASCII: its letters, quotes, dashes, and the likes of a copyright sign."""

_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\v\b\x1b")) + b"\x7f"


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text with ``\\n`` after every line it had, and the encoding it was read with."""

    text: str
    encoding: str


def decode(raw: bytes) -> Decoded:
    """The text of a file. Undecodable bytes become U+FFFD; NUL and a byte order mark are dropped;
    ``\\r\\n`` and lone ``\\r`` end lines as ``\\n`` does."""
    encoding = _marked(raw)
    if encoding is None:
        try:
            return Decoded(_lines(raw.decode("utf-8")), "utf-8")
        except UnicodeDecodeError:
            encoding = _wide(raw) or _legacy(raw)
    return Decoded(_lines(raw.decode(encoding, "replace")), encoding)


def is_binary(head: bytes) -> bool:
    """Whether the first bytes of a file are not text: NUL outside UTF-16/32, or many controls."""
    head = head[:_HEAD_BYTES]
    if not head or _marked(head) is not None:
        return False
    if b"\0" in head:
        return _wide(head) is None
    return len(head) - len(head.translate(None, _CONTROL)) > len(head) * 0.1


def _marked(raw: bytes) -> str | None:
    return next((name for mark, name in _MARKS if raw.startswith(mark)), None)


def _wide(raw: bytes) -> str | None:
    """UTF-16 without a mark: ASCII text leaves every other byte NUL."""
    head = raw[: _HEAD_BYTES & ~1]
    if len(head) < 4:
        return None
    half = len(head) // 2
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > half * 0.7 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.7 and odd < half * 0.05:
        return "utf-16-be"
    return None


def _legacy(raw: bytes) -> str:
    """A code page that fits. Mostly valid UTF-8 with a few broken bytes stays UTF-8; letters that stand alone
    among those of ASCII are western, which too few of them to tell by would otherwise not be."""
    text = raw.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if (
        broken * 50 < sum(byte > 127 for byte in raw[:_GUESS_BYTES])
        or broken * 1000 < len(text) > 10_000
    ):
        return "utf-8"
    runs = _HIGH_RUN.findall(raw[:_GUESS_BYTES])
    letters = b"".join(runs)
    if len(letters) < len(runs) * _ALONE and _WESTERN.fullmatch(letters):
        return "cp1252"
    from charset_normalizer import from_bytes  # noqa: PLC0415 - few trees hold such a file

    best = from_bytes(raw[:_GUESS_BYTES]).best()
    return best.encoding if best is not None else "cp1252"


def _lines(text: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\0", "") if "\0" in text else text
