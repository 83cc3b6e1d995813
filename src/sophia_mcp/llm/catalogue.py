"""Which models are there, what do they take, what can they do, and what does a call of one cost?

Prices come in layers, the first that knows wins: the provider's own bill, the user's `prices.toml`,
the published list. What no layer knows is unpriced, never zero. Amounts are integer nano-dollars;
each carries the unit prices it stands on, their source and its version, so that it can be computed
again.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio

from sophia_mcp.errors import NotFound
from sophia_mcp.llm import overrides, rates
from sophia_mcp.llm.overrides import Overrides
from sophia_mcp.llm.rates import Rates
from sophia_mcp.types import Basis, Usage

STALE_DAYS = 30
"""Prices older than this are warned about."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What one call costs. ``nano`` is None exactly when ``basis`` is ``unpriced``. ``unit_prices``
    are exact decimal text (see `Rates`), enough to compute the amount again. ``note`` says what is
    not certain about it."""

    nano: int | None
    basis: Basis
    unit_prices: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    version: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """What a model takes and can do. ``max_input`` leaves room for a whole answer. ``known`` is False
    where these are cautious guesses. ``factor`` is its tokens for each o200k token."""

    name: str
    max_input: int
    max_output: int
    can: frozenset[str]
    factor: Decimal
    known: bool = True


@dataclass(frozen=True, slots=True)
class PriceAge:
    """How old the published prices are: the last change they know, and a warning when that is long ago."""

    source: str
    version: str
    newest: date | None
    days: int
    warning: str = ""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Unit prices found for a call, before anything is multiplied."""

    rates: Rates
    source: str
    version: str
    model: str
    sure: bool
    note: str


