"""A round of debate is worth another only where somebody has changed his mind."""

from __future__ import annotations

import pytest

from sophia_mcp.swarm.answers.debate import agreement, stable
from sophia_mcp.swarm.answers.proposals import Cite, Claim, Proposal
from sophia_mcp.types import Finding

pytestmark = pytest.mark.requirement("swarm.debate")


def found(*lines: int) -> Proposal:
    return Proposal(findings=tuple(Finding("high", "app.py", line, "x", "y") for line in lines))


def claimed(text: str) -> Proposal:
    return Proposal(claims=(Claim(text, (Cite("page", "x"),)),))


def test_agents_that_take_over_what_the_other_said_have_changed_their_minds() -> None:
    assert not stable([found(1), found(2)], [found(2), found(1)])
    assert not stable(
        [claimed("It is slow."), claimed("It leaks.")], [claimed("It leaks."), claimed("It is slow.")]
    )


def test_the_same_in_other_spelling_changes_nothing() -> None:
    assert stable([claimed("It is  slow.")], [claimed("it is slow.")])
    assert stable([Proposal()], [Proposal()])


def test_agreement_is_the_share_of_what_stands_in_both_rounds() -> None:
    assert agreement([found(1, 2, 3)], [found(2, 3, 4)]) == 0.5
    assert stable([found(*range(20))], [found(*range(19))])
    assert not stable([found(*range(20))], [found(*range(17))])
