"""How is text that we did not write shown without it steering a terminal, a reader or a model?

A terminal obeys escape sequences, an editor obeys directional marks, and a model reads characters
that people cannot see. What could act is removed or spelled out; the number of lines never changes.
"""

from __future__ import annotations

import json
import re
from typing import Any

# Escape sequences as ECMA-48 defines them: CSI, the string commands (OSC, DCS, SOS, PM, APC) that
# end with ST or BEL, and short escapes. None may cross a line.
_ESCAPES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?"
)
# Everything that is not itself when shown: controls, directional marks, invisible and tag
# characters, line breaks other than "\n", and halves of surrogate pairs.
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\ud800-\udfff]"
)
_JOINERS = "\u200c\u200d"
_REMOVED = re.compile("[\ufeff\U000e0000-\U000e0fff]")


def plain(text: str) -> str:
    """``text`` with nothing left that acts when shown; tabs and newlines stay.

    Escape sequences and tag characters are removed. ``\\r\\n`` becomes ``\\n``. Other controls become
    their pictures (``␀`` for NUL), directional and invisible characters their code points
    (``⟨U+202E⟩``). Joiners stay where scripts and emoji need them: beside a non-ASCII character.
    """
    if _SUSPECT.search(text) is None:
        return text
    text = _ESCAPES.sub("", text.replace("\r\n", "\n"))
    return _SUSPECT.sub(_shown, text)


def plain_line(text: str) -> str:
    """``plain`` for what must stay on one line (paths, names): newlines and tabs become pictures."""
    return plain(text).replace("\n", "␊").replace("\t", "␉")


def counted(number: int, noun: str) -> str:
    """``1 match``, ``2 matches``, ``2 repositories``."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}{'es' if noun.endswith('ch') else 's'}"


def json_of(value: Any, **options: Any) -> str:
    """``value`` as JSON in which nothing acts when it is shown, and that reads back as it was: what is
    suspect stands as its code. ``options`` are those of ``json.dumps``."""
    return _SUSPECT.sub(_coded, json.dumps(value, ensure_ascii=False, **options))


def call_of(tool: str, *given: object, **named: object) -> str:
    """A call of a tool with these arguments, as an assistant writes it."""
    words = [*map(json_of, given), *(f"{name}={json_of(value)}" for name, value in named.items())]
    return f"{tool}({', '.join(words)})"


def _coded(match: re.Match[str]) -> str:
    character = match.group()
    return json.dumps(character)[1:-1] if character > "\uffff" else f"\\u{ord(character):04x}"


def _shown(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # a byte of a file name that is not UTF-8
    if _REMOVED.match(character):
        return ""
    if character in _JOINERS and _beside_script(match.string, match.start()):
        return character
    return f"⟨U+{code:04X}⟩"


def _beside_script(text: str, at: int) -> bool:
    """Whether visible non-ASCII characters stand on both sides."""
    if not 0 < at < len(text) - 1:
        return False
    before, after = text[at - 1], text[at + 1]
    return (
        before > "\x9f" and after > "\x9f" and not _SUSPECT.match(before) and not _SUSPECT.match(after)
    )
