"""How is a model opened: whose, through which wrappers, and who stands in for it?"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from sophia_mcp.app.parts import Parts

if TYPE_CHECKING:
    from sophia_mcp.cost.money import Money
    from sophia_mcp.llm.cache import Store
    from sophia_mcp.llm.choose import Chosen
    from sophia_mcp.llm.context import Tell, Window
    from sophia_mcp.llm.desk import Desk
    from sophia_mcp.llm.guard import Lanes
    from sophia_mcp.llm.providers import LLM
    from sophia_mcp.settings import LlmSettings, OpenAISettings, PortkeySettings, Settings
    from sophia_mcp.types import Labels, Tier

_log = logging.getLogger("sophia_mcp.llm")
_REACH_S = 5.0
LOCAL_VENDOR = "local"
"""Under this name the calls to a model on this machine are booked: no prices are listed for it."""


def _log_it(labels: Labels, text: str) -> None:
    _log.info("%s/%s: %s", labels.run or "-", labels.step or "-", text)


@dataclass(frozen=True)
class Models:
    """The models of this process. ``desk`` is where steps wait for the assistant or its client."""

    settings: Settings
    money: Money
    desk: Desk
    lanes: Lanes
    store: Store
    close: Callable[[Callable[[], Awaitable[None]]], object]
    opened: dict[str, LLM] = field(default_factory=dict)

    def choose(self, provider: str = "auto", *, can_sample: bool = False) -> Chosen:
        """The provider a run is to use; ``auto`` is first what the settings say. ``can_sample``: the
        client offers its model. Raises NotFound, BadSetting."""
        from dataclasses import replace

        from sophia_mcp.llm.choose import choose

        wanted = provider if provider != "auto" else self._llm.provider
        chosen = choose(wanted, partial(self._lack, can_sample=can_sample))
        return replace(chosen, free=self._free(chosen.name))

    def open(
        self,
        name: str,
        *,
        run_id: str = "",
        max_cost_nano: int | None = None,
        tier: Tier = "standard",
        snapshot: str = "",
        tell: Tell = _log_it,
    ) -> LLM:
        """The provider with everything around it: cache, repair, window, guard, budget, meter, and the
        providers that stand in for it.

        An ask names a tier (or nothing: the run's), or a model. ``snapshot`` is the state of the
        repository, a part of the cache's key; ``tell`` hears what is done to questions. Raises
        BadSetting, NotFound.
        """
        from sophia_mcp.llm.providers import PROVIDERS
        from sophia_mcp.llm.route import Fallback

        route = partial(
            self._route,
            run_id=run_id,
            max_cost_nano=max_cost_nano,
            tier=tier,
            snapshot=snapshot,
            tell=tell,
        )
        if PROVIDERS.load(name).patient:
            return route(name)
        others = [other for other in self._llm.fallback if other != name and not self._lack(other)]
        return Fallback(route(name), [route(other) for other in others], tell) if others else route(name)

    def model(self, name: str, tier: Tier = "standard") -> str:
        """The model of a tier at a provider; the provider's own name where it has no models."""
        if name not in ("portkey", "openai"):
            return name
        from sophia_mcp.llm.route import Models as Named

        return Named(name, self._tiers(name), tier).model("")

    async def unreachable(self, name: str) -> str:
        """Why nobody answers at a provider's address; empty where somebody listens, or it has none."""
        import anyio

        from sophia_mcp.llm.address import place_of

        place = place_of(self._endpoint(name))
        if place is None:
            return ""
        try:
            with anyio.fail_after(_REACH_S):
                async with await anyio.connect_tcp(*place):
                    return ""
        except (OSError, TimeoutError) as error:
            return f"nobody answers at {place[0]}:{place[1]} ({type(error).__name__})"

    @property
    def _llm(self) -> LlmSettings:
        return self.settings.llm

    def _route(
        self,
        name: str,
        *,
        run_id: str,
        max_cost_nano: int | None,
        tier: Tier,
        snapshot: str,
        tell: Tell,
    ) -> LLM:
        from sophia_mcp.llm.cache import Cache, Keys
        from sophia_mcp.llm.context import Fitted
        from sophia_mcp.llm.guard import Guard
        from sophia_mcp.llm.masking import Masked
        from sophia_mcp.llm.providers import PROVIDERS
        from sophia_mcp.llm.route import Models as Named
        from sophia_mcp.llm.route import Tiered
        from sophia_mcp.llm.structured import Structured

        llm = self.money.wrap(
            self._provider(name),
            free=self._free(name),
            run_id=run_id,
            max_cost_nano=max_cost_nano,
            seller=partial(self._seller, name),
        )
        if PROVIDERS.load(name).patient:
            return Structured(llm)
        llm = Guard(llm, self.lanes)
        llm = Fitted(llm, partial(self._window, name), self.money.counts, self._llm.compact, tell)
        llm = Structured(llm)
        if self._llm.cache and name != "scripted":
            keys = Keys(name, self._endpoint(name), snapshot)
            keep_ns = int(self._llm.cache_hours * 3_600_000_000_000)
            llm = Cache(llm, self.store, keys, saved=self.money.saved, keep_ns=keep_ns)
        return Tiered(Masked(llm, tell), Named(name, self._tiers(name), tier))

    def _provider(self, name: str) -> LLM:
        """The bare provider, opened once in a process, so that its connections are shared."""
        if name not in self.opened:
            from sophia_mcp.llm.providers import PROVIDERS

            made = PROVIDERS.load(name).open(self._options(name))
            if (end := getattr(made, "aclose", None)) is not None:
                self.close(end)
            self.opened[name] = made
        return self.opened[name]

    def _lack(self, name: str, can_sample: bool = False) -> str:
        """What a provider misses to be used, in words; empty: nothing."""
        from sophia_mcp.errors import SophiaError
        from sophia_mcp.llm.providers import PROVIDERS

        options = self._options(name) | ({"can_sample": can_sample} if name == "sampling" else {})
        if name in ("portkey", "openai"):
            options["has_model"] = any(self._tiers(name).values())
        if missing := PROVIDERS.load(name).lack(options):
            return missing
        key = options.get("key")
        if key is None or _is_command(self._key(name)):
            return ""
        try:
            key()
        except SophiaError as error:
            return error.what
        return ""

    def _options(self, name: str) -> dict[str, Any]:
        """What a provider is opened with. Secrets are callables: nothing is looked up before the first
        question."""
        chosen = self._llm
        if name in ("host", "sampling"):
            return {"desk": self.desk}
        if name == "scripted":
            return {"script": chosen.script} if chosen.script else {}
        if name not in ("portkey", "openai"):
            return {}
        common: dict[str, Any] = {"allow_http": chosen.allow_http, "abilities": self._abilities}
        if reference := self._key(name):
            common["key"] = _secret(reference)
        if name == "openai":
            own = chosen.openai
            vendor = own.vendor or self._vendor(own.base_url)
            return common | {"base_url": own.base_url, "vendor": vendor, "schema": own.output}
        gateway = chosen.portkey
        return common | {
            "base_url": gateway.base_url,
            "gateway": gateway.gateway,
            "config": gateway.config,
            "targets": self._targets(),
        }

    def _targets(self) -> dict[str, Any]:
        from sophia_mcp.llm.providers.portkey import Target

        return {
            slug: Target(
                provider=each.provider,
                key=_secret(each.key) if each.key else None,
                virtual_key=_secret(each.virtual_key) if each.virtual_key else None,
                custom_host=each.custom_host,
                schema=each.output,
                headers={header: _secret(value, plain=True) for header, value in each.headers.items()},
            )
            for slug, each in self._llm.portkey.targets.items()
        }

    def _key(self, name: str) -> str:
        """The reference to a provider's key. The usual variable is used only for its owner's host."""
        from sophia_mcp.llm.address import host_of, within
        from sophia_mcp.settings import environment

        own = self._own(name)
        domain, variable = {
            "portkey": ("portkey.ai", "PORTKEY_API_KEY"),
            "openai": ("openai.com", "OPENAI_API_KEY"),
        }[name]
        if own.key or not within(host_of(own.base_url), domain):
            return own.key
        return f"env:{variable}" if environment(variable) else ""

    def _tiers(self, name: str) -> Mapping[str, str]:
        """The models a person set, else those of the catalogue where the vendor is known."""
        if name not in ("portkey", "openai"):
            return {"standard": name}
        own = self._own(name)
        stated = {"fast": own.fast, "standard": own.standard, "deep": own.deep}
        if any(stated.values()):
            return stated
        if name == "openai":
            vendor = self._llm.openai.vendor or self._vendor(self._llm.openai.base_url)
            return {tier: self._listed(tier, vendor) for tier in stated}
        targets = self._llm.portkey.targets.items()
        slug, vendor = next(((slug, each.provider) for slug, each in targets if each.provider), ("", ""))
        models = {tier: self._listed(tier, vendor) for tier in stated}
        return {tier: f"@{slug}/{model}" if model else "" for tier, model in models.items()}

    def _listed(self, tier: str, vendor: str) -> str:
        from sophia_mcp.errors import NotFound

        try:
            return self.money.catalogue.tier(tier, vendor) if vendor else ""
        except NotFound:
            return ""

    def _vendor(self, base_url: str) -> str:
        """Whose endpoint an address is: by the price list, or this machine's."""
        from sophia_mcp.llm.address import host_of, loopback

        if loopback(host_of(base_url)):
            return LOCAL_VENDOR
        return self.money.catalogue.seller(base_url) if base_url else ""

    def _seller(self, name: str, model: str) -> str:
        """Under whose name the prices of a model are listed."""
        from sophia_mcp.llm.providers import portkey

        if name == "openai":
            return self._llm.openai.vendor or self._vendor(self._llm.openai.base_url) or name
        if name == "portkey":
            slug, bare = portkey.split(model)
            target = self._llm.portkey.targets.get(slug)
            return (target.provider if target is not None else "") or portkey.vendor(slug, bare) or name
        return name

    def _abilities(self, model: str) -> frozenset[str]:
        return self.money.catalogue.model(model).can

    def _window(self, name: str, model: str) -> Window | None:
        """What a model holds, where that is known. `max_input` leaves room for a whole answer."""
        from sophia_mcp.llm.context import Window

        if name == "openai" and self._llm.openai.context_tokens:
            return Window(self._llm.openai.context_tokens)
        known = self.money.catalogue.model(model)
        return Window(known.max_input + known.max_output, known.max_output) if known.known else None

    def _endpoint(self, name: str) -> str:
        return self._own(name).base_url if name in ("portkey", "openai") else ""

    def _own(self, name: str) -> PortkeySettings | OpenAISettings:
        return self._llm.portkey if name == "portkey" else self._llm.openai

    def _free(self, name: str) -> bool:
        """Whether calls cost nothing that could be counted: also a model on this machine, unless a
        person gave it a price."""
        from sophia_mcp.llm.providers import PROVIDERS
        from sophia_mcp.ops.clock import system

        own = self._llm.openai
        if name != "openai" or own.vendor or self._vendor(own.base_url) != LOCAL_VENDOR:
            return PROVIDERS.load(name).free
        models = {model for model in self._tiers(name).values() if model}
        prices = partial(self.money.catalogue.ceiling, 1, 1, provider=LOCAL_VENDOR, at_ns=system())
        return all(prices(model=model).nano is None for model in models)


async def open_models(parts: Parts) -> Models:
    """The models of this process; nothing is asked and no SDK is imported before the first question."""
    from sophia_mcp.llm.desk import Desk
    from sophia_mcp.llm.guard import Lanes, Policy

    chosen = parts.settings.llm
    return Models(
        parts.settings,
        await parts.money(),
        Desk(),
        Lanes(chosen.concurrency, Policy(chosen.attempts, chosen.deadline_s)),
        await _answers(parts),
        parts.stack.push_async_callback,
    )


async def _answers(parts: Parts) -> Store:
    from sophia_mcp.llm.cache import Kept
    from sophia_mcp.store.cache import Cache
    from sophia_mcp.types import LOCAL

    return Kept(Cache(await parts.database()), LOCAL)


def _secret(reference: str, *, plain: bool = False) -> Callable[[], str]:
    """Looks a secret up. ``plain``: a value that is no reference stands for itself."""
    from sophia_mcp.settings import secret

    if plain and reference.partition(":")[0] not in ("env", "file", "cmd"):
        return lambda: reference
    return partial(secret, reference)


def _is_command(reference: str) -> bool:
    """Whether looking a secret up would run a program, which only a question is worth."""
    return reference.startswith("cmd:")
