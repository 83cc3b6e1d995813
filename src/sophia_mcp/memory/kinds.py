"""Which kind of task is this? Only runs on the same kind are compared, and one kind's lessons say little
about another's."""

from __future__ import annotations

import re

KINDS = (
    ("bug_fix", r"fix\w*|bug\w*|crash\w*|regression\w*|broken|fails?|failing|traceback|wrong"),
    ("testing", r"tests?|testing|coverage|untested"),
    ("documentation", r"document\w*|docs?|readme|docstrings?|comments?|changelog"),
    ("refactoring", r"refactor\w*|renam\w+|restructur\w+|simplif\w+|extract|duplicat\w+|clean"),
    ("optimization", r"optimi[sz]\w+|perform\w*|slow\w*|fast\w*|latency|memory|speed\w*"),
    ("feature_development", r"add|implement\w*|support|feature\w*|introduce|extend|allow"),
    ("web_research", r"research\w*|compare|sources?|cite\w*"),
    ("code_review", r"review\w*|audit\w*|check|defects?|security|vulnerab\w+"),
)
"""Kinds by the words people ask for them with; where several fit, the earlier one."""

OTHER = "other"

_KINDS = tuple((kind, re.compile(rf"(?i)\b(?:{words})\b")) for kind, words in KINDS)
_NAMES = frozenset(kind for kind, _ in KINDS)
_BEGINNING = 400


def kind_of(pattern: str, task: str, *, diff: bool = False) -> str:
    """The kind of a task. A pattern made for one kind says so by its name; for one that takes any task
    (the single agent, a person's own) the beginning of the task does, and a bare diff is a review."""
    if pattern in _NAMES:
        return pattern
    asked = task.strip()[:_BEGINNING]
    found = next((kind for kind, words in _KINDS if words.search(asked)), None)
    return found or ("code_review" if diff else OTHER)
