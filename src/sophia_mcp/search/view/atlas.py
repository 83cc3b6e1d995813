"""What files does a view hold, and what do their paths say? One snapshot per generation.

Everything that depends only on the map of a view (which placements, which languages, what the
path says about a file's role) is computed once and reused until the view's generation moves.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
import re2
from numpy.typing import NDArray

from sophia_mcp import words
from sophia_mcp.index.views import View

Mask = NDArray[np.bool_]

TEST = re.compile(
    r"(^|/)(tests?|__tests__|spec|testing|testdata|test[-_][^/]*|[^/]*[-_]tests?|e2e|benches|benchmarks?"
    r"|fixtures?|[a-z]*Test|mocks?|__mocks__)(/|$)"
    r"|(^|/)(test_[^/]*|conftest|[^/]*([._-](test|spec|bench|tests|specs|benchmark)|Tests?|Spec|Suite|Benchmarks?))\.\w+$"
    r"|(^|/)x?t/([^/]+/)*[^/]+\.(t|pl|pm)$"
)
EXAMPLE = re.compile(r"(^|/)(_?examples?|docs_src|demos?|samples?|tutorials?)(/|$)", re.IGNORECASE)
VENDORED = re.compile(
    r"(^|/)(compat|_compat|legacy|vendor|third_party|deprecated|generated|node_modules|dist|bundles?)(/|$)"
)
BARREL = re.compile(r"(^|/)(__init__\.py|package-info\.java)$")
DECLARATION = re.compile(r"\.d\.[cm]?ts$|\.pyi$")
_TOLD = "LICENSE|LICENCE|COPYING|CHANGELOG|CHANGES|NOTICE|AUTHORS|HISTORY|NEWS"
DOCUMENT = re.compile(
    r"\.(md|mdx|markdown|rst|txt|adoc|asciidoc|org|pod|rdoc|textile|pot?|info)$"
    rf"|(^|/)((?-i:{_TOLD})[^/]*|({_TOLD})([-_][^/.]*|\.\d[^/]*)?)$"  # history.ts is code
    r"|(^|/)(README|FAQ|(?-i:INSTALL|TODO|THANKS|HACKING|CONTRIBUTING))$"  # install is a script
    r"|(^|/)(changelogs?|newsfragments)/([^/]+/)*[^/.]+$"
    r"|[a-z_]\.[1-8](\.in)?$",
    re.IGNORECASE,
)
"""Prose, pages of manuals and translations of what the code says: all say again what other files do."""
NEWS = re.compile(
    r"(^|/)(LICENSE|LICENCE|COPYING|CHANGELOG|CHANGES|NOTICE|AUTHORS|HISTORY|NEWS|RELEASE[^/]*)(\.[^/]*)?$",
    re.IGNORECASE,
)
CONFIG = re.compile(
    r"\.(json|jsonc|json5|ya?ml|toml|ini|cfg|conf|xml|properties|lock|csv|tsv|svg|plist|gradle|env)$"
    r"|(^|/)(Dockerfile|Makefile|CMakeLists\.txt|\.[^/]+)$",
    re.IGNORECASE,
)
_NAMELESS = frozenset(("__init__", "index", "init", "mod"))
"""Names of files that go by the name of their folder."""
_VERSION = re.compile(r"v(\d+)")
_TYPED = (".ts", ".tsx", ".mts", ".cts")
_SCRIPTS = (*_TYPED, ".mtsx", ".ctsx", ".js", ".jsx", ".mjs", ".mjsx", ".cjs", ".cjsx")
_DECLARED = (".d.ts", ".d.cts", ".d.mts")
_COMPILED = (".js", ".cjs", ".mjs", *_DECLARED)
_OUTPUT = frozenset(
    ("build", "cjs", "commonjs", "dist", "es", "es6", "esm", "lib", "module", "out", "umd")
)
"""Folders that compilers of scripts write to, beside ``src``."""


@dataclass(frozen=True, slots=True)
class PathWords:
    """The different stemmed words of a path without its extension, all of its stem, and the different ones of
    its last folder. The stem of a file that only stands for its folder, as ``index.js`` does, is the folder's."""

    path: tuple[str, ...]
    stem: tuple[str, ...]
    folder: tuple[str, ...]


@lru_cache(1 << 12)
def path_words(path: str) -> PathWords:
    """The lexical words of one path."""
    folder, _, name = path.rpartition("/")
    bare = name.rsplit(".", 1)[0] if "." in name[1:] else name
    if bare in _NAMELESS and folder:
        bare = folder.rpartition("/")[2]
    stem = _plain_terms(bare)
    above, last = _folder_words(folder)
    return PathWords(tuple(dict.fromkeys((*above, *stem))), stem, last)


