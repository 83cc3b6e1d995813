"""Which files and spans may answer? Paths, languages, kinds and scope as masks over a view."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.search.view.atlas import Atlas, Mask, matching
from sophia_mcp.search.view.near import near_names, near_paths
from sophia_mcp.security.paths import of_uri
from sophia_mcp.types import Kind, Request

_ALIASES = {
    "c#": "csharp",
    "c++": "cpp",
    "docker": "dockerfile",
    "f#": "fsharp",
    "golang": "go",
    "objective-c": "objc",
    "protobuf": "proto",
    "python3": "python",
    "shell": "bash",
    "terraform": "hcl",
    "vimscript": "vim",
}
"""What people call a language beside its name and the endings of its files."""


@dataclass(frozen=True, slots=True)
class Filter:
    """``allowed`` is a mask over the atlas, or None when every file may answer. ``problem`` says
    why nothing may, in words for the caller."""

    allowed: Mask | None
    kinds: frozenset[Kind]
    problem: str = ""

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return self.allowed is not None or bool(self.kinds)


def build(atlas: Atlas, request: Request, changed: Collection[str] | None = None) -> Filter:
    """The filter of a request. ``changed`` holds the changed paths when the scope asks for them."""
    masks: list[Mask] = []
    problems: list[str] = []
    if request.paths:
        masks.append(_paths(atlas, request.paths))
        if not masks[-1].any():
            problems.append(_no_path(atlas, request.paths))
    if request.languages:
        wanted = {language for name in request.languages for language in _meant(name)}
        masks.append(matching(atlas.languages, lambda name: name in wanted, len(atlas.paths)))
        if not masks[-1].any():
            known = sorted(set(atlas.languages) - {""})
            meant = [near for name in request.languages for near in near_names(name, known)] or known
            problems.append(
                f"no file is in {', '.join(request.languages)}; here: {', '.join(meant[:12])}"
            )
    scope = _scope(atlas, request, changed)
    if scope is not None:
        masks.append(scope)
        if not scope.any():
            problems.append(f"scope={request.scope!r} holds no file")
    allowed = np.logical_and.reduce(masks) if masks else None
    if allowed is not None and not allowed.any() and not problems:
        problems.append("the filters exclude one another: no file passes all of them")
    return Filter(allowed, frozenset(request.kinds), "; ".join(problems))


def of_tests(atlas: Atlas, request: Request, chosen: Filter) -> tuple[Filter, tuple[str, ...]]:
    """The filter of a request that asks for tests in words, and what is said of it."""
    tests = atlas.role("test") if chosen.allowed is None else atlas.role("test") & chosen.allowed
    if not tests.any():
        return chosen, ("asked for tests, and no file that may answer is one",)
    if request.scope != "all":
        return chosen, ()
    return replace(chosen, allowed=tests), ("asked for tests: only these were searched",)


def said(request: Request, *, kinds: bool = False) -> str:
    """The filters of a request as the caller wrote them, those of ``kinds`` where they matter."""
    given = {"paths": request.paths, "languages": request.languages, "kinds": kinds and request.kinds}
    parts = [f"{name}={list(values)!r}" for name, values in given.items() if values]
    return ", ".join(parts + [f"scope={request.scope!r}"] * (request.scope != "all"))


def _language(said: str) -> tuple[str, ...]:
    """The languages that a caller means: a name, another one, or an ending of their files."""
    name = said.casefold().strip().removeprefix(".")
    if name in _ALIASES or name in LANGUAGES:
        return (_ALIASES.get(name, name),)
    if name == "h":
        return ("c", "cpp")
    ending = language_of(f"_.{name}", b"") if re.fullmatch(r"\w+", name) else None
    return (ending or name,)


def unknown_languages(atlas: Atlas, wanted: Sequence[str]) -> list[str]:
    """The languages that no indexed file is in, where there are files in others of them."""
    known = set(atlas.languages)
    return [name for name in wanted if known.isdisjoint(_meant(name))]


def _meant(said: str) -> tuple[str, ...]:
    """The languages that a caller means, those of its dialects among them."""
    meant = _language(said)
    return (*meant, "tsx") if "typescript" in meant else meant


def _scope(atlas: Atlas, request: Request, changed: Collection[str] | None) -> Mask | None:
    if request.scope == "changed":
        held = frozenset(changed or ())
        return matching(atlas.paths, held.__contains__, len(atlas.paths))
    if request.scope == "tests":
        return atlas.role("test")
    if request.scope == "docs":
        return _documents(atlas)
    if request.scope == "code":
        return ~(atlas.role("test") | _documents(atlas))
    if request.scope == "connectors":
        return np.zeros(len(atlas.paths), bool)
    return None


def _documents(atlas: Atlas) -> Mask:
    return atlas.role("document") & ~atlas.flag("cmake", re.compile(r"(^|/)CMakeLists\.txt$"))


def inside(root: str, path: str) -> str:
    """A path as a caller wrote it, from the root of the repository on."""
    path = (of_uri(path.strip()) or path.strip()).replace("\\", "/")
    root = root.replace("\\", "/").rstrip("/")
    if root and f"{path}/".startswith(f"{root}/"):
        path = path[len(root) :].lstrip("/")
    return path.removeprefix("./")


def _paths(atlas: Atlas, wanted: Sequence[str]) -> Mask:
    """Files in any of the places, or in all where none is named, but those in places behind a ``!``."""
    named = [_place(atlas, place) for place in wanted if not _is_left_out(place)]
    mask = np.logical_or.reduce(named) if named else np.ones(len(atlas.paths), bool)
    for place in filter(_is_left_out, wanted):
        mask = mask & ~_place(atlas, place.strip()[1:])
    return mask


def _is_left_out(place: str) -> bool:
    return place.strip().startswith("!")


def _place(atlas: Atlas, place: str) -> Mask:
    place = inside(atlas.view.root, place).strip("/")
    if place in ("", ".", "**", "*"):
        return np.ones(len(atlas.paths), bool)
    for written in spellings(place):
        found = matching(atlas.paths, _test(written), len(atlas.paths))
        if found.any():
            break
    return found


def spellings(place: str) -> tuple[str, ...]:
    """What a place may mean, one after the other: itself from the root on, else in any folder; a glob without a
    folder in any at once, as everywhere else."""
    anywhere = f"**/{place}"
    return (anywhere,) if "*" in place and "/" not in place else (place, anywhere)


def unmatched(atlas: Atlas, wanted: Sequence[str]) -> list[str]:
    """The places that no indexed file is in, where there are others: a lone one is the filter's problem."""
    if len(wanted) == 1 and not _is_left_out(wanted[0]):
        return []
    return [place for place in wanted if not matches(atlas, place)]


