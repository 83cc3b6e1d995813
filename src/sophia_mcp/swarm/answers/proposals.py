"""What do the agents propose, and what is left of it after verdicts and ranking? Pure.

An answer becomes a `Proposal`. Gates (`sophia_mcp.swarm.gates`) take out of it what is not true. A
verifier and a judge then speak about numbered items; they can drop and order items, never add one,
and never change a quote.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, get_args

from sophia_mcp.security.text import counted, plain_line
from sophia_mcp.swarm.fence import shown
from sophia_mcp.types import Finding, Severity

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The worst first."""

DOUBT = "a doubt about the patch"
"""How a note begins that a verifier made on a patch."""

_CLAIM_CHARS = 1_000
_QUOTE_CHARS = 2_000
_SUMMARY_CHARS = 6_000
_TEXT_CHARS = 200_000
"""What one edit or patch may be long."""


@dataclass(frozen=True, slots=True)
class Cite:
    """What a claim stands on: words of the source ``ref``."""

    ref: str
    quote: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement about the world outside the code."""

    text: str
    cites: tuple[Cite, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines of a file, and what shall stand there instead. ``old`` empty: the file is new."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one answer, or several pooled, propose. ``patch`` is a unified diff; ``faults`` say what
    was in the answer and could not be read."""

    summary: str = ""
    findings: tuple[Finding, ...] = ()
    claims: tuple[Claim, ...] = ()
    edits: tuple[Edit, ...] = ()
    patch: str = ""
    faults: tuple[str, ...] = field(default=())


def propose(answer: Any) -> Proposal:
    """The proposal in one answer (a JSON object). What is not of the right shape is a fault.

    Text for people is made harmless and its secrets masked; edits and patches stay as they are.
    """
    if not isinstance(answer, Mapping):
        return Proposal(faults=("the answer is not a JSON object",))
    faults: list[str] = []
    findings = [_finding(entry) for entry in _entries(answer, "findings", faults)]
    claims = [_claim(entry) for entry in _entries(answer, "claims", faults)]
    edits = [_edit(entry) for entry in _entries(answer, "edits", faults)]
    for name, found in (("finding", findings), ("claim", claims), ("edit", edits)):
        lost = sum(one is None for one in found)
        if lost:
            faults.append(f"{counted(lost, name)} without the fields they need")
    patch = answer.get("patch", "")
    return Proposal(
        summary=words(answer.get("summary"), _SUMMARY_CHARS),
        findings=tuple(one for one in findings if one is not None),
        claims=tuple(one for one in claims if one is not None),
        edits=tuple(one for one in edits if one is not None),
        patch=patch if isinstance(patch, str) and len(patch) <= _TEXT_CHARS else "",
        faults=tuple(faults),
    )


def pool(proposals: Iterable[Proposal]) -> Proposal:
    """All proposals as one. Findings with one claim on one quote at one place, and equal claims, are
    merged; the worst severity counts. Edits stay in order."""
    everything = tuple(proposals)
    findings: dict[tuple[str, int, str, str], Finding] = {}
    for finding in (one for proposal in everything for one in proposal.findings):
        key = (finding.path, finding.line, finding.quote.strip(), _folded(finding.claim))
        known = findings.get(key)
        if known is None or _rank(finding.severity) < _rank(known.severity):
            findings[key] = finding
    claims = {(_folded(one.text), one.cites): one for proposal in everything for one in proposal.claims}
    return Proposal(
        summary="\n\n".join(one.summary for one in everything if one.summary),
        findings=tuple(findings.values()),
        claims=tuple(claims.values()),
        edits=tuple(one for proposal in everything for one in proposal.edits),
        patch="".join(one.patch for one in everything),
        faults=tuple(one for proposal in everything for one in proposal.faults),
    )


def listing(proposal: Proposal) -> str:
    """The numbered items as JSON lines, for a verifier or a judge. Fence it as data."""
    return "\n".join(
        json.dumps({"id": id, **entry}, ensure_ascii=False) for id, entry in _numbered(proposal)
    )


def upheld(proposal: Proposal, answer: Any) -> tuple[Proposal, tuple[str, ...]]:
    """What a verifier's ``verdicts`` leave, and why the rest went. No verdict: not proven.

    A patch (``P1``) has passed its gates, so a doubt about it is told and the patch stays.
    """
    verdicts: dict[str, Mapping[str, Any]] = {}
    for entry in _listed(answer, "verdicts"):
        verdicts.setdefault(str(entry.get("id")), entry)
    notes: list[str] = []
    held: set[str] = set()
    for id, item in _numbered(proposal):
        verdict = verdicts.get(id)
        if verdict is not None and verdict.get("holds") is True:
            held.add(id)
        else:
            reason = words(verdict.get("reason"), 300) if verdict else "it got no verdict"
            notes.append(f"{_place(item)}: {reason or 'not proven'}")
    return _only(proposal, [id for id, _ in _numbered(proposal) if id in held]), tuple(notes)