@dataclass(frozen=True)
class Catalogue:
    """Models, windows, abilities, tiers and prices. Cheap to make; the published list is imported on
    the first price, or by `warm` away from the event loop."""

    own: Overrides = overrides.NONE

    @classmethod
    def read(cls, path: Path | None) -> Catalogue:
        """With the user's file on top, where there is one. Raises BadSetting."""
        return cls(overrides.read(path))

    async def warm(self) -> None:
        """Load the published list in a thread, so that the first price does not stop the loop."""
        await anyio.to_thread.run_sync(lambda: self._list.newest(date.max))

    def price(
        self, usage: Usage, *, provider: str, model: str, at_ns: int, processing: str = "standard"
    ) -> Priced:
        """What a call with this usage costs, at the prices of its time.

        ``processing`` is ``standard``, ``batch``, ``flex``, ``priority`` or ``fast``. Pure but for the
        import of the list on first use.
        """
        sheet = self._sheet(provider, model, at_ns, processing, usage.input_tokens)
        nano, certain = rates.cost(usage, sheet.rates, sheet.model) if sheet else (None, False)
        listed = sheet.rates.text() if sheet else {}
        billed = usage.billed_nano
        if billed is not None and (billed > 0 or nano == 0 or _is_free(model)):
            return Priced(billed, "reported", listed, provider, "", "")
        if sheet is None:
            return Priced(None, "unpriced", {}, "", "", f"no price is known for {model} at {provider}")
        if nano is None:
            lacking = f"{sheet.source} lists no price for what {model} used"
            return Priced(None, "unpriced", listed, sheet.source, sheet.version, lacking)
        sure = sheet.sure and certain and not usage.estimated
        basis: Basis = "computed" if sure else "estimated"
        return Priced(nano, basis, listed, sheet.source, sheet.version, sheet.note)

    def ceiling(
        self,
        input_tokens: int,
        output_tokens: int,
        *,
        provider: str,
        model: str,
        at_ns: int,
        processing: str = "standard",
    ) -> Priced:
        """The most a call can cost that sends and is answered at most so much: what to reserve."""
        sheet = self._sheet(provider, model, at_ns, processing, input_tokens)
        most = None
        if sheet is not None:
            most = rates.ceiling(input_tokens, output_tokens, sheet.rates, sheet.model)
        if sheet is None or most is None:
            return Priced(None, "unpriced", note=f"no price is known for {model} at {provider}")
        return Priced(most, "estimated", sheet.rates.text(), sheet.source, sheet.version, sheet.note)

    def model(self, name: str, provider: str = "") -> Model:
        """Limits, abilities and token factor of a model; cautious guesses for one never heard of."""
        bare = _bare(name)
        factor = next(
            row["factor"] for row in _shipped()["factors"]["rows"] if fnmatchcase(bare, row["match"])
        )
        for row in self.own.models:
            if fnmatchcase(name.lower(), row.match.lower()) or fnmatchcase(bare, row.match.lower()):
                own = row.factor if row.factor is not None else Decimal(factor)
                return Model(name, row.max_input, row.max_output, frozenset(row.can.split()), own)
        for each in _shipped()["models"]["rows"]:
            if fnmatchcase(bare, each["match"]):
                can = frozenset(each["can"].split())
                return Model(name, each["max_input"], each["max_output"], can, Decimal(factor))
        whole = next(
            (w for s, ref in self._spellings(provider, name) if (w := self._list.window(s, ref))), 8192
        )
        reply = min(8192, whole // 4)
        return Model(name, whole - reply, reply, frozenset(), Decimal(factor), known=False)

    def tier(self, tier: str, provider: str) -> str:
        """The model a tier means at a provider. Raises NotFound saying how to name one."""
        mine, shipped = self.own.tiers, _shipped()["tiers"]
        listed = self.seller(provider)
        for table in (mine.get(provider), mine.get(listed), shipped.get(listed)):
            if table and tier in table:
                return str(table[tier])
        raise NotFound(
            f"no model is set for the tier {tier} at {provider}",
            why="the provider is not in the catalogue",
            next=f'set it in prices.toml: [tiers.{provider}] {tier} = "MODEL", or name a model',
        )

    def seller(self, provider: str) -> str:
        """The price list's name of a provider that a gateway, log or URL calls otherwise."""
        name = provider.lower().strip().removeprefix("@")
        if "://" in name:
            return str(self._list.seller(name))
        return str(_shipped()["aliases"].get(name, name))

    def models(self, provider: str) -> tuple[str, ...]:
        """Every model with a published price at a provider."""
        return tuple(self._list.models(self.seller(provider)))

    def providers(self) -> tuple[str, ...]:
        """Every provider with published prices."""
        return tuple(self._list.providers())

    def age(self, now_ns: int) -> PriceAge:
        """How old the published prices are."""
        today = datetime.fromtimestamp(now_ns / 1e9, UTC).date()
        recorded = _shipped()["published"]
        same = recorded["version"] == self._list.VERSION
        newest: date | None = recorded["newest"] if same else self._list.newest(today)
        days = max((today - newest).days, 0) if newest else 0
        warning = ""
        if newest is None or days > STALE_DAYS:
            since = f"from {newest}, {days} days ago" if newest else "of unknown age"
            warning = f"the published prices are {since}: upgrade genai-prices, or state changed ones in prices.toml"
        return PriceAge("genai-prices", str(self._list.VERSION), newest, days, warning)

    # --- finding unit prices ------------------------------------------------------------------------

    @cached_property
    def _list(self) -> ModuleType:
        return importlib.import_module("sophia_mcp.llm.published")

    def _sheet(
        self, provider: str, model: str, at_ns: int, processing: str, input_tokens: int
    ) -> _Sheet | None:
        """The unit prices of a call: the user's row, or the published ones times the user's factors."""
        factor, notes = Decimal(1), []
        spelled = {name for _, name in self._spellings(provider, model)}
        rows = self.own.find(
            {provider.lower(), self.seller(provider)},
            {model, *spelled},
            at_ns=at_ns,
            processing=processing,
            input_tokens=input_tokens,
        )
        for row in rows:
            notes += [row.note] if row.note else []
            if row.factor is None:
                stated, note = row.rates.times(factor), "; ".join(notes)
                return _Sheet(stated, "prices.toml", self.own.version, model, True, note)
            factor *= row.factor
        found = self._published(provider, model, at_ns, processing, input_tokens)
        if found is None or factor == 1:
            return found
        source, version = f"{found.source} * {factor}", f"{found.version}+{self.own.version}"
        note = "; ".join(part for part in (found.note, *notes) if part)
        return _Sheet(found.rates.times(factor), source, version, found.model, found.sure, note)

    def _published(
        self, provider: str, model: str, at_ns: int, processing: str, input_tokens: int
    ) -> _Sheet | None:
        terms: dict[str, Any] = {"at_ns": at_ns, "input_tokens": input_tokens}
        for seller, ref in self._spellings(provider, model):
            found = None
            if seller == "openrouter" and processing == "batch":
                found = self._list.lookup(seller, f"{ref}:batch", processing="standard", **terms)
            found = found or self._list.lookup(seller, ref, processing=processing, **terms)
            if found is not None:
                priced = found.rates
                if priced == Rates() and _is_free(ref):
                    priced = Rates(input=Decimal(0), output=Decimal(0))
                return _Sheet(
                    priced, "genai-prices", self._list.VERSION, found.model, found.sure, found.note
                )
        maker = self._maker(provider, model)
        if maker:
            ref = model.rpartition("/")[2]
            found = self._list.lookup(maker, ref, processing=processing, **terms)
            if found is not None:
                note = f"{maker}'s own price; what {provider or 'the seller'} charges is not known"
                return _Sheet(found.rates, "genai-prices", self._list.VERSION, found.model, False, note)
        return None

    def _maker(self, provider: str, model: str) -> str:
        """Whose list stands in for a gateway that has none of its own."""
        seller = self.seller(provider)
        if seller and seller not in _shipped()["gateways"]["names"]:
            return ""
        prefix, _, rest = model.lower().removeprefix("@").rpartition("/")
        named = self.seller(prefix.rpartition("/")[2]) if prefix else ""
        return named if named and self._list.sells(named) else str(self._list.maker(rest))

    def _spellings(self, provider: str, model: str) -> Iterator[tuple[str, str]]:
        """The ways the list may name a model, likeliest first: gateways add slugs, clients add
        suffixes, routers add the host."""
        seller = self.seller(provider)
        ref = re.sub(r"\[\d+[mk]\]$", "", model.strip())
        ref = re.sub(r"^@[^/]+/", "", ref)
        refs = [model.strip(), ref, re.sub(r"^(publishers/[^/]+/)?models/", "", ref)]
        prefix, _, rest = ref.partition("/")
        if rest and self.seller(prefix) == seller:
            refs.append(rest)
        for each in dict.fromkeys(refs):
            if seller == "huggingface":
                name, _, host = each.rpartition(":")
                yield f"huggingface_{host}", name
            else:
                yield seller, each


@cache
def _shipped() -> dict[str, Any]:
    return tomllib.loads((files("sophia_mcp.llm") / "catalogue.toml").read_text("utf-8"))


def _bare(name: str) -> str:
    """A model's own name: lower case, no maker, host, region or window suffix, dots as hyphens."""
    last = name.lower().rpartition("/")[2]
    last = re.sub(r"^(global|regional|us|eu|apac|jp|au|ca)\.", "", last)
    last = re.sub(r"^(anthropic|amazon|meta|mistral|cohere|deepseek|ai21|openai|qwen)\.", "", last)
    return re.sub(r"\[\d+[mk]\]$", "", last).replace(".", "-")


def _is_free(model: str) -> bool:
    """Whether a reseller's name of a model says that it is given away."""
    return model.lower().endswith(":free")
