"""How many tokens did a call use? Every provider's and gateway's report in one shape.

Reports differ in spelling and, worse, in what they count: some leave cache reads out of the input,
some leave reasoning out of the output. Spelling is met by comparing names without case and
underscores. What is counted is decided by the report's own total where it has one (of all readings
only one adds up), else by the shape and by who answered. A report that contradicts itself is read
at its dearest and marked ``estimated``; one that says nothing is None, never zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any

from sophia_mcp.types import Usage

_INPUT = "prompttokens inputtokens prompttokencount inputtokencount promptevalcount"
_OUTPUT = (
    "completiontokens outputtokens candidatestokencount responsetokencount outputtokencount evalcount"
    " generatedtokens details.generatedtokens"
)
_TOTAL = "totaltokens totaltokencount"
_READ = (
    "cachereadinputtokens cachereadinputtokencount cachereadtokens cachedinputtokens promptcachehittokens"
    " cachedcontenttokencount cachedtokens numcachedtokens cachedprompttexttokens"
    " prompttokensdetails.cachedtokens inputtokensdetails.cachedtokens inputtokendetails.cachedtokens"
)
_WRITE = (
    "cachecreationinputtokens cachewriteinputtokens cachewriteinputtokencount cachewritetokens"
    " cachecreationtokens prompttokensdetails.cachewritetokens inputtokensdetails.cachewritetokens"
    " prompttokensdetails.cachecreationtokens prompttokensdetails.cachedcreationtokens"
)
_WRITE_5M = "cachecreation.ephemeral5minputtokens cachedetails.5m"
_WRITE_1H = "cachecreation.ephemeral1hinputtokens cachedetails.1h"
_REASONING = (
    "completiontokensdetails.reasoningtokens outputtokensdetails.reasoningtokens"
    " outputtokensdetails.thinkingtokens outputtokendetails.reasoningtokens reasoningtokens"
    " reasoningoutputtokens thoughtstokencount"
)
_TOOL_PROMPT = "tooluseprompttokencount"
_CITATIONS = "citationtokens"
_SEARCHES = "servertooluse.websearchrequests numsearchqueries"
_COUNTS = (
    f"{_INPUT} {_OUTPUT} {_TOTAL} {_READ} {_WRITE} {_WRITE_5M} {_WRITE_1H} {_REASONING} {_TOOL_PROMPT}"
    f" {_CITATIONS} {_SEARCHES}"
).split()
_COST = "cost cost.totalcost estimatedcost responsecost"
_TICKS = "costinusdticks"
_UPSTREAM = "costdetails.upstreaminferencecost"

_LEAVES_CACHE_OUT = {"anthropic", "vertex-ai", "vertex", "google-vertex", "bedrock-native"}
"""Whose input leaves out what was read from and written to the cache, in a gateway's chat shape."""
_LEAVES_REASONING_OUT = {"google", "gemini", "vertex-ai", "vertex", "x-ai", "xai"}
"""Whose completion leaves reasoning out, in a chat shape."""

_PLACES: tuple[tuple[str, ...], ...] = (
    ("usage",),
    ("usageMetadata",),
    ("usage_metadata",),
    ("message", "usage"),
    ("response", "usage"),
    ("response", "usageMetadata"),
    ("delta", "usage"),
    ("x_groq", "usage"),
    ("metadata", "usage"),
    ("result", "usage"),
    ("data", "usage"),
    ("meta", "billed_units"),
    ("meta", "tokens"),
    ("amazon-bedrock-invocationMetrics",),
)
"""Where bodies and stream chunks carry their report."""

_MOST_TOKENS = 10**12
_MOST_DOLLARS = 10**9
"""What is larger was not counted by anybody, and would not fit into the ledger."""

_TICK_NANO = Decimal("0.1")
"""xAI bills in ticks of 1e-10 dollars."""


