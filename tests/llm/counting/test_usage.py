"""Usage in every shape known comes to the amount the vendor's price page says, and never to silence."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_mcp.llm.counting.usage import find, gather, merge, nano, normalise
from sophia_mcp.llm.prices.catalogue import Catalogue

SHAPES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "shapes.toml").read_text())[
    "shape"
]
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
CATALOGUE = Catalogue()


def report(shape: dict[str, Any]) -> dict[str, Any]:
    if "body" in shape:
        return json.loads(shape["body"])
    return gather(json.loads(line) for line in shape["chunks"].strip().splitlines())


def moment(shape: dict[str, Any]) -> int:
    at = shape.get("at", NOON)
    at = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day, 12, tzinfo=UTC)
    return int(at.timestamp()) * 10**9


def truth(shape: dict[str, Any]) -> Decimal:
    """The true amount in dollars, from the tokens and unit prices written in the file."""
    return sum(
        (Decimal(n) * Decimal(price) / (1 if each else 1_000_000) for n, price, *each in shape["parts"]),
        Decimal(0),
    )


@pytest.mark.requirement("cost.golden_shapes")
@pytest.mark.parametrize("shape", SHAPES, ids=[shape["name"] for shape in SHAPES])
def test_usage_of_every_shape_costs_what_the_vendor_bills(shape: dict[str, Any]) -> None:
    usage = normalise(report(shape), shape["provider"])
    if shape.get("nothing"):
        assert usage is None
        return
    assert usage is not None
    priced = CATALOGUE.price(
        usage,
        provider=shape.get("price_as", shape["provider"]),
        model=shape["model"],
        at_ns=moment(shape),
        processing=shape.get("processing", "standard"),
    )
    assert priced.basis == shape.get("basis", "computed"), priced
    if priced.basis == "unpriced":
        assert priced.nano is None
        return
    expected = truth(shape)
    assert priced.nano is not None
    assert abs(Decimal(priced.nano) / 10**9 - expected) <= expected / 1000, (priced, usage)
    assert priced.nano == (expected * 10**9).quantize(Decimal(1), "ROUND_HALF_UP"), (priced, usage)
    assert priced.nano > 0 or expected == 0


@pytest.mark.requirement("cost.golden_shapes")
def test_there_are_at_least_sixty_priced_shapes() -> None:
    priced = [shape for shape in SHAPES if "parts" in shape]
    assert len(priced) >= 60
    assert len({shape["name"] for shape in SHAPES}) == len(SHAPES)


@pytest.mark.parametrize(
    "shape", [shape for shape in SHAPES if "body" in shape], ids=lambda s: s["name"]
)
def test_a_report_reads_the_same_inside_its_body_and_alone(shape: dict[str, Any]) -> None:
    body = report(shape)
    inside = find(body)
    assert normalise(body, shape["provider"]) == (
        normalise(inside, shape["provider"]) if inside else None
    )


COUNTS = st.integers(0, 2_000_000)


@given(
    COUNTS,
    COUNTS,
    COUNTS,
    COUNTS,
    COUNTS,
    st.sampled_from(["openai", "anthropic", "google", "", "x-ai"]),
)
def test_no_reading_ever_loses_a_token_that_was_named(
    given_: int, made: int, read: int, write: int, reasoning: int, provider: str
) -> None:
    usage = normalise(
        {
            "prompt_tokens": given_,
            "completion_tokens": made,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": write,
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        },
        provider,
    )
    if usage is None:
        assert not any((given_, made, read, write, reasoning))
        return
    assert usage.input_tokens >= max(given_, read + write)
    assert usage.output_tokens >= max(made, reasoning)
    assert usage.cached_tokens + usage.cache_write_tokens <= usage.input_tokens


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.booleans(), st.booleans())
def test_the_reading_that_adds_up_is_found_whoever_leaves_what_out(
    plain: int, read: int, spoken: int, thought: int, cache_out: bool, reasoning_out: bool
) -> None:
    """Whatever the convention, a correct total gives the true counts. Doubt is said, and only where the
    cache read happens to be as large as the reasoning, so that two readings add up."""
    sent, made = plain + read, spoken + thought
    usage = normalise(
        {
            "prompt_tokens": plain if cache_out else sent,
            "completion_tokens": spoken if reasoning_out else made,
            "total_tokens": sent + made,
            "prompt_tokens_details": {"cached_tokens": read},
            "completion_tokens_details": {"reasoning_tokens": thought},
        }
    )
    if usage is None:
        assert sent + made == 0
    elif usage.estimated:
        assert read == thought or sent == 0
        assert usage.input_tokens + usage.output_tokens == sent + made
    else:
        assert (usage.input_tokens, usage.output_tokens) == (sent, made)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["usage", "prompt_tokens", "iterations", "total_tokens", "cost", "billed_units", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["usage", "message", "usageMetadata", "cost", "prompt_tokens"]), JSON
    )
)
def test_no_body_however_strange_is_an_error(body: dict[str, Any]) -> None:
    usage = normalise(body, "openai")
    assert usage is None or min(usage.input_tokens, usage.output_tokens, usage.cached_tokens) >= 0
    merge({}, body)


@pytest.mark.parametrize("count", [10**13, 10**30, 1e20])
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens", "total_tokens"])
def test_a_count_that_no_call_has_is_no_report(name: str, count: float) -> None:
    assert normalise({"prompt_tokens": 9, "completion_tokens": 9, name: count}, "openai") is None


@pytest.mark.parametrize("count", [-5, -0.5, "many", "-5"])
def test_a_report_with_something_else_where_a_count_belongs_is_not_exact(count: object) -> None:
    report = {"prompt_tokens": 100, "completion_tokens": count}
    found = normalise({"usage": report}, "portkey")
    assert found is not None
    assert found.input_tokens == 100
    assert found.estimated


def test_a_stream_that_ends_with_a_count_below_zero_is_not_exact() -> None:
    begun = {"message": {"usage": {"input_tokens": 100, "output_tokens": 1}}}
    found = normalise(gather([begun, {"usage": {"output_tokens": -5}}]), "anthropic")
    assert found is not None
    assert found.input_tokens == 100
    assert found.estimated


def test_a_bill_that_nobody_owes_is_none() -> None:
    usage = normalise({"prompt_tokens": 9, "completion_tokens": 9, "cost": 1e40}, "openrouter")
    assert usage is not None
    assert usage.billed_nano is None
    ticks = normalise({"prompt_tokens": 9, "completion_tokens": 9, "cost_in_usd_ticks": 10**40}, "x-ai")
    assert ticks is not None
    assert ticks.billed_nano is None


@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=6))
def test_a_stream_counts_its_largest_report_however_often_it_comes(
    reports: list[tuple[int, int]],
) -> None:
    chunks = [
        {"usage": {"prompt_tokens": given_, "completion_tokens": made}} for given_, made in reports
    ]
    once, twice = gather(chunks), gather([*chunks, *chunks])
    assert once == twice
    usage = normalise(once, "openai")
    largest = (max(given_ for given_, _ in reports), max(made for _, made in reports))
    assert (usage.input_tokens, usage.output_tokens) == largest if usage else largest == (0, 0)


def test_amounts_of_money_are_read_exactly() -> None:
    assert nano(0.00014) == 140_000
    assert nano("0.0000000005") == 1
    assert nano(2.5e-05) == 25_000
    nothing: list[Any] = [None, True, "free", float("nan"), float("inf"), -1, [], 1e40, 10**40]
    assert [nano(value) for value in nothing] == [None] * 9
