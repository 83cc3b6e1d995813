"""What are the unit prices of a call? The user's rows, over the published list, over an estimate.

Gateways, clients and logs name providers and models otherwise than the list does; the names meet here.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from importlib.resources import files
from types import ModuleType
from typing import Any

from sophia_mcp.llm.prices.overrides import Overrides
from sophia_mcp.llm.prices.rates import Rates


@dataclass(frozen=True, slots=True)
class Sheet:
    """Unit prices found for a call. ``model`` is the name they were found under; ``sure`` is False where
    they stand in for others, and ``note`` says for which."""

    rates: Rates
    source: str
    version: str
    model: str
    sure: bool
    note: str


@dataclass(frozen=True)
class Sheets:
    """Every unit price there is. The published list is imported on first use."""

    own: Overrides

    def seller(self, provider: str) -> str:
        """The list's name of a provider that is called otherwise, or whose URL is given."""
        name = provider.lower().strip().removeprefix("@")
        if "://" in name:
            return str(self.published.seller(name))
        return str(shipped()["aliases"].get(name, name))

    @cached_property
    def published(self) -> ModuleType:
        return importlib.import_module("sophia_mcp.llm.prices.published")

    def find(
        self, provider: str, model: str, at_ns: int, processing: str, input_tokens: int
    ) -> Sheet | None:
        """The unit prices of a call: the user's row, or the published ones times the user's factors."""
        factor, notes = Decimal(1), []
        spelled = {name for _, name in self.spellings(provider, model)}
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
                return Sheet(stated, "prices.toml", self.own.version, model, True, note)
            factor *= row.factor
        found = self._published(provider, model, at_ns, processing, input_tokens)
        if found is None or factor == 1:
            return found
        source, version = f"{found.source} * {factor}", f"{found.version}+{self.own.version}"
        note = "; ".join(part for part in (found.note, *notes) if part)
        return Sheet(found.rates.times(factor), source, version, found.model, found.sure, note)

    def _published(
        self, provider: str, model: str, at_ns: int, processing: str, input_tokens: int
    ) -> Sheet | None:
        terms: dict[str, Any] = {"at_ns": at_ns, "input_tokens": input_tokens}
        for seller, ref in self.spellings(provider, model):
            found = None
            if seller == "openrouter" and processing == "batch":
                found = self.published.lookup(seller, f"{ref}:batch", processing="standard", **terms)
            found = found or self.published.lookup(seller, ref, processing=processing, **terms)
            if found is not None:
                priced = found.rates
                if priced == Rates() and is_free(ref):
                    priced = Rates(input=Decimal(0), output=Decimal(0))
                return Sheet(
                    priced, "genai-prices", self.published.VERSION, found.model, found.sure, found.note
                )
        maker = self.maker(provider, model)
        if maker:
            ref = model.rpartition("/")[2]
            found = self.published.lookup(maker, ref, processing=processing, **terms)
            if found is not None:
                note = f"{maker}'s own price; what {provider or 'the seller'} charges is not known"
                return Sheet(
                    found.rates, "genai-prices", self.published.VERSION, found.model, False, note
                )
        return None

    def maker(self, provider: str, model: str) -> str:
        """Whose list stands in for a gateway that has none of its own."""
        seller = self.seller(provider)
        if seller and seller not in shipped()["gateways"]["names"]:
            return ""
        prefix, _, rest = model.lower().removeprefix("@").rpartition("/")
        named = self.seller(prefix.rpartition("/")[2]) if prefix else ""
        return named if named and self.published.sells(named) else str(self.published.maker(rest))

    def spellings(self, provider: str, model: str) -> Iterator[tuple[str, str]]:
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
def shipped() -> dict[str, Any]:
    return tomllib.loads((files("sophia_mcp.llm.prices") / "catalogue.toml").read_text("utf-8"))


def is_free(model: str) -> bool:
    """Whether a reseller's name of a model says that it is given away."""
    return model.lower().endswith(":free")