def matches(atlas: Atlas, place: str) -> bool:
    """Whether any indexed file is in a place, be it one to leave out."""
    return bool(_place(atlas, place.strip().removeprefix("!")).any())


@lru_cache(256)
def pattern(place: str) -> re.Pattern[str]:
    """A file, a folder, or a glob in which ``*`` stays inside a folder and ``**`` does not."""
    parts: list[str] = []
    star = -1  # the part that is the last star, if only letters that it may take stand behind it
    i = 0
    while i < len(place):
        char = place[i]
        if place.startswith("**/", i):
            parts.append("(?:.*/)?")
            star = -1
            i += 3
            continue
        if char == "*":
            run = len(place[i:]) - len(place[i:].lstrip("*"))
            any_of = "[^/]*" if run == 1 else ".*"
            if star >= 0 and any_of in (parts[star], ".*"):
                # What the first leaves out this one takes: no second try for the first.
                parts[star], parts[-1] = f"(?>{parts[star]}?", f"{parts[-1]})"
            star = len(parts)
            parts.append(any_of)
            i += run
            continue
        if char in "{[" or (char == "/" and star >= 0 and parts[star] == "[^/]*"):
            star = -1
        if char == "?":
            parts.append("[^/]")
        elif char == "{" and "}" in place[i:]:
            end = place.index("}", i)
            parts.append("(?:" + "|".join(map(re.escape, place[i + 1 : end].split(","))) + ")")
            i = end
        elif char == "[" and "]" in place[i + 2 :]:
            end = place.index("]", i + 2)
            inner = place[i + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            parts.append("[" + ("^" + inner[1:] if inner[0] in "!^" else inner) + "]")
            i = end
        else:
            parts.append(re.escape(char))
        i += 1
    try:
        return re.compile("".join(parts) + "(?:/.*)?", re.DOTALL)
    except re.error:  # ``[z-a]``: a range of nothing, so it can only be a name
        return re.compile(re.escape(place) + "(?:/.*)?", re.DOTALL)


def _test(place: str):  # type: ignore[no-untyped-def]
    full = pattern(place).fullmatch
    if "/" not in place and "*" in place:
        anywhere = pattern(f"**/{place}").fullmatch
        return lambda path: full(path) is not None or anywhere(path) is not None
    return lambda path: full(path) is not None


def _no_path(atlas: Atlas, wanted: Sequence[str]) -> str:
    near = [] if "*" in wanted[0] else near_paths(atlas, wanted[0], folders=True)
    hint = f"; near: {', '.join(near)}" if near else ""
    return f"no indexed file matches paths={list(wanted)!r}{hint}"
