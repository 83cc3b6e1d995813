"""Is this answer the JSON that was asked for, and if not, can the model mend it once?

An answer that does not fit (`llm/form.py`) goes back once with what is wrong with it.
"""

from __future__ import annotations

from dataclasses import replace

from sophia_mcp.errors import BadAnswer
from sophia_mcp.llm.form import read, whole
from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.types import Ask, Message, Reply

_REPEATED_CHARS = 4_000


class Structured:
    """Adds ``value`` to replies whose ask has a schema. At most two questions for one answer."""

    def __init__(self, inner: LLM) -> None:
        self._inner = inner

    @property
    def name(self) -> str:
        return self._inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """The inner answer; with a schema one that satisfies it. Raises BadAnswer after one repair."""
        reply = await self._asked(ask, hear)
        if ask.schema is None:
            return reply
        value, faults = read(reply.text, ask.schema)
        if not faults:
            return replace(reply, value=value)
        if reply.finish == "length":
            faults = (f"it was cut off at {ask.max_tokens} tokens: be much shorter", *faults)
        second = await self._asked(_repair(ask, reply.text, faults), hear)
        value, left = read(second.text, ask.schema)
        if not left:
            return replace(second, value=value)
        cut = second.finish == "length"
        raise BadAnswer(
            f"{second.provider} did not answer in the form asked for",
            why=(f"cut off at {ask.max_tokens} tokens; " if cut else "") + "; ".join(left[:3]),
            next="use a deeper tier or another provider" if not cut else "allow a longer answer",
        )

    async def _asked(self, ask: Ask, hear: Hear | None) -> Reply:
        reply = await self._inner.ask(ask, hear)
        return replace(reply, text=whole(reply.text))


def _repair(ask: Ask, answer: str, wrong: tuple[str, ...]) -> Ask:
    listed = "\n".join(f"- {each}" for each in wrong)
    words = (
        f"That answer cannot be used:\n{listed}\n"
        "Answer again, with the whole corrected JSON object and nothing else."
    )
    shown = answer if len(answer) <= _REPEATED_CHARS else answer[:_REPEATED_CHARS] + " …"
    again = (Message("assistant", shown or "(nothing)"), Message("user", words))
    return replace(ask, messages=(*ask.messages, *again))
