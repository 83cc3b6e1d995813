"""Which code says this message? A program puts values into a text: it is known by what is fixed in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import re2

from sophia_mcp.search.engine import Outcome, Question
from sophia_mcp.search.text import regex, verbatim
from sophia_mcp.security.text import counted
from sophia_mcp.store.database import Transaction

_LONGEST = 400
"""Characters of a message."""
_VALUED = re.compile(
    r"(?<![\w.-])\d+(?![\w-])|\w-\d+\b|(?<!\w)'[^']+'(?!\w)|[\"`=<>@{}%\[\]]|(?<!\w)/\w|: "
)
"""What a message holds that has values in it, and few sentences do: to look for each of those would take a third of
an answer."""
_SAID = re.compile(
    r"\b(?:\w+n't|already|cannot|can't|denied|exceeded|expired|failed|illegal|invalid|mismatch|missing|refused|unknown"
    r"|unsupported|wrong|(?:of|on|is|are) (?:an? )?empty|not (?:allowed|found|permitted|supported|valid)|too (?:few|large|long|many|short|small))\b",
    re.IGNORECASE,
)
"""What a program may say without any value: what is wrong. To look for every sentence that begins like one would take a
quarter of an answer."""
_ASKED = re.compile(
    r"(?i)(?:how|what|where|which|when|why|who|does|do|is|are|can|find|show|list)\b|.*\?$"
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_PAIR = re.compile(
    r"(?<![^\W_])(?=([^\W\d_][^\W\d_']+ [^\W\d_][^\W\d_']+)(?![^\W_]))|(?=([,;] [^\W\d_][^\W\d_']+[=:]))"
)
"""Two words next to each other, or what a value is said to be behind another: one at least of them stands fixed in
the text of most messages."""
_PAIRS_MOST = 4
_FILES_MOST = 80
"""Files that are read for one of the pairs: of words that stand together in more, the ranking knows enough."""
_REPEATED_MOST = 800
"""Files that may hold a pair and are asked whether they only repeat it: translations of it may be many."""
_LONGEST_LINE = 2000
_LINES_BEFORE, _LINES_BEHIND = 2, 2
"""Around a line with such a pair, over which a text may go that is put together."""
_TEXTS_MOST = 16
"""That are put together to one."""
_CHARACTERS_MOST = 300_000
"""Of lines with such a pair that are looked at."""
_LITERAL = re.compile(
    r"""(?<!\\)(?:\"([^\"\\]*+(?>(?:\\.[^\"\\]*+)*))\"|'([^'\\]*+(?>(?:\\.[^'\\]*+)*))'|`([^`\\]*+(?>(?:\\.[^`\\]*+)*))`)"""
)
_VALUE = re.compile(
    r"</?[a-z][\w=;,-]*+>|%[-+#0-9.*]*+(?:hh|ll|[hlLqjzt])?[a-zA-Z@]|%\([^()]*+\)[a-z]|<%[^%]*+%>"
    r"|~-?[\d.*]*+[tl]*+[a-zA-Z]\b"
    r"|[%#$]?\{[^{}]*+(?>(?:\{[^{}]*+\}[^{}]*+)*)\}|\$\w++(?>(?:->\w++)*)|\\\([^()]*+(?>(?:\([^()]*+\)[^()]*+)*)\)"
)
"""Where a text takes a value, or what it is shown with, in the ways of many languages. Neither this nor what a literal is may look at a
character more often the longer the line is: the line is a stranger's."""
_ESCAPE = re.compile(r"\\([nrt\"'`\\])")
_BEFORE = re.compile(r"(?:[\w.$()\[\]-]+:\s+|[A-Z][A-Z\d]*_[A-Z\d_]+:?\s+)+")
"""The kind of an error, and what a log writes before it: another line has it than the one that has the message."""
_JOINT = re.compile(r"^\s*(?:[+.&^~]|<<|<>)|(?:[+.&^~]|<<|<>)\s*$")
"""What puts texts together, behind the one or before the other."""
_LEAST = 8
"""Letters that must be fixed."""
_SHARE = 0.4
"""Of the letters of a message as many must be fixed; the others are values."""
_SHARE_PLAIN = 0.7
"""Of those of a text that nothing marks as a message, which may only have some words of one."""
_NEAR = 0.8
"""Of the best text's fixed letters as many has another one that is shown."""


