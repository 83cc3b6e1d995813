"""What do the vendors publish? Unit prices and windows from genai-prices, offline, with their history.

The only importer of that package, which costs a third of a second of processor time: `Catalogue`
imports this module on first use, away from the event loop.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
)

from sophia_mcp.llm.prices.rates import Rates

VERSION = importlib.metadata.version("genai-prices")

_CONTEXTS: dict[str, tuple[dict[str, str], ...]] = {
    "standard": (),
    "batch": ({"processing": "batch"},),
    "flex": ({"service_tier": "flex"},),
    "priority": ({"service_tier": "priority"},),
    "fast": ({"speed": "fast"}, {"service_tier": "fast"}),
}
"""How the list names the ways a call can be processed."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One model's published unit prices. ``sure`` is False where the list does not price that way of
    processing at that time, and the nearest it has is given; ``note`` says which."""

    provider: str
    model: str
    rates: Rates
    sure: bool = True
    note: str = ""


def lookup(
    provider: str, model: str, *, at_ns: int, processing: str, input_tokens: int
) -> Listed | None:
    """The prices of ``model`` at ``provider`` (one of the list's own names), or None if not listed."""
    found = _find(provider, model)
    if found is None:
        return None
    seller, info = found
    at = datetime.fromtimestamp(at_ns / 1e9, UTC)
    price, sure, note = _at(info, seller, at, processing)
    rates = Rates(
        input=_pick(price, "input_mtok", input_tokens),
        output=_pick(price, "output_mtok", input_tokens),
        cached=_pick(price, "cache_read_mtok", input_tokens),
        cache_write=_first(price, ("cache_write_5m_mtok", "cache_write_mtok"), input_tokens),
        cache_write_1h=_pick(price, "cache_write_1h_mtok", input_tokens),
        reasoning=_pick(price, "output_reasoning_mtok", input_tokens),
        request=_per_one(_pick(price, "requests_kcount", input_tokens)),
        search=_per_one(_pick(price, "web_searches_kcount", input_tokens)),
    )
    return Listed(seller.id, info.id, rates, sure, note)


def maker(model: str) -> str:
    """Who makes a model, by its name alone; empty when the name says nothing."""
    try:
        return get_snapshot().find_provider(model.lower(), None, None).id
    except LookupError:
        return ""


def seller(url: str) -> str:
    """Whose endpoint a URL is; empty when it is nobody's that is listed."""
    try:
        return get_snapshot().find_provider(None, None, url).id
    except LookupError:
        return ""


def sells(provider: str) -> bool:
    """Whether prices of that provider are listed at all."""
    return any(provider == each.id for each in get_snapshot().providers)


def window(provider: str, model: str) -> int | None:
    """Tokens that fit a model's context, questions and answers together."""
    found = _find(provider, model)
    return found[1].context_window if found else None


def models(provider: str) -> tuple[str, ...]:
    """Every model listed for a provider."""
    return tuple(sorted(m.id for p in get_snapshot().providers if p.id == provider for m in p.models))


def providers() -> tuple[str, ...]:
    """Every provider that is listed."""
    return tuple(sorted(each.id for each in get_snapshot().providers))


def newest(until: date) -> date | None:
    """The latest change of a price that the list knows of, not after ``until``."""
    starts = (
        each.constraint.start_date
        for provider in get_snapshot().providers
        for model in provider.models
        for each in (*_conditions(model), *(model.price_variants or ()))
        if isinstance(each.constraint, StartDateConstraint)
    )
    return max((start for start in starts if start <= until), default=None)


def _find(provider: str, model: str) -> tuple[Provider, ModelInfo] | None:
    try:
        return get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None


def _conditions(model: ModelInfo) -> list[ConditionalPrice]:
    return model.prices if isinstance(model.prices, list) else []


def _at(
    info: ModelInfo, seller: Provider, at: datetime, processing: str
) -> tuple[ModelPrice, bool, str]:
    """Prices at a time for a way of processing; where that is not listed then, the nearest that is."""
    standard = info.get_prices(at)
    contexts = _CONTEXTS.get(processing, ({"processing": processing},))
    if not contexts:
        return standard, True, ""
    own = any(info is each for each in seller.models)
    variants = [each for each in info.price_variants or () if own and each.when in contexts]
    for each in variants:
        if each.constraint is None or each.constraint.active(at):
            return info.get_prices(at, each.when), True, ""
    if variants:
        merged = ModelPrice(**{**standard.__dict__, **variants[0].prices.__dict__})
        return merged, False, f"the {processing} price of a later date"
    return standard, False, f"no {processing} price is listed; the standard one is used"


def _pick(price: ModelPrice, key: str, input_tokens: int) -> Decimal | None:
    """One unit price; where it depends on the length of the input, the one for this length."""
    value = getattr(price, key, None)
    if isinstance(value, TieredPrices):
        passed = [tier.price for tier in value.tiers if input_tokens > tier.start]
        value = passed[-1] if passed else value.base
    return None if value is None else _exact(value)


def _exact(value: Decimal) -> Decimal:
    """A price without the noise of a binary fraction it once was (1.0399999999999998)."""
    return value if value == (short := round(value, 9)) else short.normalize()


def _first(price: ModelPrice, keys: tuple[str, ...], input_tokens: int) -> Decimal | None:
    return next((value for key in keys if (value := _pick(price, key, input_tokens)) is not None), None)


def _per_one(thousand: Decimal | None) -> Decimal | None:
    return None if thousand is None else thousand / 1000
