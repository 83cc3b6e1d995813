"""What was asked, in one shape for all dialects, and what the work on it consumed."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.upstream.answers import breaking, satisfying, words
from tests.upstream.bill import Spent
from tests.upstream.faults import Fault, call_id

from sophia_mcp.llm.counting.tokens import count

Dialect = Literal["openai", "anthropic", "gemini"]

TOOL_PROMPT = 313
"""Anthropic adds a system prompt of about this size to a call with a forced tool, and charges it."""

CACHE_FLOOR = 1024
"""Shorter prefixes are not cached, at any of the three."""


class Refused(Exception):
    """The service will not work on this: an HTTP status and what it says."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of prompt. ``keep`` marks the end of a prefix that the caller wants cached."""

    role: str
    text: str
    keep: Literal["", "5m", "1h"] = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``tool`` names the tool that is forced; a schema without one came as a format."""

    dialect: Dialect
    model: str
    parts: tuple[Part, ...]
    max_tokens: int
    stream: bool = False
    include_usage: bool = True
    schema: Mapping[str, Any] | None = None
    tool: str = ""

    @property
    def prompt(self) -> str:
        return "\n".join(part.text for part in self.parts)

    @property
    def id(self) -> str:
        return call_id(self.prompt)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer before any dialect: the text, why it ends, and what was consumed."""

    id: str
    text: str
    finish: Literal["stop", "length", "filter"]
    spent: Spent


@dataclass(slots=True)
class Temper:
    """How an account is treated: the range of ``stretch`` over our estimate, whether every call is
    charged its maximum, and the prepared answers (a text in the prompt or its schema: the answer)."""

    seed: int = 0
    stretch: tuple[float, float] = (1.0, 1.0)
    charge: Literal["used", "max"] = "used"
    answers: list[tuple[str, str]] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)


def work(call: Call, temper: Temper, fault: Fault, attempt: int) -> Said:
    """Do what the call asks, and count it."""
    dice = random.Random(f"{temper.seed}/{call.dialect}/{call.prompt}/{attempt}")
    factor = dice.uniform(*temper.stretch)
    spent = _count_input(call, temper, factor)
    text = _text(call, temper, fault, dice)
    needed = math.ceil(count(text) * factor)
    finish: Literal["stop", "length", "filter"] = "filter" if fault.name == "filter" else "stop"
    if fault.name == "huge":
        needed, finish = call.max_tokens, "length"
    elif needed > call.max_tokens or fault.name == "length":
        share = min(call.max_tokens / max(needed, 1), 0.5 if fault.name == "length" else 1.0)
        text = text[: int(len(text) * share)]
        needed, finish = min(math.ceil(count(text) * factor), call.max_tokens), "length"
    spent.output = needed
    if temper.charge == "max" or fault.name == "charge-max":
        spent.reasoning = call.max_tokens - needed
        spent.output = call.max_tokens
    return Said(f"{dice.getrandbits(64):016x}", text, finish, spent)


def _text(call: Call, temper: Temper, fault: Fault, dice: random.Random) -> str:
    if fault.name == "huge":
        return "endless " * 250_000
    if call.schema is not None and fault.name == "bad-schema":
        return breaking(call.schema)
    sought = f"{call.prompt}\n{json.dumps(call.schema)}"
    for when, answer in temper.answers:
        if when in sought:
            return answer
    if call.schema is None:
        return words(dice, 60)
    text = json.dumps(satisfying(call.schema, dice))
    return (
        f"Of course. Here it is:\n```json\n{text}\n```\nAnything else?"
        if fault.name == "prose"
        else text
    )


def _count_input(call: Call, temper: Temper, factor: float) -> Spent:
    """Tokens of the prompt and what of it is cached. Prefixes are remembered for the account."""
    raw = 3 + (count(json.dumps(call.schema)) + 12 if call.schema is not None else 0)
    digest = hashlib.sha256(f"{call.model}/{raw}".encode())
    known = marked = 0
    ttl = ""
    for part in call.parts:
        raw += 4 + count(part.text)
        digest.update(f"\0{part.role}\0{part.text}".encode("utf-8", "surrogatepass"))
        if call.dialect == "anthropic" and not part.keep:
            continue
        key = digest.hexdigest()
        if raw >= CACHE_FLOOR:
            if key in temper.kept:
                known = raw
            elif call.dialect == "anthropic":
                marked, ttl = raw, part.keep
            temper.kept.add(key)
    fixed = TOOL_PROMPT if call.dialect == "anthropic" and call.tool else 0
    spent = Spent(input=math.ceil(raw * factor) + fixed, cached=int(known * factor))
    if call.dialect != "anthropic":
        spent.cached = spent.cached // 128 * 128
    written = max(int(marked * factor) - spent.cached, 0)
    if ttl == "1h":
        spent.write_1h = written
    else:
        spent.write = written
    return spent
