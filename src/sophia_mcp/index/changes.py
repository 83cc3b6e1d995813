"""What must be read, shown or dropped to bring a view to its tree? And in which order?"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sophia_mcp.index.disk.commits import CommitTree
from sophia_mcp.index.disk.git import Unreadable, open_checkout
from sophia_mcp.index.disk.stamp import Stamp, settled, unproven
from sophia_mcp.index.disk.walk import Tree
from sophia_mcp.index.workers.messages import Place, Task, Unchanged
from sophia_mcp.index.workers.reading import unchanged
from sophia_mcp.index.write import Known

VOUCH_FROM = 64
"""So many files to look at, and it pays to ask git which of them are as its index says, and to leave it to workers to
read them."""

_READ_FIRST = re.compile(r"(^|/)(readme|agents|architecture|contributing)[^/]*$", re.IGNORECASE)
_READ_LAST = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__|fixtures?|testdata|examples?|demos?|benchmarks?|locales?|i18n|vendor"
    r"|third_party|_vendor)(/|$)|(^|/)(test_[^/]*|[^/]*[._-](test|spec)s?\.\w+)$",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"\.(py|pyi|js|jsx|mjs|cjs|ts|tsx|go|rs|java|kt|kts|scala|c|h|cc|cpp|cxx|hpp|hh|cs|rb|php|swift|m|mm|ex|exs|erl"
    r"|hs|lua|pl|pm|sh|bash|zig|dart|jl|r|clj|ml|mli|fs|vue|svelte|astro|sql|proto|graphql|sol|nim|v|sv|vhd|tf|nix)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """``vouched`` files are known by (path, hash, stamp) without reading them; ``read`` ones are
    tasks in the order in which they are worth having; ``gone`` paths are no longer there; ``skips``
    are those by name and kind, None when they are as they were. ``same`` files have other times than are
    known, or times that prove nothing, and were seen to hold what is known of them."""

    total: int
    read: list[Task]
    vouched: list[tuple[str, str, Stamp]]
    gone: list[str]
    skips: dict[str, str] | None
    same: list[Unchanged] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Paths to do something about."""
        return len(self.read) + len(self.vouched) + len(self.gone)


def plan_tree(tree: Tree, known: Mapping[str, Known], limit: int, *, afresh: bool = False) -> Plan:
    """What to do for a tree on disk, whose files have at most ``limit`` bytes. Reads those that may be the same, and
    asks git about many changes at once, so call it in a thread."""
    files = tree.files()
    changed = {
        path: stamp
        for path, stamp in files.items()
        if afresh or (held := known.get(path)) is None or held.stamp != stamp or not held.current
    }
    same = _same(tree, changed, known, limit) if not afresh else {}
    changed = {path: stamp for path, stamp in changed.items() if path not in same}
    names: dict[str, str] = {}
    if tree.detection == "git" and len(changed) >= VOUCH_FROM and not afresh:
        names = _vouch(tree)
    now = time.time_ns()
    for path, stamp in changed.items():
        if names.get(path) and names[path] == _hash(known, path, afresh):
            same[path] = Unchanged(path, settled(stamp, now), names[path])
    vouched = [
        (path, name, stamp)
        for path, stamp in changed.items()
        if (name := names.get(path)) and path not in same
    ]
    read = [
        Task(path, changed[path], _hash(known, path, afresh))
        for path in in_order(path for path in changed if path not in names)
    ]
    gone = [path for path in known if path not in files]
    return Plan(len(files), read, vouched, gone, tree.skips(), list(same.values()))


def _same(
    tree: Tree, changed: Mapping[str, Stamp], known: Mapping[str, Known], limit: int
) -> dict[str, Unchanged]:
    """Those of the changed files, by path, whose bytes are known: of few all are read, of many those whose time alone
    proved nothing."""
    tasks = [Task(path, stamp, _hash(known, path)) for path, stamp in changed.items()]
    doubtful = [task for task in tasks if task.known and known[task.path].stamp == unproven(task.stamp)]
    few = len(tasks) - len(doubtful) < VOUCH_FROM
    return unchanged(Place(str(tree.root), "", limit), tasks if few else doubtful)


def plan_commit(tree: CommitTree, known: Mapping[str, Known], *, afresh: bool = False) -> Plan:
    """What to do for a commit: what is placed already is shown, the rest is read from objects."""
    changed = {
        path: (blob, stamp)
        for path, (blob, stamp) in tree.files.items()
        if afresh or (held := known.get(path)) is None or held.hash != blob or not held.current
    }
    if afresh:
        read = [Task(path, changed[path][1], "", changed[path][0]) for path in in_order(changed)]
        vouched = []
    else:
        read = []
        vouched = [(path, *changed[path]) for path in in_order(changed)]
    gone = [path for path in known if path not in tree.files]
    return Plan(len(tree.files), read, vouched, gone, tree.skips)


def in_order(paths: Iterable[str], blobs: Mapping[str, str] | None = None) -> list[str]:
    """Paths so that what answers most questions comes first: read-me, code near the top, the
    other texts, tests and examples. Copies, whose ``blobs`` are known to be the same, follow the first of
    them, so that a worker understands them once."""
    ordered = sorted(paths, key=_worth)
    if not blobs:
        return ordered
    first: dict[str, int] = {}
    for place, path in enumerate(ordered):
        first.setdefault(blobs.get(path, path), place)
    return sorted(ordered, key=lambda path: first[blobs.get(path, path)])


def _worth(path: str) -> tuple[int, int, str]:
    depth = path.count("/")
    if _READ_LAST.search(path):
        return (3, depth, path)
    if depth < 2 and _READ_FIRST.search(path):
        return (0, depth, path)
    return (1 if _CODE.search(path) else 2, depth, path)


def _hash(known: Mapping[str, Known], path: str, afresh: bool = False) -> str:
    held = known.get(path)
    return held.hash if held is not None and held.current and not afresh else ""


def _vouch(tree: Tree) -> dict[str, str]:
    """Path to blob id of the files whose bytes on disk are, says git, those of its index."""
    try:
        checkout = open_checkout(Path(tree.root))
        if checkout is None:
            return {}
        dirty = checkout.dirty()
        return {path: blob for path, blob in checkout.tracked().items() if blob and path not in dirty}
    except Unreadable:
        return {}
