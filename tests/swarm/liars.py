"""Models that lie: answers of every shape a pattern asks for, true, false and impossible."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.trees import write_tree

from sophia_mcp.swarm.patterns import Pattern
from sophia_mcp.types import Outcome

FILES = {
    "calc.py": "def divide(a, b):\n    return a / b\n\n\ndef total(values):\n    return sum(values)\n",
    "docs/use.md": "# Use\n\n`divide` returns zero when b is zero. It was added in version 3 of the library.\n",
}
TRUE_FINDING = {
    "severity": "high",
    "path": "calc.py",
    "line": 2,
    "quote": "    return a / b",
    "claim": "divide(1, 0) raises",
    "suggestion": "check b",
}
TRUE_CLAIM = {
    "text": "divide was added in version 3.",
    "cites": [{"ref": "docs/use.md", "quote": "It was added in version 3 of the library."}],
}
TRUE_EDIT = {"path": "calc.py", "old": "    return a / b", "new": "    return a / b if b else 0"}

FALSE_FINDINGS = [
    TRUE_FINDING | {"quote": "    return eval(a)"},
    TRUE_FINDING | {"line": 2, "quote": "    return a / b  # checked"},
    TRUE_FINDING | {"path": "secrets.py"},
    TRUE_FINDING | {"path": "../calc.py"},
    TRUE_FINDING | {"path": "docs/use.md"},
    TRUE_FINDING | {"quote": "\n"},
    TRUE_FINDING | {"quote": "def divide(a, b):\n    return total(a)"},
    TRUE_FINDING | {"severity": "critical", "quote": "os.system(user_input)"},
]
FALSE_CLAIMS = [
    {"text": "It is the fastest library.", "cites": []},
    {
        "text": "It was added in version 4.",
        "cites": [{"ref": "docs/use.md", "quote": "It was added in version 4"}],
    },
    {
        "text": "It is loved.",
        "cites": [{"ref": "https://example.org", "quote": "everybody loves this library"}],
    },
]
EVERYTHING_HOLDS = [
    {"id": f"{kind}{number}", "holds": True, "reason": "sure"}
    for kind in "FCP"
    for number in range(1, 13)
]
KEEP_ALL = [{"id": one["id"], "same_as": []} for one in EVERYTHING_HOLDS]

LIES = ("false_quotes", "lost_lines", "syntax", "outside", "diff_noise")
"""Answers that satisfy their schema and are not true."""

_EDITS: Mapping[str, list[dict[str, str]]] = {
    "truth": [TRUE_EDIT],
    "false_quotes": [TRUE_EDIT | {"old": "    return eval(a)"}],
    "lost_lines": [TRUE_EDIT, TRUE_EDIT | {"new": "    return 0"}],
    "syntax": [TRUE_EDIT | {"new": "    return (a / b"}],
    "outside": [
        {"path": path, "old": "", "new": "owned"}
        for path in (
            "../owned.py",
            "/tmp/owned.py",
            ".git/hooks/post-checkout",
            "~/owned",
            ".sophia/config.toml",
        )
    ],
    "diff_noise": [TRUE_EDIT | {"old": "@@ -2 +2 @@\n-    return a / b"}],
    "half": [TRUE_EDIT],
}


def answer(fields: Mapping[str, Any], lie: str) -> dict[str, Any]:
    """An answer with these fields of a schema. ``half`` mixes what is true with what is not."""
    findings = {"truth": [TRUE_FINDING], "half": [TRUE_FINDING, *FALSE_FINDINGS]}.get(
        lie, FALSE_FINDINGS
    )
    claims = {"truth": [TRUE_CLAIM], "half": [TRUE_CLAIM, *FALSE_CLAIMS]}.get(lie, FALSE_CLAIMS)
    everything = {
        "summary": "As it is.",
        "findings": findings,
        "claims": claims,
        "edits": _EDITS[lie],
        "verdicts": EVERYTHING_HOLDS,
        "keep": KEEP_ALL,
        "tasks": [{"title": "t", "detail": "d", "paths": ["calc.py"]}],
        "questions": [{"question": "When was it added?", "why": "w"}],
    }
    return {name: everything[name] for name in fields}


def script(pattern: Pattern, lie: str) -> dict[str, Any]:
    """A script that answers every step of a pattern with this lie."""
    return {
        "reply": [
            {"step": f"{step.key}*", "json": answer(step.schema["properties"], lie)}
            for step in pattern.steps
        ]
    }


def lay(folder: Path) -> Path:
    """The tree that all of this is about, on disk."""
    return write_tree(folder / "repository", FILES)


def untouched(root: Path) -> None:
    """The tree on disk is as it was laid."""
    there = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
    assert there == FILES


def true(outcome: Outcome | None, folder: Path) -> None:
    """Everything in the outcome holds, as judged by other means than our own."""
    if outcome is None:
        return
    for finding in outcome.findings:
        lines = FILES[finding.path].split("\n")
        height = finding.quote.count("\n") + 1
        assert finding.quote in "\n".join(lines[finding.line - 1 : finding.line - 1 + height])
        assert finding.quote.strip()
    for source in outcome.sources:
        assert source.quote in FILES[source.ref]
    if outcome.patch:
        copy = lay(folder / "judged")
        git = shutil.which("git")
        assert git, "git is needed"
        subprocess.run([git, "apply", "-"], input=outcome.patch.encode(), cwd=copy, check=True)
        compile((copy / "calc.py").read_text(), "calc.py", "exec")
        assert {path.name for path in (folder / "judged").iterdir()} == {"repository"}
