"""A folder is a registry: one implementation per file, found by name, imported on first use.

Entry points of the same group name extend a folder from outside the package. Listing imports
nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sophia_mcp.errors import BadSetting, NotFound

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

T = TypeVar("T")


@dataclass(frozen=True)
class Folder(Generic[T]):
    """The implementations beside ``package``'s ``__init__``.

    Every file defines ``constant``, which must be an instance (or, for a class, a subclass or a
    structural match checked by the caller) of ``kind``. ``group`` is the entry point group through
    which other distributions add implementations under the same names.
    """

    package: str
    constant: str
    kind: type[T] | tuple[type, ...] | None = None
    group: str = ""

    def names(self) -> tuple[str, ...]:
        """All names, sorted: files of the folder, then entry points. Imports none of them."""
        return tuple(sorted(self._own() | set(self._entry_points())))

    def load(self, name: str) -> T:
        """Import one implementation: the file of that name, else the entry point. Raises NotFound with near names,
        BadSetting on a wrong file or entry point."""
        # What distributions offer is looked at for no file: that would be a fiftieth of a search in a new process.
        point = None if name in (own := self._own()) else self._entry_points().get(name)
        if name not in own and point is None:
            names = self.names()
            near = get_close_matches(name, names, 3, 0.4)
            raise NotFound(
                f"no {self.constant.lower()} named {name!r}",
                why=f"known: {', '.join(names) or 'none'}",
                next=f"use {near[0]!r}" if near else "choose one of the known names",
            )
        if point is not None:
            found = self._offered(point)
        else:
            found = getattr(importlib.import_module(f"{self.package}.{name}"), self.constant, None)
        if found is None or (self.kind is not None and not isinstance(found, self.kind)):
            if point is not None:
                raise self._refused(point, f"{point.value} is no {self.constant}")
            raise BadSetting(
                f"{self.package}.{name} does not define {self.constant}",
                why="a file of this folder must define that constant",
                next=f"define {self.constant} in it",
            )
        return found  # type: ignore[no-any-return]

    def all(self) -> Iterator[tuple[str, T]]:
        """Every implementation with its name, imported one by one."""
        for name in self.names():
            yield name, self.load(name)

    def _own(self) -> frozenset[str]:
        path = importlib.import_module(self.package).__path__
        names = (module.name for module in pkgutil.iter_modules(path))
        return frozenset(name for name in names if not name.startswith("_"))

    def _offered(self, point: EntryPoint) -> Any:
        try:
            return point.load()
        except (ImportError, AttributeError, SyntaxError) as error:
            raise self._refused(point, str(error)) from error

    def _refused(self, point: EntryPoint, why: str) -> BadSetting:
        offered_by = point.dist.name if point.dist is not None else "an installed distribution"
        return BadSetting(
            f"{point.name!r}, which {offered_by} adds to {self.group}, cannot be used",
            why=why,
            next=f"point the entry at `module:{self.constant}`, or uninstall {offered_by}",
        )

    def _entry_points(self) -> dict[str, EntryPoint]:
        if not self.group:
            return {}
        return _installed(tuple(sys.path), self.group)


def refuse_unknown(given: Collection[str], known: Collection[str], whose: str) -> None:
    """Raise BadSetting for an option that an implementation (``whose``: ``the embedder static``) does not
    know."""
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise BadSetting(
                f"{whose} has no option {name!r}",
                why=f"known: {', '.join(sorted(known)) or 'none'}",
                next=f"use {near[0]!r}" if near else "remove it",
            )


@lru_cache(maxsize=64)
def _installed(path: tuple[str, ...], group: str) -> dict[str, EntryPoint]:
    """What the distributions on the path offer to a group, by name. Only those that name it have all that is
    said about them parsed, which for a hundred would take a tenth of a second."""
    import importlib.metadata

    offering = {found.metadata["Name"] for found, offered in _offers(path) if group in offered}
    points: dict[str, EntryPoint] = {}
    for name in sorted(offering):
        # Of several with one name this is the first on the path, which is the one that is imported.
        for point in importlib.metadata.distribution(name).entry_points:
            if point.group == group:
                points[point.name] = point
    return points


@lru_cache(maxsize=4)
def _offers(path: tuple[str, ...]) -> list[tuple[Distribution, str]]:
    """The distributions on the path that offer something, with what they write of it. Read once: each of them is
    looked at, and the folders that a start lists are many."""
    import importlib.metadata

    read = ((found, found.read_text("entry_points.txt")) for found in importlib.metadata.distributions())
    return [(found, offered) for found, offered in read if offered]
