"""Does this patch apply, and what do the files say then? Pure: texts in, texts out.

The parser is our own because the input is a model's: a crash of a C library on a crafted diff would
take the server with it. It forgives what models get wrong and what cannot change the meaning (line
counts, drifted line numbers, blank context lines without their space), and nothing else.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sophia_mcp.security.secrets import mask
from sophia_mcp.security.text import plain
from sophia_mcp.swarm.gates.edits import Refused, place_fault

_MODES = ("100644", "100755")
_UNENDED = "\\ No newline at end of file"
_NONE = "/dev/null"


@dataclass(slots=True)
class _Hunk:
    """Lines with their marks (" ", "-", "+"); ``at`` is the first old line, 0 when not told."""

    at: int
    lines: list[tuple[str, str]] = field(default_factory=list)
    old_unended: bool = False
    new_unended: bool = False


@dataclass(slots=True)
class _Change:
    """What happens to one file; an empty ``old`` makes it, an empty ``new`` removes it."""

    old: str
    new: str
    hunks: list[_Hunk] = field(default_factory=list)


def touched(patch: str) -> tuple[str, ...]:
    """The paths a unified diff changes. Raises Refused on what is no such diff, or leaves the tree."""
    places = (path for change in _parsed(patch) for path in (change.old, change.new) if path)
    return tuple(dict.fromkeys(places))


def patched(patch: str, files: Mapping[str, str | None]) -> dict[str, str | None]:
    """The new text of every file the patch changes, None where it removes one. Raises Refused.

    ``files`` has the text of every path that ``touched`` names, None where no file is.
    """
    texts: dict[str, str | None] = {}
    for change in _parsed(patch):
        place = change.old or change.new
        before = texts.get(place, files.get(place))
        if change.old and before is None:
            raise Refused(f"{place!a}: the patch changes a file that does not exist")
        if not change.old and before is not None:
            raise Refused(f"{place!a}: the patch makes a file that exists")
        after = _applied(before or "", change, place)
        if change.old and change.old != change.new:
            texts[change.old] = None
        if change.new:
            if change.old != change.new and files.get(change.new) is not None:
                raise Refused(f"{change.new!a}: the patch renames onto a file that exists")
            texts[change.new] = after
        elif after.strip():
            raise Refused(f"{place!a}: the patch removes the file but not all of its lines")
    return texts


def changed_lines(patch: str) -> frozenset[tuple[str, int]]:
    """Path and number of every line that a well-formed patch removes, or adds something after."""
    lines: set[tuple[str, int]] = set()
    for change in _parsed(patch):
        for hunk in change.hunks:
            number = hunk.at
            for mark, _ in hunk.lines:
                if mark == "+":
                    lines.add((change.old, max(number - 1, 1)))
                    continue
                if mark == "-":
                    lines.add((change.old, number))
                number += 1
    return frozenset(lines)


def unified(path: str, old: str | None, new: str | None) -> str:
    """One file's part of a unified diff as git writes it; empty when nothing changed.

    Lines that hold a secret are kept out of the context around a change. Raises Refused where a
    change removes such a line, or adds characters that cannot be seen.
    """
    if old == new:
        return ""
    head = [f"diff --git a/{path} b/{path}\n"]
    if old is None:
        head.append("new file mode 100644\n")
    elif new is None:
        head.append("deleted file mode 100644\n")
    tab = "\t" if " " in path else ""
    before = _NONE if old is None else f"a/{path}{tab}"
    after = _NONE if new is None else f"b/{path}{tab}"
    secrets = _secrets(old or "")
    for context in (3, 2, 1):
        body = list(
            difflib.unified_diff(_lines(old), _lines(new), before, after, n=context, lineterm="\n")
        )
        if not any(line[1:].rstrip("\r\n") in secrets for line in body[2:]):
            break
    else:
        raise Refused(f"{path!a}: the patch would show a line that holds a secret; change it by hand")
    for line in body[2:]:
        if line[0] == "+" and plain(line.rstrip("\r\n")) != line.rstrip("\r\n"):
            raise Refused(f"{path!a}: the patch adds characters that cannot be seen")
    return "".join([*head, *_ended(body)])


def _parsed(patch: str) -> list[_Change]:
    lines = patch.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    changes: list[_Change] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("diff --git "):
            change, at = _headed(lines, at)
            changes.append(change)
        elif _is_head(lines, at):
            changes.append(_Change(_path(line[4:]), _path(lines[at + 1][4:])))
            at += 2
        elif line.startswith("@@") and changes:
            hunk, at = _hunk(lines, at)
            changes[-1].hunks.append(hunk)
        elif line.strip() and changes and changes[-1].hunks:
            raise Refused(f"the patch is not a unified diff: line {at + 1} is outside any hunk")
        else:
            at += 1  # words before the diff
    if not changes:
        raise Refused("the patch is not a unified diff: it names no file")
    for change in changes:
        _check(change)
    return changes


def _headed(lines: Sequence[str], at: int) -> tuple[_Change, int]:
    """A change that begins with git's own header, and where its hunks begin."""
    halves = re.fullmatch(r"diff --git a/(.+) b/(\1)", lines[at])
    old = new = halves[1] if halves else ""
    made = removed = False
    at += 1
    while at < len(lines) and not lines[at].startswith(("diff --git ", "@@")):
        line = lines[at]
        word, _, rest = line.partition(" mode ")
        if word in ("new file", "deleted file", "old", "new") and rest:
            made, removed = made or word == "new file", removed or word == "deleted file"
            if rest.strip() not in _MODES:
                raise Refused(f"{(new or old)[:200]!a}: only ordinary files may change")
        elif line.startswith("rename from "):
            old = line[12:]
        elif line.startswith("rename to "):
            new = line[10:]
        elif line.startswith(("GIT binary patch", "Binary files ")):
            raise Refused(f"{(new or old)[:200]!a}: binary changes are not accepted")
        elif _is_head(lines, at):
            old, new = _path(line[4:]), _path(lines[at + 1][4:])
            at += 1
        at += 1
    return _Change("" if made else old, "" if removed else new), at


