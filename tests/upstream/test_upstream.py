"""The model service does what it says: shapes, its bill, and every misbehaviour."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.upstream.bill import TARIFFS, Spent
from tests.upstream.faults import NAMES, STATUSES
from tests.upstream.start import Account, Upstream, prices_toml

from sophia_mcp.llm.prices.catalogue import Catalogue
from sophia_mcp.types import Usage

pytestmark = pytest.mark.anyio

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "words": {"type": "array", "items": {"type": "string"}}},
    "required": ["n", "words"],
    "additionalProperties": False,
}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=10) as client:
        yield client


async def ask_openai(
    http: httpx.AsyncClient, account: Account, text: str = "hello", **more: Any
) -> httpx.Response:
    body = {
        "model": "stand-in-small",
        "max_tokens": 200,
        "messages": [{"role": "user", "content": text}],
    }
    return await http.post(
        f"{account.url}/chat/completions",
        json=body | more,
        headers={"authorization": f"Bearer {account.key}"},
    )


async def ask_anthropic(
    http: httpx.AsyncClient, account: Account, content: Any = "hello", **more: Any
) -> httpx.Response:
    body = {
        "model": "claude-stand-in",
        "max_tokens": 200,
        "messages": [{"role": "user", "content": content}],
    }
    return await http.post(
        f"{account.url}/messages",
        json=body | more,
        headers={"x-api-key": account.key, "anthropic-version": "2023-06-01"},
    )


async def ask_gemini(
    http: httpx.AsyncClient, account: Account, text: str = "hello", verb: str = "generateContent"
) -> httpx.Response:
    return await http.post(
        f"{account.gemini_url}/models/gemini-stand-in:{verb}",
        json={"contents": [{"role": "user", "parts": [{"text": text}]}]},
        headers={"x-goog-api-key": account.key},
    )


def events(response: httpx.Response) -> list[Any]:
    return [
        json.loads(line[6:])
        for line in response.text.splitlines()
        if line.startswith("data: ") and line != "data: [DONE]"
    ]


async def test_each_dialect_answers_and_reports_what_it_bills(
    http: httpx.AsyncClient, account: Account
) -> None:
    first = (await ask_openai(http, account)).json()["usage"]
    second = (await ask_anthropic(http, account)).json()["usage"]
    third = (await ask_gemini(http, account)).json()["usageMetadata"]
    lines = account.bill()
    assert [line.dialect for line in lines] == ["openai", "anthropic", "gemini"]
    assert [
        (first["prompt_tokens"], first["completion_tokens"]),
        (second["input_tokens"], second["output_tokens"]),
        (third["promptTokenCount"], third["candidatesTokenCount"]),
    ] == [(line.spent.input, line.spent.output) for line in lines]
    assert all(line.reported and line.finished and line.usd > 0 for line in lines)
    assert account.total() == sum(line.usd for line in lines)


async def test_a_stream_carries_the_same_text_and_usage_as_a_whole_answer(
    http: httpx.AsyncClient, upstream: Upstream
) -> None:
    whole, streamed = upstream.account(), upstream.account()
    text = (await ask_openai(http, whole)).json()["choices"][0]["message"]["content"]
    heard = events(await ask_openai(http, streamed, stream=True, stream_options={"include_usage": True}))
    assert text == "".join(e["choices"][0]["delta"].get("content", "") for e in heard if e["choices"])
    assert heard[-1]["usage"]["total_tokens"] > 0
    claude = events(await ask_anthropic(http, streamed, stream=True))
    assert [e["type"] for e in claude][-2:] == ["message_delta", "message_stop"]
    gemini = events(await ask_gemini(http, streamed, verb="streamGenerateContent?alt=sse"))
    assert gemini[-1]["candidates"][0]["finishReason"] == "STOP"
    used = streamed.bill()
    assert used[0].spent == whole.bill()[0].spent
    assert claude[-2]["usage"]["output_tokens"] == used[1].spent.output
    assert gemini[-1]["usageMetadata"]["candidatesTokenCount"] == used[2].spent.output


async def test_a_stream_without_include_usage_is_billed_and_not_reported(
    http: httpx.AsyncClient, account: Account
) -> None:
    heard = events(await ask_openai(http, account, stream=True))
    assert not any("usage" in event for event in heard)
    [line] = account.bill()
    assert line.usd > 0
    assert not line.reported


async def test_forced_tools_and_formats_give_values_of_the_schema(
    http: httpx.AsyncClient, account: Account
) -> None:
    tool = {"type": "function", "function": {"name": "answer", "parameters": SCHEMA}}
    forced = await ask_openai(
        http, account, tools=[tool], tool_choice={"type": "function", "function": {"name": "answer"}}
    )
    made = json.loads(forced.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"])
    assert isinstance(made["n"], int)
    claude = await ask_anthropic(
        http,
        account,
        tools=[{"name": "answer", "input_schema": SCHEMA}],
        tool_choice={"type": "tool", "name": "answer"},
    )
    assert isinstance(claude.json()["content"][0]["input"]["n"], int)
    strict = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}
    formatted = await ask_openai(http, account, response_format=strict)
    assert isinstance(json.loads(formatted.json()["choices"][0]["message"]["content"])["n"], int)
    loose = {**SCHEMA, "additionalProperties": True}
    strict["json_schema"] = {"name": "a", "strict": True, "schema": loose}
    assert (await ask_openai(http, account, response_format=strict)).status_code == 400


async def test_what_vendors_refuse_is_refused_and_free(
    http: httpx.AsyncClient, account: Account
) -> None:
    wrong_key = await http.post(f"{account.url}/chat/completions", json={}, headers={})
    assert wrong_key.status_code == 401
    assert (await ask_openai(http, account, model="nobody")).status_code == 404
    assert (await ask_openai(http, account, model="stand-in-reasoner")).status_code == 400
    long = await ask_openai(http, account, "word " * 2500, model="stand-in-tiny-window")
    assert long.status_code == 400
    assert "context length" in long.text
    unversioned = await http.post(
        f"{account.url}/messages",
        json={
            "model": "claude-stand-in",
            "max_tokens": 1,
            "messages": [{"role": "user", "content": "x"}],
        },
        headers={"x-api-key": account.key},
    )
    assert unversioned.status_code == 400
    assert account.total() == 0


async def test_a_marked_prefix_is_written_once_and_read_afterwards_and_priced_as_such(
    http: httpx.AsyncClient, account: Account
) -> None:
    shared = {
        "type": "text",
        "text": "shared words " * 700,
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
    }
    for role in ("first", "second"):
        await ask_anthropic(http, account, [shared, {"type": "text", "text": role}])
    first, second = account.bill()
    assert first.spent.write_1h > 1024
    assert first.spent.cached == 0
    assert second.spent.cached == first.spent.write_1h
    assert second.spent.write_1h == 0
    plain = second.spent.input - second.spent.cached
    assert second.usd == (
        plain * Decimal(3) + second.spent.cached * Decimal("0.3") + second.spent.output * Decimal(15)
    ) / Decimal(1_000_000)
    assert first.usd > second.usd * 5


async def test_openai_prefixes_are_cached_by_themselves(
    http: httpx.AsyncClient, account: Account
) -> None:
    for _ in range(2):
        used = (await ask_openai(http, account, "the same words " * 600)).json()["usage"]
    assert used["prompt_tokens_details"]["cached_tokens"] % 128 == 0
    assert used["prompt_tokens_details"]["cached_tokens"] >= 1024


async def test_an_account_counts_more_and_charges_the_maximum_when_asked(
    http: httpx.AsyncClient, upstream: Upstream
) -> None:
    plain, greedy = upstream.account(), upstream.account(stretch=[1.45, 1.45], charge="max")
    for account in (plain, greedy):
        await ask_openai(http, account, "some words " * 100)
    [less], [more] = plain.bill(), greedy.bill()
    assert 1.44 < more.spent.input / less.spent.input < 1.46
    assert more.spent.output == 200
    assert more.spent.reasoning > 0


def test_a_price_is_exact() -> None:
    spent = Spent(input=1000, output=7, cached=300, write=100, write_1h=50)
    assert spent.usd(TARIFFS["claude-stand-in"]) == Decimal("0.002520")
    spent.output = 0
    assert spent.usd(TARIFFS["stand-in-small"]) == Decimal("0.0001275")


@pytest.mark.parametrize("fault", [name for name in NAMES if name not in STATUSES])
async def test_a_misbehaviour_is_what_its_name_says(
    http: httpx.AsyncClient, account: Account, fault: str
) -> None:
    written = {"redirect": "redirect to=http://127.0.0.1:1/", "slow": "slow seconds=0.01"}.get(
        fault, fault
    )
    got: list[str] = []
    for stream in (False, True):
        with anyio.move_on_after(1.0 if "stall" in fault else None) as waited:
            try:
                prompt = f"[[fault {written}]]"
                answer = await ask_openai(
                    http, account, prompt, stream=stream, stream_options={"include_usage": True},
                    response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
                )  # fmt: skip
                got.append(f"{answer.status_code} {answer.headers.get('content-type')} {answer.text}")
            except httpx.TransportError as error:
                got.append(type(error).__name__)
        if waited.cancelled_caught:
            got.append("waited")
    whole, streamed = got
    expected = {
        "drop": (whole == "RemoteProtocolError" or whole == "ReadError"),
        "stall": whole == streamed == "waited",
        "midstall": whole == streamed == "waited",
        "cut": whole in ("RemoteProtocolError", "ReadError"),
        "html": "<html>" in whole and "<html>" in streamed,
        "empty": whole.startswith("200 ") and whole.endswith("json "),
        "wrong-type": "text/plain" in whole,
        "spent500": whole.startswith("500"),
        "redirect": whole.startswith("307"),
        "no-usage": '"usage"' not in whole,
        "wrong-usage": '"total_tokens": 0' in whole,
        "duplicate": streamed.count("[DONE]") == 2,
        "huge": len(whole) > 1_900_000,
        "length": '"length"' in whole,
        "filter": "content_filter" in whole,
        "prose": "```json" in whole,
        "error-in-stream": "middle of the answer" in streamed,
        "clean-cut": "[DONE]" not in streamed and streamed.startswith("200"),
        "charge-max": '"completion_tokens": 200' in whole,
        "bad-schema": '\\"not\\": \\"asked\\"' in whole,
        "slow": whole.startswith("200"),
        "bad-json": '{"del\n' in streamed,
    }
    assert expected[fault], got
    lines = account.bill()
    free = fault in ("drop", "redirect")
    assert all((line.usd == 0) == free for line in lines)
    unreported = {
        "drop", "stall", "midstall", "cut", "clean-cut", "html", "empty", "spent500", "redirect",
        "no-usage", "wrong-usage", "error-in-stream", "bad-json",
    }  # fmt: skip
    assert {line.reported for line in lines} == {fault not in unreported}


async def test_refusals_come_with_and_without_a_time_to_wait(
    http: httpx.AsyncClient, account: Account
) -> None:
    account.script("429 retry-after=3", "429", "503", "ok")
    answers = [await ask_openai(http, account) for _ in range(4)]
    assert [a.status_code for a in answers] == [429, 429, 503, 200]
    assert [a.headers.get("retry-after") for a in answers] == ["3", None, None, None]
    assert [line.usd > 0 for line in account.bill()] == [False, False, False, True]


async def test_a_fault_in_a_prompt_ends_after_so_many_attempts(
    http: httpx.AsyncClient, account: Account
) -> None:
    prompt = "[[call a7]] [[fault 503 times=2]]"
    assert [(await ask_openai(http, account, prompt)).status_code for _ in range(3)] == [503, 503, 200]
    assert [(line.call, line.attempt) for line in account.bill()] == [("a7", 1), ("a7", 2), ("a7", 3)]


async def test_the_same_seed_meets_the_same_faults(http: httpx.AsyncClient, upstream: Upstream) -> None:
    met = []
    for _ in range(2):
        account = upstream.account(seed=11, rates={"429": 0.3, "no-usage": 0.3})
        for number in range(20):
            await ask_openai(http, account, f"[[call {number}]]")
        met.append([line.fault for line in account.bill()])
    assert met[0] == met[1]
    assert set(met[0]) == {"", "429", "no-usage"}


async def test_prepared_answers_are_given(http: httpx.AsyncClient, account: Account) -> None:
    account.answer("who are you", "nobody")
    answer = await ask_openai(http, account, "tell me who are you now")
    assert answer.json()["choices"][0]["message"]["content"] == "nobody"


def test_its_tariffs_can_be_written_as_a_users_own_prices(tmp_path: Path) -> None:
    place = tmp_path / "prices.toml"
    place.write_text(prices_toml(), encoding="utf-8")
    catalogue = Catalogue.read(place)
    spent = Spent(input=9000, output=700, cached=3000, write=2000, write_1h=500, reasoning=300)
    usage = Usage(
        input_tokens=9000,
        output_tokens=700,
        cached_tokens=3000,
        cache_write_tokens=2500,
        cache_write_1h_tokens=500,
        reasoning_tokens=300,
    )
    for name, tariff in TARIFFS.items():
        priced = catalogue.price(usage, provider="openai", model=name, at_ns=time.time_ns())
        assert priced.nano == spent.usd(tariff) * 10**9
        assert priced.basis == "computed"
