"""Which of the definitions of a name stand where? A frequent name has thousands, and each of its uses asks for few."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TypeVar

from sophia_mcp.search.places.symbols import Definition

K = TypeVar("K", bound=Hashable)

COMPANION = ".Companion"
"""Ends the class of what Kotlin calls by the name of the class around."""

_ROOT = re.compile(r"(?:^|(?<=/))src/\w+/(?:java|kotlin|scala|groovy)/")
_TESTS_OF_R = re.compile(r"(?:^|(?<=/))tests/testthat$")


class Defined:
    """Definitions of one name, found by where they stand. ``paths`` are those of the files by number."""

    def __init__(self, items: Sequence[Definition], paths: Sequence[str]) -> None:
        self.items, self._paths = items, paths
        self._some: dict[str, Defined] = {}
        self.reached: dict[tuple[str, str, int], bool] = {}
        """Whether an import (module, name) of a file reaches one that is in nothing, as far as that was asked."""

    @cached_property
    def by_file(self) -> Mapping[int, Sequence[Definition]]:
        return self._by(lambda item: item.file)

    @cached_property
    def by_holder(self) -> Mapping[str, Sequence[Definition]]:
        """By the class by whose name it is called."""
        return self._by(holder)

    @cached_property
    def by_class(self) -> Mapping[str, Sequence[Definition]]:
        """By the last name of what encloses it."""
        return self._by(lambda item: last(item.symbol.container))

    @cached_property
    def by_package(self) -> Mapping[str, Sequence[Definition]]:
        """By the folder of its file."""
        return self._by(lambda item: package_of(self._paths[item.file]))

    @cached_property
    def by_module(self) -> Mapping[str, Sequence[Definition]]:
        """By the name of its file, without the ending."""
        return self._by(lambda item: self._paths[item.file].rpartition("/")[2].partition(".")[0])

    def of(self, container: str) -> Sequence[Definition]:
        """Those in exactly this container; in nothing: ""."""
        return self._by_container.get(container, ())

    def of_class(self, name: str) -> Sequence[Definition]:
        """Those of a class of this whole name, or of its companion."""
        return [*self.of(name), *self.of(name + COMPANION)]

    def around(self, caller: str) -> list[Definition]:
        """Those of the classes that enclose a definition of this whole name."""
        ends = [place for place, letter in enumerate(caller) if letter == "."]
        return [item for end in ends for item in self.of_class(caller[:end])]

    def only(self, name: str, test: Callable[[Definition], bool]) -> Defined:
        """Those that pass a test, which is known by its name."""
        if name not in self._some:
            self._some[name] = Defined([item for item in self.items if test(item)], self._paths)
        return self._some[name]

    @cached_property
    def _by_container(self) -> Mapping[str, Sequence[Definition]]:
        return self._by(lambda item: item.symbol.container)

    def _by(self, key: Callable[[Definition], K]) -> Mapping[K, Sequence[Definition]]:
        found: dict[K, list[Definition]] = defaultdict(list)
        for item in self.items:
            found[key(item)].append(item)
        return dict(found)


def holder(item: Definition) -> str:
    """The class by whose name a member is called."""
    return last(item.symbol.container.removesuffix(COMPANION))


@lru_cache(1 << 14)
def package_of(path: str) -> str:
    """The folder of a file; that of its tests is the same: ``src/main/java/app`` and ``src/test/java/app``."""
    return _TESTS_OF_R.sub("R", _ROOT.sub("/", path).rpartition("/")[0])


@lru_cache(1 << 14)
def last(dotted: str) -> str:
    """The last name of a path, without type arguments: ``Box`` of ``app::Box<T>``."""
    bare = re.sub(r"[<\[(].*$", "", dotted.strip().lstrip("*&"))
    return re.split(r"::|->|[./\\]", bare)[-1].strip()
