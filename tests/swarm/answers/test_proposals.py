"""Answers become proposals, and opinions only make them smaller."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sophia_mcp.swarm.answers.proposals import Proposal, listing, pool, propose, ranked, upheld

pytestmark = pytest.mark.requirement("swarm.opinions")


def finding(line: int = 1, severity: str = "low", **changes: Any) -> dict[str, Any]:
    return {
        "severity": severity,
        "path": "a.py",
        "line": line,
        "quote": f"line {line}",
        "claim": f"claim {line}",
        "suggestion": "",
    } | changes


def of(*findings: dict[str, Any]) -> Proposal:
    return propose({"findings": list(findings)})


def lines(proposal: Proposal) -> list[int]:
    return [one.line for one in proposal.findings]


@pytest.mark.parametrize("answer", [None, "text", [], 3])
def test_an_answer_that_is_no_object_proposes_nothing_and_says_so(answer: Any) -> None:
    assert propose(answer) == Proposal(faults=("the answer is not a JSON object",))


@pytest.mark.parametrize(
    "bad",
    [
        {"severity": "terrible"},
        {"line": "1"},
        {"line": True},
        {"path": None},
        {"quote": 3},
        {"claim": ""},
        {"quote": "x" * 3_000},
    ],
)
def test_an_entry_of_the_wrong_shape_is_a_fault_and_the_others_stay(bad: dict[str, Any]) -> None:
    proposal = propose({"findings": [finding(1) | bad, finding(2)]})
    assert lines(proposal) == [2]
    assert proposal.faults


def test_lists_that_are_none_and_entries_that_are_no_objects_are_faults() -> None:
    assert propose({"findings": "many"}).faults == ("findings is not a list",)
    assert propose({"findings": ["one", finding(1)]}).faults == ("1 of findings are not objects",)
    assert propose({"edits": [{"path": "a", "old": "x"}]}).faults


def test_words_for_people_are_harmless_and_without_secrets() -> None:
    secret = "AKIA" + "Z7Q4M2N3R5T6V3W6"
    proposal = propose(
        {
            "summary": f"the key is {secret}\x1b[2J",
            "findings": [finding(1, claim=f"\u202e{secret}", suggestion=f"use {secret}")],
        }
    )
    assert secret not in repr(proposal)
    assert "\x1b" not in repr(proposal.summary)
    assert "\u202e" not in proposal.findings[0].claim


def test_pooling_merges_one_claim_at_one_place_and_keeps_the_worst_severity() -> None:
    pooled = pool([of(finding(1)), of(finding(1, "high", claim="  CLAIM 1 "), finding(2))])
    assert [(one.line, one.severity) for one in pooled.findings] == [(1, "high"), (2, "low")]


def test_only_items_whose_verdict_holds_are_upheld() -> None:
    answer = {
        "verdicts": [
            {"id": "F1", "holds": True, "reason": ""},
            {"id": "F2", "holds": False, "reason": "guarded above"},
            {"id": "F3", "holds": "yes", "reason": ""},
            {"id": "F9", "holds": True, "reason": ""},
        ]
    }
    left, notes = upheld(of(*(finding(n) for n in range(1, 5))), answer)
    assert lines(left) == [1]
    assert notes == ("a.py:2: guarded above", "a.py:3: not proven", "a.py:4: it got no verdict")


def test_the_first_verdict_on_an_item_counts() -> None:
    answer = {"verdicts": [{"id": "F1", "holds": False}, {"id": "F1", "holds": True}]}
    assert not upheld(of(finding(1)), answer)[0].findings


def test_a_doubt_about_a_patch_is_told_and_the_patch_stays() -> None:
    left, notes = upheld(
        Proposal(patch="diff"), {"verdicts": [{"id": "P1", "holds": False, "reason": "breaks b.py"}]}
    )
    assert left.patch == "diff"
    assert notes == ("a doubt about the patch: breaks b.py",)


def test_a_judge_orders_merges_and_leaves_out() -> None:
    proposal = of(finding(1), finding(2), finding(3), finding(4))
    answer = {
        "summary": "two things",
        "keep": [{"id": "F3", "same_as": ["F1"]}, {"id": "F2", "same_as": []}],
    }
    left = ranked(proposal, answer)
    assert lines(left) == [3, 2]
    assert left.summary == "two things"


def test_a_judge_cannot_drop_what_is_grave_nor_add_anything() -> None:
    proposal = of(finding(1), finding(2, "critical"), finding(3, "high"))
    answer = {
        "summary": "",
        "keep": [{"id": "F7", "same_as": []}, {"id": "F1", "same_as": ["F1", "F3"]}],
        "findings": [finding(9)],
    }
    assert lines(ranked(proposal, answer)) == [2, 1]


@pytest.mark.parametrize("answer", [None, "", {}, {"keep": None}, {"keep": [None, 3, {}]}, []])
def test_an_opinion_without_sense_drops_only_what_is_not_grave(answer: Any) -> None:
    left = ranked(of(finding(1), finding(2, "high")), answer)
    assert lines(left) == [2]
    assert not upheld(of(finding(1)), answer)[0].findings


def test_the_listing_names_every_item_on_its_own_line() -> None:
    proposal = propose(
        {
            "findings": [finding(1, claim="a\nb")],
            "claims": [{"text": "t", "cites": [{"ref": "r", "quote": "q"}]}],
        }
    )
    items = [json.loads(line) for line in listing(proposal).split("\n")]
    assert [item["id"] for item in items] == ["F1", "C1"]


def test_a_false_quote_does_not_take_the_place_of_a_true_one() -> None:
    pooled = pool([of(finding(1)), of(finding(1, "critical", quote="never there"))])
    assert [one.quote for one in pooled.findings] == ["line 1", "never there"]
