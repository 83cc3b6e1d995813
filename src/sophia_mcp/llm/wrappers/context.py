"""Does a question fit the model's window, and what goes first when it does not?

Half-way warnings help nobody, so there are two marks: at 75 % of what the model may read it is said,
at 85 % the question is made shorter. Instructions and the last message stay; each message keeps its
first and its last block, which carry the fences around quoted text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import anyio.to_thread

from sophia_mcp.errors import ContextTooLong
from sophia_mcp.llm.counting import tokens
from sophia_mcp.llm.counting.factors import Factors, measured
from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.types import Ask, Labels, Message, Reply

WARN, COMPACT = 0.75, 0.85
Strategy = Literal["important_first", "sliding_window"]
Tell = Callable[[Labels, str], None]
"""Told in words what was done to a question."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a model holds: question and answer together, and the longest answer (0: not known)."""

    tokens: int
    output: int = 0


MARK = "[… {} lines left out to fit the model's window …]"
_MOST_TRIES = 6
_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_PARAGRAPH = re.compile(r"\n(?=\n)|\n(?=(?:@@ |diff |--- |```|#+ |class |def |func |fn ))")
_PIECE_CHARS = 2_000
_MARK_TOKENS = 16


@dataclass(frozen=True, slots=True)
class _Block:
    """A piece of one message and what joins it to the one before. ``keep``: it stays if it can."""

    message: int
    glue: str
    text: str
    tokens: int
    keep: bool
    score: float


