"""How is a swarm made from the parts below it, and how do its runs see a repository?"""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from sophia_mcp.app.parts import Parts
from sophia_mcp.errors import BadArgument, NotFound, NotIndexed

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.app.opening import Models
    from sophia_mcp.cost.money import Money
    from sophia_mcp.index.views import View
    from sophia_mcp.memory.note import Caller
    from sophia_mcp.swarm.asking.material import Sources
    from sophia_mcp.swarm.gates import Allowed, Ground
    from sophia_mcp.swarm.history.book import Run
    from sophia_mcp.swarm.patterns import Library, Limits, Pattern
    from sophia_mcp.swarm.swarm import Swarm
    from sophia_mcp.types import Order, RunCost, Tier

INDEXING_S = 20.0
"""How long a run waits for a repository that is being indexed before it reads what is there."""

_KEY_BYTES = 32
_FOUND = 20


async def open_swarm(app: App) -> Swarm:
    """The runs of this machine's workspace."""
    from sophia_mcp.llm.providers import PROVIDERS
    from sophia_mcp.swarm.history import retention
    from sophia_mcp.swarm.history.book import Book
    from sophia_mcp.swarm.history.journal import Pen
    from sophia_mcp.swarm.running.means import Means
    from sophia_mcp.swarm.swarm import Swarm
    from sophia_mcp.types import LOCAL

    chosen, database, money = app.settings.swarm, await app.truth(), await app.money()
    models = await app.models()
    means = Means(
        book=Book(database, await app.jobs(), LOCAL),
        pen=Pen(database, LOCAL),
        models=models,
        library=lambda order: library(app, order),
        sources=lambda order: _sources(app, order),
        ground=_ground(app),
        costs=Costs(money, models),
        fence=await anyio.to_thread.run_sync(_fence_key, app.settings.home / "fence.key"),
        tell=lambda run_id: None,
        limits=_limits(app),
        step_s=chosen.step_seconds,
        park_s=chosen.park_seconds,
        caches=lambda name: not PROVIDERS.load(name).free,
        ended=_learner(app),
        advise=_adviser(app),
        label=lambda order: _place(order.repo)[0].name if order.repo else "",
    )
    app.tasks.start("sweeping of old runs", retention.keep_sweeping, means.book, chosen.kept_days)
    return Swarm(means, app.tasks)


async def placed(app: App, order: Order, project: Path | None, *, trusted: bool = False) -> Order:
    """The order with its repository named for good: inside the roots, indexed or about to be. An order
    that names none means the project; without one, it has no repository.

    Raises OutsideRoots, NotFound, NotIndexed.
    """
    if order.repo is None and project is None:
        return order
    view = await app.view(order.repo, project, trusted=trusted)
    return replace(order, repo=view.place)


def library(parts: Parts, order: Order) -> Library:
    """The patterns that an order may name: shipped, the person's own, those of its repository."""
    from sophia_mcp.settings import patterns_folder
    from sophia_mcp.swarm.patterns import Library

    own = patterns_folder(parts.settings)
    return Library(own, _place(order.repo)[0] / ".sophia" / "patterns" if order.repo else None)


@dataclass(frozen=True)
class Costs:
    """`swarm.means.Costs` over the ledger."""

    money: Money
    models: Models

    async def run(self, run_id: str) -> RunCost:
        """See the contract."""
        return await self.money.run_cost(run_id)

    async def step(self, run_id: str, key: str) -> int | None:
        """See the contract."""
        return await self.money.ledger.step_cost(run_id, key)

    async def quote(
        self, provider: str, tier: Tier, *, input_tokens: int, output_tokens: int
    ) -> int | None:
        """See the contract."""
        priced = self.money.catalogue.ceiling(
            input_tokens,
            output_tokens,
            provider=provider,
            model=self.models.model(provider, tier),
            at_ns=self.money.ledger.clock(),
        )
        return priced.nano


