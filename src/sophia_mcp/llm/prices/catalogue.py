"""Which models are there, what do they take, what can they do, and what does a call of one cost?

Prices come in layers, the first that knows wins: the provider's own bill, the user's `prices.toml`,
the published list. What no layer knows is unpriced, never zero. Amounts are integer nano-dollars;
each carries the unit prices it stands on, their source and its version, so that it can be computed
again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import anyio

from sophia_mcp.errors import NotFound
from sophia_mcp.llm.prices import overrides, rates
from sophia_mcp.llm.prices.overrides import Overrides
from sophia_mcp.llm.prices.sheets import Sheets, is_free, shipped
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
        await anyio.to_thread.run_sync(lambda: self._sheets.published.newest(date.max))

    def price(
        self, usage: Usage, *, provider: str, model: str, at_ns: int, processing: str = "standard"
    ) -> Priced:
        """What a call with this usage costs, at the prices of its time.

        ``processing`` is ``standard``, ``batch``, ``flex``, ``priority`` or ``fast``. Pure but for the
        import of the list on first use.
        """
        sheet = self._sheets.find(provider, model, at_ns, processing, usage.input_tokens)
        nano, certain = rates.cost(usage, sheet.rates, sheet.model) if sheet else (None, False)
        listed = sheet.rates.text() if sheet else {}
        billed = usage.billed_nano
        if billed is not None and (billed > 0 or nano == 0 or is_free(model)):
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
        sheet = self._sheets.find(provider, model, at_ns, processing, input_tokens)
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
            row["factor"] for row in shipped()["factors"]["rows"] if fnmatchcase(bare, row["match"])
        )
        for row in self.own.models:
            if fnmatchcase(name.lower(), row.match.lower()) or fnmatchcase(bare, row.match.lower()):
                own = row.factor if row.factor is not None else Decimal(factor)
                return Model(name, row.max_input, row.max_output, frozenset(row.can.split()), own)
        for each in shipped()["models"]["rows"]:
            if fnmatchcase(bare, each["match"]):
                can = frozenset(each["can"].split())
                return Model(name, each["max_input"], each["max_output"], can, Decimal(factor))
        whole = next(
            (
                w
                for s, ref in self._sheets.spellings(provider, name)
                if (w := self._sheets.published.window(s, ref))
            ),
            8192,
        )
        reply = min(8192, whole // 4)
        return Model(name, whole - reply, reply, frozenset(), Decimal(factor), known=False)

    def tier(self, tier: str, provider: str) -> str:
        """The model a tier means at a provider. Raises NotFound saying how to name one."""
        mine, ours = self.own.tiers, shipped()["tiers"]
        listed = self.seller(provider)
        for table in (mine.get(provider), mine.get(listed), ours.get(listed)):
            if table and tier in table:
                return str(table[tier])
        raise NotFound(
            f"no model is set for the tier {tier} at {provider}",
            why="the provider is not in the catalogue",
            next=f'set it in prices.toml: [tiers.{provider}] {tier} = "MODEL", or name a model',
        )

    def seller(self, provider: str) -> str:
        """The price list's name of a provider that a gateway, log or URL calls otherwise."""
        return self._sheets.seller(provider)

    def maker(self, model: str) -> str:
        """Who makes a model, by its name alone; empty when the name says nothing."""
        return self._sheets.maker("", model)

    def tiers(self) -> tuple[tuple[str, str, str], ...]:
        """Every (provider, tier, model), the user's own instead of the shipped ones."""
        table = {**shipped()["tiers"]}
        for seller, row in self.own.tiers.items():
            table[seller] = {**table.get(seller, {}), **row}
        return tuple((seller, tier, row[tier]) for seller, row in table.items() for tier in row)

    def models(self, provider: str) -> tuple[str, ...]:
        """Every model with a published price at a provider."""
        return tuple(self._sheets.published.models(self.seller(provider)))

    def providers(self) -> tuple[str, ...]:
        """Every provider with published prices."""
        return tuple(self._sheets.published.providers())

    def age(self, now_ns: int) -> PriceAge:
        """How old the published prices are."""
        today = datetime.fromtimestamp(now_ns / 1e9, UTC).date()
        recorded = shipped()["published"]
        same = recorded["version"] == self._sheets.published.VERSION
        newest: date | None = recorded["newest"] if same else self._sheets.published.newest(today)
        days = max((today - newest).days, 0) if newest else 0
        warning = ""
        if newest is None or days > STALE_DAYS:
            since = f"from {newest}, {days} days ago" if newest else "of unknown age"
            warning = f"the published prices are {since}: upgrade genai-prices, or state changed ones in prices.toml"
        return PriceAge("genai-prices", str(self._sheets.published.VERSION), newest, days, warning)

    @cached_property
    def _sheets(self) -> Sheets:
        return Sheets(self.own)


def _bare(name: str) -> str:
    """A model's own name: lower case, no maker, host, region or window suffix, dots as hyphens."""
    last = name.lower().rpartition("/")[2]
    last = re.sub(r"^(global|regional|us|eu|apac|jp|au|ca)\.", "", last)
    last = re.sub(r"^(anthropic|amazon|meta|mistral|cohere|deepseek|ai21|openai|qwen)\.", "", last)
    return re.sub(r"\[\d+[mk]\]$", "", last).replace(".", "-")
