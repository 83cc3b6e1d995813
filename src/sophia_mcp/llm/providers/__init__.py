"""Who answers a question to a model? The seam of LLM providers: one file each.

Every file defines ``PROVIDER``, a frozen :class:`Provider`. ``PROVIDERS.names()`` lists them without
importing one; entry points of the group ``sophia_mcp.llms`` add more. Budget, meter, guard and cache
are wrappers with the same contract: ``Cache(Guard(Budget(Meter(provider))))``. A provider makes one
attempt; deadlines, repetition, repair and money belong to the wrappers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sophia_mcp.registry import Folder
from sophia_mcp.types import Ask, Reply

Hear = Callable[[str], None]
"""Called with each piece of text as it arrives."""


class LLM(Protocol):
    """Anything that answers an `Ask`: a provider, or a wrapper around one."""

    @property
    def name(self) -> str:
        """The provider's public name, the same for the whole life."""
        ...

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """Answer one question, in one attempt. With ``hear`` the answer is streamed to it.

        Raises ProviderError and its kin. A cancelled call stops within a second.
        """
        ...


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry of the registry. ``free``: a call costs no money that we could count, so no budget
    is asked for. ``lack`` says what the options miss for it to work (empty: ready), without touching
    the network. ``open`` takes those options, and imports what it needs on the first question; an LLM
    that keeps connections has an ``aclose``. ``patient``: the answer comes from somebody who may take
    hours, so that neither a deadline nor a concurrency limit applies."""

    summary: str
    free: bool
    lack: Callable[[Mapping[str, Any]], str]
    open: Callable[[Mapping[str, Any]], LLM]
    patient: bool = False


PROVIDERS: Folder[Provider] = Folder(__name__, "PROVIDER", Provider, group="sophia_mcp.llms")
