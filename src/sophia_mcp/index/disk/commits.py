"""Which files stand in this commit? Read from git's objects; the disk is not touched."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import pygit2

from sophia_mcp.index.disk import ignore
from sophia_mcp.index.disk.git import Entry, commit_entries, object_size, read_object
from sophia_mcp.index.disk.refused import TOO_LARGE, UNREADABLE
from sophia_mcp.index.disk.stamp import Stamp
from sophia_mcp.index.disk.walk import BAD_NAME, SUBMODULE, SYMLINK

COMMITTED = 1
"""The time of every file of a commit: it never changes."""


@dataclass(frozen=True, slots=True)
class CommitTree:
    """Files of a commit as path to (blob id, stamp), and what is left out."""

    files: dict[str, tuple[str, Stamp]]
    skips: dict[str, str]


def list_commit(repository: pygit2.Repository, commit: str, choice: ignore.Choice) -> CommitTree:
    """The files of a commit that may be read. Raises Unreadable."""
    skips: dict[str, str] = {}
    entries: list[Entry] = []
    for entry in commit_entries(repository, commit):
        shown = entry.path.encode("utf-8", "replace").decode()
        if shown == entry.path:
            entries.append(entry)
        else:
            skips[shown] = BAD_NAME
    blobs = {entry.path: entry.blob for entry in entries}
    names: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        _note_folders(entry.path, names)

    def read(path: str) -> bytes | None:
        return read_object(repository, blobs.get(path, ""), ignore.RULES_LIMIT)

    rules = ignore.Rules(read, choice, lambda path: False)
    files: dict[str, tuple[str, Stamp]] = {}
    folders: dict[str, str] = {"": ""}
    rules.enter("", names[""])
    for entry in entries:
        folder = entry.path.rpartition("/")[0]
        refused = _refused_above(f"{folder}/" if folder else "", folders, names, rules)
        if refused:
            skips.setdefault(refused, folders[refused])
            continue
        size = object_size(repository, entry.blob) if entry.kind == "file" else 0
        reason = _reason(entry, size, rules, choice)
        if reason is None:
            files[entry.path] = (entry.blob, Stamp(size, 0, COMMITTED))
        else:
            skips[entry.path + ("/" if entry.kind == "submodule" else "")] = reason
    return CommitTree(files, skips)


def _reason(entry: Entry, size: int, rules: ignore.Rules, choice: ignore.Choice) -> str | None:
    if entry.kind != "file":
        return SUBMODULE if entry.kind == "submodule" else SYMLINK
    reason = rules.file(entry.path.rpartition("/")[2], entry.path, tracked=True)
    if reason is None and size < 0:
        reason = f"{UNREADABLE}: the object is missing"
    if reason is None and size > choice.max_bytes:
        reason = TOO_LARGE
    return reason


def _note_folders(path: str, names: dict[str, set[str]]) -> None:
    while True:
        folder, _, name = path.rpartition("/")
        prefix = f"{folder}/" if folder else ""
        if name in names[prefix]:
            return
        names[prefix].add(name)
        if not folder:
            return
        path = folder


def _refused_above(
    folder: str, judged: dict[str, str], names: dict[str, set[str]], rules: ignore.Rules
) -> str:
    """The outermost refused folder that holds ``folder`` (or is it), or empty."""
    parts = folder.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        prefix = "/".join(parts[:depth]) + "/"
        if prefix not in judged:
            reason = rules.folder(parts[depth - 1], prefix, tracked=True) or rules.contents(
                prefix, names[prefix]
            )
            judged[prefix] = reason or ""
            if not reason:
                rules.enter(prefix, names[prefix])
        if judged[prefix]:
            return prefix
    return ""
