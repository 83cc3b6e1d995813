"""Does a changed file still parse as well as before? Pure.

Grammars recover from errors, so it is their number that counts: a file that had some may keep them.
"""

from __future__ import annotations

from collections.abc import Mapping

from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.index.languages.hazards import open_types
from sophia_mcp.index.parsing.grammars import Unreadable, reader
from sophia_mcp.index.parsing.parse import PARSE_BYTES
from sophia_mcp.types import GateResult

_COUNTED = 200
"""Errors beyond this many are not told apart."""


def parses(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> GateResult:
    """Whether no file of ``after`` has more syntax errors than it had."""
    worse: list[str] = []
    checked = 0
    for path, text in after.items():
        if text is None:
            continue
        errors = _errors(path, text)
        if errors is None:
            continue
        checked += 1
        had = _errors(path, before.get(path) or "") or []
        if len(errors) > len(had):
            worse.append(f"{path}:{errors[0]} does not parse")
    detail = f"{checked} of {len(after)} changed files have a grammar; "
    return GateResult(
        "parses", not worse, detail + ("; ".join(worse[:5]) or "none has new syntax errors")
    )


def _errors(path: str, text: str) -> list[int] | None:
    """Lines of syntax errors, or None where no grammar can say."""
    source = text.encode("utf-8", "replace")
    record = LANGUAGES.get(language_of(path, source) or "")
    if record is None or len(source) > PARSE_BYTES or open_types(text):
        return None
    if record.hazard is not None and record.hazard(text):
        return None
    if not source.endswith(b"\n"):
        source += b"\n"
    try:
        tree = reader(record).tree(source)
    except (Unreadable, LookupError):
        return None
    if not tree.root_node.has_error:
        return []
    lines: list[int] = []
    cursor = tree.walk()
    while len(lines) < _COUNTED:
        node = cursor.node
        if node is not None and (node.is_error or node.is_missing):
            lines.append(node.start_point[0] + 1)
        descends = node is not None and node.has_error and cursor.goto_first_child()
        while not descends and not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return lines
        continue
    return lines