async def find(question: Question, tx: Transaction) -> Outcome | None:
    """The code that says the message a question may be, but for its values; None where none does."""
    message = " ".join(question.query.written.split())
    is_marked = question.query.kind == "error" or _VALUED.search(message) is not None
    if len(message) > _LONGEST or not (is_marked or _is_said(message)):
        return None
    bare = _bare(message)
    fixed = {match[1] or match[2] for match in _PAIR.finditer(message)} or {bare}
    pairs = await _rare(question, tx, sorted(fixed, key=len)[-_PAIRS_MOST:])
    if not pairs:
        return None
    pattern = "|".join(map(re2.escape, pairs))
    files, _ = await regex.may_match(question, tx, pattern)
    files = [file for file in files if not regex.repeats(question.atlas, file)]
    matches, _ = await regex.matching(question, tx, pattern, regex.soon_read(question, files))
    found = await _saying(question, tx, matches, message)
    best = max((count for lines in found.values() for count in lines.values()), default=0)
    if best < max(_LEAST, (_SHARE if is_marked else _SHARE_PLAIN) * _letters(bare)):
        return None
    near = {
        file: [line for line, count in lines.items() if count >= _NEAR * best]
        for file, lines in found.items()
    }
    order = sorted((file for file in near if near[file]), key=lambda file: -max(found[file].values()))
    candidates = [
        one
        for file in order[: question.reach + 1]
        for one in await verbatim.around(question, tx, file, near[file], "says this")
    ]
    said = counted(sum(map(len, near.values())), "place")
    return Outcome(tuple(candidates), len(candidates), (f"this message, but for its values: {said}",))


def _is_said(message: str) -> bool:
    """Whether a program may have said what has neither values nor the marks of an error."""
    return _SAID.search(message) is not None and _ASKED.match(message) is None


def _bare(message: str) -> str:
    """A message without the kind of its error."""
    before = _BEFORE.match(message)
    return message[before.end() :] if before and before.end() < len(message) else message


async def _saying(
    question: Question, tx: Transaction, matches: Sequence[regex.Matches], message: str
) -> dict[int, dict[int, int]]:
    """By file and line how many letters of the message are fixed there, where any are."""
    atlas, content = question.atlas, question.engine.content
    found: dict[int, dict[int, int]] = {}
    left = _CHARACTERS_MOST
    for item in matches:
        blob = int(atlas.blobs[item.file])
        text = (await content.texts(tx, [blob]))[blob]
        for line in item.found:
            first = max(line - 1 - _LINES_BEFORE, 0)
            lines = [each[:_LONGEST_LINE] for each in text.lines[first : line + _LINES_BEHIND]]
            left -= sum(map(len, lines))
            if left < 0:
                return found
            count, start = letters(lines, line - 1 - first, message)
            if count:
                said = found.setdefault(item.file, {})
                said[first + start + 1] = max(count, said.get(first + start + 1, 0))
    return found


async def _rare(question: Question, tx: Transaction, pairs: Sequence[str]) -> list[str]:
    """The pairs that the fewest files can hold but for those that only repeat a message, as long as all of these can
    be read."""
    held: list[tuple[int, str]] = []
    for pair in pairs:
        files, _ = await regex.may_match(question, tx, re2.escape(pair))
        count = sum(not regex.repeats(question.atlas, file) for file in files[:_REPEATED_MOST])
        held += [(count + max(len(files) - _REPEATED_MOST, 0), pair)] if count else []
    chosen: list[str] = []
    left = _FILES_MOST
    for count, pair in sorted(held):
        left -= count
        if left < 0:
            break
        chosen.append(pair)
    return chosen


def letters(lines: Sequence[str], own: int, message: str) -> tuple[int, int]:
    """How many letters are fixed in the text that gives this message with some values, of which a part at least stands
    in the ``own`` of these lines, and the line in which it begins; 0 where none gives it. A text that is put together
    from several may go over lines."""
    given = _given(lines)
    if not any(text.line == own for text in given):
        return _fixed(lines[own].strip(), message, 0)[0], own
    best = 0, own
    for place, first in enumerate(given):
        count, at = _fixed(first.text, message, 0)
        has_own = first.line == own
        behind = given[place + 1 : place + _TEXTS_MOST]
        for other in behind if count and first.line <= own else ():
            if not other.is_joined:
                break
            fixed, end = _fixed(other.text, message, at)
            if fixed:
                count, at, has_own = count + fixed, end, has_own or other.line == own
        if has_own and count > best[0]:
            best = count, first.line
    return best


class _Text(NamedTuple):
    """A text in quotes, and whether it goes on with the one before it."""

    text: str
    line: int
    is_joined: bool


def _given(lines: Sequence[str]) -> list[_Text]:
    """The texts in quotes of these lines."""
    given: list[_Text] = []
    between = ""
    for number, line in enumerate(lines):
        end = 0
        for match in _LITERAL.finditer(line):
            between += line[end : match.start()]
            is_joined = not between.strip() or (_JOINT.search(between) and "," not in between)
            given.append(_Text(next(filter(None, match.groups()), ""), number, bool(is_joined)))
            between, end = "", match.end()
        between += line[end:] + "\n"
    return given


def _fixed(text: str, message: str, at: int) -> tuple[int, int]:
    """The letters of a text in the message behind a place, and where it ends there; 0 where it is not there."""
    count = 0
    for part in _VALUE.split(_ESCAPE.sub(_unescaped, text).replace("%%", "%")):
        piece = " ".join(part.split())
        place = message.find(piece, at)
        if place < 0:
            return 0, at
        at = place + len(piece)
        count += _letters(piece)
    return count, at


def _unescaped(match: re.Match[str]) -> str:
    return " " if match[1] in "nrt" else match[1]


def _letters(text: str) -> int:
    return sum(map(len, _WORD.findall(text)))
