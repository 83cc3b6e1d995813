"""What proves that a use of a name means a definition? What its own file says, and what it imports.

A use is *same file* (the definition stands in the file and nothing else is named), *import-resolved*
(the file imports it from where it is defined, or shares its package), *receiver-typed* (the source
states the type of what it is called on) or *name-only*, which is a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sophia_mcp.index.parsing.packed import Edges
from sophia_mcp.index.parsing.signs import FOLLOWED, GLOBAL, MACRO
from sophia_mcp.search.places.modules import leads
from sophia_mcp.search.places.symbols import OWN, Definition
from sophia_mcp.search.uses.defined import COMPANION, Defined, holder, last, package_of
from sophia_mcp.search.uses.manifests import package
from sophia_mcp.types import Import, Reference, Symbol

Proof = Literal["same file", "import-resolved", "receiver-typed", "name-only"]

ORDER: tuple[Proof, ...] = ("receiver-typed", "import-resolved", "same file", "name-only")
IMPLICIT = frozenset(
    {"java", "kotlin", "scala", "groovy", "csharp", "swift", "cpp", "cuda", "ruby", "dart", "gdscript"}
)
"""Where a name alone may mean a method of the enclosing class."""

APART = frozenset(
    {"python", "javascript", "typescript", "tsx", "java", "kotlin", "scala", "groovy", "php", "dart"}
)
"""Where all methods of a class stand in the file of the class."""

BY_PACKAGE = frozenset({"go"})
"""Where a type is held by all files of its package, and is written with that: ``Conn`` is none of ``net.Conn``."""

BY_NAMESPACE = frozenset({"csharp"})
"""Where a name means a class of the namespaces around, or of one that the file uses, in any file."""

HIDING = frozenset({"cpp", "cuda"})
"""Where a method hides functions of its name, a class those of other namespaces, and a variable those that are called
like it: what is found by following counts more than that the file has one of that name."""

_LOOKED_FOR = BY_NAMESPACE | {"ruby"}
"""Where a type is that of the innermost namespace around which has one."""

_BY_PATH = frozenset({"perl", "rust"})
"""Where a type that is written with its path is that and no other of the name."""

_IMPORTS_CLASSES = frozenset({"java", "groovy"})
"""Where a name that is imported means that class and no other of the name, in the folder of its package."""
_PACKAGE_IS_FOLDER = frozenset(
    {"go", "java", "kotlin", "r", "scala", "swift", "csharp", "groovy", "php"}
)
_FOLDER = {"r": "R"}
"""What a folder is called that is a package, in a language in which no other one is."""
_MODULE_IS_FILE = frozenset({"erlang"})
"""Where a module is called like its file, and each call of another one names it."""
_MODULE_IS_NAMED = frozenset({"elixir"})
"""Where a module is called as its file says, wherever that lies."""
_OBJECT_IS_FILE = frozenset({"vue"})
"""Where a file is one object, which calls the methods that it lists on itself."""
_SCRIPTS = frozenset({"javascript", "typescript", "tsx"})
_JOINED = re.compile(r"::|\.|\\")
_BOUND = re.compile(r"(?:export )?(?:default )?(?:async )?(?:function|class)\b|[\w$]+ = ")
"""How the definition of a name of its own begins in a script; a member of an object begins otherwise."""
_MEMBER = re.compile(r"(?:(?:async|get|set|static)\s+|\*\s*)*(?!function\b)[\w$#]+\s*[(:]")
"""How that of a method of an object without a name begins, ``load() {`` or ``load: function () {``."""


@dataclass(frozen=True, slots=True)
class Use:
    """One use of the name, with its proof."""

    file: int
    reference: Reference
    proof: Proof


class Sources:
    """Files by number: their paths, their languages, and the edges of those that are looked at. ``modules``
    are what manifests call folders, by language."""

    def __init__(
        self,
        paths: Sequence[str],
        languages: Sequence[str],
        edges: Mapping[int, Edges],
        modules: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> None:
        self.paths, self.languages, self.edges, self.modules = paths, languages, edges, modules
        self._led: dict[tuple[str, str, int, int], bool] = {}

    def proof(
        self, reference: Reference, file: int, defined: Defined, imports: Sequence[Import]
    ) -> Proof:
        """What proves that a reference in ``file``, which has these ``imports``, means one of these
        definitions of its name."""
        receiver = reference.receiver.strip()
        if receiver == MACRO:
            receiver, defined = "", defined.only("macro", is_macro)
        here = defined.by_file.get(file, ())
        if reference.receiver_type and not FOLLOWED.search(reference.receiver_type):
            return self._typed(reference, file, defined, here, imports)
        if reference.receiver_type and self.languages[file] in HIDING:
            return "name-only"  # as long as nobody follows it
        if receiver == GLOBAL:  # of no namespace, as no file is that a manifest gives one
            defined = defined.only("global", lambda item: not self._package(item.file))
            receiver, here = "", defined.by_file.get(file, ())
        if not receiver:
            return self._bare(reference, file, defined, here, imports)
        if receiver.startswith("::"):  # of no module around
            return (
                "same file"
                if any(item.symbol.container == dotted(receiver) for item in here)
                else "name-only"
            )
        if receiver in OWN:
            own = self.languages[file] in _OBJECT_IS_FILE and any(map(_is_member, here))
            return (
                "same file" if own or any(_encloses(item, reference) for item in here) else "name-only"
            )
        if self.languages[file] in _MODULE_IS_FILE:
            language, among = self.languages[file], defined.by_module.get(receiver, ())
            own = any(self.languages[item.file] == language for item in among)
            return "import-resolved" if own else "name-only"
        if self.languages[file] in _MODULE_IS_NAMED and defined.of(receiver):
            return "import-resolved"
        first = re.split(r"::|->|\.|\\", receiver)[0]
        whole = last(receiver)
        by_package = self.languages[file] in BY_PACKAGE  # where no type receives, only its values do
        if not by_package and any(holder(item) == whole for item in here):
            return "same file"
        for item in imports:
            named = first in (item.alias, item.name) or (not item.name and first == last(item.module))
            if named and self._receives(item, file, defined, whole):
                return "import-resolved"
            if brings_all(item) and any(
                self.comes(item, file, target) for target in defined.by_holder.get(whole, ())
            ):
                return "import-resolved"
        return self._same_package(reference, file, defined)

    def _typed(
        self,
        reference: Reference,
        file: int,
        defined: Defined,
        here: Sequence[Definition],
        imports: Sequence[Import],
    ) -> Proof:
        language, path = self.languages[file], reference.receiver_type
        if language in _LOOKED_FOR:
            return "name-only"  # as long as nobody looks around
        if language in _BY_PATH:
            whole = path.replace("::", ".")
            if language == "perl":
                return "receiver-typed" if defined.of(whole) else "name-only"
            if whole != path:
                return "name-only"  # as long as nobody follows the path
        stated = last(path)
        among = defined.by_class.get(stated, ())
        if reference.receiver in OWN and language in APART:
            among = [item for item in here if last(item.symbol.container) == stated]
        elif language in BY_PACKAGE:
            among = self._of_package(path, file, among, imports)
        elif language in _IMPORTS_CLASSES:
            among = self._of_import(path, file, among, imports)
        found = any(_agree(path, item.symbol.container) for item in among)
        return "receiver-typed" if found else "name-only"

    def _of_package(
        self, written: str, file: int, among: Sequence[Definition], imports: Sequence[Import]
    ) -> Sequence[Definition]:
        """Those definitions that stand in the package that a type is written with, or in that of the file."""
        package, dot, _ = written.rpartition(".")
        if not dot:
            own = package_of(self.paths[file])
            return [item for item in among if package_of(self.paths[item.file]) == own]
        meant = [each for each in imports if each.alias == package]
        return [item for item in among if any(self.comes(each, file, item) for each in meant)]

    def _of_import(
        self, written: str, file: int, among: Sequence[Definition], imports: Sequence[Import]
    ) -> Sequence[Definition]:
        """Those definitions that stand where a type is written to come from, or imported from by its name."""
        path, _, name = written.rpartition(".")
        brought = [each for each in imports if not path and name == (each.alias or each.name)]
        if path[:1].islower():
            brought = [Import(path, name, name, 0)]
        if not brought:
            return among
        return [item for item in among if any(self.comes(each, file, item) for each in brought)]

    def _bare(
        self,
        reference: Reference,
        file: int,
        defined: Defined,
        here: Sequence[Definition],
        imports: Sequence[Import],
    ) -> Proof:
        language = self.languages[file]
        if any(_visible(item.symbol, reference, language) for item in here):
            return "same file"
        for item in imports:
            if reference.name == (item.alias or item.name):
                return self.imported(item, file, defined)
        around = defined.around(reference.caller) if language != "rust" else ()
        for item in filter(brings_all, imports):
            within = defined.of(item.module.replace("::", ".")) if item.name == "*" else ()
            if self._reaches(item, file, defined) or any(
                self.comes(item, file, target) for target in (*around, *within)
            ):
                return "import-resolved"
        return self._same_package(reference, file, defined)

    def imported(self, item: Import, file: int, defined: Defined) -> Proof:
        """What proves that an imported name means one of these definitions."""
        static = defined.by_class.get(last(item.module), ())
        sure = self._reaches(item, file, defined) or any(
            self.comes(item, file, target) for target in static
        )
        return "import-resolved" if sure else "name-only"

    def _receives(self, item: Import, file: int, defined: Defined, whole: str) -> bool:
        """``module.name()`` where the module is imported, or ``Class.name()`` where the class is."""
        if not item.name[:1].isupper() and self._reaches(item, file, defined):
            return True
        return any(
            self.comes(item, file, target)
            for name in {item.name, whole}
            for target in defined.by_holder.get(name, ())
        )

    def _reaches(self, item: Import, file: int, defined: Defined) -> bool:
        """Whether a definition that nothing contains is in the imported module."""
        key = (item.module, item.name, file)
        known = defined.reached.get(key)
        if known is None:
            known = any(self.comes(item, file, target) for target in defined.of(""))
            defined.reached[key] = known
        return known

    def comes(self, item: Import, file: int, target: Definition) -> bool:
        """The imported module is the file that defines the target."""
        if self.languages[target.file] in _MODULE_IS_NAMED:
            holds = target.symbol.container
            whole = f"{item.module}.{item.name}" if item.name not in ("", "*") else item.module
            return holds == whole or holds.startswith(f"{whole}.")
        key = (item.module, item.name, file, target.file)
        known = self._led.get(key)
        if known is None:
            path = self.paths[target.file]
            called = self._package(target.file)
            known = item.module == called if called else leads(*item[:2], self.paths[file], path)
            self._led[key] = known
        return known

    def _package(self, file: int) -> str:
        return package(self.paths[file], self.languages[file], self.modules)

    def _same_package(self, reference: Reference, file: int, defined: Defined) -> Proof:
        """Where a folder is a package, its files see one another without an import."""
        language = self.languages[file]
        if language not in _PACKAGE_IS_FOLDER or (language in BY_PACKAGE and reference.receiver):
            return "name-only"
        whole, folder = last(reference.receiver), package_of(self.paths[file])
        if folder.rpartition("/")[2] != _FOLDER.get(language, folder.rpartition("/")[2]):
            return "name-only"
        found = any(
            self.languages[item.file] == language
            and (whole == holder(item) if whole else not item.symbol.container)
            for item in defined.by_package.get(folder, ())
        )
        return "import-resolved" if found else "name-only"


def uses_in(file: int, name: str, defined: Defined, sources: Sources) -> list[Use]:
    """Every use of ``name`` in one of the sources, with its proof. Definitions themselves are not uses."""
    held = sources.edges[file]
    starts = {item.symbol.start_line for item in defined.by_file.get(file, ())}
    uses: list[Use] = []
    lines: set[int] = set()
    for reference in held.references:
        if reference.name != name:
            continue
        if reference.kind == "import":
            lines.add(reference.line)
        if reference.kind == "call" or reference.line not in starts:
            uses.append(Use(file, reference, sources.proof(reference, file, defined, held.imports)))
    uses += [
        Use(file, Reference(name, "import", item.line), sources.imported(item, file, defined))
        for item in held.imports
        if _brings(item, name, defined) and item.line not in lines
    ]
    return uses


def surest_first(uses: Sequence[Use], paths: Sequence[str]) -> list[Use]:
    """By proof, then by place."""
    return sorted(uses, key=lambda use: (ORDER.index(use.proof), paths[use.file], use.reference.line))


def _brings(item: Import, name: str, defined: Defined) -> bool:
    """An import of the name, or of a whole module that the file calls by it. A name that is not
    defined here is looked for in what other names and modules are called, too."""
    if item.name == name:
        return True
    if item.alias == name:
        return item.name in ("", "default") or not defined.items
    return not defined.items and last(item.module) == name


def brings_all(item: Import) -> bool:
    """An import of all names: of a module that the file does not call by one, as a header is."""
    return item.name == "*" or not (item.name or item.alias)


def is_macro(item: Definition) -> bool:
    """Whether it is a macro of Rust."""
    return item.symbol.signature.startswith("macro_rules!")


def _agree(written: str, container: str) -> bool:
    """Whether a type as it is written may be a class: of what stands before both, as far as both go, all is the same."""
    if "." not in container or not _JOINED.search(written):
        return True
    parts, whole = _JOINED.split(written)[::-1], container.split(".")[::-1]
    return all(last(one) == other for one, other in zip(parts, whole, strict=False))


def _is_member(item: Definition) -> bool:
    """Whether it is listed in an object, and no function of the file."""
    return _MEMBER.match(item.symbol.signature) is not None


def _encloses(item: Definition, reference: Reference) -> bool:
    """The use is made inside the class that holds the definition."""
    container = item.symbol.container.removesuffix(COMPANION)
    return bool(container) and reference.caller.startswith(container + ".")


def nearest(reference: Reference, beside: Sequence[Definition], language: str) -> str:
    """What contains the definition that a name alone means, of those of its file that are in something; or empty."""
    if reference.receiver or reference.receiver_type:
        return ""
    return max(
        (
            item.symbol.container
            for item in beside
            if last(item.symbol.container) != reference.name  # of a class and what makes one
            and _visible(item.symbol, reference, language)
        ),
        key=len,
        default="",
    )


def _visible(symbol: Symbol, reference: Reference, language: str) -> bool:
    """Whether a name alone can mean a definition of the same file: one of the file, of a function or
    namespace around the use, or a method where the class need not be named."""
    container, caller = symbol.container.removesuffix(COMPANION), reference.caller
    if not container:
        return language not in _SCRIPTS or _MEMBER.match(symbol.signature) is None
    if language == "lua" and re.search(rf"[.:]\s*{re.escape(symbol.name)}\b", symbol.signature):
        return False  # of a table
    if language == "rust" and symbol.signature.startswith("type "):
        return False  # of a trait: ``Self::Item``
    if symbol.kind == "method":
        return language in IMPLICIT and f"{caller}.".startswith(f"{container}.")
    if language in _SCRIPTS and _BOUND.match(symbol.signature) is None:
        return False
    return caller == container or caller.startswith(container + ".")


def dotted(written: str) -> str:
    """A path as containers are written: ``app.Box`` of ``::app::Box``."""
    return written.removeprefix("::").replace("::", ".")
