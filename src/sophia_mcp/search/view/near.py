"""Which names, files and folders come near what is not there?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from difflib import get_close_matches

from sophia_mcp import words
from sophia_mcp.search.question.trace import match_path
from sophia_mcp.search.view.atlas import Atlas, holding

LONGER = 3
"""Letters more or less than a name that is spelt alike has."""

ALIKE = 0.75
"""The share of letters at least, in their order, that names which are spelt alike have in common."""


def near_names(name: str, known: Sequence[str], limit: int = 5) -> list[str]:
    """The names that are spelt alike, then those that share half of the words."""
    folded: dict[str, str] = {}
    for other in known:
        folded.setdefault(other.casefold(), other)
    wanted = name.casefold()
    close = [
        folded[key]
        for key in get_close_matches(
            wanted, [key for key in folded if abs(len(key) - len(wanted)) <= LONGER], limit, ALIKE
        )
    ]
    asked = {words.stem(part) for part in words.parts(name)}
    if asked:
        scored = []
        for other in folded.values():
            shared = asked & {words.stem(part) for part in words.parts(other)}
            if shared and len(shared) * 2 >= len(asked):
                scored.append((-len(shared), len(other), other))
        close += [other for _, _, other in sorted(scored)[: limit * 2]]
    return list(dict.fromkeys(close))[:limit]


def nearest_said(near: Sequence[str]) -> str:
    """What a note goes on with where names come near; empty where none does."""
    return f"; nearest names: {', '.join(near)}" if near else ""


def near_paths(atlas: Atlas, asked: str, limit: int = 3, *, folders: bool = False) -> list[str]:
    """The files, or with ``folders`` also these, of the same name in another folder, else those whose names are
    near, with the same ending unless only that is another; of several that have one name the one that shares most
    with the folder asked for."""
    *above, name = asked.strip("/").split("/")
    if same := match_path(asked, [atlas.paths[file] for file in holding(atlas, f"{name}\0")]):
        return same[:limit]
    stem = _stem(name)
    longest = max(map(words.stem, words.parts(stem)), key=len, default=stem)
    places = holding(atlas, f"/{stem[:1]}", folded=True)
    places += holding(atlas, longest, folded=True)
    known: dict[str, set[str]] = defaultdict(set)
    for path in dict.fromkeys(atlas.paths[file] for file in places):
        other = _stem(path.rpartition("/")[2])
        if other == stem or path.endswith(name[len(stem) :]):
            known[other].add(path)
        parts = path.split("/")[:-1] if folders else []
        for depth, part in enumerate(parts, 1):
            known[part.casefold()].add("/".join(parts[:depth]) + "/")

    def fit(path: str) -> tuple[int, int, str]:
        return -len(set(above) & set(path.split("/"))), len(path), path

    return [min(known[one], key=fit) for one in near_names(stem, list(known), limit)]


def _stem(name: str) -> str:
    return (name.partition(".")[0] or name).casefold()
