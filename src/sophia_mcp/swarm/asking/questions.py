"""Which questions does a step ask, and how are they put together? Pure, but for the fences' key.

The order of questions, their keys and their words depend only on the pattern, the material and the
answers before them: that is what makes a journalled step the same step when a run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sophia_mcp.swarm.answers import debate
from sophia_mcp.swarm.answers.proposals import Proposal, listing, propose
from sophia_mcp.swarm.asking.agent import Call, Given
from sophia_mcp.swarm.asking.material import Wording
from sophia_mcp.swarm.fence import Section
from sophia_mcp.swarm.patterns import Pattern, Step
from sophia_mcp.types import Message, Tier


@dataclass(frozen=True, slots=True)
class Ended:
    """One step of the pattern that has ended: its answers, and what they propose that stands."""

    answers: tuple[Given, ...] = ()
    asked: int = 0
    stands: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of one run. ``ended`` is what has been answered so far; it grows."""

    pattern: Pattern
    wording: Wording
    tier: Tier
    ended: Mapping[str, Ended]

    def of(self, step: Step) -> list[Call]:
        """The questions of a planning, reading or writing step, in an order that stays."""
        shared = self.wording.shared(self._earlier(step))
        if step.fan_out == "items":
            role = self.pattern.roles[step.roles[0]]
            return [
                self._call(
                    step, f"{step.key}.{number}", shared, self.wording.question(step, role, item=item)
                )
                for number, item in enumerate(self._items(step), 1)
            ]
        return [
            self._call(
                step,
                f"{step.key}.{role}" if step.fan_out else step.key,
                shared,
                self.wording.question(step, self.pattern.roles[role]),
                role=role,
            )
            for role in step.roles
        ]

    def about(self, step: Step, base: Proposal, turnout: str) -> Call:
        """The question of a verifier or judge about what stands."""
        items = Section("items", "what was proposed and passed the checks", listing(base) or "none")
        role = self.pattern.roles[step.roles[0]]
        question = self.wording.question(step, role, turnout)
        return self._call(step, step.key, self.wording.shared([items]), question)

    def repair(self, first: Call, answer: Given, advice: str, number: int) -> Call:
        """The first question again, with the answer that was refused and why."""
        text = answer.text or json.dumps(answer.value, ensure_ascii=False)
        why = self.wording.data(Section("gate", "what the checks said of your answer", advice))
        last = f"Your answer was refused.\n{why}\nAnswer again with all edits, mended."
        again = (*first.messages, Message("assistant", text), Message("user", last))
        return replace(first, key=f"{first.key}.repair{number}", messages=again)

    def round(self, calls: Sequence[Call], given: Sequence[Given], number: int) -> list[Call]:
        """The questions of one round of a debate. ``calls`` are the first questions of those who
        answered, ``given`` what they say now."""
        told = [
            Section("answer", each.role, listing(propose(each.value)) or "nothing") for each in given
        ]
        heard = Message("user", self.wording.data(*told), shared=True)
        return [
            replace(
                call,
                key=f"{call.key}.round{number}",
                messages=(
                    *call.messages[:-1],
                    heard,
                    Message(
                        "user", f"{call.messages[-1].text}\n\nYou are {call.role}. {debate.INVITATION}"
                    ),
                ),
            )
            for call in calls
        ]

    def _call(
        self, step: Step, key: str, shared: Sequence[Message], last: Message, *, role: str = ""
    ) -> Call:
        tier = step.tier or self.tier
        return Call(key, role or step.roles[0], (*shared, last), step.max_tokens, step.schema, tier)

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