@dataclass(frozen=True)
class Repository:
    """`swarm.material.Sources` over one indexed view, and memory."""

    app: App
    view: View

    async def find(self, question: str, max_tokens: int) -> str:
        """See the contract."""
        from sophia_mcp.search.answer import LONGEST_QUERY, search
        from sophia_mcp.search.reply.render import render
        from sophia_mcp.types import Request

        request = Request(question.strip()[:LONGEST_QUERY], limit=_FOUND, max_tokens=max_tokens)
        return render(await search(await self.app.engine(), self.view, request), request)

    async def read(self, path: str) -> str | None:
        """See the contract."""
        text = await self.file(path)
        if text is not None or not self.view.on_disk:
            return text
        if not await anyio.to_thread.run_sync(os.path.isdir, Path(self.view.root, path)):
            return None
        from sophia_mcp.search.repomap import outline

        return await outline(await self.app.engine(), self.view, path.strip("/"))

    async def file(self, path: str) -> str | None:
        """The text of a file as it is now; None where there is none, or where it must not be read: git's
        own files are no part of the tree, and name credentials."""
        from sophia_mcp.index.disk.decode import decode
        from sophia_mcp.index.source import read_current
        from sophia_mcp.security.secrets import is_secret_file

        if is_secret_file(path) is not None or ".git" in path.casefold().split("/"):
            return None
        raw = await read_current(self.view, path)
        return None if raw is None else decode(raw).text

    async def diff(self, within: Sequence[str]) -> str:
        """See the contract. Without git there is none."""
        from sophia_mcp.search.view.changed import patch

        try:
            return await anyio.to_thread.run_sync(patch, self.view, "", within)
        except BadArgument:
            return ""

    async def recall(self, question: str, max_tokens: int) -> str:
        """See the contract."""
        from sophia_mcp.memory.note import Caller

        memory = await self.app.memory()
        return await memory.recall_for_step(question, Caller(project=Path(self.view.root)), max_tokens)


class Nowhere:
    """`swarm.material.Sources` of an order without a repository: only what it brings along."""

    async def find(self, question: str, max_tokens: int) -> str:
        """See the contract."""
        return ""

    async def read(self, path: str) -> str | None:
        """See the contract."""
        return None

    async def diff(self, within: Sequence[str]) -> str:
        """See the contract."""
        return ""

    async def recall(self, question: str, max_tokens: int) -> str:
        """See the contract."""
        return ""


async def _sources(app: App, order: Order) -> Sources:
    from sophia_mcp.index import views

    if order.repo is None:
        return Nowhere()
    database = await app.database()
    root, ref = _place(order.repo)
    running = app.runs.get(f"{root}@{ref}")
    if running is not None:
        await running.wait(INDEXING_S)
    view = await views.find(database, root, ref)
    if view is None:
        raise NotIndexed(
            f"{order.repo} has no index any more",
            why="it was forgotten after the run was ordered",
            next="index it again",
        )
    return Repository(app, view)


def _ground(app: App) -> Callable[[Order, Pattern, Sources], Awaitable[Ground]]:
    async def ground(order: Order, pattern: Pattern, sources: Sources) -> Ground:
        from sophia_mcp.swarm.gates import Ground

        if not isinstance(sources, Repository):
            return Ground(sources.read)
        root = Path(sources.view.root) if sources.view.on_disk else None
        return Ground(sources.file, root=root, allowed=_allowed(app, pattern, root))

    return ground


def _allowed(app: App, pattern: Pattern, root: Path | None) -> Allowed:
    """The commands that the person's own settings and own pattern let run on this folder."""
    from sophia_mcp.security.paths import of_home
    from sophia_mcp.settings import environment
    from sophia_mcp.swarm.gates import Allowed

    chosen = app.settings.gates
    folders = [of_home(folder).resolve() for folder in chosen.roots]
    if root is None or (folders and not any(root.is_relative_to(folder) for folder in folders)):
        return Allowed()
    return Allowed(
        commands=(*(tuple(one) for one in chosen.commands if one), *pattern.commands),
        seconds=chosen.seconds,
        output_bytes=chosen.output_kb * 1000,
        copy_bytes=chosen.copy_mb * 1_000_000,
        path=environment("PATH") or os.defpath,
    )


