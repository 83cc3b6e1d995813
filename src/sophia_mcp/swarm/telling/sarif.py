"""How does a run's outcome look to a build: SARIF 2.1.0 for code hosts, and an exit code. Pure.

SARIF is OASIS Standard 2.1.0 (2020-03-27); what GitHub and others require beyond it is filled in too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Literal
from urllib.parse import quote

import sophia_mcp
from sophia_mcp.swarm.answers.proposals import SEVERITIES
from sophia_mcp.types import Finding, RunReport, Severity

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS: dict[Severity, Literal["error", "warning", "note"]] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
_MEANINGS: dict[Severity, str] = {
    "critical": "Data loss, code execution, or an outage that anyone can cause",
    "high": "Wrong results or a crash in ordinary use",
    "medium": "Wrong in a case that happens rarely",
    "low": "A real defect with small effect",
    "info": "Nothing is wrong, but worth knowing",
}


def exit_code(findings: Iterable[Finding], fail_on: Severity | None = "high") -> Literal[0, 1]:
    """1 when a finding is at least as severe as ``fail_on``, else 0; None never fails."""
    if fail_on is None:
        return 0
    bar = SEVERITIES.index(fail_on)
    return 1 if any(SEVERITIES.index(one.severity) <= bar for one in findings) else 0


def sarif(report: RunReport) -> dict[str, Any]:
    """The report as one SARIF log with one run, ready for ``json.dumps``."""
    outcome = report.outcome
    findings = outcome.findings if outcome else ()
    rules = [one for one in SEVERITIES if any(finding.severity == one for finding in findings)]
    invocation: dict[str, Any] = {
        "executionSuccessful": report.status == "done",
        "toolExecutionNotifications": [
            {"level": "note", "message": {"text": note}} for note in report.notes
        ],
    }
    if report.reason:
        invocation["exitCodeDescription"] = report.reason
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Sophia",
                        "semanticVersion": sophia_mcp.__version__,
                        "rules": [_rule(report.pattern, severity) for severity in rules],
                    }
                },
                "automationDetails": {"id": f"sophia/{report.pattern}/"},
                "columnKind": "unicodeCodePoints",
                "invocations": [invocation],
                "results": [
                    _result(report.pattern, finding, rules.index(finding.severity))
                    for finding in findings
                ],
                "properties": {"summary": outcome.summary if outcome else "", "runId": report.run_id},
            }
        ],
    }


def fingerprint(finding: Finding) -> str:
    """The same for a finding about the same text of the same file, wherever that has moved to."""
    text = "\n".join((finding.path, " ".join(finding.quote.split())))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _rule(pattern: str, severity: Severity) -> dict[str, Any]:
    return {
        "id": f"{pattern}/{severity}",
        "shortDescription": {"text": f"{pattern.replace('_', ' ').capitalize()}: {severity}"},
        "fullDescription": {"text": _MEANINGS[severity]},
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {"tags": [pattern]},
    }


def _result(pattern: str, finding: Finding, rule: int) -> dict[str, Any]:
    text = finding.claim + (f"\n\n{finding.suggestion}" if finding.suggestion else "")
    region = {
        "startLine": finding.line,
        "endLine": finding.line + finding.quote.count("\n"),
        "snippet": {"text": finding.quote},
    }
    return {
        "ruleId": f"{pattern}/{finding.severity}",
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.path), "uriBaseId": "%SRCROOT%"},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"quotedText/v1": fingerprint(finding)},
    }
