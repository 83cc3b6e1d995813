"""What does a run read before it asks, and how does a question look?

The material is gathered once and written into the journal, so that a run that goes on later stands on
the same text. Everything in it was written by others and is fenced as data. What all questions of a
run have in common comes first and word for word the same, so that a provider that caches prefixes
is paid for it once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import anyio.to_thread

from sophia_mcp.llm.counting import tokens
from sophia_mcp.swarm.answers.citations import NO_WEB, Document
from sophia_mcp.swarm.fence import Section, fenced
from sophia_mcp.swarm.patterns import Pattern, Role, Step
from sophia_mcp.types import Message, Order

_FILE_OF_DIFF = re.compile(r"(?m)^(?=diff --git |--- (?:a/|/dev/null))")
_HUNK = re.compile(r"(?m)^(?:diff --(?:git|cc|combined) |@@+ -\d)")
_SMALLEST = 40
"""Tokens under which a cut piece of a text says nothing."""
_LONG = 16
"""What has more characters for each token there is room for is too long, and is not counted to its end."""


class Sources(Protocol):
    """Where a run's material comes from: one repository, as it now stands, and memory."""

    async def find(self, question: str, max_tokens: int) -> str:
        """What search finds for the question, with paths and line numbers."""
        ...

    async def read(self, path: str) -> str | None:
        """A file of the repository, or the map of a folder; None where there is neither."""
        ...

    async def diff(self, within: Sequence[str]) -> str:
        """What changed in these files and folders (none: anywhere), in uncommitted work and on the branch,
        as a unified diff."""
        ...

    async def recall(self, question: str, max_tokens: int) -> str:
        """What memory holds on the question."""
        ...


@dataclass(frozen=True, slots=True)
class Material:
    """What was gathered. ``notes`` say what did not fit or was not there."""

    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()

    def kept(self) -> dict[str, Any]:
        """As JSON, for the journal."""
        return {"sections": [asdict(section) for section in self.sections], "notes": list(self.notes)}


def restored(kept: Any) -> Material:
    """The material as the journal kept it."""
    return Material(tuple(Section(**each) for each in kept["sections"]), tuple(kept["notes"]))


async def gather(pattern: Pattern, order: Order, sources: Sources) -> Material:
    """Everything the pattern reads for this order, each kind within its tokens."""
    wanted = pattern.context
    sections: list[Section] = []
    notes: list[str] = []
    if wanted.diff and ("diff" in pattern.takes or order.diff):
        diff = order.diff if order.diff is not None else await sources.diff(order.paths)
        cut, left = await anyio.to_thread.run_sync(_whole_files, diff, wanted.diff)
        if cut.strip():
            sections.append(Section("diff", "the changes", cut))
        if left:
            notes.append(f"{left} changed files did not fit into {wanted.diff} tokens of diff")
    if wanted.paths and order.paths:
        found, missing = await _files(order.paths, wanted.paths, sources)
        sections += found
        notes += missing
    if wanted.search and order.task.strip():
        text = await sources.find(order.task, wanted.search)
        if text.strip():
            sections.append(Section("code", "found by search", text))
    if wanted.memory and order.task.strip():
        text = await sources.recall(order.task, wanted.memory)
        if text.strip():
            sections.append(Section("memory", "remembered", text))
    if wanted.web:
        notes.append(NO_WEB)
    return Material(tuple(sections), tuple(notes))


def is_diff(text: str) -> bool:
    """Whether a text shows a change of a file, as git or diff write it. None at all is no fault."""
    return not text.strip() or _HUNK.search(text) is not None


def documents(order: Order, material: Material) -> tuple[Document, ...]:
    """The sources a claim may cite: everything the run was given to read, and the task itself."""
    task = (Document("task", "the task", "", order.task),) if order.task.strip() else ()
    given = (Document(each.name, each.name, "", each.text) for each in material.sections)
    return (*task, *given)


async def _files(paths: Sequence[str], budget: int, sources: Sources) -> tuple[list[Section], list[str]]:
    """The files that were named, the first ones whole as far as the tokens reach."""
    sections: list[Section] = []
    notes: list[str] = []
    left = budget
    for path in paths:
        text = await sources.read(path)
        if text is None:
            notes.append(f"{path} could not be read")
            continue
        size = await anyio.to_thread.run_sync(_size, text, left)
        if size > left:
            notes.append(f"{path} did not fit whole")
            text = await anyio.to_thread.run_sync(_cut, text, left) if left >= _SMALLEST else ""
        if text:
            sections.append(Section("code", path, text, numbered=True))
            left -= min(size, left)
    return sections, notes


def _whole_files(diff: str, budget: int) -> tuple[str, int]:
    """As many whole files of a diff as fit, the first of them cut if even it does not; how many are
    left out."""
    if tokens.ceiling(diff) <= budget or _size(diff, budget) <= budget:
        return diff, 0
    files = _parts(diff)
    kept, used = [], 0
    for text in files:
        size = _size(text, budget - used)
        if used + size <= budget:
            kept.append(text)
            used += size
    if not kept:
        return _cut(diff, budget), len(files)
    return "".join(kept), len(files) - len(kept)


def _size(text: str, room: int) -> int:
    """Tokens of a text, or just more than there is room for."""
    return room + 1 if len(text) > room * _LONG else tokens.count(text)


def _cut(text: str, room: int) -> str:
    """As much of a text as fits."""
    return tokens.cut(text[: room * _LONG], room)


def _parts(diff: str) -> list[str]:
    """A diff by file. ``---`` begins one only where no ``diff --git`` line does."""
    parts = [part for part in _FILE_OF_DIFF.split(diff) if part]
    whole: list[str] = []
    for part in parts:
        if whole and part.startswith("--- ") and "\n--- " not in whole[-1] and _headed(whole[-1]):
            whole[-1] += part
        else:
            whole.append(part)
    return whole


def _headed(part: str) -> bool:
    return part.startswith("diff --git ")


@dataclass(frozen=True, slots=True)
class Wording:
    """How the questions of one run are put. ``fence`` is the key of this installation's fences."""

    pattern: Pattern
    task: str
    material: Material
    fence: bytes

    def opening(self) -> tuple[Message, ...]:
        """What every question of the run begins with."""
        parts = [f"The task:\n{self.task.strip()}" if self.task.strip() else ""]
        parts.append(fenced(self.material.sections, self.fence))
        said = "\n\n".join(part for part in parts if part)
        rules = Message("system", self.pattern.rules, shared=True)
        return (rules, Message("user", said, shared=True)) if said else (rules,)

    def shared(self, earlier: Sequence[Section]) -> tuple[Message, ...]:
        """What every question of one step begins with: the opening, and the answers it needs."""
        said = fenced(earlier, self.fence)
        return (*self.opening(), *((Message("user", said, shared=True),) if said else ()))

    def question(self, step: Step, role: Role, *more: str, item: Any = None) -> Message:
        """The last message: who answers, what is asked, and what for."""
        parts = [role.prompt, step.prompt, *more]
        if item is not None:
            text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, indent=1)
            parts.append(fenced([Section("item", "what this question is about", text)], self.fence))
        return Message("user", "\n\n".join(part for part in parts if part))

    def data(self, *sections: Section) -> str:
        """Texts of others, fenced."""
        return fenced(sections, self.fence)


def shared_tokens(messages: Sequence[Message], count: Callable[[str], int] = tokens.count) -> int:
    """How many tokens of a question all of its fan-out has in common."""
    return sum(count(message.text) for message in messages if message.shared)