def _learner(app: App) -> Callable[[Run], Awaitable[None]]:
    """What memory keeps of a run that has ended: nothing of one that asked no model."""

    async def learn(run: Run) -> None:
        from sophia_mcp.memory.kinds import kind_of
        from sophia_mcp.memory.learn import RunRecord

        money, order, outcome = await app.money(), run.order, run.outcome
        models = {
            entry.model async for entry in money.ledger.entries(run=run.id) if entry.outcome != "unsent"
        }
        if outcome is None and not models:
            return
        cost = await money.run_cost(run.id)
        findings = outcome.findings if outcome is not None else ()
        record = RunRecord(
            run_id=run.id,
            pattern=order.pattern,
            task=order.task,
            status=run.status,
            summary=outcome.summary if outcome is not None else run.reason,
            task_kind=kind_of(order.pattern, order.task, diff=order.diff is not None),
            model=models.pop() if len(models) == 1 else "",
            tier=order.tier,
            gates=run.gates,
            findings=len(findings),
            cost_nano=cost.spent_nano,
            duration_ns=run.updated_ns - run.created_ns,
            stood=findings,
            used=await _lessons_used(app, run.id),
        )
        memory = await app.memory()
        try:
            await memory.record_run(record, _caller(order))
        except NotFound:
            return  # the repository has gone: there is nothing to remember it under

    return learn


def _adviser(app: App) -> Callable[[Order], Awaitable[tuple[str, ...]]]:
    """What memory says of an order: how such runs went, and the latest one like it."""

    async def advise(order: Order) -> tuple[str, ...]:
        from sophia_mcp.memory.kinds import kind_of

        memory = await app.memory()
        kind = kind_of(order.pattern, order.task, diff=order.diff is not None)
        advice = await memory.advise(order.pattern, task_kind=kind, tier=order.tier)
        said = advice.text.splitlines()
        if order.task.strip():
            for like in await memory.similar_runs(order.task, _caller(order), limit=1):
                said.append(
                    f'a run like it: recall(query="{like.id}"), get_run(run_id="{like.source[4:]}")'
                )
        return tuple(said)

    return advise


async def _lessons_used(app: App, run_id: str) -> tuple[str, ...]:
    """Ids of the lessons that stood in a run's prompts, as its journal kept them."""
    from sophia_mcp.memory.render import lessons
    from sophia_mcp.swarm.asking.material import restored
    from sophia_mcp.swarm.history.journal import lines
    from sophia_mcp.swarm.running.run import CONTEXT
    from sophia_mcp.types import LOCAL

    for line in await lines(await app.truth(), LOCAL, run_id):
        if line.key == CONTEXT and line.output:
            sections = restored(line.output).sections
            return tuple(id_ for each in sections if each.kind == "memory" for id_ in lessons(each.text))
    return ()


def _caller(order: Order) -> Caller:
    """Who asks memory for a run of this order: its repository."""
    from sophia_mcp.memory.note import Caller

    return Caller(project=_place(order.repo)[0] if order.repo else None)


def _limits(parts: Parts) -> Limits:
    from sophia_mcp.swarm.patterns import Limits

    chosen = parts.settings.swarm
    return Limits(
        agents=chosen.agents,
        concurrent=chosen.concurrent,
        steps=chosen.steps,
        rounds=Limits().rounds,
        wall_s=int(chosen.wall_minutes * 60),
    )


def _place(repo: str) -> tuple[Path, str]:
    """Folder and ref of a repository as `placed` names it."""
    root, _, ref = repo.rpartition("@")
    return (Path(root), ref) if root and not os.path.isdir(repo) else (Path(repo), "")


def _fence_key(path: Path) -> bytes:
    """The key of this installation's fences, made on first use. The same in every process, so that a
    question looks the same wherever its run goes on."""
    made = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    if not path.exists():
        with os.fdopen(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):
            os.link(made, path)  # whole or not at all, and only for the first
        made.unlink()
    return path.read_bytes()
