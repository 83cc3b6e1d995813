"""Can this order be done, what would it take, and are these answers what was asked for?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anyio.to_thread

from sophia_mcp.errors import BadArgument, BadSetting, NotFound
from sophia_mcp.llm.counting import tokens
from sophia_mcp.llm.form import broken, faults, read
from sophia_mcp.security.secrets import mask
from sophia_mcp.swarm.answers import debate
from sophia_mcp.swarm.asking.agent import PATIENT
from sophia_mcp.swarm.asking.material import Material, Wording, gather, is_diff, shared_tokens
from sophia_mcp.swarm.history.book import ENDED, Run
from sophia_mcp.swarm.history.journal import Line, tail
from sophia_mcp.swarm.patterns import Limits, Pattern, Step, Take
from sophia_mcp.swarm.running.means import Chosen, Means
from sophia_mcp.types import Order, Packet

LOOK_S = 3.0
"""How long a caller waits to hear that there is nothing to work on."""

_GIVEN: dict[Take, str] = {"task": 'task="…"', "paths": 'paths=["…"]', "diff": 'diff="…"'}
"""How what an order may bring is written in a call."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take at most. ``nano`` is None where no price is known; ``free``: nothing is
    charged."""

    pattern: str
    provider: str
    free: bool
    calls: int
    input_tokens: int
    output_tokens: int
    nano: int | None
    notes: tuple[str, ...] = ()


def within(pattern: Limits, settings: Limits) -> Limits:
    """The lower of two limits, each."""
    return Limits(
        agents=min(pattern.agents, settings.agents),
        concurrent=min(pattern.concurrent, settings.concurrent),
        steps=min(pattern.steps, settings.steps),
        rounds=min(pattern.rounds, settings.rounds),
        wall_s=min(pattern.wall_s, settings.wall_s),
    )


def calls(pattern: Pattern, rounds: int) -> int:
    """How many questions a run of the pattern asks at most, repairs aside."""
    return sum(_asked(step, rounds) for step in pattern.steps)


def _asked(step: Step, rounds: int) -> int:
    """How many questions a step asks at most, repairs aside."""
    return step.at_most * (1 + (rounds if step.debate and step.at_most > 1 else 0))


def without_secrets(order: Order) -> Order:
    """The order as it is written down and sent: what was pasted into it may hold a secret."""
    diff = None if order.diff is None else mask(order.diff).text
    return replace(order, task=mask(order.task).text, diff=diff)


def checked(means: Means, order: Order) -> Pattern:
    """The pattern of an order that can be done. Raises NotFound, BadArgument, and BadSetting for a
    pattern of one's own whose steps ask for answers of no form."""
    pattern = means.library(order).load(order.pattern)
    for step in pattern.steps if pattern.origin != "shipped" else ():
        if wrong := broken(step.schema):
            raise BadSetting(
                f"the pattern {pattern.name} has a schema that is none",
                why=f"step {step.key}, {wrong}",
                next=f"mend the schema of that step in {pattern.name}.toml; it is JSON Schema 2020-12",
            )
    if not 0 <= order.debate_rounds <= debate.ROUNDS:
        raise BadArgument(
            f"debate_rounds must be 0 to {debate.ROUNDS}",
            why=f"it is {order.debate_rounds}",
            next="use debate_rounds=0",
        )
    limits = within(pattern.limits, means.limits)
    if len(pattern.roles) > limits.agents or calls(pattern, 0) > limits.steps:
        raise BadArgument(
            f"the pattern {pattern.name} is too large",
            why=f"it has {len(pattern.roles)} roles and up to {calls(pattern, 0)} steps; the limits are"
            f" {limits.agents} and {limits.steps}",
            next="use another pattern, or raise swarm.agents or swarm.steps",
        )
    if order.diff is not None and not is_diff(order.diff):
        raise BadArgument(
            "the diff is none",
            why="no line of it begins with `diff --git` or `@@ -`",
            next="send what `git diff` prints, or name the files as paths",
        )
    given = {"task": order.task.strip(), "paths": order.paths, "diff": order.diff or order.repo}
    if not any(given.get(name) for name in pattern.requires):
        raise BadArgument(
            f"the pattern {pattern.name} needs one of: {', '.join(pattern.requires)}",
            why="none of them was given",
            next=f"send the same call with {_GIVEN[pattern.requires[0]]}",
        )
    return pattern