def find(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The usage report inside a response, a stream chunk, or a report itself; None where there is none."""
    for place in _PLACES:
        found: Any = body
        for key in place:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping) and found:
            return found
    flat = dict(_flat(body))
    counted = any(name in flat for name in f"{_INPUT} {_OUTPUT}".split()) or "billed_units" in body
    return body if counted else None


def merge(seen: Mapping[str, Any], chunk: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a stream's usage after one more chunk.

    Chunks repeat running totals, some split input and output over the first and the last, and some
    end with zeros: so each count keeps its largest value, and nothing is ever summed.
    """
    found = find(chunk)
    return _largest(seen, found) if found is not None else dict(seen)


def gather(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The usage report of a whole stream; empty when no chunk carried one."""
    seen: dict[str, Any] = {}
    for chunk in chunks:
        seen = merge(seen, chunk)
    return seen


def normalise(raw: Mapping[str, Any] | None, provider: str = "") -> Usage | None:
    """One report (or the body that holds it) as `Usage`.

    ``provider`` is who answered (``anthropic``, ``google``, ``x-ai``, ``bedrock``, ...), which decides
    only where the report itself does not. None when nothing was reported: a report of zeros is
    nothing, because every call sends at least one token, and so is one with a count that no call has.
    """
    report = find(raw) if raw else None
    if report is None:
        return None
    return _read(dict(_flat(_billed(report))), provider.lower())


def nano(dollars: Any) -> int | None:
    """A dollar amount as integer nano-dollars, rounded half up; None when it is not an amount."""
    if isinstance(dollars, bool) or not isinstance(dollars, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(str(dollars))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount <= _MOST_DOLLARS:
        return None
    return int((amount * 10**9).quantize(Decimal(1), "ROUND_HALF_UP"))


# --- reading one report -----------------------------------------------------------------------------


def _read(flat: Mapping[str, Any], provider: str) -> Usage | None:
    if any(_is_number(flat.get(name)) and flat[name] > _MOST_TOKENS for name in _COUNTS):
        return None
    given, produced = _count(flat, _INPUT), _count(flat, _OUTPUT)
    short, long = _count(flat, _WRITE_5M), _count(flat, _WRITE_1H)
    read, write = _count(flat, _READ), max(_count(flat, _WRITE), short + long)
    reasoning = _count(flat, _REASONING)
    if not any((given, produced, read, write, reasoning)):
        return None
    if "citationtokens" in flat or "numsearchqueries" in flat:
        # Perplexity's total knows neither reasoning nor citations, and it bills both.
        sure = True
        sent, made = given + _count(flat, _CITATIONS), produced + reasoning
    else:
        sent, made, sure = _choose(flat, provider, given, produced, read, write, reasoning)
    return Usage(
        input_tokens=sent,
        output_tokens=made,
        cached_tokens=min(read, sent),
        cache_write_tokens=write,
        cache_write_1h_tokens=long,
        reasoning_tokens=reasoning,
        billed_nano=_bill(flat),
        searches=_count(flat, _SEARCHES),
        estimated=not sure or sent == 0 or any(_is_no_count(flat.get(name)) for name in _COUNTS),
    )


def _choose(
    flat: Mapping[str, Any],
    provider: str,
    given: int,
    produced: int,
    read: int,
    write: int,
    reasoning: int,
) -> tuple[int, int, bool]:
    """Everything sent, everything produced, and whether the report leaves no doubt of it."""
    tool = _count(flat, _TOOL_PROMPT)
    inputs = {given + a + b + c for a, b, c in product((0, read), (0, write), (0, tool))}
    outputs = {produced, produced + reasoning}
    readings = [
        (sent, made)
        for sent, made in product(sorted(inputs), sorted(outputs))
        if sent >= read + write and made >= reasoning
    ]
    cache_out, reasoning_out, stated = _rule(flat, provider)
    # What is larger than the whole cannot be a part of it, whoever reports.
    sent = given + tool + (read + write if cache_out or given < read + write else 0)
    made = produced + (reasoning if reasoning_out or produced < reasoning else 0)
    ruled = (sent, made)
    total = _count(flat, _TOTAL)
    if total:
        fits = [reading for reading in readings if sum(reading) == total]
        if len(fits) == 1:
            return *fits[0], True
        if fits:
            # Two readings add up by coincidence: what the provider is known to do decides.
            chosen = ruled if ruled in fits else max(fits, key=lambda fit: fit[1])
            return *chosen, stated and ruled in fits
        # Nothing adds up. What the total holds beyond all that is named was billed, dearest as output.
        return sent, made + max(0, total - sent - made), False
    # Parts of a prompt of nothing contradict it, unless the cache is left out of it and there is an answer.
    told = bool(given or (cache_out and produced))
    return *ruled, told and (stated or len(readings) <= 1)


def _rule(flat: Mapping[str, Any], provider: str) -> tuple[bool, bool, bool]:
    """Whether this shape leaves the cache out of its input and reasoning out of its output, and
    whether that is known rather than assumed."""
    if "candidatestokencount" in flat or "thoughtstokencount" in flat or "prompttokencount" in flat:
        return False, True, True
    named = any(name in flat for name in ("inputtokens", "inputtokencount"))
    cache = ("cachereadinputtokens", "cachecreationinputtokens", "cachewriteinputtokens")
    counted = any(name in flat or f"{name[:-1]}count" in flat for name in cache)
    if named:
        # Messages, Converse and its metrics speak of cache at the top; Responses nests it in details.
        return counted, False, counted or bool(provider) or "inputtokensdetails.cachedtokens" in flat
    leaves_cache = provider in _LEAVES_CACHE_OUT and counted
    return leaves_cache, provider in _LEAVES_REASONING_OUT, bool(provider)


def _billed(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a report that is billed, where it tells that apart from what was counted."""
    units = report.get("billed_units")
    if isinstance(units, Mapping) and any(units.values()):
        return {**units, "cached_tokens": 0}
    tokens = report.get("tokens")
    if isinstance(tokens, Mapping):
        return {**tokens, "cached_tokens": report.get("cached_tokens")}
    passes = report.get("iterations")
    if isinstance(passes, Sequence) and not isinstance(passes, str):
        # The top level should be the sum of the message passes and is sometimes less; compacting the
        # conversation is billed on top. Passes of other models are other calls.
        own = [each for each in passes if isinstance(each, Mapping)]
        spoken = _summed({}, (each for each in own if each.get("type") == "message"))
        whole = _largest({key: report[key] for key in report if key != "iterations"}, spoken)
        return _summed(whole, (each for each in own if each.get("type") == "compaction"))
    return report


def _summed(start: Mapping[str, Any], reports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    whole = dict(start)
    for report in reports:
        for key, value in report.items():
            known = whole.get(key)
            if isinstance(value, Mapping):
                whole[key] = _summed(known if isinstance(known, Mapping) else {}, (value,))
            elif isinstance(value, int) and not isinstance(value, bool):
                whole[key] = value + (known if isinstance(known, int) else 0)
    return whole


def _bill(flat: Mapping[str, Any]) -> int | None:
    """What the provider says the call cost, in nano-dollars. With the user's own key at a reseller the
    upstream's bill is added to the reseller's."""
    ticks = flat.get(_TICKS)
    if isinstance(ticks, int) and not isinstance(ticks, bool) and ticks > 0:
        return nano(ticks * _TICK_NANO / 10**9)
    own = next((amount for name in _COST.split() if (amount := nano(flat.get(name))) is not None), None)
    if flat.get("isbyok") is True:
        upstream = nano(flat.get(_UPSTREAM))
        return None if upstream is None else (own or 0) + upstream
    return own


# --- names and numbers ------------------------------------------------------------------------------


def _flat(report: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of a report under their dotted names, without case, underscores and hyphens."""
    for key, value in report.items():
        name = prefix + re.sub(r"[_-]", "", str(key)).lower()
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        elif name == "cachedetails" and isinstance(value, Sequence):
            for each in value:
                if isinstance(each, Mapping):
                    yield f"{name}.{each.get('ttl')}", each.get("inputTokens")
        elif value is not None:
            yield name, value


def _count(flat: Mapping[str, Any], names: str) -> int:
    """The largest count under any of the names: reports that repeat a count say it twice, not double."""
    return max((_whole(flat[name]) for name in names.split() if name in flat), default=0)


def _whole(value: Any) -> int:
    """A count as a non-negative integer. What is no count is nothing."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value):
        return int(value)
    return round(value) if _is_number(value) and 0 <= value <= _MOST_TOKENS else 0


def _is_no_count(value: Any) -> bool:
    """Whether something stands where a count belongs, but is none: below zero, or words."""
    if isinstance(value, str):
        return not re.fullmatch(r"\d{1,12}", value)
    return _is_number(value) and value < 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _largest(seen: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(seen)
    for key, value in new.items():
        old = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = _largest(old if isinstance(old, Mapping) else {}, value)
        elif isinstance(value, int | float) and isinstance(old, int | float):
            # A count below zero stays, so that the whole is not taken for exact.
            merged[key] = max(old, value) if min(old, value) >= 0 else min(old, value)
        elif value is not None:
            merged[key] = value
    return merged
