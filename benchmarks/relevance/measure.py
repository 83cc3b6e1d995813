"""What is a ranked list of spans worth? File NDCG@10, and target lines within the first tokens shown.

Shown text is counted in o200k tokens, span after span, line after line; a line already shown costs
nothing again. A question counts as answered within n tokens when a whole shown span that overlaps a
target ends inside the first n tokens, or, where the span is longer than that, when a target line does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Span = tuple[str, int, int]
"""(path, first line, last line), 1-based and inclusive."""

BUDGETS = (500, 1000, 2000)


@dataclass(frozen=True, slots=True)
class Score:
    """One question of one system."""

    ndcg: float
    file_at: int  # tokens shown until a span of a target's file began, or -1
    lines_at: int  # tokens shown when the first target line had been shown, or -1


def file_ndcg(spans: Sequence[Span], targets: Sequence[Span], depth: int = 10) -> float:
    """NDCG over distinct files, in order of first appearance; every target file is worth one."""
    wanted = {path for path, _, _ in targets}
    files = list(dict.fromkeys(path for path, _, _ in spans))[:depth]
    gain = sum(1 / math.log2(i + 2) for i, path in enumerate(files) if path in wanted)
    ideal = sum(1 / math.log2(i + 2) for i in range(min(len(wanted), depth)))
    return gain / ideal if ideal else 0.0


def score(
    spans: Sequence[Span], targets: Sequence[Span], root: Path, count: Callable[[str], int]
) -> Score:
    """Score the spans a system returned, reading their text from the tree."""
    shown: dict[str, set[int]] = {}
    texts: dict[str, list[str]] = {}
    tokens, file_at, lines_at = 0, -1, -1
    for path, start, end in spans:
        if path not in texts:
            file = root / path
            texts[path] = file.read_text("utf-8", "replace").split("\n") if file.is_file() else []
        wanted = {n for p, a, b in targets if p == path for n in range(a, b + 1)}
        if file_at < 0 and any(p == path for p, _, _ in targets):
            file_at = tokens
        for number in range(start, min(end, len(texts[path])) + 1):
            if number in shown.setdefault(path, set()):
                continue
            shown[path].add(number)
            tokens += count(texts[path][number - 1] + "\n")
            if lines_at < 0 and number in wanted:
                lines_at = tokens
        if tokens > BUDGETS[-1] and lines_at < 0:
            break
    return Score(file_ndcg(spans, targets), file_at, lines_at)