def ranked(proposal: Proposal, answer: Any) -> Proposal:
    """The proposal in the judge's order (``keep``), with its ``summary``.

    Unknown ids are ignored. What a judge leaves out is gone, but a finding of severity critical or
    high only where the judge named it the same as one that stays. Findings end up worst first.
    """
    known = dict(_numbered(proposal))
    kept: list[str] = []
    merged: set[str] = set()
    for entry in _listed(answer, "keep"):
        id = str(entry.get("id"))
        if id not in known or id in kept or id in merged:
            continue
        kept.append(id)
        same = entry.get("same_as")
        merged |= {str(one) for one in same} - set(kept) if isinstance(same, list) else set()
    grave = [
        id
        for id, item in known.items()
        if item.get("severity") in SEVERITIES[:2] and id not in kept and id not in merged
    ]
    left = _only(proposal, [*kept, *grave])
    worst_first = tuple(sorted(left.findings, key=lambda finding: _rank(finding.severity)))
    summary = words(answer.get("summary"), _SUMMARY_CHARS) if isinstance(answer, Mapping) else ""
    return replace(left, findings=worst_first, summary=summary or left.summary)


def words(value: Any, most: int) -> str:
    """Text of a model for people to read: harmless, without secrets, cut at ``most`` characters."""
    text = shown(value).strip() if isinstance(value, str) else ""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _finding(entry: Mapping[str, Any]) -> Finding | None:
    severity, path, line = entry.get("severity"), entry.get("path"), entry.get("line")
    quote = entry.get("quote")
    claim = words(entry.get("claim"), _CLAIM_CHARS)
    if (
        severity not in SEVERITIES
        or not isinstance(path, str)
        or not isinstance(line, int)
        or isinstance(line, bool)
        or not isinstance(quote, str)
        or len(quote) > _QUOTE_CHARS
        or not claim
    ):
        return None
    suggestion = words(entry.get("suggestion"), _CLAIM_CHARS)
    return Finding(severity, plain_line(path), line, quote, claim, suggestion)


def _claim(entry: Mapping[str, Any]) -> Claim | None:
    text = words(entry.get("text"), _CLAIM_CHARS).replace("\n", " ")
    cites = tuple(
        Cite(cite["ref"], cite["quote"])
        for cite in _listed(entry, "cites")
        if isinstance(cite.get("ref"), str)
        and isinstance(cite.get("quote"), str)
        and len(cite["quote"]) <= _QUOTE_CHARS
    )
    return Claim(text, cites) if text else None


def _edit(entry: Mapping[str, Any]) -> Edit | None:
    parts = entry.get("path"), entry.get("old"), entry.get("new")
    if not all(isinstance(part, str) and len(part) <= _TEXT_CHARS for part in parts):
        return None
    path, old, new = parts
    return Edit(str(path), str(old), str(new))


def _entries(answer: Mapping[str, Any], name: str, faults: list[str]) -> list[Mapping[str, Any]]:
    given = answer.get(name, [])
    if not isinstance(given, list):
        faults.append(f"{name} is not a list")
        return []
    entries = _listed(answer, name)
    if len(entries) < len(given):
        faults.append(f"{len(given) - len(entries)} of {name} are not objects")
    return entries


def _listed(answer: Any, name: str) -> list[Mapping[str, Any]]:
    given = answer.get(name) if isinstance(answer, Mapping) else None
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []


def _numbered(proposal: Proposal) -> list[tuple[str, dict[str, Any]]]:
    findings = [(f"F{number}", asdict(one)) for number, one in enumerate(proposal.findings, 1)]
    claims = [(f"C{number}", asdict(one)) for number, one in enumerate(proposal.claims, 1)]
    patch = [("P1", {"patch": proposal.patch, "summary": proposal.summary})] if proposal.patch else []
    return [*findings, *claims, *patch]


def _only(proposal: Proposal, ids: Sequence[str]) -> Proposal:
    """The proposal with the items of these ids, in their order."""
    findings = tuple(proposal.findings[int(id[1:]) - 1] for id in ids if id[0] == "F")
    claims = tuple(proposal.claims[int(id[1:]) - 1] for id in ids if id[0] == "C")
    return replace(proposal, findings=findings, claims=claims)


def _place(item: Mapping[str, Any]) -> str:
    if "patch" in item:
        return DOUBT
    return f"{item['path']}:{item['line']}" if "path" in item else f"“{item['text'][:80]}”"


def _rank(severity: Severity) -> int:
    return SEVERITIES.index(severity)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
