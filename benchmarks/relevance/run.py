"""How well do Sophia, semble and ripgrep answer the questions of one half? One command, one run.

    .venv/bin/python benchmarks/relevance/run.py --half unseen

Rivals come from the Python registry into an environment of their own. semble gets our static vectors
in its own format (a model2vec folder). Results go to benchmarks/results/relevance-<half>-<commit>.json.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.relevance.measure import BUDGETS, Score, Span, score  # noqa: E402
from benchmarks.relevance.question_set import Package, load  # noqa: E402
from benchmarks.rivals.environment import rival_python  # noqa: E402
from benchmarks.speed.figures import keep, load_now, options  # noqa: E402

SHOWN = 50
"""Spans asked of every system for each question: as many as one call may ask for. Twenty of ours end after
1,300 tokens, and what is measured are the first 2,000."""


async def sophia(packages: Sequence[Package], sources: Path, store: Path) -> dict[str, Any]:
    """Ranked spans, refusals and seconds of every question, through the same call the tools use."""
    from sophia_mcp.app import open_app
    from sophia_mcp.settings import load as load_settings
    from sophia_mcp.types import Request

    found: dict[str, Any] = {}
    async with open_app(load_settings(None, home=store)) as app:
        for package in packages:
            root = sources / package.package
            run = await app.start_index(str(root), trusted=True)
            while not await run.wait(60):
                pass
            for question in package.questions:
                request = Request(question.text, repo=str(root), limit=SHOWN, max_tokens=20_000)
                started = time.perf_counter()
                answer = await app.answer(request, project=root)
                found[question.id] = {
                    "spans": [(hit.path, hit.start_line, hit.end_line) for hit in answer.hits],
                    "refused": bool(answer.notes) and answer.notes[0].startswith("not here:"),
                    "seconds": time.perf_counter() - started,
                }
    return found


def rival(name: str, packages: Sequence[Package], sources: Path, work: Path) -> dict[str, Any]:
    """The same of a rival, asked in its own environment by benchmarks/rivals/<name>_answers.py."""
    asked = [
        {
            "root": str(sources / package.package),
            "questions": [[q.id, q.text] for q in package.questions],
        }
        for package in packages
    ]
    question_file, answer_file = work / f"{name}-in.json", work / f"{name}-out.json"
    question_file.write_text(json.dumps({"packages": asked, "shown": SHOWN}))
    script = ROOT / "benchmarks" / "rivals" / f"{name}_answers.py"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HOME": str(work)}
    subprocess.run(
        [rival_python(), script, question_file, answer_file],
        check=True,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    return dict(json.loads(answer_file.read_text()))


def scored(
    packages: Sequence[Package], answers: dict[str, Any], sources: Path, count: Callable[[str], int]
) -> dict[str, Score]:
    """A score for each question that has an answer."""
    scores: dict[str, Score] = {}
    for package in packages:
        for question in package.questions:
            if question.kind != "absent":
                targets: list[Span] = [(t.path, t.start_line, t.end_line) for t in question.targets]
                spans = [tuple(span) for span in answers[question.id]["spans"]]
                scores[question.id] = score(spans, targets, sources / package.package, count)
    return scores


def summary(scores: Sequence[Score]) -> dict[str, float]:
    """Means over questions."""
    whole: dict[str, float] = {"n": len(scores), "ndcg10": statistics.fmean(s.ndcg for s in scores)}
    for budget in BUDGETS:
        whole[f"file_in_{budget}"] = statistics.fmean(0 <= s.file_at <= budget for s in scores)
        whole[f"lines_in_{budget}"] = statistics.fmean(0 <= s.lines_at <= budget for s in scores)
    return {name: round(value, 4) for name, value in whole.items()}


def interval(differences: Sequence[float], draws: int = 5000) -> tuple[float, float, float]:
    """Mean of paired differences with a 95 % bootstrap interval."""
    rng = random.Random(0)
    means = sorted(statistics.fmean(rng.choices(differences, k=len(differences))) for _ in range(draws))
    return statistics.fmean(differences), means[int(draws * 0.025)], means[int(draws * 0.975)]


def report(
    packages: Sequence[Package], systems: dict[str, dict[str, Any]], sources: Path
) -> dict[str, Any]:
    """Every table: whole, by kind, by language, refusals, and the paired difference to each rival."""
    from sophia_mcp.llm.counting import tokens

    kind = {q.id: q.kind for p in packages for q in p.questions}
    language = {q.id: p.language for p in packages for q in p.questions}
    scores = {
        name: scored(packages, answers, sources, tokens.count) for name, answers in systems.items()
    }
    tables: dict[str, Any] = {}
    for name, own in scores.items():
        groups: dict[str, list[Score]] = defaultdict(list)
        for id, one in own.items():
            for key in ("all", f"kind:{kind[id]}", f"language:{language[id]}"):
                groups[key].append(one)
        tables[name] = {key: summary(group) for key, group in sorted(groups.items())}
        absent = [answers["refused"] for id, answers in systems[name].items() if kind[id] == "absent"]
        present = [answers["refused"] for id, answers in systems[name].items() if kind[id] != "absent"]
        tables[name]["refused"] = {
            "absent": statistics.fmean(absent),
            "present": statistics.fmean(present),
        }
        seconds = sorted(answers["seconds"] for answers in systems[name].values())
        tables[name]["query_ms"] = {
            "p50": seconds[len(seconds) // 2] * 1e3,
            "p95": seconds[int(len(seconds) * 0.95)] * 1e3,
        }
    pairs = {}
    for name in scores:
        if name != "sophia":
            for key in ("all", *sorted({f"language:{x}" for x in language.values()})):
                ids = [i for i in scores["sophia"] if key == "all" or f"language:{language[i]}" == key]
                pairs[f"sophia-{name} {key} ndcg10"] = interval(
                    [scores["sophia"][i].ndcg - scores[name][i].ndcg for i in ids]
                )
    return {
        "tables": tables,
        "differences": pairs,
        "scores": {n: {i: asdict(s) for i, s in o.items()} for n, o in scores.items()},
    }


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--half", choices=("dev", "unseen"), default="dev")
    parser.add_argument(
        "--sources", type=Path, default=None, help="folder of fetched packages; default: the cache"
    )
    parser.add_argument("--rivals", default="semble,ripgrep", help="comma-separated; empty: none")
    given = parser.parse_args()
    sources = given.sources
    if sources is None:
        sources = Path(tempfile.gettempdir()) / "sophia-relevance"
    subprocess.run(
        [sys.executable, HERE / "fetch.py", "--into", sources, "--half", given.half],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    packages = load(given.half)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        systems = {"sophia": anyio.run(sophia, packages, sources, work / "home")}
        for name in filter(None, given.rivals.split(",")):
            systems[name] = rival(name, packages, sources, work)
        result = report(packages, systems, sources)
    result |= {"half": given.half, "load": load_now()}
    for name, table in result["tables"].items():
        for key, row in table.items():
            print(f"{name:8s} {key:22s} " + " ".join(f"{k}={v:.3f}" for k, v in row.items()))
    for name, (mean, low, high) in result["differences"].items():
        print(f"{name}: {mean:+.3f} [{low:+.3f}, {high:+.3f}]")
    print(f"load {result['load'][0]:.1f}")
    if given.save:
        keep(f"relevance-{given.half}", {k: v for k, v in result.items() if k != "scores"})


if __name__ == "__main__":
    main()
