"""What did runs teach? Their summaries, the lessons they suggest, how their ways of working compare.

A lesson is a memory of kind ``lesson``. A run may only suggest one; it stands in prompts after other
runs whose gates passed, or a person, confirmed it, and no longer once it was contradicted often enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from sophia_mcp.errors import BadArgument, NotFound
from sophia_mcp.memory import rows
from sophia_mcp.memory.advice import Advice, Arm, advise, percentile
from sophia_mcp.memory.note import Note, Remembered
from sophia_mcp.memory.repos import Repo
from sophia_mcp.memory.shelf import Shelf
from sophia_mcp.memory.similar import digest
from sophia_mcp.memory.write import MAX_CHARS, remember, vote
from sophia_mcp.security.text import plain
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Finding, GateResult, Memo, MemoryScope, RunStatus, Tier

CANDIDATES = 3
"""Findings of one run that become candidate lessons, the most severe."""

_SEVERE = ("critical", "high", "medium", "low", "info")

LOOKED_BACK = 500
"""Runs of one kind of task that statistics are taken from, the latest."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """How a run went. ``task_kind`` groups tasks whose runs compare (empty: the pattern's name);
    ``model`` is empty where several were used; ``stood`` are findings that passed every gate and ``lessons``
    sentences the run itself suggests; ``used`` are ids of lessons that stood in its prompts, with its
    gates' outcome as their vote."""

    run_id: str
    pattern: str
    task: str
    status: RunStatus
    summary: str = ""
    task_kind: str = ""
    model: str = ""
    tier: Tier = "standard"
    gates: tuple[GateResult, ...] = ()
    findings: int = 0
    cost_nano: int = 0
    duration_ns: int = 0
    stood: tuple[Finding, ...] = ()
    lessons: tuple[str, ...] = ()
    used: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Done, and no gate failed."""
        return self.status == "done" and all(gate.passed for gate in self.gates)

    @property
    def source(self) -> str:
        """How the run is named as the source of a memory."""
        return f"run:{self.run_id}"


async def record(shelf: Shelf, run: RunRecord, repo: Repo | None) -> None:
    """Keep a run that ended: its figures, a summary for 90 days, and what it suggests. Recording the
    same run again replaces its figures and changes nothing else."""
    name = repo.name if repo is not None else ""
    async with shelf.db.write(shelf.scope) as tx:
        await _put(tx, run, name, shelf.clock())
    scope: MemoryScope = "repo" if repo is not None else "workspace"
    failed = [gate for gate in run.gates if not gate.passed]
    outcome = run.status + (f", failed: {', '.join(gate.name for gate in failed)}" if failed else "")
    text = _cut(f"{run.pattern} ({outcome}): {run.task.strip()}\n{run.summary.strip()}")
    if run.status not in ("cancelled", "interrupted"):  # nothing came of it that could help
        await remember(shelf, Note(text, scope=scope, source=run.source, tier="episodic"), repo)
    for lesson, anchors in _suggested(run):
        if lesson.strip() and not await _dismissed(shelf, lesson):
            note = Note(_cut(lesson), "lesson", scope, anchors, source=run.source)
            await _remember_at(shelf, note, repo)
    # A run that was cut off, or whose model failed, says nothing about what it was told.
    for id_ in dict.fromkeys(run.used if run.status == "done" else ()):
        await _try_vote(shelf, id_, run.source, agrees=run.succeeded)


def _cut(text: str) -> str:
    """As much as a memory holds, counted as it will be shown: what acts on screens grows when it is
    spelled out."""
    return plain(text).strip()[:MAX_CHARS].strip()


def _suggested(run: RunRecord) -> list[tuple[str, tuple[str, ...]]]:
    """Candidate lessons with their anchors: what a run that went well says and found, and how the gates of
    one that did not failed."""
    if run.succeeded:
        worst = sorted(run.stood, key=lambda finding: _SEVERE.index(finding.severity))[:CANDIDATES]
        found = [
            (_verdict(run.pattern, finding), (f"{finding.path}:{finding.line}",)) for finding in worst
        ]
        return [*((lesson, ()) for lesson in run.lessons), *found]
    return [
        (f"In {run.pattern} runs the gate {gate.name} fails like this: {gate.detail.strip()}", ())
        for gate in run.gates
        if not gate.passed and gate.detail.strip()
    ]


async def _remember_at(shelf: Shelf, note: Note, repo: Repo | None) -> Remembered:
    """Remember a note, without its anchors where their code is not there (any more)."""
    if repo is not None and repo.root is not None and note.anchors:
        with suppress(NotFound, BadArgument):
            return await remember(shelf, note, repo)
    return await remember(shelf, replace(note, anchors=()), repo)


async def _dismissed(shelf: Shelf, text: str) -> bool:
    """Whether such a lesson was forgotten: a run does not bring back what was taken away."""
    async with shelf.db.read(shelf.scope) as tx:
        known = await rows.lessons(tx, digest(_cut(text)))
    return bool(known) and all(forgotten for _, forgotten in known)


async def _put(tx: Transaction, run: RunRecord, repo: str, now: int) -> None:
    await tx.run(
        "INSERT INTO memory_runs (workspace, run, pattern, task_kind, model, tier, repo, task, status, succeeded,"
        " gates_passed, gates, findings, accepted, rejected, cost_nano, duration_ns, ended_ns) VALUES"
        " (:workspace, :run, :pattern, :task_kind, :model, :tier, :repo, :task, :status, :succeeded,"
        " :gates_passed, :gates, :findings, 0, 0, :cost, :duration, :now)"
        " ON CONFLICT (workspace, run) DO UPDATE SET status = excluded.status,"
        " succeeded = excluded.succeeded, gates_passed = excluded.gates_passed, gates = excluded.gates,"
        " findings = excluded.findings, cost_nano = excluded.cost_nano, model = excluded.model,"
        " duration_ns = excluded.duration_ns, ended_ns = excluded.ended_ns",
        {
            "run": run.run_id,
            "pattern": run.pattern,
            "task_kind": run.task_kind or run.pattern,
            "model": run.model,
            "tier": run.tier,
            "repo": repo,
            "task": run.task[:MAX_CHARS],
            "status": run.status,
            "succeeded": int(run.succeeded),
            "gates_passed": sum(gate.passed for gate in run.gates),
            "gates": len(run.gates),
            "findings": run.findings,
            "cost": run.cost_nano,
            "duration": run.duration_ns,
            "now": now,
        },
    )


async def feedback(
    shelf: Shelf, run: str, finding: Finding, repo: Repo | None, *, accepted: bool, by: str
) -> Memo:
    """Someone accepts or rejects a finding of a run. It counts in the run's statistics and becomes a
    lesson; the lesson of the opposite decision loses standing. Raises NotFound for an unknown run."""
    now = shelf.clock()
    mark = digest(f"{finding.path}\n{finding.line}\n{finding.claim}")
    async with shelf.db.write(shelf.scope) as tx:
        known = await tx.rows(
            "SELECT pattern FROM memory_runs WHERE workspace = :workspace AND run = :run", {"run": run}
        )
        if not known:
            raise NotFound(
                f"no run {run!r} is recorded",
                why="only runs that ended are",
                next="get_run() lists them",
            )
        await tx.run(
            "INSERT INTO memory_feedback (workspace, run, finding, accepted, at_ns)"
            " VALUES (:workspace, :run, :finding, :accepted, :now) ON CONFLICT (workspace, run, finding)"
            " DO UPDATE SET accepted = excluded.accepted, at_ns = excluded.at_ns",
            {"run": run, "finding": mark, "accepted": int(accepted), "now": now},
        )
        for column, value in (("accepted", 1), ("rejected", 0)):
            await tx.run(
                f"UPDATE memory_runs SET {column} = (SELECT count(*) FROM memory_feedback f"  # noqa: S608
                " WHERE f.workspace = :workspace AND f.run = :run AND f.accepted = :value)"
                " WHERE workspace = :workspace AND run = :run",
                {"run": run, "value": value},
            )
    scope: MemoryScope = "repo" if repo is not None else "workspace"
    right, wrong = _verdict(known[0][0], finding), _verdict(known[0][0], finding, accepted=False)
    said, opposite = (right, wrong) if accepted else (wrong, right)
    person = by == "person"
    voter = by if person else f"{by}:{run}"
    await _contradict(shelf, opposite, voter)
    anchors = (f"{finding.path}:{finding.line}",)
    note = Note(said, "lesson", scope, anchors, source=by if person else f"run:{run}")
    memo = (await _remember_at(shelf, note, repo)).memo
    return memo if person else await vote(shelf, memo.id, voter, agrees=True)


def meant(findings: Sequence[Finding], place: str) -> Finding:
    """The finding of a run that someone names by its number, from 1, or its ``path:line``. Raises
    BadArgument with what there is."""
    named = place.strip()
    if named.isdecimal() and 1 <= int(named) <= len(findings):
        return findings[int(named) - 1]
    found = [finding for finding in findings if f"{finding.path}:{finding.line}" == named]
    if len(found) == 1:
        return found[0]
    listed = (f"{at} {finding.path}:{finding.line}" for at, finding in enumerate(findings, 1))
    raise BadArgument(
        f"the run has {'no' if not found else 'more than one'} finding {place!r}",
        why=f"its findings: {', '.join(listed) or 'none'}",
        next="name them by their numbers",
    )


def _verdict(pattern: str, finding: Finding, *, accepted: bool = True) -> str:
    word = "is worth reporting" if accepted else "is not a defect here, do not report it"
    claim = finding.claim.strip().rstrip(".")
    return _cut(f"{pattern}: in {finding.path}, \u201c{claim}\u201d {word}")


async def _contradict(shelf: Shelf, text: str, by: str) -> None:
    async with shelf.db.read(shelf.scope) as tx:
        known = await rows.lessons(tx, digest(text))
    for id_, forgotten in known:
        if not forgotten:
            await _try_vote(shelf, id_, by, agrees=False)


async def _try_vote(shelf: Shelf, id: str, voter: str, *, agrees: bool) -> None:
    with suppress(NotFound):  # forgotten meanwhile
        await vote(shelf, id, voter, agrees=agrees)


async def compare(
    shelf: Shelf, pattern: str, *, task_kind: str = "", tier: Tier = "standard", model: str = ""
) -> Advice:
    """What past runs of such tasks say about running this pattern on this tier (and model). Without a
    model, runs of all models are counted together."""
    kind = task_kind or pattern
    async with shelf.db.read(shelf.scope) as tx:
        found = await tx.rows(
            "SELECT pattern, model, tier, succeeded, accepted, rejected, cost_nano, duration_ns"
            " FROM memory_runs WHERE workspace = :workspace AND task_kind = :kind"
            " AND status NOT IN ('running', 'needs_steps', 'cancelled', 'interrupted')"
            " ORDER BY ended_ns DESC LIMIT :most",
            {"kind": kind, "most": LOOKED_BACK},
        )
    groups: dict[tuple[str, str, str], list[Sequence[int]]] = {}
    for own, of, on, *figures in found:
        groups.setdefault((own, on, of if model else ""), []).append(figures)
    arms = [_arm(own, kind, of, on, figures) for (own, on, of), figures in groups.items()]
    return advise(arms, pattern, tier, model)


def _arm(pattern: str, kind: str, model: str, tier: str, runs: list[Sequence[int]]) -> Arm:
    succeeded, accepted, rejected, cost, duration = zip(*runs, strict=True)
    return Arm(
        pattern,
        kind,
        model,
        tier,
        len(runs),
        sum(succeeded),
        sum(accepted),
        sum(accepted) + sum(rejected),
        percentile(cost, 0.5),
        percentile(duration, 0.5),
        percentile(duration, 0.95),
    )