def still_free(means: Means, run: Run, limit: int | None) -> None:
    """Refuse to go on without a limit with a run that began as free and would cost money now. Raises
    BadArgument."""
    if not run.free or limit is not None or run.provider in PATIENT:
        return
    now_is = means.models.choose(run.provider, can_sample=False)
    if not now_is.free:
        raise BadArgument(
            f"the run {run.id} began as free and cannot go on without a limit",
            why=f"the provider {run.provider} costs money now ({now_is.why})",
            next='send the same call with max_cost_usd, for example "0.50"',
        )


def same_limit(run: Run, limit: int | None) -> None:
    """Refuse another limit for a run that does not take one now. Raises BadArgument."""
    if run.order.max_cost_nano == limit:
        return
    done = run.status == "done"
    raise BadArgument(
        f"the limit of the run {run.id} cannot be changed",
        why="it is done" if done else "it is at work; what it may spend is reserved by its limit",
        next=f"call get_run(run_id={run.id!r})"
        + ("" if done else ", and resume it with max_cost_usd where it ends over its budget"),
    )


async def looked_at(means: Means, order: Order, pattern: Pattern) -> None:
    """Refuse an order without a task whose places hold nothing, before there is a run of it. A
    repository that is still being indexed is left to the run. Raises BadArgument."""
    if order.task.strip():
        return
    with anyio.move_on_after(LOOK_S):
        found(order, await gather(pattern, order, await means.sources(order)))


def found(order: Order, material: Material) -> None:
    """Raises BadArgument where there is neither a task nor anything to read."""
    if not (material.sections or order.task.strip()):
        raise BadArgument(
            "there is nothing to work on",
            why="; ".join(material.notes) or "nothing has changed, and no task was given",
            next="give a task, paths that can be read, or a diff",
        )


async def estimate(means: Means, order: Order, pattern: Pattern, chosen: Chosen) -> Estimate:
    """What a run of this order would take at most, and how runs like it went. Asks no model."""
    material = await gather(pattern, order, await means.sources(order))
    found(order, material)
    wording = Wording(pattern, order.task, material, means.fence)
    opening = await anyio.to_thread.run_sync(shared_tokens, wording.opening())
    asked = sent = answered = 0
    nano: int | None = 0
    for step in pattern.steps:
        times = _asked(step, order.debate_rounds) + step.repairs
        earlier = sum(each.at_most * each.max_tokens for each in map(pattern.step, step.needs))
        own = tokens.count(step.prompt) + max(
            tokens.count(pattern.roles[role].prompt) for role in step.roles
        )
        size = opening + earlier + own
        asked, sent, answered = (
            asked + times,
            sent + times * size,
            answered + times * step.max_tokens,
        )
        price = await means.costs.quote(
            chosen.name,
            step.tier or order.tier,
            input_tokens=size,
            output_tokens=step.max_tokens,
        )
        nano = None if nano is None or price is None else nano + times * price
    return Estimate(
        order.pattern,
        chosen.name,
        chosen.free,
        asked,
        sent,
        answered,
        0 if chosen.free else nano,
        (*material.notes, *(await means.advise(order) if means.advise is not None else ())),
    )


def answers(run: Run, written: Sequence[Line], results: Mapping[str, Any]) -> dict[str, Any]:
    """The answers as they are kept. Raises NotFound, BadArgument."""
    if run.status in ENDED:
        raise BadArgument(
            f"the run {run.id} takes no answers any more",
            why=f"it is {run.status}",
            next=f"call get_run(run_id={run.id!r})",
        )
    if not results:
        raise BadArgument(
            "results is empty", next='send results={"KEY": ANSWER} for the steps that wait'
        )
    known = {line.key: line for line in written}
    waiting = {line.key: line.packet for line in tail(written, "waiting") if line.packet is not None}
    listed = f"waiting now: {', '.join(waiting)}" if waiting else "no step waits now"
    values: dict[str, Any] = {}
    for key, given in results.items():
        if key not in waiting:
            if key in known:
                raise BadArgument(
                    f"the step {key!r} of {run.id} takes no answer any more",
                    why=f"it is {known[key].state}; {listed}",
                    next=f"call get_run(run_id={run.id!r})",
                )
            raise NotFound(
                f"the run {run.id} has no step {key!r}", why=listed, next="use the keys that wait"
            )
        values[key] = _fitting(key, waiting[key], given)
    return values


def _fitting(key: str, packet: Packet, given: Any) -> Any:
    if packet.schema is None:
        return given if isinstance(given, str) else str(given)
    if isinstance(given, str):
        value, wrong = read(given, packet.schema)
    else:
        value, wrong = given, faults(given, packet.schema)
    if wrong:
        raise BadArgument(
            f"the answer to {key!r} is not of the form its step asks for",
            why="; ".join(wrong[:4]),
            next="send that answer again, mended; the other answers of this call were not taken either",
        )
    return value
