"""Which model answers, and who instead when its provider fails?

A question names a tier, or a model, or nothing; each provider has its own models for the tiers, so the
same question can go to the next provider when one fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sophia_mcp.errors import BadAnswer, BadSetting, ContextTooLong, ProviderError
from sophia_mcp.llm.providers import LLM, Hear
from sophia_mcp.llm.wrappers.context import Tell
from sophia_mcp.types import Ask, Reply, Tier

TIERS: tuple[Tier, ...] = ("fast", "standard", "deep")


@dataclass(frozen=True, slots=True)
class ByTier:
    """The models of one provider by tier. A tier without one is answered by the nearest that has."""

    provider: str
    models: Mapping[str, str]
    tier: Tier = "standard"

    def model(self, asked: str) -> str:
        """The model for a tier, for nothing (the run's tier), or the model itself.

        Raises BadSetting when the provider has none at all.
        """
        if asked and asked not in TIERS:
            return asked
        place = TIERS.index(asked or self.tier)
        nearest = sorted(TIERS, key=lambda tier: (abs(TIERS.index(tier) - place), -TIERS.index(tier)))
        for tier in nearest:
            if self.models.get(tier):
                return self.models[tier]
        raise BadSetting(
            f"no model is set for {self.provider}",
            why="a provider needs a model for at least one tier",
            next=f"set llm.{self.provider}.standard",
        )


class Tiered:
    """Asks the model that a tier means."""

    def __init__(self, inner: LLM, by_tier: ByTier) -> None:
        self._inner, self._by_tier = inner, by_tier

    @property
    def name(self) -> str:
        return self._inner.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """The inner answer of the resolved model, which it names."""
        model = self._by_tier.model(ask.model)
        return replace(await self._inner.ask(replace(ask, model=model), hear), requested=model)


class Fallback:
    """Asks the first, and the next ones in order while providers fail.

    A question that is too long, an answer of the wrong form, and a spent budget are nobody's failure
    that another provider would mend, so they are raised at once. Others are asked by tier: a model's
    own name means nothing to them.
    """

    def __init__(
        self, first: LLM, others: Sequence[LLM], tell: Tell = lambda labels, text: None
    ) -> None:
        self._first, self._others, self._tell = first, tuple(others), tell

    @property
    def name(self) -> str:
        return self._first.name

    async def ask(self, ask: Ask, hear: Hear | None = None) -> Reply:
        """The first answer. Raises the first provider's error when all fail."""
        try:
            return await self._first.ask(ask, hear)
        except (ContextTooLong, BadAnswer):
            raise
        except ProviderError as error:
            first = error
        by_tier = ask if ask.model in TIERS else replace(ask, model="")
        for other in self._others:
            self._tell(
                ask.labels, f"{self.name} failed ({first.why or first.what}); asking {other.name}"
            )
            try:
                return await other.ask(by_tier, hear)
            except (ContextTooLong, BadAnswer):
                raise
            except ProviderError as error:
                self._tell(ask.labels, f"{other.name} failed too ({error.why or error.what})")
        raise first
