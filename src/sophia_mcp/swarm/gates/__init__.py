"""What of a proposal is true? Checked by programs, before any opinion is asked.

Findings lose what they cannot quote, claims what they cannot cite. A patch applies in a scratch copy,
parses, and passes the commands a person allowed, or there is no patch. Nothing here writes to the
user's files.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio.to_thread

from sophia_mcp.errors import AgentError
from sophia_mcp.security.paths import read_inside
from sophia_mcp.security.text import counted
from sophia_mcp.swarm.answers.citations import Document, cited
from sophia_mcp.swarm.answers.proposals import Proposal
from sophia_mcp.swarm.gates.commands import Allowed, passes
from sophia_mcp.swarm.gates.edits import Refused, edited, place_fault
from sophia_mcp.swarm.gates.patch import patched, touched, unified
from sophia_mcp.swarm.gates.quotes import quoted
from sophia_mcp.swarm.gates.syntax import parses
from sophia_mcp.swarm.patterns.record import GateName
from sophia_mcp.types import GateResult

__all__ = ["Allowed", "Gated", "Ground", "gate"]

_FILES_MOST = 40
_PATCH_CHARS = 400_000
_FILE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Ground:
    """What proposals are checked against. ``read`` answers the text of a file of the tree, or None.

    ``root`` is the folder on disk when the tree is one; commands need it. ``documents`` are the sources
    that were given. ``allowed`` is empty unless a person listed commands.
    """

    read: Callable[[str], Awaitable[str | None]]
    documents: tuple[Document, ...] = ()
    root: Path | None = None
    allowed: Allowed = field(default_factory=Allowed)


@dataclass(frozen=True, slots=True)
class Gated:
    """What is left of a proposal, and what each gate said. Edits have become ``proposal.patch``."""

    proposal: Proposal
    results: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        return all(result.passed for result in self.results)

    @property
    def advice(self) -> str:
        """Why gates failed, for another attempt. It quotes files and programs: fence it as data."""
        return "\n".join(f"{one.name}: {one.detail}" for one in self.results if not one.passed)


async def gate(proposal: Proposal, names: Iterable[GateName], ground: Ground) -> Gated:
    """The proposal as far as it is true.

    Quotes, citations and patches are always checked, whatever ``names`` says; ``parses`` and
    ``commands`` when named, the latter only where commands are allowed and the tree is a folder.
    """
    wanted = frozenset(names)
    results: list[GateResult] = []
    if proposal.faults:
        results.append(GateResult("shape", False, "; ".join(proposal.faults[:5])))
    if proposal.findings:
        paths = {one.path for one in proposal.findings}
        files = {path: await ground.read(path) for path in sorted(paths) if not place_fault(path)}
        findings, result = quoted(proposal.findings, files)
        proposal = replace(proposal, findings=findings)
        results.append(result)
    if proposal.claims:
        claims, result = cited(proposal.claims, ground.documents)
        proposal = replace(proposal, claims=claims)
        results.append(result)
    if proposal.edits or proposal.patch:
        patch, said = await _patch(proposal, wanted, ground)
        proposal = replace(proposal, edits=(), patch=patch)
        results += said
    return Gated(proposal, tuple(results))


async def _patch(
    proposal: Proposal, wanted: frozenset[GateName], ground: Ground
) -> tuple[str, list[GateResult]]:
    """The patch as git writes it, empty unless every gate passed; and what they said."""
    try:
        before = await _before(proposal, ground)
        patch, after = await anyio.to_thread.run_sync(_applied, proposal, before)
    except Refused as refused:
        return "", [GateResult("patch", False, str(refused))]
    results = [GateResult("patch", True, f"applies in a scratch copy; {_size(patch, after)}")]
    if "parses" in wanted:
        results.append(await anyio.to_thread.run_sync(parses, before, after))
    if "commands" in wanted and ground.allowed.commands and all(one.passed for one in results):
        if ground.root is None:
            detail = "not run: the tree is a commit, not a folder on disk"
            results.append(GateResult("commands", False, detail))
        else:
            results.append(await passes(ground.root, before, after, ground.allowed))
    return (patch if all(one.passed for one in results) else ""), results


async def _before(proposal: Proposal, ground: Ground) -> dict[str, str | None]:
    """The text of every file the proposal changes. Raises Refused."""
    if proposal.edits and proposal.patch:
        raise Refused("there are edits and a patch; answer one of the two")
    paths = tuple(dict.fromkeys(edit.path for edit in proposal.edits)) or touched(proposal.patch)
    if len(paths) > _FILES_MOST:
        raise Refused(f"{len(paths)} files change; at most {_FILES_MOST} may")
    for path in paths:
        fault = place_fault(path)
        if fault:
            raise Refused(f"{path[:200]!a}: {fault}")
    return {path: await _text(path, ground) for path in paths}


async def _text(path: str, ground: Ground) -> str | None:
    """The file as it is, byte for byte where the tree is a folder; None where there is none."""
    known = await ground.read(path)
    if ground.root is None:
        return known
    if known is None and await anyio.to_thread.run_sync(os.path.exists, ground.root / path):
        raise Refused(f"{path!a}: it exists and may not be read")
    if known is None:
        return None
    try:
        return read_inside(ground.root, path, _FILE_BYTES).decode("utf-8")
    except AgentError as error:
        raise Refused(f"{path!a}: {error.what}") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path!a}: it is not UTF-8, so no patch of it is exact") from error


def _applied(proposal: Proposal, before: dict[str, str | None]) -> tuple[str, dict[str, str | None]]:
    """The patch written anew, and the texts it leads to; it was applied once to make sure."""
    after = dict(edited(before, proposal.edits)) if proposal.edits else patched(proposal.patch, before)
    patch = "".join(unified(path, before.get(path), text) for path, text in after.items())
    if not patch:
        raise Refused("it changes nothing")
    if len(patch) > _PATCH_CHARS:
        raise Refused(f"the patch has {len(patch)} characters; at most {_PATCH_CHARS} are accepted")
    if patched(patch, before) != {
        path: text for path, text in after.items() if text != before.get(path)
    }:
        raise Refused("the patch does not lead to the edited files")
    return patch, dict(after)


def _size(patch: str, after: dict[str, str | None]) -> str:
    lines = patch.split("\n")
    added = sum(line.startswith("+") and not line.startswith("+++ ") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("--- ") for line in lines)
    return f"{counted(len(after), 'file')}, +{added} -{removed}"
