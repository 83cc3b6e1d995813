"""What was asked of models, and what did it cost? The one place that writes money down.

Every attempt is written before it is made, together with the most it can cost, in one immediate
transaction over every budget that applies. Ending it writes its entry, all sums and the release of
what it held, in one transaction. What a process leaves behind when it dies becomes an uncertain
entry: it counts against budgets until somebody says what it really cost.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import anyio

from sophia_mcp.cost.days import DAY_NS, FOREVER
from sophia_mcp.cost.ledger import lines, spending
from sophia_mcp.cost.ledger.alerts import Alert, Listener, crossed, told
from sophia_mcp.cost.ledger.entry import (
    Attempt,
    Entry,
    Measures,
    Price,
    Priced,
    Record,
    Settled,
    Standing,
    mark,
)
from sophia_mcp.cost.ledger.lines import Line
from sophia_mcp.cost.ledger.spending import Refused
from sophia_mcp.errors import NotFound
from sophia_mcp.llm.counting import tokens
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.store.database import Database, Transaction
from sophia_mcp.types import LOCAL, Ask, Basis, RunCost, Scope, Usage

GRACE_S = 30.0
"""How long after its deadline an attempt may still end by itself."""

_PAGE = 500
_PATIENCE_NS = 30 * DAY_NS
_WEAKEST: tuple[Basis, ...] = ("reported", "computed", "estimated", "unpriced")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The attempt that was let through, and the soft budgets it passes."""

    attempt: Attempt
    soft: tuple[Standing, ...] = ()