@lru_cache(1 << 10)
def _folder_words(folder: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The different words of a folder's path, and of its own name."""
    last = folder.rpartition("/")[2]
    return tuple(dict.fromkeys(_plain_terms(folder))), tuple(dict.fromkeys(_plain_terms(last)))


def _plain_terms(text: str) -> tuple[str, ...]:
    return tuple(words.stem(part) for part in words.words(text))


@dataclass(frozen=True)
class Atlas:
    """The files of one view at one generation, sorted by path; all sequences share that order.

    ``whole`` says that the view shows every placement of its repository, so that searches need no
    filter. ``frequencies`` keeps in how many rows of the text index a term occurs, as far as that was
    looked up; under the empty term, how many rows there are. ``modules`` keeps, by language, what the
    manifests that were read call folders. ``listings`` keeps all paths as one text, and the same in no case.
    """

    view: View
    paths: Sequence[str]
    placements: NDArray[np.int64]
    blobs: NDArray[np.int64]
    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    mtimes: NDArray[np.int64]
    ctimes: NDArray[np.int64]
    languages: Sequence[str]
    lexical: Mask
    trigram: Mask
    whole: bool
    _flags: dict[str, Mask] = field(default_factory=dict)
    frequencies: dict[str, int] = field(default_factory=dict)
    modules: dict[str, Mapping[str, str]] = field(default_factory=dict)
    listings: dict[bool, str] = field(default_factory=dict)

    @cached_property
    def index(self) -> dict[int, int]:
        """Position of a placement."""
        return {int(placement): i for i, placement in enumerate(self.placements)}

    @cached_property
    def position(self) -> dict[str, int]:
        """Position of a path."""
        return {path: i for i, path in enumerate(self.paths)}

    @cached_property
    def by_blob(self) -> dict[int, list[int]]:
        """Positions that show a blob."""
        found: dict[int, list[int]] = defaultdict(list)
        for i, blob in enumerate(self.blobs.tolist()):
            found[blob].append(i)
        return dict(found)

    def positions(self, placements: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions of placements; -1 for one that the view does not show."""
        order, ordered = self._by_placement
        if not len(ordered):
            return np.full(len(placements), -1, np.int64)
        places = np.searchsorted(ordered, placements).clip(0, len(ordered) - 1)
        return np.where(ordered[places] == placements, order[places], -1)

    def showing(self, blob: int) -> list[int]:
        """Positions that show a blob."""
        order, ordered = self._by_blob
        first = bisect_left(ordered, blob)  # numpy takes longer to begin than this to end
        found: list[int] = order[first : bisect_right(ordered, blob, first)].tolist()
        return found

    def shows(self, blobs: Sequence[int]) -> list[bool]:
        """Which of these blobs the view shows. (``np.isin`` sorts all that it shows each time.)"""
        _, ordered = self._by_blob
        first = np.searchsorted(ordered, blobs)
        last = np.searchsorted(ordered, blobs, side="right")
        shown: list[bool] = (first < last).tolist()
        return shown

    @cached_property
    def _by_placement(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order = np.argsort(self.placements)
        return order, self.placements[order]

    @cached_property
    def _by_blob(self) -> tuple[NDArray[np.int64], memoryview]:
        order = np.argsort(self.blobs, kind="stable")
        return order, self.blobs[order].data

    @cached_property
    def held(self) -> frozenset[int]:
        """The placements that the view shows."""
        return frozenset(self.placements.tolist())

    def holds(self, path: str) -> bool:
        """Whether the view has this path."""
        place = bisect_left(self.paths, path)
        return place < len(self.paths) and self.paths[place] == path

    def has(self, role: str, file: int) -> bool:
        """Whether the path of one file tells this role."""
        return bool(path_roles(self.paths[file]) & ROLE_BITS[role])

    def flag(self, name: str, pattern: re.Pattern[str]) -> Mask:
        """Which paths a pattern matches, computed once."""
        if name not in self._flags:
            search = pattern.search
            self._flags[name] = np.fromiter(
                (search(path) is not None for path in self.paths), bool, len(self.paths)
            )
        return self._flags[name]

    @cached_property
    def old_versions(self) -> frozenset[int]:
        """Positions inside a folder ``vN`` that has a higher sibling, or whose file also exists
        without that folder."""
        versioned = [(i, path.split("/")) for i, path in enumerate(self.paths) if "/v" in "/" + path]
        newest: dict[tuple[str, ...], int] = {}
        marks: list[tuple[int, list[str], int, int]] = []
        for i, split in versioned:
            for depth, part in enumerate(split[:-1]):
                version = _VERSION.fullmatch(part)
                if version:
                    parent, number = tuple(split[:depth]), int(version[1])
                    newest[parent] = max(newest.get(parent, 0), number)
                    marks.append((i, split, depth, number))
        return frozenset(
            i
            for i, split, depth, number in marks
            if number < newest[tuple(split[:depth])]
            or self.holds("/".join(split[:depth] + split[depth + 1 :]))
        )

    @cached_property
    def compiled(self) -> frozenset[int]:
        """Positions of scripts and declarations whose source is in the view, too."""
        return compiled(self.paths)

    def role(self, name: str) -> Mask:
        """Which files' paths tell one of the roles of ``ROLES``."""
        if name not in self._flags:
            told = np.fromiter(map(path_roles, self.paths), np.int64, len(self.paths))
            self._flags[name] = (told & ROLE_BITS[name]) != 0
        return self._flags[name]


def holding(atlas: Atlas, part: str, *, folded: bool = False) -> list[int]:
    """Positions of paths that hold a text, each written with a ``/`` before it and a NUL on both sides; ``folded``:
    in any case, for a part without any. No path holds nothing, or a NUL. (One look at all of them takes a tenth of
    one at each.)"""
    inner = part.strip("\0")
    if not inner or "\0" in inner:
        return []
    if folded not in atlas.listings:
        text = "".join(f"\0/{path}" for path in atlas.paths) + "\0" * bool(atlas.paths)
        atlas.listings[folded] = text.casefold() if folded else text
    text = atlas.listings[folded]
    found: list[int] = []
    file, at = -1, 0
    while (place := text.find(part, at)) >= 0:
        file += text.count("\0", at, place + 1)
        found.append(file)
        at = text.find("\0", place + 1)
    return found


ROLES = {
    "test": TEST,
    "example": EXAMPLE,
    "vendored": VENDORED,
    "barrel": BARREL,
    "declaration": DECLARATION,
    "document": DOCUMENT,
    "news": NEWS,
    "config": CONFIG,
}
"""What a path can tell about the role of its file."""

ROLE_BITS = {name: 1 << place for place, name in enumerate(ROLES)}


@lru_cache(1 << 17)
def path_roles(path: str) -> int:
    """The roles a path tells, as bits; remembered, because paths outlive generations."""
    told = _every_role().Match(path.encode("utf-8", "surrogateescape")) or ()
    return sum(1 << place for place in told)


@cache
def _every_role() -> Any:
    """The patterns of ``ROLES`` as one automaton, a tenth of the time of one after the other."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # file names are bytes, whatever these say
    patterns = re2.Set.SearchSet(options)
    for role in ROLES.values():
        patterns.Add((f"(?i:{role.pattern})" if role.flags & re.IGNORECASE else role.pattern).encode())
    patterns.Compile()
    return patterns


def compiled(paths: Sequence[str]) -> frozenset[int]:
    """Positions of scripts and declarations made from another of these paths: ``a/src/b.ts`` stands behind
    ``a/lib/b.js``, ``a/dist/esm/b.d.ts`` and ``a/b.cjs``, and ``b.ts`` behind the ``b.js`` beside it."""
    made = {i: _stem(path) for i, path in enumerate(paths) if path.endswith(_COMPILED)}
    if not made:
        return frozenset()
    written = [path for path in paths if path.endswith(_SCRIPTS) and not path.endswith(_DECLARED)]
    beside = {_stem(path) for path in written if path.endswith(_TYPED)}
    sources = {_stem(path) for path in written if "/src/" in f"/{path}"}
    named = {stem.rpartition("/")[2] for stem in sources}
    return frozenset(
        i
        for i, stem in made.items()
        if stem in beside or (stem.rpartition("/")[2] in named and not sources.isdisjoint(_behind(stem)))
    )


def _stem(script: str) -> str:
    """The path of a script or declaration without what says that it is one."""
    return script[: script.rindex(".")].removesuffix(".d")


def _behind(stem: str) -> Iterator[str]:
    """Where the source of a compiled script would be: below ``src``, in place of folders for output."""
    parts = stem.split("/")
    if "src" in parts:
        return
    for depth in range(len(parts)):
        inner = depth
        yield "/".join([*parts[:depth], "src", *parts[inner:]])
        while inner < len(parts) - 1 and parts[inner] in _OUTPUT:
            inner += 1
            yield "/".join([*parts[:depth], "src", *parts[inner:]])


def matching(values: Iterable[str], test: Callable[[str], bool], length: int) -> Mask:
    """A mask over ``values``."""
    return np.fromiter((test(value) for value in values), bool, length)
