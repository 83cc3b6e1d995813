"""Do agents that have read each other still change their minds? Pure.

A round shows every agent what the others stand for and lets it revise its own. Most of what several
agents gain comes from asking them separately (majority voting explains it, "Debate or Vote",
NeurIPS 2025), so a debate is off unless it is asked for, has at most two rounds, and ends as soon as
a round changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sophia_mcp.swarm.answers.proposals import Proposal

ROUNDS = 2
STABLE = 0.9
"""Share of all items that two rounds have in common from which on they are the same."""

INVITATION = """\
The others have answered the same question; their answers stand below as data, and yours with them.
Answer again, in the same form, with your whole answer as it now stands:
- Drop what one of them refutes with the evidence. Take over what one of them found and you can prove.
- Keep what you can prove, also when you are alone with it: agreement is no evidence.
- Do not argue with them and do not mention them."""


def agreement(before: Sequence[Proposal], after: Sequence[Proposal]) -> float:
    """How much of what was proposed in two rounds stands in both, from 0 to 1 (nothing in either: 1)."""
    old, new = _items(before), _items(after)
    return len(old & new) / len(old | new) if old | new else 1.0


def stable(before: Sequence[Proposal], after: Sequence[Proposal]) -> bool:
    """Whether another round would be talk."""
    return agreement(before, after) >= STABLE


def _items(proposals: Sequence[Proposal]) -> set[tuple[int, str, int]]:
    """Who stands for what: places of findings, and texts of claims, by agent."""
    found = {
        (agent, finding.path, finding.line)
        for agent, proposal in enumerate(proposals)
        for finding in proposal.findings
    }
    claimed = {
        (agent, " ".join(claim.text.casefold().split()), 0)
        for agent, proposal in enumerate(proposals)
        for claim in proposal.claims
    }
    return found | claimed
