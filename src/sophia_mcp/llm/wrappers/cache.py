"""Was exactly this already asked and answered?

The key covers everything that could change an answer. Only answers that ended by themselves and, where
a schema was asked for, satisfied it are kept, for a day, in one workspace. A hit costs nothing, also
when the budget is spent.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Protocol

from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.store.cache import Cache as KeptBytes
from sophia_mcp.types import Ask, Reply, Scope, Usage

DAY_NS = 24 * 3_600 * 1_000_000_000
_VERSION = "llm-answer-1"

Saved = Callable[[Ask, Reply], Awaitable[None]]
"""Told of each hit, to count what it saved."""


class Store(Protocol):
    """Where answers are kept, already bound to one workspace."""

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""
        ...

    async def put(self, key: str, value: bytes) -> None:
        """Keep a value."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """Answers in the store's cache, of one workspace."""

    cache: KeptBytes
    scope: Scope

    async def get(self, key: str) -> bytes | None:
        return (await self.cache.get_many(self.scope, [key])).get(key)

    async def put(self, key: str, value: bytes) -> None:
        await self.cache.put_many(self.scope, {key: value})


@dataclass(frozen=True, slots=True)
class Keys:
    """What, beside the question, decides an answer: the provider and its endpoint. What a question says
    of a repository stands in its words, so another state of it is another question."""

    provider: str
    endpoint: str = ""

    def of(self, ask: Ask) -> str:
        """One key for everything that matters. A label (run, step, user) does not."""
        parts = {
            "version": _VERSION,
            "provider": self.provider,
            "endpoint": self.endpoint,
            "model": ask.model,
            "messages": [(message.role, message.text) for message in ask.messages],
            "max_tokens": ask.max_tokens,
            "schema": ask.schema,
            "temperature": ask.temperature,
            "processing": ask.processing,
            "repo": ask.labels.repo,
        }
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return f"{_VERSION}:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


class Cache:
    """Answers from what was kept, else asks and keeps."""

    def __init__(
        self,
        inner: LLM,
        store: Store,
        keys: Keys,
        *,
        saved: Saved | None = None,
        keep_ns: int = DAY_NS,
        clock: Clock = system,
    ) -> None:
        self._inner, self._store, self._keys = inner, store, keys
        self._saved, self._keep_ns, self._clock = saved, keep_ns, clock

    @property
    def name(self) -> str:
        return self._inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """The kept answer with ``cached``, or the inner one."""
        key = self._keys.of(ask)
        kept = await self._store.get(key)
        if kept is not None and (reply := self._read(kept)) is not None:
            if hear is not None:
                hear(reply.text)
            if self._saved is not None:
                await self._saved(ask, reply)
            return reply
        reply = await self._inner.ask(ask, hear)
        if good(ask, reply):
            await self._store.put(key, written(reply, self._clock()))
        return reply

    def _read(self, kept: bytes) -> Reply | None:
        """None where it is too old, or was written by another version."""
        found = reply_of(kept)
        if found is None or not 0 <= self._clock() - found[1] < self._keep_ns:
            return None
        return replace(found[0], cached=True)


def good(ask: Ask, reply: Reply) -> bool:
    """Whether an answer may be kept: a fresh one that ended by itself and is what was asked for."""
    valid = ask.schema is None or reply.value is not None
    return reply.finish == "stop" and bool(reply.text) and valid and not reply.cached


def written(reply: Reply, at_ns: int) -> bytes:
    """An answer and its time as bytes."""
    return json.dumps({"at_ns": at_ns, "reply": asdict(reply)}).encode()


def reply_of(kept: bytes) -> tuple[Reply, int] | None:
    """The same read again; None where another version wrote it."""
    try:
        facts = json.loads(kept)
        values = facts["reply"]
        usage = values.pop("usage")
        reply = Reply(**values, usage=Usage(**usage) if usage is not None else None)
        return reply, int(facts["at_ns"])
    except (ValueError, KeyError, TypeError):
        return None
