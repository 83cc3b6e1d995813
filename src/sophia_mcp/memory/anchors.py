"""Is the code a memory is about still what it was? The verdict is computed from the files on disk.

An anchor holds the hash of its file and of the text it means: the whole file, the definition or
paragraph around a line, or every definition of a symbol in its file. ``fresh``: that text stands
unchanged, also when it moved (the detail says where to). ``drifted``: it changed, or cannot be
checked. ``orphaned``: neither the text nor the name is left.
"""

from __future__ import annotations

import hashlib
import os
import re
import textwrap
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import anyio.to_thread

from sophia_mcp.errors import BadArgument, NotFound
from sophia_mcp.index.disk.git import Unreadable, open_checkout
from sophia_mcp.memory.tree import File, Tree
from sophia_mcp.types import Anchor, Symbol

MOST = 8
"""Anchors of one memory."""

LARGEST = 80
"""A longer definition around a line is too much to stand for it: its paragraph does."""

_PARAGRAPH = 12  # lines of a paragraph each way
_TELLING = 20  # letters and digits a text needs before another place that has it counts as a move
_PLACE = re.compile(r"(.+?):(\d+)(?:-\d+)?$")

Find = Callable[[Path, str], Awaitable[Sequence[str]]]
"""Paths that may define a name, from an index that may be old or missing."""


@dataclass(frozen=True, slots=True)
class Pin:
    """An anchor as it is stored. ``first`` and ``lines`` place the text that is held in its file, which
    had it ``copies`` times; ``size`` is the file's."""

    place: str
    kind: Literal["path", "line", "symbol"]
    root: str
    path: str
    symbol: str
    line: int
    first: int
    lines: int
    copies: int
    size: int
    commit: str
    file_hash: str
    text_hash: str


async def pin(root: Path, places: Iterable[str], find: Find) -> list[Pin]:
    """Look up what the places mean today. Raises BadArgument and NotFound, which name the place."""
    wanted = list(dict.fromkeys(place.strip() for place in places if place.strip()))
    if len(wanted) > MOST:
        raise BadArgument(
            f"{len(wanted)} anchors are too many", why=f"at most {MOST}", next="anchor what matters most"
        )
    if not wanted:
        return []
    tree = Tree(root)
    commit = await anyio.to_thread.run_sync(_head, root)
    pins = []
    for place in wanted:
        found = await anyio.to_thread.run_sync(_pin_path, tree, place, commit)
        if found is None:
            hints = await find(root, re.split(r"[.:]+", place)[-1])
            found = await anyio.to_thread.run_sync(_pin_symbol, tree, place, commit, hints)
        pins.append(found)
    return pins


async def verdicts(root: Path | None, pins: Sequence[Pin], find: Find) -> list[Anchor]:
    """What the pins are worth now. Without a root that may be read nothing is called fresh."""
    if root is None:
        return [
            Anchor(each.place, "drifted", "not checked: its repository is not open here")
            for each in pins
        ]
    tree = Tree(root)
    judged = await anyio.to_thread.run_sync(lambda: [_judge(tree, each, None) for each in pins])
    for at, each in enumerate(pins):
        if judged[at] is None:
            hints = await find(root, re.split(r"[.:]+", each.symbol)[-1])
            judged[at] = await anyio.to_thread.run_sync(_judge, tree, each, hints)
    return [found for found in judged if found is not None]


def _head(root: Path) -> str:
    try:
        checkout = open_checkout(root)
        return checkout.head()[0] if checkout is not None else ""
    except Unreadable:
        return ""


# --- what a place means today ---------------------------------------------------------------------------


def _pin_path(tree: Tree, place: str, commit: str) -> Pin | None:
    """The pin of a path or ``path:line``; None where the place is no path."""
    path, line = _relative(tree.root, place), 0
    match = _PLACE.match(path)
    file = tree.file(path)
    if file is None and match is not None:
        path, line = match[1], int(match[2])
        file = tree.file(path)
    if file is None:
        if os.path.isdir(tree.root / path):
            raise BadArgument(
                f"{place!r} is a folder", why="an anchor holds text", next="anchor a file or a symbol"
            )
        if line or ("/" in path and "::" not in path):
            raise _missing(tree, place, path)
        return None
    if not line:
        size = len(file.raw)
        return Pin(
            place, "path", str(tree.root), path, "", 0, 0, 0, 1, size, commit, file.hash, file.hash
        )
    if not 1 <= line <= len(file.lines):
        raise BadArgument(
            f"{path} has no line {line}", why=f"it has {len(file.lines)}", next="give a line it has"
        )
    first, last = _around(file, line)
    held = text_hash(file.lines[first - 1 : last])
    count = last - first + 1
    copies = len(_places(file, held, count, line - first))
    span = (line, first, count, copies)
    root = str(tree.root)
    return Pin(place, "line", root, path, "", *span, len(file.raw), commit, file.hash, held)