def _hunk(lines: Sequence[str], at: int) -> tuple[_Hunk, int]:
    number = re.match(r"@@+ -(\d+)", lines[at])
    hunk = _Hunk(int(number[1]) if number else 0)
    at += 1
    while at < len(lines):
        line = lines[at]
        if line.startswith(("@@", "diff --git ")) or _is_head(lines, at):
            break
        if line.startswith("\\"):
            if hunk.lines and hunk.lines[-1][0] in " -":
                hunk.old_unended = True
            if hunk.lines and hunk.lines[-1][0] in " +":
                hunk.new_unended = True
        elif not line or line[0] in " -+":
            hunk.lines.append((line[:1] or " ", line[1:]))
        else:
            raise Refused(f"the patch is not a unified diff: line {at + 1} has no mark")
        at += 1
    if hunk.lines and hunk.lines[-1] == (" ", "") and at < len(lines) and not lines[at - 1]:
        hunk.lines.pop()  # an empty line between two files
    return hunk, at


def _check(change: _Change) -> None:
    if not (change.old or change.new):
        raise Refused("the patch is not a unified diff: it does not say which file it changes")
    for path in filter(None, (change.old, change.new)):
        fault = place_fault(path)
        if fault:
            raise Refused(f"{path[:200]!a}: {fault}")


def _applied(text: str, change: _Change, place: str) -> str:
    lines = text.split("\n") if text else []
    ended = not lines or lines[-1] == ""
    if lines and ended:
        lines.pop()
    done = drift = 0
    for number, hunk in enumerate(change.hunks, 1):
        old = [content for mark, content in hunk.lines if mark in " -"]
        at = _place(lines, old, hunk.at - 1 + drift if hunk.at else None, done)
        if at is None:
            raise Refused(f"{place!a}: hunk {number} does not apply: its lines are not in the file")
        if hunk.at:
            drift = at - (hunk.at - 1)
        fresh = _replaced(lines[at : at + len(old)], hunk)
        at_end = at + len(old) == len(lines)
        lines[at : at + len(old)] = fresh
        done = at + len(fresh)
        drift += len(fresh) - len(old)
        if at_end and (hunk.old_unended or hunk.new_unended):
            ended = not hunk.new_unended
    return "\n".join(lines) + ("\n" if ended and lines else "")


def _place(lines: Sequence[str], old: Sequence[str], told: int | None, done: int) -> int | None:
    """Where the old lines stand: as told, else nearest to it, else anywhere if only once."""
    if not old:
        return min(max(told + 1 if told is not None else len(lines), done), len(lines))
    bare = [line.rstrip("\r") for line in lines]
    wanted = [line.rstrip("\r") for line in old]
    found = [
        at for at in range(done, len(bare) - len(wanted) + 1) if bare[at : at + len(wanted)] == wanted
    ]
    if told is not None and found:
        nearest = min(found, key=lambda at: abs(at - told))
        tied = sum(abs(at - told) == abs(nearest - told) for at in found) > 1
        return None if tied else nearest
    return found[0] if len(found) == 1 else None


def _replaced(there: Sequence[str], hunk: _Hunk) -> list[str]:
    """The lines after a hunk; context is the file's own, so that its line ends stay."""
    ending = "\r" if there and all(line.endswith("\r") for line in there) else ""
    own = iter(there)
    fresh: list[str] = []
    for mark, content in hunk.lines:
        if mark == "+":
            fresh.append(content if content.endswith("\r") else content + ending)
            continue
        line = next(own)
        if mark == " ":
            fresh.append(line)
    return fresh


def _is_head(lines: Sequence[str], at: int) -> bool:
    if at + 1 >= len(lines) or not lines[at].startswith("--- ") or not lines[at + 1].startswith("+++ "):
        return False
    return at + 2 >= len(lines) or lines[at + 2].startswith("@@")


def _path(text: str) -> str:
    """A path of a ``---`` or ``+++`` line: without its prefix and time stamp, empty for no file."""
    path = text.split("\t")[0].rstrip()
    if path == _NONE:
        return ""
    return path[2:] if path.startswith(("a/", "b/")) else path


def _lines(text: str | None) -> list[str]:
    if not text:
        return []
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _secrets(text: str) -> frozenset[str]:
    """The lines of a file that hold a secret, or a part of one."""
    masked = mask(text)
    if not masked.count:
        return frozenset()
    pairs = zip(text.split("\n"), masked.text.split("\n"), strict=True)
    return frozenset(raw.rstrip("\r") for raw, seen in pairs if raw != seen)


def _ended(body: Iterable[str]) -> Iterator[str]:
    for line in body:
        yield line if line.endswith("\n") else f"{line}\n{_UNENDED}\n"