@dataclass
class Ledger:
    """The ledger of one workspace in one database. ``holder`` names this process, and ``dead`` says of
    another one's name whether it has surely ended. ``user`` is whom calls count for that name nobody.
    ``listeners`` hear of budgets; ``changed`` is set, and replaced, when something ended."""

    db: Database
    holder: str
    scope: Scope = LOCAL
    user: str = ""
    clock: Clock = system
    dead: Callable[[str], bool] = lambda holder: False
    listeners: list[Listener] = field(default_factory=list)
    changed: anyio.Event = field(default_factory=anyio.Event)

    def attempt(self, ask: Ask, provider: str) -> Attempt:
        """The attempt of a question now, before anything is reserved or written."""
        made = _started(ask, provider, self.clock())
        if not made.labels.user and self.user:
            made = replace(made, labels=replace(made.labels, user=self.user))
        return made

    async def reserve(self, attempt: Attempt, *, unpriced_tokens: int = 0) -> Allowed | Refused:
        """Write an attempt down with what it holds, unless a hard budget has no room for it.

        One immediate transaction: of all processes together, never more is held than the budgets
        have. ``unpriced_tokens`` is what calls without a price may use in a day.
        """
        alerts: list[Alert] = []
        async with self.db.write(self.scope) as tx:
            limits = [*await spending.stored(tx), *attempt.limits]
            standings = await spending.standings(tx, limits, attempt.labels, attempt.at_ns)
            refused = spending.refusal(standings, attempt.reserved_nano)
            if refused is None and attempt.reserved_tokens:
                refused = await spending.refused_tokens(tx, attempt, unpriced_tokens)
            if refused is None:
                attempt = await lines.start(tx, attempt, self.holder, self.clock())
            elif refused.standing is not None and not refused.waiting:
                alerts = await crossed(tx, [refused.standing], self.clock(), refused=True)
        await told(alerts, self.listeners)
        if refused is not None:
            return refused
        held = attempt.reserved_nano
        over = [
            each for each in standings if each.used_nano + each.reserved_nano + held > each.limit.nano
        ]
        return Allowed(attempt, tuple(over))

    async def begin(self, attempt: Attempt) -> Attempt:
        """Write an attempt down that no budget is asked for. Whoever answers one that holds nothing may
        take days, so only the end of its process ends it early."""
        if not attempt.reserved_nano:
            attempt = replace(attempt, until_ns=attempt.at_ns + _PATIENCE_NS)
        async with self.db.write(self.scope) as tx:
            return await lines.start(tx, attempt, self.holder, self.clock())

    async def settle(self, attempt: Attempt, settled: Settled) -> None:
        """End an attempt: its entry, every sum and the release of what it held, at once. Truthful also
        where it cost more than was reserved. Shielded from cancellation; settling twice changes
        nothing, and an attempt that was believed lost is corrected."""
        with anyio.CancelScope(shield=True):
            async with self.db.write(self.scope) as tx:
                alerts = await self._settle(tx, attempt, settled)
            self._tell()
            await told(alerts, self.listeners)

    async def _settle(self, tx: Transaction, attempt: Attempt, settled: Settled) -> list[Alert]:
        now, measures, corrects = self.clock(), settled.measures(), 0
        line_about = attempt
        if await lines.ended(tx, attempt.id) is None:
            found = await lines.find(tx, attempt.id)
            if found is None or found[0].outcome != "uncertain" or not found[1].uncertain_nano:
                return []
            measures, corrects = measures - found[1], attempt.id
            line_about = replace(attempt, id=await lines.next_id(tx, now))
        await lines.write(tx, [Line(line_about, settled, measures, corrects)], now)
        limits = [*await spending.stored(tx), *attempt.limits]
        standings = await spending.standings(tx, limits, attempt.labels, attempt.at_ns)
        return await crossed(tx, standings, now)

    async def sweep(self) -> int:
        """Turn attempts whose process died, or whose time is long over, into uncertain entries that
        count with all they held. Returns how many there were."""
        async with self.db.read(self.scope) as tx:
            rows = await tx.rows(
                "SELECT id, holder, until_ns FROM cost_attempts WHERE workspace = :workspace"
            )
        lost = [id_ for id_, holder, until in rows if until <= self.clock() or self._is_dead(holder)]
        for attempt_id in lost:
            async with self.db.write(self.scope) as tx:
                found = await lines.ended(tx, attempt_id)
                if found is not None:
                    settled = Settled(
                        "uncertain",
                        uncertain_nano=found.reserved_nano,
                        error="its process ended before it was settled",
                    )
                    await lines.write(tx, [Line(found, settled, settled.measures())], self.clock())
        if lost:
            self._tell()
        return len(lost)

    async def reconcile(self, entry_id: int, nano: int) -> None:
        """Say what an entry with uncertain spending really cost. Raises NotFound for any other."""
        async with self.db.write(self.scope) as tx:
            found = await lines.find(tx, entry_id)
            if found is None or found[1].uncertain_nano == 0:
                raise NotFound(
                    f"no entry {entry_id} with uncertain spending",
                    why="it is unknown, or was reconciled already",
                    next="list them with: sophia cost uncertain",
                )
            entry, now_is = found
            change = Measures(
                nano=nano - now_is.nano,
                uncertain_nano=-now_is.uncertain_nano,
                estimated_nano=-now_is.estimated_nano,
                wasted_nano=nano - now_is.nano if entry.outcome != "answered" else 0,
            )
            about = replace(lines.as_attempt(entry), id=await lines.next_id(tx, self.clock()))
            settled = Settled("correction", error="reconciled by a person")
            await lines.write(tx, [Line(about, settled, change, entry_id)], self.clock())
        self._tell()

    async def record(self, records: Iterable[Record]) -> tuple[int, int]:
        """Write calls down that were not made here, in one transaction. One whose ``origin`` is known
        already is corrected by the difference, or left alone where nothing or an older telling of it
        comes. Returns (new, corrected)."""
        given, fresh, mended = list(records), [], []
        async with self.db.write(self.scope) as tx:
            known = await lines.of_origins(tx, (each.origin for each in given if each.origin))
            id_ = await lines.next_id(tx, self.clock())
            for each in {each.origin or str(n): each for n, each in enumerate(given)}.values():
                measures = each.settled.measures()
                about = Attempt(id_, each.at_ns, each.provider, each.model, each.labels, each.processing)
                if each.origin not in known:
                    fresh.append(Line(about, each.settled, measures, origin=each.origin))
                else:
                    found = await lines.find(tx, known[each.origin])
                    assert found is not None
                    if measures == found[1] or each.is_older(found[1]):
                        continue
                    about = replace(lines.as_attempt(found[0]), id=id_)
                    mended.append(Line(about, each.settled, measures - found[1], known[each.origin]))
                id_ += 1
            await lines.write(tx, [*fresh, *mended], self.clock())
        return len(fresh), len(mended)

    async def reprice(self, price: Price, since: int = 0, until: int = FOREVER) -> tuple[int, int]:
        """Reckon the entries of the days from ``since`` to before ``until`` again, each at its own
        moment, and append the differences. What a provider billed itself stays. Returns how many
        entries changed, and by how many nano-dollars in all."""
        changed = total = 0
        async for entry in self.entries(since, until):
            if (
                entry.corrects
                or entry.basis == "reported"
                or entry.outcome in ("uncertain", "unsent", "cached")
            ):
                continue
            async with self.db.write(self.scope) as tx:
                found = await lines.find(tx, entry.id)
                assert found is not None
                settled = _again(entry, found[1], price)
                change = settled.measures() - found[1]
                if change == Measures():
                    continue
                about = replace(lines.as_attempt(entry), id=await lines.next_id(tx, self.clock()))
                await lines.write(tx, [Line(about, settled, change, entry.id)], self.clock())
            changed, total = changed + 1, total + change.nano
        return changed, total

    async def entries(
        self, since: int = 0, until: int = FOREVER, *, run: str | None = None
    ) -> AsyncIterator[Entry]:
        """Every entry of the days from ``since`` to before ``until``, in the order they were written.
        Those written while this goes on are left out."""
        after, end = 0, self.clock()
        while True:
            async with self.db.read(self.scope) as tx:
                some = await lines.page(tx, since, until, after, _PAGE, run=run)
            for entry in some:
                if entry.recorded_ns <= end:
                    yield entry
            if len(some) < _PAGE or some[-1].recorded_ns > end:
                return
            after = some[-1].id

    async def run_cost(self, run: str) -> RunCost:
        """What a run has cost so far, and what its calls in flight, and those that may
        have cost something, hold."""
        async with self.db.read(self.scope) as tx:
            rows = await tx.rows(
                "SELECT basis, sum(nano), sum(uncertain_nano), sum(input_tokens), sum(output_tokens),"
                " sum(cached_tokens), sum(calls) FROM cost_entries"
                " WHERE workspace = :workspace AND run = :run AND run <> '' GROUP BY basis",
                {"run": run},
            )
            held = await tx.rows(
                "SELECT coalesce(sum(reserved_nano), 0) FROM cost_attempts"
                " WHERE workspace = :workspace AND run = :run",
                {"run": run},
            )
        spent, uncertain, sent, made, read = (sum(row[i] for row in rows) for i in range(1, 6))
        bases: list[Basis] = [row[0] for row in rows if row[6]] or ["computed"]
        weakest = max(bases, key=_WEAKEST.index)
        return RunCost(spent, held[0][0] + uncertain, sent, made, read, weakest)

    async def step_cost(self, run: str, step: str) -> int | None:
        """Nano-dollars that one step of a run has cost so far; None where nothing is written of it."""
        async with self.db.read(self.scope) as tx:
            [(entries, nano)] = await tx.rows(
                "SELECT count(*), sum(nano) FROM cost_entries WHERE workspace = :workspace"
                " AND run = :run AND run <> '' AND step = :step",
                {"run": run, "step": step},
            )
        return int(nano) if entries else None

    def _is_dead(self, holder: str) -> bool:
        return holder != self.holder and self.dead(holder)

    def _tell(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()


def _again(entry: Entry, now_is: Measures, price: Price) -> Settled:
    """How an entry would be settled at other prices: the same tokens at the same moment."""
    used = Usage(
        input_tokens=now_is.input_tokens,
        output_tokens=now_is.output_tokens,
        cached_tokens=now_is.cached_tokens,
        cache_write_tokens=now_is.cache_write_tokens,
        cache_write_1h_tokens=now_is.cache_write_1h_tokens,
        reasoning_tokens=now_is.reasoning_tokens,
        searches=now_is.searches,
        estimated=entry.basis == "estimated",
    )
    priced: Priced = price(
        used,
        provider=entry.provider,
        model=entry.model,
        at_ns=entry.at_ns,
        processing=entry.processing,
    )
    return Settled(entry.outcome, used, priced, uncertain_nano=now_is.uncertain_nano)


def _started(ask: Ask, provider: str, at_ns: int) -> Attempt:
    """The attempt of a question, before anything is reserved."""
    shared = "\0".join(message.text for message in ask.messages if message.shared)
    whole = json.dumps(
        [
            provider,
            ask.model,
            [[m.role, m.text] for m in ask.messages],
            ask.schema,
            ask.max_tokens,
            ask.temperature,
        ],
        default=str,
        sort_keys=True,
    )
    return Attempt(
        0,
        at_ns,
        provider,
        ask.model,
        labels=ask.labels,
        processing=ask.processing,
        until_ns=at_ns + int((ask.deadline_s + GRACE_S) * 1e9),
        fingerprint=mark(whole),
        shared=mark(shared) if shared else 0,
        shared_tokens=_counted(shared) if shared else 0,
    )


@lru_cache(16)
def _counted(shared: str) -> int:
    """All steps of a fan-out share one text."""
    return tokens.count(shared)