class Fitted:
    """Asks only what fits, and learns from what the provider counted.

    A provider that still finds a question too long (its window is smaller than known, or it counts
    more) is asked again with less, at most five times; only then ContextTooLong is raised.
    """

    def __init__(
        self,
        inner: LLM,
        window: Callable[[str], Window | None],
        factors: Factors,
        strategy: Strategy = "important_first",
        tell: Tell = lambda labels, text: None,
    ) -> None:
        self._inner, self._window, self._factors = inner, window, factors
        self._strategy, self._tell = strategy, tell
        self._found: dict[str, int] = {}

    @property
    def name(self) -> str:
        return self._inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """The inner answer to as much of the question as fits."""
        # Remembered, so that no count after this one stops the loop.
        await anyio.to_thread.run_sync(measured, ask)
        sent = await self._fit(ask)
        for left in reversed(range(_MOST_TRIES)):
            try:
                reply = await self._inner.ask(sent, hear)
            except ContextTooLong:
                size = await anyio.to_thread.run_sync(measured, sent)
                shorter = await self._shorten(sent, size // 2) if left else sent
                if not left or await anyio.to_thread.run_sync(measured, shorter) >= size:
                    raise
                self._found[ask.model] = min(self._found.get(ask.model, size), size)
                self._tell(ask.labels, f"{ask.model} reads less than {size} tokens; the context was cut")
                sent = shorter
            else:
                if reply.usage is not None and not reply.usage.estimated:
                    self._factors.learn(sent, reply.usage.input_tokens)
                return reply
        raise AssertionError("the last try answers or raises")

    async def _fit(self, ask: Ask) -> Ask:
        """The question, shorter where it would fill more than 85 % of what the model may read."""
        window = self._window(ask.model)
        found = self._found.get(ask.model)
        if window is None and found is None:
            return ask
        if window is not None and 0 < window.output < ask.max_tokens:
            ask = replace(ask, max_tokens=window.output)
        factor = self._factors.bound_factor(ask.model)
        room = (
            max((window.tokens - ask.max_tokens) / factor, 1.0) if window is not None else float("inf")
        )
        room = min(room, found if found is not None else room)
        if sum(tokens.ceiling(message.text) for message in ask.messages) < room * WARN / 2:
            return ask
        share = await anyio.to_thread.run_sync(measured, ask) / room
        if share <= WARN:
            return ask
        if share <= COMPACT:
            self._tell(ask.labels, f"the context fills {share:.0%} of what {ask.model} may read")
            return ask
        shorter = await self._shorten(ask, int(room * COMPACT))
        kept = await anyio.to_thread.run_sync(measured, shorter) / room
        self._tell(
            ask.labels,
            f"the context was {share:.0%} of what {ask.model} may read; cut to {kept:.0%} by {self._strategy}",
        )
        return shorter

    async def _shorten(self, ask: Ask, budget: int) -> Ask:
        return await anyio.to_thread.run_sync(compact, ask, budget, self._strategy)


def compact(ask: Ask, budget: int, strategy: Strategy) -> Ask:
    """The question in at most about ``budget`` of our tokens. ``sliding_window`` keeps the latest
    text; ``important_first`` the blocks that share most words with instructions and last message."""
    fixed = measured(replace(ask, messages=())) + 6 * len(ask.messages)
    room = max(budget - fixed, 16 * len(ask.messages))
    blocks = _blocks(ask.messages, strategy)
    room -= _MARK_TOKENS * len(ask.messages)
    chosen: set[int] = set()
    order = sorted(range(len(blocks)), key=lambda i: (not blocks[i].keep, -blocks[i].score, i))
    for number in order:
        if blocks[number].tokens <= room:
            room -= blocks[number].tokens
            chosen.add(number)
    messages = tuple(
        replace(message, text=_joined(index, blocks, chosen))
        for index, message in enumerate(ask.messages)
    )
    shorter = replace(ask, messages=messages)
    return shorter if measured(shorter) <= budget else _halved(shorter, budget)


def _blocks(messages: tuple[Message, ...], strategy: Strategy) -> list[_Block]:
    """All messages in pieces of some lines, with what they are worth."""
    last = len(messages) - 1
    asked = " ".join(
        message.text for i, message in enumerate(messages) if i == last or message.role == "system"
    )
    wanted = {word.lower() for word in _WORD.findall(asked)}
    blocks: list[_Block] = []
    for index, message in enumerate(messages):
        pieces = list(_pieces(message.text))
        for place, (glue, piece) in enumerate(pieces):
            edge = place in (0, len(pieces) - 1)
            whole = message.role == "system" or index == last
            if strategy == "sliding_window":
                score = index + place / len(pieces)
            else:
                words = {word.lower() for word in _WORD.findall(piece)}
                score = len(words & wanted) / (len(words) + 8)
            rank = score + (1000.0 if whole else 0.0) + (2000.0 if edge else 0.0)
            blocks.append(_Block(index, glue, piece, tokens.count(piece) + 1, whole or edge, rank))
    return blocks


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """A text in pieces of at most `_PIECE_CHARS`, each with what stood before it: paragraphs, else
    lines, else parts of a line."""
    for paragraph in _PARAGRAPH.split(text):
        if len(paragraph) <= _PIECE_CHARS:
            yield "\n", paragraph
            continue
        held: list[str] = []
        for line in paragraph.split("\n"):
            if held and sum(map(len, held)) + len(line) > _PIECE_CHARS:
                yield "\n", "\n".join(held)
                held = []
            if len(line) <= _PIECE_CHARS:
                held.append(line)
                continue
            for start in range(0, len(line), _PIECE_CHARS):
                yield "" if start else "\n", line[start : start + _PIECE_CHARS]
        if held:
            yield "\n", "\n".join(held)


def _joined(index: int, blocks: list[_Block], chosen: set[int]) -> str:
    """One message of the chosen pieces, each gap marked with the lines it had."""
    parts: list[str] = []
    gap = 0
    for number, block in enumerate(blocks):
        if block.message != index:
            continue
        if number not in chosen:
            gap += block.text.count("\n") + 1
            continue
        if gap:
            parts.append("\n" + MARK.format(gap) + "\n")
        else:
            parts.append(block.glue)
        gap = 0
        parts.append(block.text)
    if gap:
        parts.append("\n" + MARK.format(gap))
    return "".join(parts).removeprefix("\n")


def _halved(ask: Ask, budget: int) -> Ask:
    """What has no blocks to leave out loses its middle: the longest message first."""
    messages = list(ask.messages)
    for _ in range(4 * len(messages) + 8):
        over = measured(replace(ask, messages=tuple(messages))) - budget
        if over <= 0:
            break
        sizes = [tokens.count(message.text) for message in messages]
        longest = max(range(len(messages)), key=lambda i: sizes[i])
        if sizes[longest] <= 2 * _MARK_TOKENS:
            break
        keep = max(sizes[longest] - over - _MARK_TOKENS, sizes[longest] // 3)
        messages[longest] = replace(messages[longest], text=_middle_out(messages[longest].text, keep))
    return replace(ask, messages=tuple(messages))


def _middle_out(text: str, keep: int) -> str:
    """The beginning and the end of a text, about ``keep`` tokens of it."""
    share = keep / max(tokens.count(text), 1)
    side = int(len(text) * share / 2)
    if side <= 0:
        return ""
    gone = text[side : len(text) - side].count("\n") + 1
    return f"{text[:side]}\n{MARK.format(gone)}\n{text[-side:]}"
