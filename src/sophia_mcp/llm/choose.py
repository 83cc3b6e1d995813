"""Which provider answers a run: the one asked for, or the first that can?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sophia_mcp.errors import BadSetting
from sophia_mcp.llm.providers import PROVIDERS

ORDER = ("portkey", "openai", "sampling", "host")
"""What `auto` tries: a person's own keys, a local or compatible endpoint, the client's model, and last
the assistant itself, which always can."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The provider of a run. ``free``: its calls cost nothing that could be counted. ``why`` says in
    words how it came to be chosen."""

    name: str
    free: bool
    why: str


def choose(wanted: str, lack: Callable[[str], str], order: Sequence[str] = ORDER) -> Chosen:
    """The provider a person or agent wanted, or for ``auto`` the first of ``order`` that lacks nothing.

    ``lack`` says what a provider misses (empty: ready). Raises NotFound for an unknown name,
    BadSetting with what is missing.
    """
    if wanted != "auto":
        provider = PROVIDERS.load(wanted)
        if missing := lack(wanted):
            raise BadSetting(
                f"the LLM provider {wanted} cannot be used",
                why=missing,
                next='mend that, or use provider="host", which needs no key',
            )
        return Chosen(wanted, provider.free, "it was asked for")
    passed: list[str] = []
    for name in order:
        provider = PROVIDERS.load(name)
        missing = lack(name)
        if not missing:
            why = "the first that is set up" if not passed else "; ".join(passed)
            return Chosen(name, provider.free, why)
        passed.append(f"not {name}: {missing}")
    raise BadSetting(
        "no LLM provider can be used",
        why="; ".join(passed),
        next='use provider="host", which needs no key',
    )
