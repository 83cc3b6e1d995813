"""Was something like this already asked? An option that is off: likeness is not sameness.

Questions that differ in one word (a name, a version, a "not") are closer to one another than many
paraphrases are, so any threshold answers some questions with another one's answer. What it costs is
measured in ``benchmarks/semantic_cache``. Everything but the last message must be the same; only that
message may differ, by at most the cosine a person chose.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.llm.wrappers.cache import Keys, Saved, Store, good, reply_of, written
from sophia_mcp.llm.wrappers.context import Tell
from sophia_mcp.ops.clock import Clock, system
from sophia_mcp.types import Ask, Message, Reply

Embed = Callable[[str], Awaitable[NDArray[np.float32]]]
"""A text as a vector of length one."""

_MOST_KEPT = 64
"""Questions remembered for each group; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike is enough: the least cosine, and the model that says so, under its own name."""

    least: float
    embed: Embed
    model: str


class Similar:
    """Answers a question with the answer to one that is alike enough, else asks and remembers."""

    def __init__(
        self,
        inner: LLM,
        store: Store,
        keys: Keys,
        likeness: Likeness,
        *,
        keep_ns: int,
        saved: Saved | None = None,
        tell: Tell = lambda labels, text: None,
        clock: Clock = system,
    ) -> None:
        self._inner, self._store, self._keys, self._likeness = inner, store, keys, likeness
        self._keep_ns, self._saved, self._tell, self._clock = keep_ns, saved, tell, clock

    @property
    def name(self) -> str:
        return self._inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """An earlier answer with ``cached``, or the inner one."""
        group, asked = self._group(ask)
        entries = await self._kept(group)
        vector = await self._likeness.embed(asked)
        best, cosine = _nearest(entries, vector)
        found = reply_of(best["reply"].encode()) if best is not None else None
        if found is not None and cosine >= self._likeness.least:
            self._tell(ask.labels, f"answered from a similar question (cosine {cosine:.3f})")
            reply = replace(found[0], cached=True)
            if hear is not None:
                hear(reply.text)
            if self._saved is not None:
                await self._saved(ask, reply)
            return reply
        answer = await self._inner.ask(ask, hear)
        if good(ask, answer):
            now = self._clock()
            text = base64.b64encode(vector.astype(np.float32).tobytes()).decode()
            entries.append({"at_ns": now, "vector": text, "reply": written(answer, now).decode()})
            await self._store.put(group, json.dumps(entries[-_MOST_KEPT:]).encode())
        return answer

    def _group(self, ask: Ask) -> tuple[str, str]:
        """The key of everything that must be the same, and the message that may differ."""
        *first, last = ask.messages
        rest = replace(ask, messages=(*first, Message(last.role, "")))
        return f"near:{self._likeness.model}:{self._keys.of(rest)}", last.text

    async def _kept(self, group: str) -> list[dict[str, Any]]:
        """The entries that are young enough; none where what is kept cannot be read."""
        kept = await self._store.get(group)
        try:
            entries = json.loads(kept) if kept is not None else []
            return [entry for entry in entries if 0 <= self._clock() - entry["at_ns"] < self._keep_ns]
        except (ValueError, KeyError, TypeError):
            return []


def _nearest(
    entries: list[dict[str, Any]], vector: NDArray[np.float32]
) -> tuple[dict[str, Any] | None, float]:
    if not entries or not np.any(vector):
        return None, 0.0
    rows = np.stack([np.frombuffer(base64.b64decode(each["vector"]), np.float32) for each in entries])
    cosines = rows @ vector
    place = int(np.argmax(cosines))
    return entries[place], float(cosines[place])
