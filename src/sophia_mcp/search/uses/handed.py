"""Which files does an import lead to, and where do those define a name that they give?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence

from sophia_mcp.index.languages.imports import OPENED
from sophia_mcp.index.parsing.packed import Edges
from sophia_mcp.search.places.modules import is_module, module_parts, written_parts
from sophia_mcp.search.places.symbols import Definition
from sophia_mcp.search.uses.proof import Sources, brings_all, dotted, is_macro
from sophia_mcp.types import Import

INCLUDES = frozenset({"c", "cpp", "cuda", "objc"})
"""Where a file has all that what it includes includes."""

_TABLES = frozenset({"lua"})
"""Where a module is a table, which its own file calls otherwise."""
_OF_TABLE = re.compile(r"\w\s*[.:]\s*$")

_REACHED_MOST = 400
"""Files that one may include, itself or through others; modules that may hand a name on."""

_LOOKS_MOST = 300_000
"""Imports looked at for one question: a second at most. Whatever needs more stays a guess."""

ALIKE = 3
"""More files than that of one written name are none that is meant."""

_BUILT_IN = frozenset(
    "assert assert_eq assert_ne cfg concat dbg debug_assert debug_assert_eq env eprint eprintln file format "
    "format_args include include_str line matches module_path panic print println stringify thread_local todo "
    "unimplemented unreachable vec write writeln".split()
)
"""Macros that Rust has everywhere."""

Place = tuple[int, str]
"""Where definitions of the name stand: a file, and what contains them."""


class Modules:
    """Which files does one import or include, and what do they give it? Of many names ``among``."""

    def __init__(self, sources: Sources, edges_of: Callable[[int], Awaitable[Edges | None]]) -> None:
        self._sources, self._edges_of = sources, edges_of
        self._ending: dict[str, list[int]] = {}
        self._led: dict[tuple[str, int], list[int]] = {}
        self._direct: dict[int, list[int]] = {}
        self._included: dict[int, set[int]] = {}
        self._ends: dict[tuple[str, int], list[Definition]] = {}
        self._given: dict[tuple[str, tuple[int, ...], int], set[Place]] = {}
        self._left = _LOOKS_MOST

    async def imports(self, file: int) -> Sequence[Import]:
        held = self._sources.edges.get(file)
        if held is None or not held.imports:  # of a file that does not use the name none were read
            held = await self._edges_of(file)
        return held.imports if held is not None else ()

    async def brought(
        self, name: str, file: int, caller: str, among: Sequence[Definition]
    ) -> set[Place]:
        """Where a name is defined that a file imports, or that what it includes declares."""
        if self._sources.languages[file] in INCLUDES:
            return await self.seen("", name, file, caller, among)
        for item in await self.imports(file):
            if name == (item.alias or item.name) and item.name not in ("", "*", "default"):
                return await self.handed_on(item.name, self.files(item.module, file), among)
        return set()

    async def seen(
        self, path: str, name: str, file: int, caller: str, among: Sequence[Definition]
    ) -> set[Place]:
        """Where a name is defined that a definition of C++ writes with this path, in its file or in what that
        includes: in the innermost of the classes and namespaces around that has it, or in one that the file uses."""
        inner = dotted(path)
        key = (inner, id(among))
        if key not in self._ends:
            ending = f".{inner}" if inner else ""
            self._ends[key] = [i for i in among if f".{i.symbol.container}".endswith(ending)]
        reach = {file, *await self.reach(file)} if self._ends[key] else set[int]()
        places = {(i.file, i.symbol.container) for i in self._ends[key] if i.file in reach}
        around = caller if places and not path.startswith("::") else ""
        while around:
            whole = _joined(around, inner)
            if found := {place for place in places if place[1] == whole}:
                return found
            around = around.rpartition(".")[0]
        used = await self.imports(file) if places else ()
        spaces = (dotted(item.module) for item in used if item.name in (name, OPENED))
        wholes = {inner, *(_joined(space, inner) for space in spaces)}
        found = {place for place in places if place[1] in wholes}
        # Which of several is meant only the compiler knows.
        return found if len({container for _, container in found}) == 1 else set()

    async def expanded(self, name: str, file: int, among: Sequence[Definition]) -> set[Place]:
        """Where a macro of Rust is defined that a file has without an import: beside it, or in a folder around it."""
        paths = self._sources.paths
        if name in _BUILT_IN or any(name == (i.alias or i.name) for i in await self.imports(file)):
            return set()
        macros = {
            item.file
            for item in among
            if is_macro(item)
            and not item.symbol.container
            and f"/{paths[file]}".startswith(f"/{paths[item.file]}".rpartition("/")[0] + "/")
        }
        return {(macros.pop(), "")} if len(macros) == 1 else set()

    async def called(self, receiver: str, file: int) -> list[int]:
        """The files of the module that a file calls so."""
        for item in await self.imports(file):
            if item.alias == receiver:
                inner = "." if item.name and not item.module.endswith((".", "/")) else ""
                return self.files(f"{item.module}{inner}{item.name}", file)
        return []

    async def handed_on(
        self, name: str, modules: Iterable[int], among: Sequence[Definition]
    ) -> set[Place]:
        """Where a name is defined that these modules give: themselves, or what they import."""
        key = (name, tuple(modules), id(among))  # ``among`` lives as long as the question
        if key not in self._given:
            self._given[key] = await self._followed(name, key[1], among)
        return self._given[key]

    async def _followed(
        self, name: str, modules: Sequence[int], among: Sequence[Definition]
    ) -> set[Place]:
        todo, seen = [(file, name) for file in modules], set[tuple[int, str]]()
        while todo and len(seen) < _REACHED_MOST and self._left > 0:
            file, wanted = here = todo.pop()
            if here in seen:
                continue
            seen.add(here)
            own = {i.symbol.container: i for i in among if i.file == file and i.symbol.name == wanted}
            if "" in own:
                return {(file, "")}
            if self._sources.languages[file] in _TABLES and len(own) == 1:
                ((table, item),) = own.items()
                if _OF_TABLE.search(item.symbol.signature.partition(wanted)[0]):
                    return {(file, table)}
            imports = await self.imports(file)
            self._left -= len(imports)
            for one in imports:
                if brings_all(one):
                    todo += [(other, wanted) for other in self.files(one.module, file)]
                elif one.name and wanted == (one.alias or one.name):
                    todo += [(other, one.name) for other in self.files(one.module, file)]
        return set()

    async def reach(self, file: int) -> set[int]:
        """The files that one includes, itself or through others."""
        if file not in self._included:
            todo, found = [file], set[int]()
            while todo and len(found) < _REACHED_MOST and self._left > 0:
                new = [other for other in await self._includes(todo.pop()) if other not in found]
                self._left -= 1 + len(new)
                found.update(new)
                todo += new
            self._included[file] = found
        return self._included[file]

    async def _includes(self, file: int) -> list[int]:
        """The files that one includes itself."""
        if file not in self._direct:
            imports = await self.imports(file)
            self._left -= len(imports)
            led = (other for item in imports for other in self.files(item.module, file))
            self._direct[file] = list(dict.fromkeys(led))
        return self._direct[file]

    def files(self, module: str, importer: int) -> list[int]:
        """The files that a module leads to: the one beside the importer before others of that name."""
        key = (module, importer)
        found = self._led.get(key)
        if found is None:
            found = self._led[key] = self._lead(module, importer)
        return found

    def _lead(self, module: str, importer: int) -> list[int]:
        paths, languages = self._sources.paths, self._sources.languages
        if not self._ending:
            self._ending = defaultdict(list)
            for file, path in enumerate(paths):
                for part in {path.rpartition("/")[2], *module_parts(path)[-1:]}:
                    self._ending[part].append(file)
        path = paths[importer]
        if languages[importer] in INCLUDES:
            module = module.strip("\"'<> ;")
            beside = f"{path.rpartition('/')[0]}/{module}".lstrip("/")
            alike = [
                file
                for file in self._ending.get(module.rpartition("/")[2], ())
                if f"/{paths[file]}".endswith(f"/{module}")
            ]
            found = [file for file in alike if paths[file] == beside] or alike
        else:
            wanted = written_parts(module, path)
            found = [
                file
                for file in (self._ending.get(wanted[-1], ()) if wanted else ())
                if file != importer and is_module(module, path, paths[file])
            ]
        return found if len(found) <= ALIKE else []


def _joined(around: str, inner: str) -> str:
    return f"{around}.{inner}".strip(".")
