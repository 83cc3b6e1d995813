"""What is asked when answers are timed? Questions taken from the tree itself, the same every time."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

_SENTENCE = re.compile(
    r'(?:"""|^// |^\s+\* |^/// |^# )([A-Z][^\n"`<>{}=;|\\/@#*_]{25,110})$|"""([A-Z][^\n"]{25,110})"""',
    re.MULTILINE,
)
_DEFINED = re.compile(
    r"^\s*(?:def|class|func|fn|export function|struct)\s+([A-Za-z_]\w{4,40})", re.MULTILINE
)
_READ = 3_000
"""Files that are read for questions."""


def asked(root: Path, count: int) -> dict[str, list[str]]:
    """``count`` different questions of each sort: words, names and regular expressions.

    They are kept beside the tree, so that a process that is measured does not read it for them.
    """
    kept = root.parent / f"{root.name}-questions-{count}.json"
    if not kept.is_file():
        kept.write_text(json.dumps(_drawn(root, count)))
    return dict(json.loads(kept.read_text()))


def _drawn(root: Path, count: int) -> dict[str, list[str]]:
    rng = random.Random(0)
    files = sorted(p for p in root.rglob("*") if p.is_file() and ".git" not in p.relative_to(root).parts)
    sentences: set[str] = set()
    names: set[str] = set()
    for file in rng.sample(files, min(_READ, len(files))):
        text = file.read_text("utf-8", "replace")
        sentences |= {(a or b).strip().rstrip(".") for a, b in _SENTENCE.findall(text)}
        names |= set(_DEFINED.findall(text))
    words = [s for s in sorted(sentences) if 4 <= len(s.split()) <= 14]
    rng.shuffle(words)
    chosen = sorted(names)
    rng.shuffle(chosen)
    patterns = [_pattern(name, number) for number, name in enumerate(chosen[count : 2 * count])]
    return {"words": words[:count], "symbol": chosen[:count], "regex": patterns}


def _pattern(name: str, number: int) -> str:
    """A regular expression as one would type it: a call, a prefix, an alternative, a definition."""
    shapes = (r"\b{0}\(", r"{1}\w+\(", r"(return|await) .*{0}", r"(def|func|class) {1}\w*", r"{0}\s*=")
    return shapes[number % len(shapes)].format(name, name[: max(5, len(name) * 2 // 3)])
