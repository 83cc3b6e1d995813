"""Which steps wait for a model that we do not call ourselves?

The calling assistant does them itself, or its client's model does while a call is open. Either way a
step is posted here, is seen from outside, and goes on when its answer is laid beside it. Nothing is
kept: the journal of a run is what survives a process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import anyio

from sophia_mcp.errors import NotFound, ProviderError
from sophia_mcp.ops.news import News
from sophia_mcp.types import Ask, Finish, Message, Packet


@dataclass(frozen=True, slots=True)
class Answered:
    """What was laid on the desk: the text, the model that wrote it (empty: not said), how it ended."""

    text: str
    model: str = ""
    finish: Finish = "stop"


@dataclass(slots=True)
class _Posted:
    packet: Packet
    ask: Ask
    done: anyio.Event
    answer: Answered | None = None
    error: ProviderError | None = None


class Desk:
    """The waiting steps of all runs of this process. ``news`` tells whoever waits for a change of them."""

    def __init__(self) -> None:
        self.news = News()
        self._trays: dict[str, dict[str, _Posted]] = {}  # by run, the oldest first

    async def post(self, packet: Packet, ask: Ask) -> Answered:
        """Wait for the answer to one step of the run that ``ask`` is labelled with. A key that waits
        already gets a number behind it. Raises the ProviderError that `refuse` was given."""
        run = ask.labels.run
        tray = self._trays.setdefault(run, {})
        packet = replace(packet, key=_free(packet.key, tray))
        mine = tray[packet.key] = _Posted(packet, ask, anyio.Event())
        self.news.tell(run)
        try:
            await mine.done.wait()
        finally:
            if tray.pop(packet.key, None) is not None:
                self.news.tell(run)
            if not tray and self._trays.get(run) is tray:
                del self._trays[run]
        if mine.error is not None:
            raise mine.error
        assert mine.answer is not None
        return mine.answer

    def pending(self, run_id: str) -> tuple[Packet, ...]:
        """The steps of a run that wait, oldest first."""
        return tuple(packet for packet, _ in self.waiting(run_id))

    def waiting(self, run_id: str) -> tuple[tuple[Packet, Ask], ...]:
        """The same with the questions behind them, for a caller that asks a client's model."""
        return tuple((each.packet, each.ask) for each in self._trays.get(run_id, {}).values())

    def answer(
        self, run_id: str, key: str, value: Any, *, model: str = "", finish: Finish = "stop"
    ) -> None:
        """Lay the answer to a step down: a text, or the JSON value its schema asks for.

        Raises NotFound when no such step waits.
        """
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        mine = self._take(run_id, key)
        mine.answer = Answered(text, model, finish)
        mine.done.set()

    def refuse(self, run_id: str, key: str, error: ProviderError) -> None:
        """Let a step fail: its model declined. Raises NotFound when no such step waits."""
        mine = self._take(run_id, key)
        mine.error = error
        mine.done.set()

    def changed(self, run_id: str) -> anyio.Event:
        """Set at the next change of what waits. Take it before looking, and no change is missed."""
        return self.news.next(run_id)

    def _take(self, run_id: str, key: str) -> _Posted:
        tray = self._trays.get(run_id, {})
        if key not in tray:
            waiting = ", ".join(tray)
            raise NotFound(
                f"no step {key!r} of run {run_id!r} waits for an answer",
                why=f"waiting: {waiting}" if waiting else "no step of that run waits in this process",
                next=f"call get_run(run_id={run_id!r}) for the steps that wait",
            )
        mine = tray.pop(key)
        self.news.tell(run_id)
        return mine


def packet_of(ask: Ask) -> Packet:
    """A question as a step somebody else can do: one prompt, instructions first."""
    return Packet(
        key=ask.labels.step or "step",
        role=ask.labels.agent or "assistant",
        prompt=prompt_of(ask.messages),
        schema=ask.schema,
    )


def prompt_of(messages: tuple[Message, ...]) -> str:
    """All messages as one text. An earlier answer is marked as such."""
    parts = (
        f"Your earlier answer:\n{message.text}" if message.role == "assistant" else message.text
        for message in messages
    )
    return "\n\n".join(part for part in parts if part)


def _free(key: str, taken: Mapping[str, object]) -> str:
    names = [key, *(f"{key}~{number}" for number in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)
