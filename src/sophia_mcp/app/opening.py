"""How is a model opened: whose, through which wrappers, and who stands in for it?"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sophia_mcp.app.vendors import Vendors
    from sophia_mcp.cost.money import Money
    from sophia_mcp.llm.choose import Chosen
    from sophia_mcp.llm.desk import Desk
    from sophia_mcp.llm.providers import LLM
    from sophia_mcp.llm.wrappers.cache import Store
    from sophia_mcp.llm.wrappers.context import Tell
    from sophia_mcp.llm.wrappers.guard import Lanes
    from sophia_mcp.llm.wrappers.similar import Likeness
    from sophia_mcp.sections import LlmSettings
    from sophia_mcp.types import Labels, Tier

_log = logging.getLogger("sophia_mcp.llm")
_REACH_S = 5.0


def _log_it(labels: Labels, text: str) -> None:
    _log.info("%s/%s: %s", labels.run or "-", labels.step or "-", text)


@dataclass(frozen=True)
class Models:
    """The models of this process. ``desk`` is where steps wait for the assistant or its client."""

    chosen: LlmSettings
    vendors: Vendors
    money: Money
    desk: Desk
    lanes: Lanes
    store: Store
    close: Callable[[Callable[[], Awaitable[None]]], object]
    likeness: Likeness | None = None
    opened: dict[str, LLM] = field(default_factory=dict)

    def choose(self, provider: str = "auto", *, can_sample: bool = False) -> Chosen:
        """The provider a run is to use; ``auto`` is first what the settings say. ``can_sample``: the
        client offers its model. It is free where also those are that may stand in for it. Raises
        NotFound, BadSetting."""
        from dataclasses import replace

        from sophia_mcp.llm.choose import choose

        wanted = provider if provider != "auto" else self.chosen.provider
        chosen = choose(wanted, partial(self.vendors.lack, can_sample=can_sample))
        others = self._stand_ins(chosen.name)
        if not self.vendors.free(chosen.name):
            return replace(chosen, free=False)
        dear = [other for other in others if not self.vendors.free(other)]
        why = f"{chosen.why}; {dear[0]} may stand in for it" if dear else chosen.why
        return replace(chosen, free=not dear, why=why)

    def open(
        self,
        name: str,
        *,
        run_id: str = "",
        max_cost_nano: int | None = None,
        tier: Tier = "standard",
        tell: Tell = _log_it,
    ) -> LLM:
        """The provider with everything around it: cache, repair, window, guard, budget, meter, and the
        providers that stand in for it.

        An ask names a tier (or nothing: the run's), or a model. ``tell`` hears what is done
        to questions. Raises BadSetting, NotFound.
        """
        from sophia_mcp.llm.wrappers.route import Fallback

        route = partial(
            self._route,
            run_id=run_id,
            max_cost_nano=max_cost_nano,
            tier=tier,
            tell=tell,
        )
        others = [route(other) for other in self._stand_ins(name)]
        return Fallback(route(name), others, tell) if others else route(name)

    def _stand_ins(self, name: str) -> list[str]:
        """Who answers when a provider fails. Raises BadSetting for one whose steps must be seen to be done."""
        from sophia_mcp.errors import BadSetting
        from sophia_mcp.llm.providers import PROVIDERS

        if PROVIDERS.load(name).patient:
            return []
        for other in self.chosen.fallback:
            if PROVIDERS.load(other).patient:
                raise BadSetting(
                    f"{other} cannot stand in for another provider",
                    why="its steps wait for the assistant from the beginning of a run",
                    next="take it out of llm.fallback",
                )
        return [each for each in self.chosen.fallback if each != name and not self.vendors.lack(each)]

    def model(self, name: str, tier: Tier = "standard") -> str:
        """The model of a tier at a provider; the provider's own name where it has no models."""
        from sophia_mcp.llm.wrappers.route import ByTier

        return ByTier(name, self.vendors.tiers(name), tier).model("")

    async def unreachable(self, name: str) -> str:
        """Why nobody answers at a provider's address; empty where somebody listens, or it has none."""
        import anyio

        from sophia_mcp.ops.address import place_of

        place = place_of(self.vendors.address(name))
        if place is None:
            return ""
        try:
            with anyio.fail_after(_REACH_S):
                async with await anyio.connect_tcp(*place):
                    return ""
        except (OSError, TimeoutError) as error:
            return f"nobody answers at {place[0]}:{place[1]} ({type(error).__name__})"

    def _route(
        self,
        name: str,
        *,
        run_id: str,
        max_cost_nano: int | None,
        tier: Tier,
        tell: Tell,
    ) -> LLM:
        from sophia_mcp.llm.providers import PROVIDERS
        from sophia_mcp.llm.wrappers.cache import Cache, Keys
        from sophia_mcp.llm.wrappers.context import Fitted
        from sophia_mcp.llm.wrappers.guard import Guard
        from sophia_mcp.llm.wrappers.masking import Masked
        from sophia_mcp.llm.wrappers.route import ByTier, Tiered
        from sophia_mcp.llm.wrappers.similar import Similar
        from sophia_mcp.llm.wrappers.structured import Structured

        patient = PROVIDERS.load(name).patient
        llm = self.money.wrap(
            self._provider(name),
            free=self.vendors.free(name),
            run_id=run_id,
            max_cost_nano=max_cost_nano,
            seller=partial(self.vendors.seller, name),
            patient=patient,
        )
        by_tier = ByTier(name, self.vendors.tiers(name), tier)
        if patient:
            return Tiered(Masked(Structured(llm), tell), by_tier)
        llm = Guard(llm, self.lanes)
        llm = Fitted(
            llm, partial(self.vendors.window, name), self.money.counts, self.chosen.compact, tell
        )
        llm = Structured(llm)
        if self.chosen.cache and name != "scripted":
            keys = Keys(name, self.vendors.address(name))
            saved, keep_ns = self.money.saved, int(self.chosen.cache_hours * 3_600_000_000_000)
            if self.likeness is not None:
                llm = Similar(
                    llm, self.store, keys, self.likeness, saved=saved, keep_ns=keep_ns, tell=tell
                )
            llm = Cache(llm, self.store, keys, saved=saved, keep_ns=keep_ns)
        return Tiered(Masked(llm, tell), by_tier)

    def _provider(self, name: str) -> LLM:
        """The bare provider, opened once in a process, so that its connections are shared."""
        if name not in self.opened:
            from sophia_mcp.llm.providers import PROVIDERS

            made = PROVIDERS.load(name).open(self.vendors.options(name))
            if (end := getattr(made, "aclose", None)) is not None:
                self.close(end)
            self.opened[name] = made
        return self.opened[name]
