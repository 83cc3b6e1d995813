"""Which files import this one? The imports whose module, as it is written, leads to it.

An import is *import-resolved* when it is relative or no other file can be meant, else a guess that is
not counted, as with uses of a name (``proof.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sophia_mcp.search.engine import Outcome, Question
from sophia_mcp.search.places import locate
from sophia_mcp.search.places.modules import module_parts, written_parts
from sophia_mcp.search.uses import graph
from sophia_mcp.search.uses.manifests import imported_as, names
from sophia_mcp.search.uses.proof import Proof, Use
from sophia_mcp.search.view.atlas import Atlas
from sophia_mcp.security.text import counted, plain_line
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Import, Reference

_FAMILIES = (
    frozenset({"c", "cpp", "objc", "cuda"}),
    frozenset({"javascript", "typescript", "tsx", "vue", "svelte", "astro"}),
    frozenset({"java", "kotlin", "scala", "groovy"}),
)
_HEADER = re.compile(r"\.(?:h|hh|hpp|hxx|inc|inl)$")
_QUOTES = "\"'<> ;"


async def find(question: Question, tx: Transaction) -> Outcome | None:
    """The lines that import the file asked for. None where no file is meant, or nothing imports it."""
    files = await locate.meant(question, tx) if question.mode == "references" else []
    if not files:
        return None
    atlas = question.atlas
    named = await graph.modules(question, tx, {atlas.languages[files[0]]})
    module = _Module.of(atlas, files[0], named)
    name = module.name
    held, more = await graph.files_writing(question, tx, name, files[:1])
    edges = await question.engine.content.uses(
        tx, atlas.blobs[held].tolist() if held else [], name, modules=True
    )
    done = question.view.stage == "done"
    unread = 0 if done else sum(int(atlas.blobs[file]) not in edges for file in held)
    proofs: dict[tuple[int, int], Proof] = {}  # a statement that brings several names is one import
    for file in held:
        found = edges.get(int(atlas.blobs[file]))
        if found is None or file == files[0] or not _related(atlas.languages[file], module.language):
            continue
        for item in found.imports:
            proof = module.proof(item, atlas.paths[file])
            if proof is not None and proofs.get((file, item.line)) != "import-resolved":
                proofs[file, item.line] = proof
    uses = [Use(file, Reference(name, "import", line), proof) for (file, line), proof in proofs.items()]
    if not uses:
        return None
    resolved = sum(use.proof != "name-only" for use in uses)
    guesses = len(uses) - resolved
    said = f"{counted(resolved, 'import')} of {plain_line(atlas.paths[files[0]])}"
    said += f"; {guesses} more may mean it (guesses, not counted)" if guesses else ""
    candidates = graph.by_line(uses, (), question)
    return Outcome(tuple(candidates), resolved, (said, *graph.incomplete(question, unread, more)))


@dataclass(frozen=True, slots=True)
class _Module:
    """A file as others import it: what a manifest has it ``called``, or else the parts of its name, and
    those of the files it may be taken for."""

    path: str
    language: str
    called: str
    parts: list[str]
    others: Sequence[list[str]]

    @property
    def name(self) -> str:
        """What stands in every import of it."""
        return re.split(r"[/\\]", self.called)[-1] or self.parts[-1]

    @classmethod
    def of(cls, atlas: Atlas, file: int, modules: Mapping[str, Mapping[str, str]]) -> _Module:
        language = atlas.languages[file]
        own = _parts(atlas.paths[file], language)
        alike = (
            _parts(path, language)
            for path, spoken in zip(atlas.paths, atlas.languages, strict=True)
            if _related(spoken, language)
        )
        others = {tuple(parts) for parts in alike if parts and parts[-1] == own[-1] and parts != own}
        called = imported_as(atlas.paths[file], language, modules)
        return cls(atlas.paths[file], language, called, own, [list(parts) for parts in others])

    def proof(self, item: Import, importer: str) -> Proof | None:
        """Whether an import means this file; None where it does not."""
        if self.called and (written := names(item, self.language)):
            return "import-resolved" if written == self.called else None
        module = item.module.strip(_QUOTES)
        if self.language == "go":
            return self._folder(module)
        header = _HEADER.search(module)
        if header is not None and not self.path.endswith(header[0]):
            return None
        inner = module + ("" if module.endswith(".") else ".") + item.name
        for written in (module, inner) if item.name not in ("", "*") else (module,):
            wanted = written_parts(written, importer)
            if self._is(self.parts, wanted):
                whole = module.startswith(".") or wanted == self.parts
                unsure = not whole and any(self._is(other, wanted) for other in self.others)
                return "name-only" if unsure else "import-resolved"
        return None

    def _folder(self, module: str) -> Proof | None:
        """Whether an import means the folder of the file, of which no manifest says how it is imported."""
        folder = self.path.rpartition("/")[0]
        if f"/{folder}".endswith(f"/{module}"):
            return "import-resolved"
        return "name-only" if f"/{module}".endswith(f"/{folder}") and folder else None

    def _is(self, held: Sequence[str], wanted: Sequence[str]) -> bool:
        return bool(wanted) and list(held[-len(wanted) :]) == list(wanted)


def _parts(path: str, language: str) -> list[str]:
    """The parts of the module that a file is; in Go that is its folder."""
    parts = module_parts(path)
    return parts[:-1] or parts if language == "go" else parts


def _related(one: str, other: str) -> bool:
    return one == other or any({one, other} <= family for family in _FAMILIES)
