"""The SARIF log has what the standard and code hosts require; the exit code follows the severity."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from sophia_mcp.swarm.answers.proposals import SEVERITIES
from sophia_mcp.swarm.telling.sarif import exit_code, fingerprint, sarif
from sophia_mcp.types import Finding, Outcome, RunReport, Severity

pytestmark = pytest.mark.requirement("swarm.sarif")

FINDINGS = tuple(
    Finding(severity, f"src/a {number}.py", number, "x = 1\ny = 2", f"claim {number}", "mend")
    for number, severity in enumerate(SEVERITIES, 1)
)
REPORT = RunReport(
    "run1", "code_review", "done", outcome=Outcome("summary", FINDINGS), notes=("3 of 4 answered",)
)


def required(log: dict[str, Any]) -> None:
    """What SARIF 2.1.0 calls required (schema and §3), and the fields GitHub's upload needs."""
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        assert driver["name"]
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", driver["semanticVersion"])
        ids = [rule["id"] for rule in driver["rules"]]
        assert len(set(ids)) == len(ids)
        for rule in driver["rules"]:
            assert rule["shortDescription"]["text"]
            assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
        assert all(isinstance(one["executionSuccessful"], bool) for one in run["invocations"])
        assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
        for result in run["results"]:
            assert result["message"]["text"]
            assert result["level"] in ("none", "note", "warning", "error")
            assert ids[result["ruleIndex"]] == result["ruleId"]
            place = result["locations"][0]["physicalLocation"]
            assert re.fullmatch(r"[\w%./~-]+", place["artifactLocation"]["uri"])
            assert 1 <= place["region"]["startLine"] <= place["region"]["endLine"]
            assert all(isinstance(one, str) for one in result["partialFingerprints"].values())


def test_a_report_becomes_a_log_with_every_required_part() -> None:
    log = json.loads(json.dumps(sarif(REPORT)))
    required(log)
    [run] = log["runs"]
    assert len(run["results"]) == len(FINDINGS)
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 1,
        "endLine": 2,
        "snippet": {"text": "x = 1\ny = 2"},
    }
    assert (
        run["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        == "src/a%202.py"
    )


def test_severities_become_levels() -> None:
    levels = [result["level"] for result in sarif(REPORT)["runs"][0]["results"]]
    assert levels == ["error", "error", "warning", "note", "note"]


def test_a_run_that_failed_or_found_nothing_is_still_a_valid_log() -> None:
    required(sarif(RunReport("run2", "code_review", "failed", reason="the budget is spent")))
    failed = sarif(RunReport("run2", "code_review", "failed", reason="the budget is spent"))["runs"][0]
    assert failed["invocations"][0]["executionSuccessful"] is False
    assert failed["invocations"][0]["exitCodeDescription"] == "the budget is spent"
    required(sarif(replace(REPORT, outcome=Outcome("nothing"))))


def test_a_finding_that_moved_keeps_its_fingerprint_and_another_text_has_another() -> None:
    finding = FINDINGS[0]
    assert fingerprint(finding) == fingerprint(replace(finding, line=99, claim="other words"))
    assert fingerprint(finding) != fingerprint(replace(finding, quote="x = 2"))
    assert fingerprint(finding) != fingerprint(replace(finding, path="b.py"))


@pytest.mark.parametrize(
    ("fail_on", "worst", "code"),
    [
        ("high", "high", 1),
        ("high", "critical", 1),
        ("high", "medium", 0),
        ("info", "info", 1),
        (None, "critical", 0),
    ],
)
def test_the_exit_code_follows_the_worst_severity(
    fail_on: Severity | None, worst: Severity, code: int
) -> None:
    assert exit_code([replace(FINDINGS[0], severity=worst)], fail_on) == code


def test_no_findings_never_fail() -> None:
    assert exit_code([], "info") == 0
