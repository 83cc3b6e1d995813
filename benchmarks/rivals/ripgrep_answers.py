"""Answers of ripgrep as an agent would use it: ripgrep_answers.py QUESTIONS ANSWERS.

The question's longer words are looked for together, ignoring case; files are ranked by how many
different words they hold, and of each the window of 20 lines with most different words is read.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

WINDOW = 20
STOP = {
    "what",
    "when",
    "where",
    "which",
    "that",
    "this",
    "with",
    "from",
    "does",
    "have",
    "into",
    "only",
    "them",
    "they",
}


def ranked(rg: Path, root: str, text: str, shown: int) -> list[tuple[str, int, int]]:
    """Windows of the best files."""
    words = [w for w in dict.fromkeys(re.findall(r"\w+", text.lower())) if len(w) > 3 and w not in STOP]
    words = words or re.findall(r"\w+", text.lower())
    if not words:
        return []
    pattern = "|".join(re.escape(word) for word in words)
    ran = subprocess.run(
        [rg, "-n", "-i", "-o", "--no-heading", "-e", pattern, "."],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    lines: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in ran.stdout.splitlines():
        path, number, word = row.split(":", 2)
        lines[path.removeprefix("./")].append((int(number), word.lower()))
    order = sorted(lines, key=lambda path: (-len({w for _, w in lines[path]}), -len(lines[path]), path))
    windows = []
    for path in order[:shown]:
        found = lines[path]
        best = max(found, key=lambda hit: len({w for n, w in found if hit[0] <= n < hit[0] + WINDOW}))[0]
        windows.append((path, max(1, best - 2), best + WINDOW - 3))
    return windows


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text())
    rg = Path(sys.executable).with_name("rg")
    answers: dict[str, object] = {}
    for package in given["packages"]:
        for id, text in package["questions"]:
            started = time.perf_counter()
            spans = ranked(rg, package["root"], text, given["shown"])
            answers[id] = {
                "spans": spans,
                "refused": not spans,
                "seconds": time.perf_counter() - started,
            }
    Path(sys.argv[2]).write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
