"""How does a pattern become questions, and their answers an outcome?

Steps begin as soon as all they need has ended. Reading fans out, writing is one call at a time; what
an answer proposes passes the gates before any other step sees it. A branch that a budget or a
provider refuses is left out and said so; a step whose quorum is missed ends the run, unless it is
optional or only speaks about what stands already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import anyio.to_thread

from sophia_mcp.swarm import debate
from sophia_mcp.swarm.agent import Answer, Asker, Call, Given, Left
from sophia_mcp.swarm.fence import Section
from sophia_mcp.swarm.gates import Gated, Ground, gate
from sophia_mcp.swarm.journal import Journal
from sophia_mcp.swarm.material import Wording, shared_tokens
from sophia_mcp.swarm.patterns import Pattern, Step
from sophia_mcp.swarm.proposals import DOUBT, Proposal, listing, pool, propose, ranked, upheld
from sophia_mcp.types import GateResult, Message, Tier

WARM_TOKENS = 4_000
"""A shared beginning of at least this is sent once before the rest of a fan-out follows."""

_OPINIONS = ("verify", "judge")


class Short(Exception):
    """A step that the run cannot do without came to nothing. ``money``: for want of budget."""

    def __init__(self, reason: str, *, money: bool) -> None:
        super().__init__(reason)
        self.reason, self.money = reason, money


@dataclass(frozen=True, slots=True)
class Ended:
    """One step of the pattern that has ended: its answers, and what they propose that stands."""

    answers: tuple[Given, ...] = ()
    asked: int = 0
    stands: Proposal | None = None


@dataclass(eq=False)
class Course:
    """One walk through a pattern. ``caches``: the provider serves repeated beginnings for less.

    Afterwards ``outcome`` is what stands, ``gates`` and ``notes`` what was decided on the way."""

    pattern: Pattern
    wording: Wording
    asker: Asker
    journal: Journal
    ground: Ground
    tier: Tier
    rounds: int = 0
    caches: bool = False
    gates: list[GateResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: dict[str, Ended] = field(default_factory=dict)
    _over: dict[str, anyio.Event] = field(default_factory=dict)

    async def walk(self) -> Proposal:
        """Take every step; what stands in the end. Raises Short."""
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
        calls = self._calls(step)
        answers = await self._fan_out(calls)
        given = self._quorum(step, answers)
        if step.kind == "plan":
            return Ended(given, len(calls))
        if step.debate and self.rounds and len(given) > 1:
            given = await self._debated(step, calls, given)
        gated = await self._gated(step, pool(propose(each.value) for each in given))
        self.gates += gated.results
        return Ended(given, len(calls), replace(gated.proposal, faults=()))

    # --- questions ----------------------------------------------------------------------------------

    def _calls(self, step: Step) -> list[Call]:
        """The questions of one step, in an order that stays."""
        shared = self.wording.shared(self._earlier(step))
        if step.fan_out == "items":
            role = self.pattern.roles[step.roles[0]]
            return [
                self._call(
                    step,
                    f"{step.key}.{number}",
                    step.roles[0],
                    shared,
                    self.wording.question(step, role, item=item),
                )
                for number, item in enumerate(self._items(step), 1)
            ]
        names = {role: f"{step.key}.{role}" if step.fan_out else step.key for role in step.roles}
        return [
            self._call(step, key, role, shared, self.wording.question(step, self.pattern.roles[role]))
            for role, key in names.items()
        ]

    def _call(self, step: Step, key: str, role: str, shared: Sequence[Message], *last: Message) -> Call:
        return Call(key, role, (*shared, *last), step.max_tokens, step.schema, step.tier or self.tier)

    def _items(self, step: Step) -> list[Any]:
        source, _, name = step.items.partition(".")
        lists = (
            each.value.get(name, ())
            for each in self.ended[source].answers
            if isinstance(each.value, Mapping)
        )
        return [item for each in lists if isinstance(each, list) for item in each][: step.at_most]

    def _earlier(self, step: Step) -> list[Section]:
        """The answers a step needs, as it is shown them."""
        sections: list[Section] = []
        for need in step.needs:
            ended = self.ended[need]
            if ended.stands is not None:
                text = listing(ended.stands) or "nothing that stands"
                sections.append(
                    Section("answer", need, "\n".join(filter(None, (ended.stands.summary, text))))
                )
                continue
            for each in ended.answers:
                text = (
                    json.dumps(each.value, ensure_ascii=False, indent=1)
                    if each.value is not None
                    else each.text
                )
                sections.append(Section("answer", each.key, text))
        return sections

    async def _fan_out(self, calls: Sequence[Call]) -> list[Answer]:
        """All calls at the same time; where a shared beginning is worth it, one goes ahead until its
        first word."""
        answers: dict[str, Answer] = {}
        warm = await self._worth_warming(calls)

        async def one(call: Call, heard: anyio.Event | None = None) -> None:
            try:
                hear = (lambda piece: heard.set()) if heard is not None else None
                answers[call.key] = await self.asker.ask(call, hear)
            finally:
                if heard is not None:
                    heard.set()

        async with anyio.create_task_group() as group:
            for call in calls:
                ahead = anyio.Event() if warm else None
                group.start_soon(one, call, ahead)
                if ahead is not None:
                    await ahead.wait()
                    # A replayed answer was sent to nobody, and so has warmed nothing.
                    early = answers.get(call.key)
                    warm = isinstance(early, Left) or (isinstance(early, Given) and early.replayed)
        return [answers[call.key] for call in calls]

    async def _one(self, step: Step, call: Call) -> Given:
        """One call that the step cannot do without. Raises Short."""
        answer = await self.asker.ask(call)
        if isinstance(answer, Left):
            raise Short(f"{step.key}: {answer.reason}", money=answer.money)
        return answer

    async def _worth_warming(self, calls: Sequence[Call]) -> bool:
        if not self.caches or len(calls) < 2:
            return False
        size = await anyio.to_thread.run_sync(shared_tokens, calls[0].messages)
        if size < WARM_TOKENS:
            return False
        await self.journal.note("cache", shared_tokens=size, agents=len(calls), ahead=calls[0].key)
        return True

    def _quorum(self, step: Step, answers: Sequence[Answer]) -> tuple[Given, ...]:
        """Those that answered. Raises Short where they are too few."""
        given = tuple(each for each in answers if isinstance(each, Given))
        left = [each for each in answers if isinstance(each, Left)]
        if left:
            reasons = "; ".join(dict.fromkeys(each.reason for each in left))
            self.notes.append(f"{step.key}: {len(given)} of {len(answers)} answered ({reasons})")
        if len(given) < step.quorum:
            reason = f"{len(given)} of {len(answers)} answered, {step.quorum} were needed"
            first = f": {left[0].reason}" if left else ""
            raise Short(
                f"{step.key}: {reason}{first}", money=bool(left) and all(each.money for each in left)
            )
        return given

    async def _debated(
        self, step: Step, calls: Sequence[Call], given: tuple[Given, ...]
    ) -> tuple[Given, ...]:
        """The answers after at most the rounds that were ordered."""
        by_key = {call.key: call for call in calls}
        first = {each.key: each.key for each in given}
        for number in range(1, min(self.rounds, debate.ROUNDS) + 1):
            before = [propose(each.value) for each in given]
            told = [
                Section("answer", each.role, listing(said) or "nothing")
                for each, said in zip(given, before, strict=True)
            ]
            again = []
            for each in given:
                call = by_key[first[each.key]]
                shared = (*call.messages[:-1], Message("user", self.wording.data(*told), shared=True))
                last = Message(
                    "user", f"{call.messages[-1].text}\n\nYou are {each.role}. {debate.INVITATION}"
                )
                again.append(
                    replace(call, key=f"{first[each.key]}.round{number}", messages=(*shared, last))
                )
            answers = await self._fan_out(again)
            later = tuple(
                answer if isinstance(answer, Given) else old
                for answer, old in zip(answers, given, strict=True)
            )
            first |= {new.key: first[old.key] for new, old in zip(later, given, strict=True)}
            after = [propose(each.value) for each in later]
            alike = debate.agreement(before, after)
            settled = debate.stable(before, after)
            await self.journal.note(
                "debate", step.key, round=number, agreement=round(alike, 3), settled=settled
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
        [first] = self._calls(step)
        call = first
        for attempt in range(1, step.repairs + 2):
            answer = await self._one(step, call)
            gated = await self._gated(step, propose(answer.value))
            if gated.passed or attempt > step.repairs:
                break
            call = self._mended(first, answer, gated.advice, attempt)
        self.gates += gated.results
        if not gated.passed:
            raise Short(f"{step.key}: no patch passed the gates: {gated.advice}", money=False)
        return Ended((answer,), attempt, gated.proposal)

    def _mended(self, first: Call, answer: Given, advice: str, number: int) -> Call:
        """The first question again, with the answer that was refused and why."""
        text = answer.text or json.dumps(answer.value, ensure_ascii=False)
        why = self.wording.data(Section("gate", "what the checks said of your answer", advice))
        last = f"Your answer was refused.\n{why}\nAnswer again with all edits, mended."
        again = (*first.messages, Message("assistant", text), Message("user", last))
        return replace(first, key=f"{first.key}.repair{number}", messages=again)

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
        shared = self.wording.shared(
            [Section("items", "what was proposed and passed the checks", listing(base) or "none")]
        )
        role = self.pattern.roles[step.roles[0]]
        last = self.wording.question(step, role, self._turnout(rests))
        answer = await self._one(step, self._call(step, step.key, step.roles[0], shared, last))
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
