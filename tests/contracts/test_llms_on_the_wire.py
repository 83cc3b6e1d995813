"""What every provider that calls a model over HTTP owes its caller, against a service with its own bill.

The `portkey` provider runs through the open-source gateway, with three vendors behind it.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from tests.contracts.ways import WAYS, Way
from tests.upstream.bill import TARIFFS
from tests.upstream.start import Account, Upstream, prices_toml

from sophia_mcp.errors import ContextTooLong, ProviderError
from sophia_mcp.llm.prices.catalogue import Catalogue
from sophia_mcp.llm.providers import LLM
from sophia_mcp.llm.providers.openai import PROVIDER as OPENAI
from sophia_mcp.llm.providers.portkey import PROVIDER as PORTKEY
from sophia_mcp.llm.providers.portkey import Target
from sophia_mcp.llm.wrappers.structured import Structured
from sophia_mcp.types import Message, Usage

pytestmark = pytest.mark.anyio

SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "names": {"type": "array", "items": {"type": "string"}},
        "where": {
            "type": "object",
            "properties": {"path": {"type": "string"}},
            "required": ["path"],
            "additionalProperties": False,
        },
    },
    "required": ["n", "names", "where"],
    "additionalProperties": False,
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture
async def llm(way: Way, account: Account, gateway: str) -> AsyncIterator[LLM]:
    async with way.open(account, gateway) as opened:
        yield opened


def of_vendor(usage: Usage | None) -> dict[str, int]:
    assert usage is not None
    return {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cached": usage.cached_tokens,
        "reasoning": usage.reasoning_tokens,
    }


def of_bill(account: Account) -> dict[str, int]:
    line = account.bill()[-1]
    told_apart = line.dialect != "anthropic"  # which reports reasoning as output like any other
    return {
        "input": line.spent.input,
        "output": line.spent.output,
        "cached": line.spent.cached,
        "reasoning": line.spent.reasoning if told_apart else 0,
    }


@pytest.mark.requirement("llm.wire")
async def test_an_answer_arrives_with_the_usage_that_was_billed(
    llm: LLM, way: Way, account: Account
) -> None:
    account.answer("hello", "good day to you")
    reply = await llm.ask(way.ask())
    assert reply.text == "good day to you"
    assert reply.finish == "stop"
    assert reply.model == way.model.rpartition("/")[2]
    assert of_vendor(reply.usage) == of_bill(account)


@pytest.mark.requirement("llm.wire")
async def test_a_streamed_answer_is_heard_in_pieces_and_reports_the_same(
    llm: LLM, way: Way, account: Account
) -> None:
    account.answer("hello", "word " * 60)
    heard: list[str] = []
    reply = await llm.ask(way.ask(), heard.append)
    assert "".join(heard) == reply.text == "word " * 60
    assert len(heard) > 3
    assert of_vendor(reply.usage) == of_bill(account)


@pytest.mark.requirement("llm.schema")
@pytest.mark.parametrize("stream", [False, True])
async def test_a_schema_is_satisfied(llm: LLM, way: Way, account: Account, stream: bool) -> None:
    heard: list[str] = []
    reply = await Structured(llm).ask(way.ask(schema=SCHEMA), heard.append if stream else None)
    assert isinstance(reply.value["n"], int)
    assert set(reply.value) == {"n", "names", "where"}
    assert of_vendor(reply.usage) == of_bill(account)
    assert len(account.bill()) == 1


@pytest.mark.requirement("llm.schema")
@pytest.mark.parametrize("fault", ["bad-schema", "prose"])
async def test_an_answer_of_the_wrong_form_is_read_or_mended_once(
    llm: LLM, way: Way, account: Account, fault: str
) -> None:
    account.script(fault, "ok")
    reply = await Structured(llm).ask(way.ask(schema=SCHEMA))
    assert set(reply.value) == {"n", "names", "where"}
    assert len(account.bill()) <= 2


@pytest.mark.requirement("llm.wire")
async def test_cache_reads_writes_and_reasoning_are_told_apart(
    llm: LLM, way: Way, account: Account, tmp_path: Any
) -> None:
    place = tmp_path / "prices.toml"
    place.write_text(prices_toml(), encoding="utf-8")
    catalogue = Catalogue.read(place)
    account.change(charge="max")
    shared = Message("user", "shared words of all steps " * 400, shared=True)
    for role in ("first", "second"):
        ask = way.ask()
        ask = type(ask)((shared, Message("user", role)), ask.model, ask.max_tokens, deadline_s=20.0)
        reply = await llm.ask(ask)
        line = account.bill()[-1]
        assert of_vendor(reply.usage) == of_bill(account)
        assert reply.usage is not None
        assert reply.usage.cache_write_tokens == line.spent.write + line.spent.write_1h
        priced = catalogue.price(
            reply.usage, provider=reply.provider, model=reply.model, at_ns=time.time_ns()
        )
        assert priced.nano == line.nano
        assert priced.basis == "computed"
    assert line.spent.cached > 1000


@pytest.mark.requirement("llm.wire")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault",
    [
        "drop",
        "cut",
        "clean-cut",
        "bad-json",
        "html",
        "empty",
        "spent500",
        "error-in-stream",
        "500",
        "529",
    ],
)
async def test_a_broken_answer_is_a_transient_error_and_never_an_answer(
    llm: LLM, way: Way, account: Account, fault: str, stream: bool
) -> None:
    account.script(fault)
    heard: list[str] = []
    with pytest.raises(ProviderError) as caught:
        await llm.ask(way.ask(), heard.append if stream else None)
    assert caught.value.transient, caught.value
    assert account.key not in str(caught.value)
    [line] = account.bill()
    assert caught.value.charged or line.usd == 0, "what was billed must not count as free"


@pytest.mark.requirement("llm.wire")
@pytest.mark.parametrize("kind", ["zero", "negative", "text", "null", "total"])
@pytest.mark.parametrize("stream", [False, True])
async def test_impossible_usage_is_never_taken_for_a_report(
    llm: LLM, way: Way, account: Account, kind: str, stream: bool
) -> None:
    account.script(f"wrong-usage kind={kind}")
    heard: list[str] = []
    try:
        reply = await llm.ask(
            way.ask("a question of some length " * 20), heard.append if stream else None
        )
    except ProviderError:
        return  # a gateway may break on it
    assert reply.usage is None or reply.usage.estimated or of_vendor(reply.usage) == of_bill(account)


@pytest.mark.requirement("llm.wire")
@pytest.mark.parametrize("stream", [False, True])
async def test_a_repeated_end_is_counted_once(
    llm: LLM, way: Way, account: Account, stream: bool
) -> None:
    account.answer("hello", "one two three")
    account.script("duplicate")
    heard: list[str] = []
    reply = await llm.ask(way.ask(), heard.append if stream else None)
    assert reply.text == "one two three"
    assert of_vendor(reply.usage) == of_bill(account)


@pytest.mark.requirement("llm.wire")
@pytest.mark.parametrize("stream", [False, True])
async def test_missing_usage_is_missing_and_not_zero(
    llm: LLM, way: Way, account: Account, stream: bool
) -> None:
    account.script("no-usage")
    heard: list[str] = []
    try:
        reply = await llm.ask(way.ask(), heard.append if stream else None)
    except ProviderError:
        assert way.vendor, "only a gateway may break on it"
        return
    assert reply.usage is None or reply.usage.estimated


@pytest.mark.requirement("llm.wire")
@pytest.mark.parametrize("fault", ["length", "filter"])
async def test_an_answer_that_was_stopped_says_so(
    llm: LLM, way: Way, account: Account, fault: str
) -> None:
    account.script(fault)
    assert (await llm.ask(way.ask())).finish == fault


@pytest.mark.requirement("llm.wire")
@pytest.mark.parametrize("stream", [False, True])
async def test_an_endless_answer_is_cut(llm: LLM, way: Way, account: Account, stream: bool) -> None:
    account.script("huge")
    heard: list[str] = []
    reply = await llm.ask(way.ask(), heard.append if stream else None)
    assert reply.finish == "length"
    assert of_bill(account)["output"] == 200


@pytest.mark.requirement("llm.wire")
async def test_a_limit_says_when_to_ask_again(llm: LLM, way: Way, account: Account) -> None:
    account.script("429 retry-after=7", "429")
    for expected in (7.0, None):
        with pytest.raises(ProviderError) as caught:
            await llm.ask(way.ask())
        assert caught.value.status == 429
        assert caught.value.transient
        assert not caught.value.charged
        assert caught.value.retry_after_s == expected


@pytest.mark.requirement("llm.wire")
async def test_a_question_over_the_window_is_called_that(account: Account, gateway: str) -> None:
    for name in ("openai", "gateway-openai"):
        way = Way(WAYS[name].model.replace("small", "tiny-window"), WAYS[name].vendor)
        async with way.open(account, gateway) as llm:
            with pytest.raises(ContextTooLong):
                await llm.ask(way.ask("word " * 3000))


@pytest.mark.requirement("llm.wire")
async def test_a_wrong_key_is_an_error_that_does_not_show_it(
    way: Way, account: Account, gateway: str
) -> None:
    wrong = "sk-wrong-0123456789abcdefghijklmnop"
    right, account.key = account.key, wrong
    async with way.open(account, gateway) as llm:
        with pytest.raises(ProviderError) as caught:
            await llm.ask(way.ask())
    account.key = right
    assert wrong not in str(caught.value)
    assert not caught.value.transient
    assert "key" in caught.value.next


@pytest.mark.requirement("llm.cancel")
@pytest.mark.parametrize("fault", ["stall", "midstall"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_cancelled_call_leaves_the_next_one_its_answer(
    llm: LLM, way: Way, account: Account, fault: str, stream: bool
) -> None:
    account.script(fault)
    heard: list[str] = []

    async def stalled() -> None:
        await llm.ask(way.ask(), heard.append if stream else None)
        pytest.fail("a stalled call came back")

    async with anyio.create_task_group() as group:
        group.start_soon(stalled)
        with anyio.fail_after(60):
            while not account.bill():
                await anyio.sleep(0.02)
        await anyio.sleep(0.3)  # until the half of an answer may have come
        group.cancel_scope.cancel()
    started = time.monotonic()
    account.release()
    assert (await llm.ask(way.ask())).text
    assert time.monotonic() - started < 10


@pytest.mark.requirement("llm.one_attempt")
async def test_a_failing_attempt_reaches_the_service_once(llm: LLM, way: Way, account: Account) -> None:
    for fault in ("500", "429", "408", "409", "503"):
        account.script(fault)
        with pytest.raises(ProviderError):
            await llm.ask(way.ask())
    assert len(account.bill()) == 5


@pytest.mark.requirement("llm.keys")
@pytest.mark.parametrize("stream", [False, True])
async def test_a_key_does_not_follow_a_redirect(
    account: Account, upstream: Upstream, stream: bool
) -> None:
    stranger = upstream.account()
    there = stranger.url.replace("127.0.0.1", "localhost")
    options = {"base_url": account.url, "key": lambda: account.key}
    behind = {"there": Target(provider="openai", key=lambda: account.key)}
    for llm, model in (
        (OPENAI.open(options), "stand-in-small"),
        (PORTKEY.open(options | {"targets": behind}), "@there/stand-in-small"),
    ):
        account.script(f"redirect to={there}/chat/completions")
        heard: list[str] = []
        try:
            with pytest.raises(ProviderError):
                await llm.ask(Way(model).ask(), heard.append if stream else None)
        finally:
            await llm.aclose()  # type: ignore[attr-defined]
    assert len(account.bill()) == 2
    assert stranger.bill() == []


@pytest.mark.requirement("llm.keys")
async def test_a_key_in_the_environment_goes_nowhere(
    way: Way, account: Account, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("PORTKEY_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_ORG_ID")
    for name in names:
        monkeypatch.setenv(name, f"planted-{name}")
    async with way.open(account, gateway) as llm:
        await llm.ask(way.ask())
    [line] = account.bill(bodies=True)
    assert "planted-" not in json.dumps([dict(line.headers), dict(line.body)])


@pytest.mark.requirement("llm.gateway")
async def test_the_gateways_own_fallback_says_who_answered(
    account: Account, gateway: str, upstream: Upstream
) -> None:
    broken = upstream.account(script=["503"] * 3)
    config = {
        "strategy": {"mode": "fallback"},
        "targets": [
            {"provider": "openai", "api_key": broken.key, "custom_host": broken.url},
            {
                "provider": "anthropic",
                "api_key": account.key,
                "custom_host": account.url,
                "override_params": {"model": "claude-stand-in"},
            },
        ],
    }
    llm = PORTKEY.open({"base_url": f"{gateway}/v1", "config": json.dumps(config)})
    way = Way("stand-in-small")
    try:
        reply = await llm.ask(way.ask())
    finally:
        await llm.aclose()  # type: ignore[attr-defined]
    assert (reply.provider, reply.model) == ("anthropic", "claude-stand-in")
    assert of_vendor(reply.usage) == of_bill(account)
    assert broken.total() == 0


@pytest.mark.requirement("llm.gateway")
async def test_vendors_see_no_headers_of_the_gateway_and_labels_are_ids_only(
    account: Account, gateway: str
) -> None:
    for vendor in ("openai", "anthropic", "google"):
        way = WAYS[f"gateway-{vendor}"]
        async with way.open(account, gateway) as llm:
            await llm.ask(way.ask())
    for line in account.bill():
        assert not [name for name in line.headers if name.startswith("x-portkey")]


@pytest.mark.requirement("llm.wire")
@pytest.mark.parametrize("way", ["openai", "gateway-anthropic"], indirect=True)
async def test_sixty_four_calls_at_once_all_come_back(llm: LLM, way: Way, account: Account) -> None:
    account.change(together=32)
    replies: list[str] = []

    async def one(number: int) -> None:
        replies.append((await llm.ask(way.ask(f"[[call {number}]]"))).text)

    async with anyio.create_task_group() as group:
        for number in range(64):
            group.start_soon(one, number)
    assert len(replies) == 64
    assert account.most_at_once() >= 32
    assert len({line.call for line in account.bill()}) == 64


async def test_every_stand_in_model_is_asked_in_the_way_it_takes(account: Account, gateway: str) -> None:
    for model in TARIFFS:
        if not model.startswith("stand-in") or TARIFFS[model].reasons:
            continue
        way = Way(model)
        async with way.open(account, gateway) as llm:
            assert (await llm.ask(way.ask(temperature=0.2))).text
