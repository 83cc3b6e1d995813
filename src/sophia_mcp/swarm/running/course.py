"""How does a run walk through its pattern, from the first question to what stands in the end?

Steps begin as soon as all they need has ended. Reading fans out, writing is one call at a time; what
an answer proposes passes the gates before any other step sees it. A branch that a budget or a
provider refuses is left out and said so; a step whose quorum is missed ends the run, unless it is
optional or only speaks about what stands already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from sophia_mcp.swarm.answers import debate
from sophia_mcp.swarm.answers.proposals import DOUBT, Proposal, pool, propose, ranked, upheld
from sophia_mcp.swarm.asking.agent import Answer, Call, Given, Left
from sophia_mcp.swarm.asking.fanout import FanOut
from sophia_mcp.swarm.asking.material import Wording
from sophia_mcp.swarm.asking.questions import Ended, Questions
from sophia_mcp.swarm.gates import Gated, Ground, gate
from sophia_mcp.swarm.history.journal import Journal
from sophia_mcp.swarm.patterns import Pattern, Step
from sophia_mcp.types import GateResult, Tier

_OPINIONS = ("verify", "judge")


class Short(Exception):
    """A step that the run cannot do without came to nothing. ``money``: for want of budget."""

    def __init__(self, reason: str, *, money: bool) -> None:
        super().__init__(reason)
        self.reason, self.money = reason, money


@dataclass(eq=False)
class Course:
    """One walk through a pattern.

    Afterwards ``outcome`` is what stands, ``gates`` and ``notes`` what was decided on the way."""

    pattern: Pattern
    wording: Wording
    fan_out: FanOut
    journal: Journal
    ground: Ground
    tier: Tier
    rounds: int = 0
    gates: list[GateResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: dict[str, Ended] = field(default_factory=dict)
    _over: dict[str, anyio.Event] = field(default_factory=dict)

    async def walk(self) -> Proposal:
        """Take every step; what stands in the end. Raises Short."""
        self._questions = Questions(self.pattern, self.wording, self.tier, self.ended)
        self._over = {step.key: anyio.Event() for step in self.pattern.steps}
        short: list[Short] = []
        async with anyio.create_task_group() as group:
            for step in self.pattern.steps:
                group.start_soon(self._in_turn, step, group, short)
        if short:
            raise short[0]
        return self.stands()

    def stands(self) -> Proposal:
        """What is proposed and not refuted so far, the last opinion's order first."""
        spoken = {key for step in self._opinions() for key in self._before(step)}
        left = [
            ended.stands
            for step in self.pattern.steps
            if step.key not in spoken
            and (ended := self.ended.get(step.key)) is not None
            and ended.stands is not None
        ]
        return pool(left)

    def _opinions(self) -> list[Step]:
        """The verifying and judging steps that were heard."""
        return [
            step
            for step in self.pattern.steps
            if step.kind in _OPINIONS
            and (ended := self.ended.get(step.key)) is not None
            and ended.stands is not None
        ]

    def _before(self, step: Step) -> set[str]:
        """The keys of everything a step rests on."""
        rests: set[str] = set()
        for need in step.needs:
            rests |= {need} | self._before(self.pattern.step(need))
        return rests

    async def _in_turn(self, step: Step, group: Any, short: list[Short]) -> None:
        for need in step.needs:
            await self._over[need].wait()
        try:
            self.ended[step.key] = await self._take(step)
        except Short as problem:
            self.ended[step.key] = Ended()
            if step.optional or step.kind in _OPINIONS:
                self.notes.append(f"{step.key} was left out: {problem.reason}")
                await self.journal.note("decision", step.key, left_out=problem.reason)
            else:
                short.append(problem)
                group.cancel_scope.cancel()
        self._over[step.key].set()

    async def _take(self, step: Step) -> Ended:
        if step.kind in _OPINIONS:
            return await self._opinion(step)
        if step.kind == "write":
            return await self._write(step)
        calls = self._questions.of(step)
        answers = await self.fan_out.ask(calls)
        given = self._quorum(step, answers)
        if step.kind == "plan":
            return Ended(given, len(calls))
        if step.debate and self.rounds and len(given) > 1:
            given = await self._debated(step, calls, given)
        gated = await self._gated(step, pool(propose(each.value) for each in given))
        self.gates += gated.results
        return Ended(given, len(calls), replace(gated.proposal, faults=()))

    async def _one(self, step: Step, call: Call) -> Given:
        """One call that the step cannot do without. Raises Short."""
        [answer] = await self.fan_out.ask([call])
        if isinstance(answer, Left):
            raise Short(f"{step.key}: {answer.said}", money=answer.money)
        return answer

    def _quorum(self, step: Step, answers: Sequence[Answer]) -> tuple[Given, ...]:
        """Those that answered. Raises Short where they are too few."""
        given = tuple(each for each in answers if isinstance(each, Given))
        left = [each for each in answers if isinstance(each, Left)]
        turnout = f"{len(given)} of {len(answers)} answered"
        if len(given) < step.quorum:
            reason = f"{turnout}, {step.quorum} were needed"
            first = f": {left[0].said}" if left else ""
            # With money for all it was wanted for, would they have been enough?
            unpaid = sum(each.money for each in left)
            raise Short(
                f"{step.key}: {reason}{first}", money=bool(unpaid) and len(given) + unpaid >= step.quorum
            )
        if left:
            reasons = "; ".join(dict.fromkeys(each.reason for each in left))
            self.notes.append(f"{step.key}: {turnout} ({reasons})")
        return given

    async def _debated(
        self, step: Step, calls: Sequence[Call], given: tuple[Given, ...]
    ) -> tuple[Given, ...]:
        """The answers after at most the rounds that were ordered."""
        spoke = {each.key for each in given}
        first = [call for call in calls if call.key in spoke]
        for number in range(1, min(self.rounds, debate.ROUNDS) + 1):
            answers = await self.fan_out.ask(self._questions.round(first, given, number))
            later = tuple(
                answer if isinstance(answer, Given) else old
                for answer, old in zip(answers, given, strict=True)
            )
            before = [propose(each.value) for each in given]
            after = [propose(each.value) for each in later]
            settled = debate.stable(before, after)
            await self.journal.note(
                "debate",
                step.key,
                round=number,
                agreement=round(debate.agreement(before, after), 3),
                settled=settled,
            )
            given = later
            if settled:
                break
        return given

    # --- gates and opinions -------------------------------------------------------------------------

    async def _gated(self, step: Step, proposal: Proposal) -> Gated:
        """What the gates leave of a proposal, and what each of them said."""
        gated = await gate(proposal, self.pattern.gates, self.ground)
        for one in gated.results:
            await self.journal.note(
                "gate", step.key, name=one.name, passed=one.passed, detail=one.detail
            )
        return gated

    async def _write(self, step: Step) -> Ended:
        """One answer that edits, asked again with what the gates said while they refuse it."""
        [first] = self._questions.of(step)
        call = first
        for attempt in range(1, step.repairs + 2):
            answer = await self._one(step, call)
            gated = await self._gated(step, propose(answer.value))
            if gated.passed or attempt > step.repairs:
                break
            call = self._questions.repair(first, answer, gated.advice, attempt)
        self.gates += gated.results
        if not gated.passed:
            raise Short(f"{step.key}: no patch passed the gates: {gated.advice}", money=False)
        return Ended((answer,), attempt, gated.proposal)

    async def _opinion(self, step: Step) -> Ended:
        """A verifier or a judge on what stands of all it rests on."""
        rests = self._before(step)
        spoken = {key for each in self._opinions() if each.key in rests for key in self._before(each)}
        before = [
            ended.stands
            for each in self.pattern.steps
            if each.key in rests - spoken and (ended := self.ended[each.key]).stands is not None
        ]
        base = pool([each for each in before if each is not None])
        if step.kind == "verify" and not (base.findings or base.claims or base.patch):
            await self.journal.note("decision", step.key, skipped="nothing to verify")
            return Ended((), 0, base)
        answer = await self._one(step, self._questions.about(step, base, self._turnout(rests)))
        if step.kind == "judge":
            stands = ranked(base, answer.value)
        else:
            stands, refuted = upheld(base, answer.value)
            for each in refuted:
                await self.journal.note("decision", step.key, refuted=each)
                if each.startswith(DOUBT):
                    self.notes.append(each)
        kept = len(stands.findings) + len(stands.claims)
        of = len(base.findings) + len(base.claims)
        await self.journal.note("decision", step.key, kept=kept, of=of)
        return Ended((answer,), 1, stands)

    def _turnout(self, rests: set[str]) -> str:
        """How many of those who were asked have answered."""
        asked = sum(self.ended[key].asked for key in rests if self.pattern.step(key).kind == "read")
        given = sum(
            len(self.ended[key].answers) for key in rests if self.pattern.step(key).kind == "read"
        )
        return f"{given} of {asked} agents answered." if asked else ""
