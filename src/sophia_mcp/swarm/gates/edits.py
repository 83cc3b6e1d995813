"""What do files say after these edits? Pure.

A model quotes lines as it was shown them and writes what shall stand there instead. Lines it does not
change are taken from the file, byte for byte, so that what was masked or spelled out for it never
gets into the result.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from sophia_mcp.security.paths import refusal
from sophia_mcp.swarm.answers.proposals import Edit
from sophia_mcp.swarm.fence import shown

_ARTEFACT = re.compile(r"«masked |⟨U\+[0-9A-F]{4,6}⟩|[␀-␡]")
_OWN = (".git", ".sophia")
"""Folders whose files configure git and Sophia: nobody's proposal may touch them."""


class Refused(Exception):
    """These edits, or this patch, cannot be applied; the message says which and why."""


def place_fault(path: str) -> str | None:
    """Why a proposal may not write this path, or None."""
    reason = refusal(path, windows=True)
    if reason:
        return reason
    names = path.split("/")
    if path.startswith("/") or set(path) & {"\\", ":"} or any(name in ("", ".") for name in names):
        return "it is not a plain path below the repository root"
    if any(name.casefold() in _OWN for name in names):
        return "its folder configures git or Sophia"
    if any(character in path for character in '"\t\n\r') or not path.isprintable():
        return "it has characters that a patch cannot name"
    return None


def edited(files: Mapping[str, str | None], edits: Sequence[Edit]) -> dict[str, str]:
    """The new text of every file that the edits change. Raises Refused naming the edit.

    ``files`` has the text of every path in the edits, None where no file is.
    """
    texts: dict[str, str | None] = dict(files)
    for number, edit in enumerate(dict.fromkeys(edits), 1):  # some models say everything twice
        where = f"edit {number} ({edit.path[:200]!a})"
        fault = place_fault(edit.path)
        if fault:
            raise Refused(f"{where}: {fault}")
        texts[edit.path] = _edited(texts.get(edit.path), edit, where)
    return {path: text for path, text in texts.items() if text is not None and text != files.get(path)}


def _edited(text: str | None, edit: Edit, where: str) -> str:
    if not edit.old.strip():
        if text is not None and text.strip():
            raise Refused(f"{where}: the file exists; quote the lines to replace")
        return _fresh(edit.new, where)
    if text is None:
        raise Refused(f"{where}: there is no such file; leave old empty to make one")
    raw = text.split("\n")
    seen = shown(text).split("\n")
    if len(seen) != len(raw):  # cannot be quoted line by line
        seen = raw
    start, end, before, after = _region(seen, edit.old, where)
    new = f"{before}{_unended(edit.new)}{after}".split("\n") if edit.new or before or after else []
    return "\n".join([*raw[:start], *_merged(raw[start:end], seen[start:end], new, where), *raw[end:]])


def _region(lines: Sequence[str], old: str, where: str) -> tuple[int, int, str, str]:
    """First and last line (exclusive) that ``old`` covers, and what stands on them beside it."""
    wanted = _unended(shown(old)).strip("\n").split("\n")
    for loose in (False, True):  # as it stands; then without what trails
        sought = [line.rstrip() if loose else line for line in wanted]
        found = [
            at
            for at in range(len(lines) - len(sought) + 1)
            if [line.rstrip() if loose else line for line in lines[at : at + len(sought)]] == sought
        ]
        if len(found) == 1:
            return found[0], found[0] + len(wanted), "", ""
        if found:
            raise Refused(
                f"{where}: the old lines stand there {len(found)} times; quote more of their surroundings"
            )
    return _part(lines, "\n".join(wanted), where)


def _part(lines: Sequence[str], part: str, where: str) -> tuple[int, int, str, str]:
    """As ``_region``, for words inside lines. What begins with white space means whole lines."""
    text = "\n".join(lines)
    found = [] if part[:1].isspace() else [match.start() for match in _whole(part).finditer(text)]
    if not found:
        raise Refused(f"{where}: the old lines are not in the file")
    if len(found) > 1:
        raise Refused(f"{where}: the old text stands there more than once; quote whole lines")
    at = found[0]
    first, last = text.count("\n", 0, at), text.count("\n", 0, at + len(part))
    begin = text.rfind("\n", 0, at) + 1
    stop = text.find("\n", at + len(part))
    after = text[at + len(part) : stop if stop >= 0 else len(text)]
    return first, last + 1, text[begin:at], after


def _whole(part: str) -> re.Pattern[str]:
    """The words of ``part``, but not as a piece of longer ones."""
    before = r"(?<!\w)" if re.match(r"\w", part) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", part) else ""
    return re.compile(before + re.escape(part) + after)


def _merged(raw: Sequence[str], seen: Sequence[str], new: Sequence[str], where: str) -> list[str]:
    """The new lines, where unchanged ones are the file's own."""
    ending = "\r" if raw and raw[0].endswith("\r") else ""
    merged: list[str] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, seen, new, autojunk=False).get_opcodes():
        if tag == "equal":
            merged += raw[i1:i2]
            continue
        for line in new[j1:j2]:
            if _ARTEFACT.search(line):
                raise Refused(f"{where}: it would rewrite a line of which a part was masked")
            merged.append(line + ending if ending and not line.endswith("\r") else line)
    return merged


def _fresh(text: str, where: str) -> str:
    if _ARTEFACT.search(text):
        raise Refused(f"{where}: it would write a masked text into a new file")
    return text if text.endswith("\n") or not text else text + "\n"


def _unended(text: str) -> str:
    return text[:-1] if text.endswith("\n") else text
