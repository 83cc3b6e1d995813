"""The ways a question can travel to a model over the wire: directly, and through the real gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.upstream.start import Account

from sophia_mcp.llm.providers import LLM
from sophia_mcp.llm.providers.openai import PROVIDER as OPENAI
from sophia_mcp.llm.providers.portkey import PROVIDER as PORTKEY
from sophia_mcp.llm.providers.portkey import Target
from sophia_mcp.types import Ask, Message


@dataclass(frozen=True, slots=True)
class Way:
    """One provider with one vendor behind it. ``vendor`` empty: no gateway in between."""

    model: str
    vendor: str = ""

    @asynccontextmanager
    async def open(self, account: Account, gateway: str, **changed: Any) -> AsyncIterator[LLM]:
        """The provider, ready to ask, and closed again."""
        if self.vendor:
            llm = PORTKEY.open(gateway_options(account, gateway, self.vendor) | changed)
        else:
            llm = OPENAI.open({"base_url": account.url, "key": lambda: account.key} | changed)
        try:
            yield llm
        finally:
            await llm.aclose()  # type: ignore[attr-defined]

    def ask(self, text: str = "hello", **changed: Any) -> Ask:
        """A question for this way's model."""
        given: dict[str, Any] = {"max_tokens": 200, "deadline_s": 20.0} | changed
        return Ask((Message("user", text),), self.model, **given)


def gateway_options(account: Account, gateway: str, vendor: str) -> dict[str, Any]:
    """The options of a self-hosted gateway with one target named ``there``."""
    host = account.root if vendor == "google" else account.url
    target = Target(provider=vendor, key=lambda: account.key, custom_host=host)
    return {"base_url": f"{gateway}/v1", "targets": {"there": target}}


WAYS = {
    "openai": Way("stand-in-small"),
    "gateway-openai": Way("@there/stand-in-small", "openai"),
    "gateway-anthropic": Way("@there/claude-stand-in", "anthropic"),
    "gateway-google": Way("@there/gemini-stand-in", "google"),
}
