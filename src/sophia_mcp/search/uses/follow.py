"""What does a name mean that its file has from elsewhere? Followed through modules and base classes.

A module hands on what it imports: a package in its first file, a header what it includes. A class has
what its bases define. Both are followed as the sources write them, from the file of the use to the
definition; what leads to no file of the repository, or to nothing that proves to be meant, ends there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import anyio.lowlevel

from sophia_mcp.index.parsing.packed import Edges
from sophia_mcp.index.parsing.signs import (
    ALIASED,
    AWAITED,
    ELEMENT,
    ENTERED,
    FIELD,
    GIVEN,
    GLOBAL,
    MACRO,
    THROUGH,
    TOP,
)
from sophia_mcp.index.parsing.written import returned
from sophia_mcp.search.places.symbols import OWN, Definition
from sophia_mcp.search.uses.defined import Defined, last, package_of
from sophia_mcp.search.uses.handed import ALIKE, INCLUDES, Modules, Place
from sophia_mcp.search.uses.proof import (
    APART,
    BY_NAMESPACE,
    BY_PACKAGE,
    HIDING,
    IMPLICIT,
    Proof,
    Sources,
    Use,
    nearest,
)
from sophia_mcp.search.view.outline import qualified
from sophia_mcp.types import Import, Reference

_NESTING = frozenset({"ruby"})
"""Where a name means a class of the innermost of the classes and modules around that has it, in any file."""

_WHOLE = frozenset({"perl"})
"""Where a class is always named with all that encloses it."""

_SUPER = {"csharp": "base", "perl": "SUPER", "php": "parent", "rust": ""}
"""What calls the method of a base, where it is not ``super``."""

_ITSELF = frozenset({"self", "static", "Self", "this"})
"""Types that are the class on which the method is called."""

_TAKEN = "at back front top value __enter__ __aenter__ unwrap expect unwrap_or unwrap_or_else unwrap_or_default get orElse orElseGet orElseThrow".split()
_TAKES = frozenset({AWAITED, ELEMENT, *(f"{name}{GIVEN}" for name in _TAKEN)})
"""What gives the one thing that a promise, an option, a list or a Python generator holds."""

_KEPT = "as_ref as_mut as_deref clone map_err ok ok_or ok_or_else context with_context".split()
_KEEPS = frozenset(f"{name}{GIVEN}" for name in _KEPT)
"""What gives an option or result of the same again."""
_THROUGH = frozenset(
    f"{name}{GIVEN}"
    for name in "as_mut as_ref borrow borrow_mut clone get_mut lock read to_owned unwrap expect write".split()
)
"""What gives in Rust the same thing where its class has no such method: it is a copy, or behind a lock or a pointer."""
_CLASSES_MOST = 500
_NAMES_MOST = 1000
"""Names looked up for one question: those of types, and of functions that give something."""

_AT_ONCE = 32
"""Uses settled before others may do something."""

_DEEP = 12


@dataclass(frozen=True, slots=True)
class _Class:
    file: int
    name: str
    """With what encloses it."""


class Follower:
    """Finds what one name means. ``every``: all its definitions; ``edges_of`` reads the edges of a file,
    ``named`` the definitions of a name."""

    def __init__(
        self,
        sources: Sources,
        every: Defined,
        edges_of: Callable[[int], Awaitable[Edges | None]],
        named: Callable[[str], Awaitable[Sequence[Definition]]],
    ) -> None:
        self._sources, self._every, self._edges_of = sources, every, edges_of
        self._bases: dict[_Class, list[_Class]] = {}
        self._meanings: dict[tuple[str, int, str], list[_Class]] = {}
        self._open: set[tuple[_Class, str]] = set()
        """Fields whose types are being followed: one may be given by itself."""
        self._names, self._modules = _Names(named), Modules(sources, edges_of)

    async def settle(self, uses: Sequence[Use], defined: Sequence[Definition]) -> list[Use]:
        """``uses``, where those guesses are proven that lead to one of ``defined``."""
        meant = {(item.file, item.symbol.container) for item in defined}
        found: dict[tuple[int, str, str, str], tuple[Proof, set[Place]]] = {}
        settled: list[Use] = []
        several = len({item.symbol.container for item in self._every.items}) > 1
        making = {(item.file, qualified(item.symbol)) for item in defined if item.symbol.kind == "class"}
        for place, use in enumerate(uses):
            if place % _AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()
            reference = use.reference
            guessed, language = use.proof == "name-only", self._sources.languages[use.file]
            if guessed or (several and language in HIDING):
                scope = reference.caller
                key = (use.file, reference.receiver, reference.receiver_type, scope)
                if key not in found:
                    found[key] = await self._means(reference, use.file)
                proof, places = found[key]
                if guessed and meant & places:
                    use = replace(use, proof=proof)
                elif places and not (meant | making) & places:
                    use = replace(use, proof="name-only")
            elif several and (
                near := nearest(reference, self._every.by_file.get(use.file, ()), language)
            ):
                use = use if (use.file, near) in meant else replace(use, proof="name-only")
            settled.append(use)
        return settled

    async def _means(self, reference: Reference, file: int) -> tuple[Proof, set[Place]]:
        """How a guess would be proven, and what it means then."""
        language, receiver, caller = (
            self._sources.languages[file],
            reference.receiver,
            reference.caller,
        )
        above_named = last(receiver) if language in _WHOLE else receiver
        if receiver and above_named == _SUPER.get(language, "super"):
            starts = await self._around(caller, file)
            above = [base for start in starts for base in await self._above(start)]
            return "receiver-typed", await self._inherited(above)
        if reference.receiver_type:
            steps = reference.receiver_type.split(FIELD)
            steps += [AWAITED] if receiver.endswith(THROUGH) else []
            own = await self._inherited(await self._held(steps, file, caller))
            if own or len(steps) == 1 or language in HIDING:
                return "receiver-typed", own
        if receiver == MACRO:
            return "import-resolved", await self._modules.expanded(
                reference.name, file, self._every.items
            )
        if not receiver or receiver == TOP:
            return await self._alone(reference, file)
        path = "::" in receiver
        if language in INCLUDES:
            places = await self._modules.seen(receiver, reference.name, file, caller, self._every.items)
            if places and (path or await self._names.is_space(receiver)):
                return "import-resolved", places
        if receiver.isidentifier() or (path and language in INCLUDES | _NESTING | _WHOLE):
            if modules := await self._modules.called(receiver, file):
                return "import-resolved", await self._modules.handed_on(
                    reference.name, modules, self._every.items
                )
            if last(receiver).lstrip("_")[:1].isupper():
                starts = await self._meant(receiver, file, caller)
                return "import-resolved", await self._inherited(starts)
        return "name-only", set()

    async def _alone(self, reference: Reference, file: int) -> tuple[Proof, set[Place]]:
        """The same of a name that nothing stands before, or nothing but what says that no module is around it."""
        language, name, caller = self._sources.languages[file], reference.name, reference.caller
        if not reference.receiver and language in IMPLICIT:
            around = [caller.rpartition(".")[0], caller]  # or it is called in the class itself
            if language in _NESTING:
                around = around[last(caller)[:1].isupper() :][:1]
            for each in around:
                classes = await self._meant(each, file, caller)
                if language in INCLUDES:  # what stands in a namespace is looked for below
                    classes = [it for it in classes if "namespace" not in await self._names.words(it)]
                if own := await self._inherited(classes):
                    return "receiver-typed", own
        if language in BY_NAMESPACE:
            made = await self._meant(name, file, caller)
            places = {(each.file, each.name) for each in made}  # its constructors
            places |= {(each.file, each.name.rpartition(".")[0]) for each in made}
            return "import-resolved", places
        if language in _NESTING:
            return "import-resolved", {
                (each.file, each.name.rpartition(".")[0])
                for each in _nested(f"{reference.receiver}{name}", caller, self._every.items)
            }
        if language in INCLUDES:
            path = reference.receiver
            return "import-resolved", await self._modules.seen(
                path, name, file, caller, self._every.items
            )
        return "import-resolved", await self._modules.brought(name, file, caller, self._every.items)

    async def _held(self, steps: Sequence[str], file: int, caller: str) -> list[_Class]:
        """The classes that a type means, or those of its field, of the field of that and so on."""
        first = steps[0]
        if first.endswith(GIVEN):
            classes = await self._given(first.removesuffix(GIVEN), file, caller)
        else:
            classes = await self._meant(first, file, caller)
        for step in steps[1:]:
            classes = await self._typed(classes, step, file, caller)
        return classes

    async def _given(self, callee: str, file: int, caller: str) -> list[_Class]:
        """The classes of what a function gives that is called so; a type that is called gives one of it."""
        name = last(callee)
        path = callee.removesuffix(name).rstrip(".:\\")
        reference, imports = (
            Reference(name, "call", 0, path, caller),
            await self._modules.imports(file),
        )
        named = await self._names.definitions(name)
        reached = set[Place]()
        if self._sources.languages[file] in INCLUDES:
            reached = await self._modules.seen(path, name, file, caller, named)
            named = [item for item in named if (item.file, item.symbol.container) in reached] or named
        # A class comes before its constructors.
        for item in sorted(named, key=lambda each: each.symbol.kind != "class"):
            proven = (item.file, item.symbol.container) in reached
            if (
                not proven
                and self._sources.proof(reference, file, Defined([item], self._sources.paths), imports)
                == "name-only"
            ):
                continue
            if item.symbol.kind == "class":
                return [_class(item)]
            stated = _returned(self._sources, named, item.file, item.symbol.container)
            if stated in _ITSELF:
                return await self._meant(path, file, caller)
            return await self._meant(stated, item.file, qualified(item.symbol))
        if not path and self._sources.languages[file] in IMPLICIT:
            return await self._typed(await self._around(caller, file), f"{name}{GIVEN}", file, caller)
        return []

    async def _typed(
        self, classes: Sequence[_Class], field: str, file: int, caller: str
    ) -> list[_Class]:
        """The classes of a field that the first of these classes and their bases has. A header may only
        announce them, and the file of the use include them."""
        todo, seen = list(reversed(classes)), set[_Class]()
        while todo and len(seen) < _DEEP * ALIKE:
            here = todo.pop()
            if here in seen:
                continue
            seen.add(here)
            if here.name.startswith(ENTERED):
                held = _Class(here.file, here.name.removeprefix(ENTERED))
                locked = field in _THROUGH and self._sources.languages[here.file] == "rust"
                kept = list(classes) if field in _KEEPS else [held] if locked else []
                return [held] if field in _TAKES else kept
            if field == AWAITED:  # of what is no promise, or another name for one
                above = [base for base in await self._above(here) if base.name.startswith(ENTERED)]
                if not above:
                    return list(classes)
                todo += above
                continue
            stated, where = await self._stated(here, field)
            if stated in _ITSELF:
                return list(classes)
            if stated is None:
                return []
            if stated:
                found = await self._stating(here, field, stated, where)
                return found or await self._meant(stated, file, caller)
            above = await self._above(here)
            if embedded := [base for base in above if last(base.name) == field]:
                return embedded
            todo += reversed(above)
        through = field in _THROUGH and all(self._sources.languages[e.file] == "rust" for e in classes)
        return list(classes) if through else []

    async def _stating(self, here: _Class, field: str, stated: str, where: int) -> list[_Class]:
        """The classes that the type of a field means, which may be that of another."""
        key = here, field
        if key in self._open or len(self._open) >= _DEEP:
            return []
        self._open.add(key)
        found = await self._held(stated.split(FIELD), where, here.name)
        self._open.remove(key)
        return found

    async def _stated(self, here: _Class, field: str) -> tuple[str | None, int]:
        """The type that a class states for a field, for a property of that name, or for what a method gives,
        and the file that states it; None where it has such a method and nothing tells what that gives."""
        if field == ELEMENT and self._sources.languages[here.file] in INCLUDES:
            field = f"operator[]{GIVEN}"
        stored = not field.endswith(GIVEN) or self._sources.languages[here.file] == "php"
        held = await self._edges_of(here.file) if stored else None
        for item in held.fields if held is not None else ():
            if item.owner == here.name and item.name == field:
                return item.type, here.file
        named = await self._names.definitions(field.removesuffix(GIVEN))
        for known in named:
            if known.symbol.container == here.name and _holds(self._sources, here, known.file):
                if self._sources.languages[here.file] in _NESTING:
                    return None, known.file
                return _returned(self._sources, named, known.file, here.name), known.file
        return "", here.file

    async def _around(self, caller: str, file: int) -> list[_Class]:
        """The class around a definition, which may be a function inside a method."""
        while caller := caller.rpartition(".")[0]:
            if classes := await self._meant(caller, file, caller):
                return classes
        return []

    async def _inherited(self, starts: Sequence[_Class]) -> set[Place]:
        """Where the first of these classes and their bases defines the name."""
        todo, seen = [(start, 0) for start in reversed(starts)], set[_Class]()
        while todo:
            here, depth = todo.pop()
            if here in seen:
                continue
            seen.add(here)
            if own := await self._own(here):
                return own
            if depth < _DEEP:
                todo += [(base, depth + 1) for base in reversed(await self._above(here))]
        return set()

    async def _own(self, here: _Class) -> set[Place]:
        language = self._sources.languages[here.file]
        found: set[Place] = set()
        for item in self._every.of_class(here.name):
            if (
                _holds(self._sources, here, item.file)
                or (language in INCLUDES and here.file in await self._modules.reach(item.file))
                or language not in APART | INCLUDES | BY_PACKAGE
            ):
                found.add((item.file, item.symbol.container))
        return found

    async def _above(self, here: _Class) -> list[_Class]:
        """The bases of a class, in the order in which they are written."""
        known = self._bases.get(here)
        if known is None:
            known = self._bases[here] = []
            held = await self._edges_of(here.file) if len(self._bases) <= _CLASSES_MOST else None
            for reference in held.references if held is not None else ():
                if reference.kind == "base" and reference.caller == here.name:
                    between = "" if reference.receiver == TOP else "."
                    path = f"{reference.receiver}{between}{reference.name}".lstrip(".")
                    known += await self._meant(path, here.file, here.name)
            for field in held.fields if held is not None else ():
                if field.owner == here.name and field.name == ALIASED:
                    known += await self._meant(field.type, here.file, here.name)
            if self._sources.languages[here.file] == "php":
                words = {base: await self._names.words(base) for base in known}
                known.sort(key=lambda base: ("trait" not in words[base], "interface" in words[base]))
        return [base for base in known if base != here]

    async def _meant(self, written: str, file: int, caller: str) -> list[_Class]:
        """The classes that a file proves to mean where it writes one so: its own before others."""
        if (entered := written.removeprefix(ENTERED)) != written:
            classes = await self._meant(entered, file, caller)
            return [_Class(each.file, f"{ENTERED}{each.name}") for each in classes]
        key = (written, file, caller)
        if key not in self._meanings:
            self._meanings[key] = await self._look(written, file, caller) if written else []
        return self._meanings[key]

    async def _look(self, written: str, file: int, caller: str) -> list[_Class]:
        name = last(written)
        language = self._sources.languages[file]
        if language in _NESTING:
            return _nested(written, caller, await self._names.classes(name))
        if language in _WHOLE:
            return _nested(written, "", await self._names.classes(name))
        path = written.removesuffix(name).rstrip(".:\\") or (GLOBAL if written[0] == GLOBAL else "")
        imports = await self._modules.imports(file)
        for item in imports if not path else ():
            if item.alias == name and item.name not in ("", "*", "default", name):
                classes = await self._names.classes(item.name)
                files = self._modules.files(item.module, file)
                return _at(classes, await self._modules.handed_on(item.name, files, classes))
        classes = await self._names.classes(name)
        if language in INCLUDES and (
            seen := await self._modules.seen(path, name, file, caller, classes)
        ):
            return _at(classes, seen)
        if language in BY_NAMESPACE:
            alike = [item for item in classes if self._sources.languages[item.file] == language]
            if spoken := _spoken(written, caller, imports, alike):
                return spoken
        found = [item for item in classes if item.file == file and qualified(item.symbol) == written]
        if not found:
            reference = Reference(name, "use", 0, "" if path in OWN else path, caller)
            found = [
                item
                for item in classes
                if self._sources.proof(reference, file, Defined([item], self._sources.paths), imports)
                != "name-only"
            ]
            found = [item for item in found if item.file == file] or found
        if found or not classes:
            return [_class(item) for item in found]
        if not path:
            return _at(classes, await self._modules.brought(name, file, caller, classes))
        files = await self._modules.called(path, file)
        return _at(classes, await self._modules.handed_on(name, files, classes))


def _returned(sources: Sources, named: Sequence[Definition], file: int, container: str) -> str:
    """The type that those of these definitions state to give that stand there."""
    there = [i.symbol for i in named if i.file == file and i.symbol.container == container]
    return returned(there, sources.languages[file])


class _Names:
    """Which definitions has a name? Each is looked up once, and of too many none is."""

    def __init__(self, named: Callable[[str], Awaitable[Sequence[Definition]]]) -> None:
        self._named = named
        self._known: dict[str, Sequence[Definition]] = {}
        self._classes: dict[str, Sequence[Definition]] = {}

    async def definitions(self, name: str) -> Sequence[Definition]:
        if name not in self._known:
            few = len(self._known) < _NAMES_MOST
            self._known[name] = await self._named(name) if few else ()
        return self._known[name]

    async def classes(self, name: str) -> Sequence[Definition]:
        if name not in self._classes:
            self._classes[name] = [
                item for item in await self.definitions(name) if item.symbol.kind == "class"
            ]
        return self._classes[name]

    async def is_space(self, name: str) -> bool:
        """Whether it is a namespace of C++; what is called on one is written as what is called on a variable."""
        classes = await self.classes(name)
        return any("namespace" in item.symbol.signature.split()[:2] for item in classes)

    async def words(self, here: _Class) -> list[str]:
        """The words with which a class is defined: ``public``, ``enum`` and so on."""
        for item in await self.classes(last(here.name)):
            if item.file == here.file and qualified(item.symbol) == here.name:
                return item.symbol.signature.split()
        return []


def _class(item: Definition) -> _Class:
    return _Class(item.file, qualified(item.symbol))


def _nested(written: str, caller: str, among: Sequence[Definition]) -> list[_Class]:
    """The classes that a written path means inside a definition."""
    path = written.replace("::", ".").lstrip(".")
    around = "" if written.startswith("::") else caller
    while True:
        whole = f"{around}.{path}" if around else path
        found = [
            _Class(item.file, whole)
            for item in among
            if item.symbol.kind == "class" and qualified(item.symbol) == whole
        ]
        if found or not around:
            return found
        around = around.rpartition(".")[0]


def _spoken(
    written: str, caller: str, imports: Sequence[Import], among: Sequence[Definition]
) -> list[_Class]:
    """The classes that a written path means in the namespaces around a definition, or in those that are used;
    another file may use one for all, so the only one of the name is meant, too."""
    if found := _nested(written, caller, among):
        return found
    used = {f"{item.module}.{written}" for item in imports if item.name == "*"}
    ends = {whole for item in among if f".{(whole := qualified(item.symbol))}".endswith(f".{written}")}
    meant = used & ends or (ends if len(ends) == 1 else set())
    return [_class(item) for item in among if qualified(item.symbol) in meant]


def _at(classes: Sequence[Definition], places: set[Place]) -> list[_Class]:
    """The classes that stand at one of these places."""
    return [_class(item) for item in classes if (item.file, item.symbol.container) in places]


def _holds(sources: Sources, here: _Class, file: int) -> bool:
    """Whether a member that is written so in this file can be one of the class."""
    paths, languages = sources.paths, sources.languages
    return file == here.file or (
        languages[file] == languages[here.file]
        and languages[file] in BY_PACKAGE
        and package_of(paths[file]) == package_of(paths[here.file])
    )