def _pin_symbol(tree: Tree, place: str, commit: str, hints: Sequence[str]) -> Pin:
    where, mark, inner = place.partition("::")
    symbol = inner if mark and tree.file(_relative(tree.root, where)) is not None else place
    near = [_relative(tree.root, where)] if symbol is not place else []
    for path in (*near, *sorted(hints, key=_plainness), *_rest(tree, symbol, hints)):
        file = tree.file(path)
        defined = file.named(symbol) if file is not None else []
        if file is None or not defined:
            continue
        one = defined[0]
        name = f"{one.container}.{one.name}" if one.container else one.name
        same = [each for each in defined if each.container == one.container]
        return Pin(
            place,
            "symbol",
            str(tree.root),
            path,
            name,
            one.start_line,
            one.start_line,
            one.end_line - one.start_line + 1,
            len(same),
            len(file.raw),
            commit,
            file.hash,
            _definitions_hash(file, same),
        )
    raise NotFound(
        f"nothing to anchor at {place!r}",
        why="no file of that path and no definition of that name in the repository",
        next='give a path, path:line or the name of a definition; search_code(query=<name>, mode="symbol") finds it',
    )


def _missing(tree: Tree, place: str, path: str) -> NotFound:
    near = get_close_matches(path, [listed for listed, _ in tree.listed()], 3, 0.6)
    return NotFound(
        f"nothing to anchor at {place!r}",
        why="the repository has no such file, or it may not be read",
        next=f"nearest: {', '.join(near)}" if near else "give a path relative to the repository root",
    )


def _rest(tree: Tree, symbol: str, hints: Sequence[str]) -> Iterable[str]:
    """Files that only reading the tree finds; nothing is read before the hints failed."""
    known = set(hints)
    yield from (path for path in sorted(tree.holding(symbol), key=_plainness) if path not in known)


def _plainness(path: str) -> tuple[bool, int, str]:
    """Code before its tests, short paths before long ones."""
    return "test" in path.lower(), path.count("/"), path


def _relative(root: Path, place: str) -> str:
    text = place.replace("\\", "/")
    above = str(root).rstrip("/") + "/"
    return text.removeprefix(above).removeprefix("./")


def _around(file: File, line: int) -> tuple[int, int]:
    """First and last line of what a line stands in: its definition, else its paragraph."""
    inside = [each for each in file.symbols if each.start_line <= line <= each.end_line]
    home = min(inside, key=lambda each: each.end_line - each.start_line, default=None)
    if home is not None and home.end_line - home.start_line < LARGEST:
        return home.start_line, home.end_line
    first = last = line
    while first > max(1, line - _PARAGRAPH) and file.lines[first - 2].strip():
        first -= 1
    while last < min(len(file.lines), line + _PARAGRAPH) and file.lines[last].strip():
        last += 1
    return first, last


def text_hash(lines: Sequence[str]) -> str:
    """Of lines without their common indentation and their trailing spaces. It begins with the hash of
    the first line alone, so that most places are ruled out by one line."""
    text = textwrap.dedent("\n".join(line.rstrip() for line in lines))
    return _line_hash(lines[0] if lines else "") + _hash(text, 12)


def _line_hash(line: str) -> str:
    return _hash(line.strip(), 4)


