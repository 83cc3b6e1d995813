"""Prices by layer, time and length; tiers, windows and abilities; and how old all of it is."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_mcp.errors import BadSetting, NotFound
from sophia_mcp.llm.prices import published, rates
from sophia_mcp.llm.prices.catalogue import Catalogue, Priced
from sophia_mcp.llm.prices.rates import Rates
from sophia_mcp.llm.prices.sheets import shipped
from sophia_mcp.types import Usage

pytestmark = pytest.mark.requirement("cost.prices")

SHIPPED = Catalogue()
USED = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def ns(year: int, month: int, day: int, hour: int = 12) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) * 10**9


NOW = ns(2026, 11, 20)


def price(
    catalogue: Catalogue, model: str = "gpt-5.5", provider: str = "openai", **more: object
) -> Priced:
    usage = more.pop("usage", USED)
    at_ns = more.pop("at_ns", NOW)
    return catalogue.price(usage, provider=provider, model=model, at_ns=at_ns, **more)  # type: ignore[arg-type]


def own(tmp_path: Path, text: str) -> Catalogue:
    path = tmp_path / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return Catalogue.read(path)


TIERS = [
    (seller, tier, model) for seller, row in shipped()["tiers"].items() for tier, model in row.items()
]


@pytest.mark.requirement("llm.catalogue")
@pytest.mark.parametrize(("seller", "tier", "model"), TIERS)
def test_every_tier_names_a_model_with_a_price_a_window_and_abilities(
    seller: str, tier: str, model: str
) -> None:
    assert SHIPPED.tier(tier, seller) == model
    priced = price(SHIPPED, model, seller, usage=Usage(input_tokens=1000, output_tokens=1000))
    assert priced.basis == "computed"
    assert (priced.nano or 0) > 0
    known = SHIPPED.model(model, seller)
    assert known.known
    assert known.max_input >= 50_000
    assert known.max_output >= 4_000


@pytest.mark.requirement("llm.catalogue")
def test_every_shipped_row_is_reached_and_well_formed() -> None:
    abilities = {"tools", "schema", "force", "sampling", "cache", "reasoning", "vision"}
    for row in shipped()["models"]["rows"]:
        name = row["match"].replace("*", "").replace("[134]", "3").replace("[12]", "1")
        name = name.replace("[45]", "4").replace("[78]", "7").replace("[567]", "5")
        found = SHIPPED.model(name.replace("[5678]", "5").replace("[23]", "2"))
        assert found.known, row
        assert set(row["can"].split()) <= abilities, row
    for alias, seller in shipped()["aliases"].items():
        assert published.sells(seller), alias


@pytest.mark.requirement("llm.catalogue")
def test_a_tier_nobody_set_says_how_to_set_it() -> None:
    with pytest.raises(NotFound, match=r"\[tiers.nowhere\] fast"):
        SHIPPED.tier("fast", "nowhere")


def test_names_of_gateways_and_logs_mean_the_same_seller() -> None:
    for name in ("Bedrock", "amazon-bedrock", "https://bedrock-runtime.us-east-1.amazonaws.com/model"):
        assert SHIPPED.seller(name) == "aws"
    assert SHIPPED.seller("https://api.deepseek.com/v1") == "deepseek"
    assert SHIPPED.seller("http://127.0.0.1:11434/v1") == ""


@pytest.mark.parametrize(
    "name",
    [
        "claude-opus-4-7",
        "anthropic/claude-opus-4-7",
        "us.anthropic.claude-opus-4-7-v1:0",
        "claude-opus-4.7",
        "claude-opus-4-7[1m]",
    ],
)
def test_a_model_has_the_same_window_under_all_its_names(name: str) -> None:
    found = SHIPPED.model(name)
    assert (found.max_input, found.max_output) == (872_000, 128_000)
    assert "force" in found.can
    assert "sampling" not in found.can
    assert found.factor == Decimal("1.35")


def test_newer_models_that_refuse_a_forced_tool_say_so() -> None:
    assert "force" not in SHIPPED.model("claude-sonnet-5-5").can
    assert "force" in SHIPPED.model("claude-haiku-5-5").can


def test_a_model_never_heard_of_gets_cautious_limits() -> None:
    found = SHIPPED.model("homemade-7b", "ollama")
    assert not found.known
    assert found.max_input + found.max_output <= 8192


def test_a_price_is_that_of_its_own_day() -> None:
    assert price(SHIPPED, "o3", at_ns=ns(2025, 5, 10)).nano == 50 * 10**9
    assert price(SHIPPED, "o3", at_ns=NOW).nano == 10 * 10**9


def test_an_unknown_way_of_processing_is_an_estimate_that_says_so() -> None:
    batch = price(SHIPPED, "deepseek-v4-pro", "deepseek", processing="batch")
    assert batch.basis == "estimated"
    assert "no batch price" in batch.note


def test_a_way_of_processing_that_was_listed_later_is_an_estimate() -> None:
    early = price(SHIPPED, "claude-sonnet-5-5", "anthropic", processing="batch", at_ns=ns(2026, 10, 1))
    late = price(SHIPPED, "claude-sonnet-5-5", "anthropic", processing="batch", at_ns=NOW)
    assert (early.nano, early.basis) == (late.nano, "estimated")
    assert late.basis == "computed"


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-9"),
        ("openai", "llama3:8b"),
        ("ollama", "llama3"),
        ("nobody", "gpt-5.5"),
        ("", "homemade"),
    ],
)
def test_what_nobody_knows_is_unpriced_and_never_zero(provider: str, model: str) -> None:
    priced = price(SHIPPED, model, provider)
    assert (priced.nano, priced.basis) == (None, "unpriced")
    assert model in priced.note
    most = SHIPPED.ceiling(10, 10, provider=provider, model=model, at_ns=NOW)
    assert (most.nano, most.basis) == (None, "unpriced")


def test_a_listed_model_without_the_price_it_needs_is_unpriced() -> None:
    embedder = price(SHIPPED, "text-embedding-3-small", usage=Usage(input_tokens=10, output_tokens=10))
    assert (embedder.nano, embedder.basis) == (None, "unpriced")


def test_the_providers_own_bill_comes_first_unless_it_is_a_zero_that_cannot_be() -> None:
    billed = price(SHIPPED, usage=Usage(1000, 1000, billed_nano=7))
    assert (billed.nano, billed.basis, billed.source) == (7, "reported", "openai")
    doubted = price(SHIPPED, usage=Usage(1000, 1000, billed_nano=0))
    assert (doubted.nano, doubted.basis) == (35_000_000, "computed")
    unknown = price(SHIPPED, "gpt-9", usage=Usage(1000, 1000, billed_nano=0))
    assert unknown.basis == "unpriced"
    given = price(SHIPPED, "some/model:free", "openrouter", usage=Usage(1000, 1000, billed_nano=0))
    assert (given.nano, given.basis) == (0, "reported")


def test_estimated_counts_make_an_estimated_amount() -> None:
    assert price(SHIPPED, usage=Usage(1000, 1000, estimated=True)).basis == "estimated"


def test_unit_prices_are_enough_to_compute_the_amount_again() -> None:
    usage = Usage(9000, 700, cached_tokens=3000, cache_write_tokens=2000, cache_write_1h_tokens=500)
    priced = price(SHIPPED, "claude-opus-5-5", "anthropic", usage=usage)
    again, _ = rates.cost(usage, Rates.of(priced.unit_prices), "claude-opus-5-5")
    assert again == priced.nano
    assert (priced.source, priced.version) == ("genai-prices", published.VERSION)


TOKENS = st.integers(0, 3_000_000)
MODELS = [
    ("openai", "gpt-6.1-sol"),
    ("anthropic", "claude-haiku-5-5"),
    ("google", "gemini-2.5-pro"),
    ("perplexity", "sonar-deep-research"),
    ("x-ai", "grok-4.7"),
]


@given(
    TOKENS,
    TOKENS,
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(0, 100),
    st.sampled_from(MODELS),
)
def test_no_call_costs_more_than_its_ceiling(
    sent: int, made: int, read: int, write: int, thought: int, which: tuple[str, str]
) -> None:
    provider, model = which
    cached, written = sent * read // 200, sent * write // 200
    usage = Usage(sent, made, cached, written, reasoning_tokens=made * thought // 100)
    cost = price(SHIPPED, model, provider, usage=usage).nano
    most = SHIPPED.ceiling(sent, made, provider=provider, model=model, at_ns=NOW).nano
    assert cost is not None
    assert most is not None
    assert cost <= most


@given(TOKENS, TOKENS, st.sampled_from(MODELS))
def test_more_tokens_never_cost_less_and_two_calls_cost_what_their_sum_costs_below_the_tier(
    sent: int, made: int, which: tuple[str, str]
) -> None:
    provider, model = which
    one = price(SHIPPED, model, provider, usage=Usage(sent, made)).nano
    more = price(SHIPPED, model, provider, usage=Usage(sent + 1, made + 1)).nano
    assert one is not None
    assert more is not None
    assert more > one


@pytest.mark.requirement("cost.prices_own")
def test_the_last_row_that_matches_wins_and_days_bound_it(tmp_path: Path) -> None:
    catalogue = own(
        tmp_path,
        """
        [[price]]
        provider = "openai"
        model = "gpt-5*"
        input = "4"
        output = "20"
        note = "contract of 2026"

        [[price]]
        provider = "openai"
        model = "gpt-5.5"
        from = 2026-11-01
        until = 2026-12-01
        input = 1
        output = 2.5
        """,
    )
    assert price(catalogue).nano == 3_500_000_000
    assert price(catalogue, at_ns=ns(2026, 12, 1, 0)).nano == 24 * 10**9
    early = price(catalogue, at_ns=ns(2026, 10, 31, 23))
    assert (early.nano, early.basis, early.source) == (24 * 10**9, "computed", "prices.toml")
    assert early.note == "contract of 2026"
    assert len(early.version) == 12
    assert price(catalogue, "claude-sonnet-5-5", "anthropic").source == "genai-prices"


@pytest.mark.requirement("cost.prices_own")
def test_a_factor_scales_what_is_known_without_it(tmp_path: Path) -> None:
    catalogue = own(
        tmp_path,
        """
        [[price]]
        model = "*"
        factor = "0.9"

        [[price]]
        provider = "anthropic"
        model = "claude-*"
        factor = "1.1"
        """,
    )
    assert price(catalogue).nano == 49_500_000_000
    claude = price(catalogue, "claude-sonnet-5-5", "anthropic")
    assert claude.nano == 11_880_000_000
    assert claude.unit_prices["cached"] == "0.099"
    assert claude.source == "genai-prices * 0.99"
    assert price(catalogue, "gpt-9").basis == "unpriced"


@pytest.mark.requirement("cost.prices_own")
def test_long_input_other_processing_fees_and_ones_own_machine_have_rows(tmp_path: Path) -> None:
    catalogue = own(
        tmp_path,
        """
        [[price]]
        provider = "ollama"
        model = "*"
        input = 0
        output = 0

        [[price]]
        model = "house/model"
        input = "1"
        output = "1"
        request = "0.25"

        [[price]]
        model = "house/model"
        above = 500_000
        input = "3"
        output = "3"

        [[price]]
        model = "house/model"
        processing = "batch"
        input = "0.5"
        output = "0.5"
        """,
    )
    assert price(catalogue, "llama3", "ollama").nano == 0
    assert price(catalogue, "house/model", "house", usage=Usage(400_000, 0)).nano == 650_000_000
    assert price(catalogue, "house/model", "house").nano == 6 * 10**9
    assert price(catalogue, "house/model", "house", processing="batch").nano == 10**9


@pytest.mark.requirement("cost.prices_own")
def test_rows_name_a_provider_as_the_list_or_as_the_user_does_and_a_model_with_or_without_its_maker(
    tmp_path: Path,
) -> None:
    catalogue = own(
        tmp_path, '[[price]]\nprovider = "bedrock"\nmodel = "Claude-X"\ninput = 1\noutput = 1\n'
    )
    for provider, model in (("bedrock", "claude-x"), ("bedrock", "@prod/anthropic/claude-x")):
        assert price(catalogue, model, provider).nano == 2 * 10**9


@pytest.mark.requirement("cost.prices_own")
def test_tiers_and_limits_of_ones_own_come_first(tmp_path: Path) -> None:
    catalogue = own(
        tmp_path,
        """
        [tiers.openai]
        fast = "gpt-5-nano"
        [tiers.house]
        standard = "house/model"

        [[model]]
        match = "house/*"
        max_input = 30000
        max_output = 2000
        can = "tools sampling"
        factor = "1.5"
        """,
    )
    assert catalogue.tier("fast", "openai") == "gpt-5-nano"
    assert catalogue.tier("deep", "openai") == "gpt-6-astra"
    assert catalogue.tier("standard", "house") == "house/model"
    found = catalogue.model("house/model")
    assert (found.max_input, found.can, found.factor) == (30000, {"tools", "sampling"}, Decimal("1.5"))


@pytest.mark.requirement("cost.prices_own")
@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[price]\n", "not valid TOML"),
        ('[[price]]\nmodel = "a"\n', "price.1 is wrong"),
        ('[[price]]\nmodel = "a"\ninput = 1\nfactor = 2\n', "unit prices or a factor"),
        ('[[price]]\nmodel = "a"\ninput = -1\n', "price.1.input"),
        ('[[price]]\nmodel = "a"\ninput = "nan"\n', "price.1.input"),
        ('[[price]]\nmodel = "a"\ninput = 1\n[[price]]\nmodle = "b"\ninput = 1\n', "price.2.model"),
        ("[prices]\nx = 1\n", "prices"),
        ('[[price]]\nmodel = "a"\ninput = 1e30\n', "price.1.input"),
        (
            '[[price]]\nmodel = "a"\ninput = 1\nfrom = 2027-01-01\nuntil = 2026-01-01\n',
            "holds on no day",
        ),
        ('[tiers.openai]\nhuge = "a"\n', "tiers.openai.huge"),
    ],
)
def test_a_faulty_file_names_the_row(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        own(tmp_path, text)


@pytest.mark.requirement("cost.prices_own")
def test_no_file_means_no_rows(tmp_path: Path) -> None:
    assert price(Catalogue.read(tmp_path / "none.toml")) == price(SHIPPED) == price(Catalogue.read(None))


def test_old_prices_warn_after_thirty_days() -> None:
    fresh, old = SHIPPED.age(ns(2026, 12, 9)), SHIPPED.age(ns(2026, 12, 10))
    assert (fresh.newest, fresh.days, fresh.warning) == (date(2026, 11, 9), 30, "")
    assert (old.days, fresh.version) == (31, published.VERSION)
    assert "31 days ago" in old.warning


def test_the_recorded_age_is_that_of_the_list_it_was_recorded_for() -> None:
    recorded = shipped()["published"]
    if recorded["version"] == published.VERSION:
        assert published.newest(recorded["newest"]) == recorded["newest"]


def test_nothing_heavy_is_imported_before_the_first_price() -> None:
    code = (
        "import sys; from sophia_mcp.llm.prices.catalogue import Catalogue; c = Catalogue();"
        "c.tier('fast', 'openai'); c.model('gpt-5.5');"
        "assert 'genai_prices' not in sys.modules;"
        "c.age(0); assert 'genai_prices' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.anyio
async def test_warming_loads_the_list_away_from_the_loop() -> None:
    catalogue = Catalogue()
    await catalogue.warm()
    assert catalogue.age(NOW).newest is not None
