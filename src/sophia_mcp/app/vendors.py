"""What is each provider opened with, and what does it miss to be used?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sophia_mcp.llm.desk import Desk
    from sophia_mcp.llm.prices.catalogue import Catalogue
    from sophia_mcp.llm.wrappers.context import Window
    from sophia_mcp.sections import LlmSettings, OpenAISettings, PortkeySettings

ADDRESSED = ("portkey", "openai")
"""The providers that have an address, and with it a key and models that a person sets."""

LOCAL_VENDOR = "local"
"""Under this name the calls to a model on this machine are booked: no prices are listed for it."""


@dataclass(frozen=True)
class Vendors:
    """What a person set, and what the catalogue knows, as the providers take it."""

    chosen: LlmSettings
    catalogue: Catalogue
    desk: Desk

    def lack(self, name: str, can_sample: bool = False) -> str:
        """What a provider misses to be used, in words; empty: nothing."""
        from sophia_mcp.errors import SophiaError
        from sophia_mcp.llm.providers import PROVIDERS

        options = self.options(name) | ({"can_sample": can_sample} if name == "sampling" else {})
        if name in ADDRESSED:
            options["has_model"] = any(self.tiers(name).values())
        if missing := PROVIDERS.load(name).lack(options):
            return missing
        key = options.get("key")
        if key is None or _is_costly(self._key(name)):
            return ""
        try:
            key()
        except SophiaError as error:
            return error.what
        return ""

    def options(self, name: str) -> dict[str, Any]:
        """What a provider is opened with. Secrets are callables: nothing is looked up before the first
        question."""
        chosen = self.chosen
        if name in ("host", "sampling"):
            return {"desk": self.desk}
        if name == "scripted":
            return {"script": chosen.script} if chosen.script else {}
        if name not in ADDRESSED:
            return {}
        common: dict[str, Any] = {"allow_http": chosen.allow_http, "abilities": self._abilities}
        if reference := self._key(name):
            common["key"] = _secret(reference)
        if name == "openai":
            own = chosen.openai
            return common | {"base_url": own.base_url, "vendor": self._vendor(), "schema": own.output}
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
            for slug, each in self.chosen.portkey.targets.items()
        }

    def _key(self, name: str) -> str:
        """The reference to a provider's key. The usual variable is used only for its owner's host."""
        from sophia_mcp.ops.address import host_of, within
        from sophia_mcp.settings import environment

        own = self.own(name)
        domain, variable = {
            "portkey": ("portkey.ai", "PORTKEY_API_KEY"),
            "openai": ("openai.com", "OPENAI_API_KEY"),
        }[name]
        if own.key or not within(host_of(own.base_url), domain):
            return own.key
        return f"env:{variable}" if environment(variable) else ""

    def tiers(self, name: str) -> Mapping[str, str]:
        """The models a person set, else those of the catalogue where the vendor is known."""
        if name not in ADDRESSED:
            return {"standard": name}
        own = self.own(name)
        stated = {"fast": own.fast, "standard": own.standard, "deep": own.deep}
        if any(stated.values()):
            return stated
        if name == "openai":
            vendor = self._vendor()
            return {tier: self._listed(tier, vendor) for tier in stated}
        targets = self.chosen.portkey.targets.items()
        slug, vendor = next(((slug, each.provider) for slug, each in targets if each.provider), ("", ""))
        models = {tier: self._listed(tier, vendor) for tier in stated}
        return {tier: f"@{slug}/{model}" if model else "" for tier, model in models.items()}

    def _listed(self, tier: str, vendor: str) -> str:
        from sophia_mcp.errors import NotFound

        try:
            return self.catalogue.tier(tier, vendor) if vendor else ""
        except NotFound:
            return ""

    def _vendor(self) -> str:
        """Whose the endpoint of ``openai`` is: as a person says, else by its address, this machine's or one of
        the price list."""
        return self.chosen.openai.vendor or self._owner(self.chosen.openai.base_url)

    def _owner(self, base_url: str) -> str:
        from sophia_mcp.ops.address import host_of, loopback

        if loopback(host_of(base_url)):
            return LOCAL_VENDOR
        return self.catalogue.seller(base_url) if base_url else ""

    def seller(self, name: str, model: str) -> str:
        """Under whose name the prices of a model are listed."""
        from sophia_mcp.llm.providers import portkey

        if name == "openai":
            return self._vendor() or name
        if name == "portkey":
            slug, bare = portkey.split(model)
            target = self.chosen.portkey.targets.get(slug)
            return (target.provider if target is not None else "") or portkey.vendor(slug, bare) or name
        return name

    def _abilities(self, model: str) -> frozenset[str]:
        return self.catalogue.model(model).can

    def window(self, name: str, model: str) -> Window | None:
        """What a model holds, where that is known. `max_input` leaves room for a whole answer."""
        from sophia_mcp.llm.wrappers.context import Window

        if name == "openai" and self.chosen.openai.context_tokens:
            return Window(self.chosen.openai.context_tokens)
        known = self.catalogue.model(model)
        return Window(known.max_input + known.max_output, known.max_output) if known.known else None

    def address(self, name: str) -> str:
        """Where a provider is asked; empty where it has no address."""
        return self.own(name).base_url if name in ADDRESSED else ""

    def own(self, name: str) -> PortkeySettings | OpenAISettings:
        """What a person set for a provider that has an address."""
        return self.chosen.portkey if name == "portkey" else self.chosen.openai

    def free(self, name: str) -> bool:
        """Whether calls cost nothing that could be counted: also a model on this machine, unless a
        person gave it a price."""
        from sophia_mcp.llm.providers import PROVIDERS
        from sophia_mcp.ops.clock import system

        own = self.chosen.openai
        if name != "openai" or own.vendor or self._owner(own.base_url) != LOCAL_VENDOR:
            return PROVIDERS.load(name).free
        models = {model for model in self.tiers(name).values() if model}
        prices = partial(self.catalogue.ceiling, 1, 1, provider=LOCAL_VENDOR, at_ns=system())
        return all(prices(model=model).nano is None for model in models)


def _secret(reference: str, *, plain: bool = False) -> Callable[[], str]:
    """Looks a secret up. ``plain``: a value that is no reference stands for itself."""
    from sophia_mcp.settings import is_reference, secret

    if plain and not is_reference(reference):
        return lambda: reference
    return partial(secret, reference)


def _is_costly(reference: str) -> bool:
    """Whether looking a secret up would run a program or ask a person, which only a question is worth."""
    return reference.startswith(("cmd:", "keyring:"))