def _hash(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def _definitions_hash(file: File, defined: Sequence[Symbol]) -> str:
    return text_hash([text_hash(file.lines[each.start_line - 1 : each.end_line]) for each in defined])


def _places(file: File, held: str, count: int, offset: int) -> list[int]:
    """First lines of every place in a file where a text of so many lines is all of what the line at the
    offset stands in: a definition that grew is not the one that was pinned."""
    return [
        start + 1
        for start in range(len(file.lines) - count + 1)
        if held.startswith(_line_hash(file.lines[start]))
        and text_hash(file.lines[start : start + count]) == held
        and _around(file, start + 1 + offset) == (start + 1, start + count)
    ]


# --- what became of it ----------------------------------------------------------------------------------


def _judge(tree: Tree, pin: Pin, hints: Sequence[str] | None) -> Anchor | None:
    """The verdict; None where a symbol is gone from its file and hints of other files are wanted."""
    file = tree.file(pin.path)
    if file is not None and file.hash == pin.file_hash:
        return Anchor(pin.place)
    if pin.kind == "symbol":
        return _judge_symbol(tree, pin, file, hints)
    if file is None:
        moved = tree.same(pin.file_hash, pin.size, pin.path.rpartition("/")[2])
        if moved is not None:
            return Anchor(pin.place, "fresh", f"moved to {moved}" + (f":{pin.line}" if pin.line else ""))
    return _judge_path(tree, pin, file) if pin.kind == "path" else _judge_line(tree, pin, file)


def _judge_path(tree: Tree, pin: Pin, file: File | None) -> Anchor:
    if file is not None:
        return Anchor(pin.place, "drifted", f"the file changed{_since(pin)}")
    namesakes = tree.called(pin.path.rpartition("/")[2])
    hint = f"; a file of that name is at {namesakes[0]}" if namesakes else ""
    return Anchor(pin.place, "orphaned", f"the file is gone{hint}")


def _judge_line(tree: Tree, pin: Pin, file: File | None) -> Anchor:
    if file is not None:
        at = _whole(file, pin)
        if len(at) >= pin.copies and at:
            start = min(at, key=lambda first: abs(first - pin.first))
            line = start + pin.line - pin.first
            return Anchor(pin.place, "fresh", f"now at line {line}" if line != pin.line else "")
        found = _elsewhere(tree, pin)
        if found:
            return Anchor(pin.place, "fresh", f"moved to {found}")
        return Anchor(pin.place, "drifted", f"the code at line {pin.line} changed{_since(pin)}")
    found = _elsewhere(tree, pin)
    if found:
        return Anchor(pin.place, "fresh", f"moved to {found}")
    return Anchor(pin.place, "orphaned", "the file is gone and its text was not found again")


def _whole(file: File, pin: Pin) -> list[int]:
    return _places(file, pin.text_hash, pin.lines, pin.line - pin.first)


def _elsewhere(tree: Tree, pin: Pin) -> str | None:
    """Another file that is called the same, or lies beside it, and has the text: ``path:line``."""
    name, folder = pin.path.rpartition("/")[2], pin.path.rpartition("/")[0]
    beside = [path for path, _ in tree.listed() if path.rpartition("/")[0] == folder][:200]
    for path in dict.fromkeys((*tree.called(name), *beside)):
        file = tree.file(path) if path != pin.path else None
        if file is None:
            continue
        for first in _whole(file, pin):
            text = "".join(file.lines[first - 1 : first - 1 + pin.lines])
            if sum(character.isalnum() for character in text) >= _TELLING:
                return f"{path}:{first + pin.line - pin.first}"
    return None


def _judge_symbol(tree: Tree, pin: Pin, file: File | None, hints: Sequence[str] | None) -> Anchor | None:
    own = _compare(file, pin) if file is not None else None
    if own is not None:
        same, line = own
        if not same:
            return Anchor(pin.place, "drifted", f"{pin.symbol} changed{_since(pin)}")
        return Anchor(pin.place, "fresh", f"now at line {line}" if line != pin.line else "")
    if hints is None:
        return None
    changed = ""
    for path in dict.fromkeys((*sorted(hints, key=_plainness), *_rest(tree, pin.symbol, hints))):
        other = tree.file(path) if path != pin.path else None
        found = _compare(other, pin) if other is not None else None
        if found is not None and found[0]:
            return Anchor(pin.place, "fresh", f"moved to {path}:{found[1]}")
        if found is not None and not changed:
            changed = f"{path}:{found[1]}"
    if changed:
        return Anchor(pin.place, "drifted", f"moved to {changed} and changed{_since(pin)}")
    return Anchor(pin.place, "orphaned", f"no definition of {pin.symbol} is left")


def _compare(file: File, pin: Pin) -> tuple[bool, int] | None:
    """Whether the file's definitions of the symbol are those that were pinned, and where they begin;
    None where it has none."""
    container = pin.symbol.rpartition(".")[0]
    defined = [each for each in file.named(pin.symbol) if each.container == container]
    if not defined:
        return None
    return _definitions_hash(file, defined) == pin.text_hash, defined[0].start_line


def _since(pin: Pin) -> str:
    return f" since {pin.commit[:10]}" if pin.commit else ""
