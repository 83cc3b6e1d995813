"""A hosted endpoint: what may leave the machine, what it may cost, and what happens when it misbehaves."""

from __future__ import annotations

import email.utils
import logging
import time
from typing import Any

import numpy as np
import pytest
from tests.embed.endpoint import KEY, Endpoint
from tests.embed.hosted import PASSAGES, assert_left, embedder

from sophia_mcp.embed.batch import Batching
from sophia_mcp.embed.budget import Budget, about_tokens
from sophia_mcp.embed.providers import PROVIDERS, Passage
from sophia_mcp.embed.providers import openai as module
from sophia_mcp.embed.providers.openai import OpenAIEmbedder
from sophia_mcp.errors import BadSetting, BudgetExceeded, NotAllowed, ProviderError

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embed.hosted_opt_in")]


def options(**changed: object) -> dict[str, object]:
    return {
        "base_url": "http://127.0.0.1:1/v1",
        "model": "stand-in",
        "mask": str,
        "send_source": True,
        "max_tokens": 1000,
    } | changed


@pytest.mark.parametrize("send", [None, False, "yes", 1])
def test_nothing_opens_unless_sending_source_was_allowed(send: object) -> None:
    with pytest.raises(NotAllowed, match="send_source"):
        PROVIDERS.load("openai").open(options(send_source=send))


@pytest.mark.parametrize(
    "url", ["http://example.org/v1", "http://10.0.0.7:8080/v1", "http://127.0.0.1.example.org/v1"]
)
def test_source_never_travels_unencrypted_beyond_this_machine(url: str) -> None:
    with pytest.raises(NotAllowed, match="unencrypted"):
        PROVIDERS.load("openai").open(options(base_url=url))


@pytest.mark.parametrize("url", ["http://localhost:1/v1", "http://[::1]:1/v1", "https://example.org/v1"])
def test_loopback_and_encrypted_endpoints_are_accepted(url: str) -> None:
    assert not PROVIDERS.load("openai").open(options(base_url=url)).model.local


@pytest.mark.parametrize(
    "url", ["", "example.org/v1", "ftp://example.org", "http://[::1", "https://a:99999/v1"]
)
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadSetting, match="base_url"):
        PROVIDERS.load("openai").open(options(base_url=url))


def test_a_secret_inside_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadSetting) as refused:
        PROVIDERS.load("openai").open(options(base_url="https://me:hunter2@example.org/v1"))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("missing", ["mask", "model"])
def test_a_missing_option_is_named(missing: str) -> None:
    with pytest.raises(BadSetting, match=missing):
        PROVIDERS.load("openai").open(options(**{missing: None}))


async def test_secrets_are_masked_before_they_leave() -> None:
    with Endpoint() as endpoint:
        client = embedder(endpoint)
        await client.documents([Passage(("config/hunter2",), "password = 'hunter2'")])
        await client.query("where is hunter2 read")
        await client.aclose()
        assert len(endpoint.texts()) == 2
        assert not any("hunter2" in text for text in endpoint.texts())


async def test_rows_come_back_in_order_from_many_batches_at_once() -> None:
    with Endpoint() as endpoint:
        client = embedder(endpoint, batching=Batching(items=3, at_once=4))
        rows = await client.documents(PASSAGES)
        await client.aclose()
        assert len(endpoint.requests) == 4
        for passage, row in zip(PASSAGES, rows, strict=True):
            raw = np.array(endpoint.vector(" > ".join(passage.header) + "\n" + passage.text))
            assert np.allclose(row, raw / np.linalg.norm(raw), atol=1e-5)


async def test_too_many_tokens_are_refused_before_anything_is_sent() -> None:
    with Endpoint() as endpoint:
        client = embedder(endpoint, max_tokens=20)
        with pytest.raises(BudgetExceeded, match="limit"):
            await client.documents(PASSAGES)
        assert endpoint.tried == 0


async def test_without_a_limit_nothing_is_sent() -> None:
    with Endpoint() as endpoint:
        client = PROVIDERS.load("openai").open(endpoint.options(max_tokens=0))
        with pytest.raises(BudgetExceeded):
            await client.query("anything")
        assert endpoint.tried == 0


async def test_what_the_service_counted_replaces_the_reservation() -> None:
    with Endpoint() as endpoint:
        budget = Budget(10**6)
        endpoint_ = module.Endpoint(base_url=endpoint.url, model="stand-in", mask=str, key=KEY)
        client = OpenAIEmbedder(endpoint_, budget)
        await client.documents([Passage((), "one two three")])
        await client.aclose()
        assert_left(budget, 10**6 - 3)


async def test_a_failed_attempt_keeps_its_reservation() -> None:
    with Endpoint(script=[500]) as endpoint:
        budget = Budget(10**6)
        given = module.Endpoint(base_url=endpoint.url, model="m", mask=str, key=KEY, first_wait_s=0.001)
        client = OpenAIEmbedder(given, budget)
        await client.documents([Passage((), "one two three")])
        await client.aclose()
        assert_left(budget, 10**6 - about_tokens("\none two three") - 3)


@pytest.mark.parametrize("script", [[429], [503, 502], [(429, "0"), 500], [(503, "soon")]])
async def test_a_passing_failure_is_tried_again(
    script: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    tries = len(script) + 1
    with Endpoint(script=script) as endpoint:
        client = embedder(endpoint)
        rows = await client.documents(PASSAGES[:2])
        await client.aclose()
        assert rows.shape == (2, 32)
        assert endpoint.tried == tries
    assert capfd.readouterr().out == "", "standard output is the answer of a command, or the protocol"


def test_the_wait_is_the_one_the_service_asks_for() -> None:
    def wait(seconds: float | None) -> bool | float:
        return module._wait_of(ProviderError("busy", transient=True, retry_after_s=seconds))

    assert wait(7.5) == 7.5
    assert wait(None) is True
    assert wait(module.MAX_WAIT_S + 1) is False
    assert module._wait_of(ProviderError("refused")) is False


async def test_a_service_that_asks_for_an_hour_is_an_error_at_once() -> None:
    with Endpoint(script=[(429, "3600")]) as endpoint:
        client = embedder(endpoint)
        with pytest.raises(ProviderError, match=r"429.*wait 3600 s"):
            await client.documents(PASSAGES)
        await client.aclose()
        assert endpoint.tried == 1


async def test_a_date_that_a_service_gives_is_waited_for_as_seconds_are() -> None:
    date = email.utils.formatdate(time.time() + 3600, usegmt=True)
    with Endpoint(script=[(429, date)]) as endpoint:
        client = embedder(endpoint)
        with pytest.raises(ProviderError, match=r"429.*wait 3\d\d\d s"):
            await client.documents(PASSAGES)
        await client.aclose()
        assert endpoint.tried == 1


@pytest.mark.parametrize("secret", [KEY, "hunter2"])
@pytest.mark.parametrize("shown", range(2, 7))
def test_a_secret_across_the_end_of_a_quoted_refusal_does_not_show_its_beginning(
    secret: str, shown: int
) -> None:
    with Endpoint() as endpoint:
        quoted = embedder(endpoint)._quote(("." * (200 - shown) + secret + "." * 99).encode())
    assert len(quoted) <= 200
    assert set(quoted) <= set(".•")


async def test_failures_that_do_not_pass_end_after_the_attempts() -> None:
    with Endpoint(script=[500] * 9) as endpoint:
        client = embedder(endpoint, attempts=3)
        with pytest.raises(ProviderError, match="500"):
            await client.documents(PASSAGES[:1])
        await client.aclose()
        assert endpoint.tried == 3


@pytest.mark.parametrize(("script", "tries"), [([500] * 9, 2), (["close"] * 9, 2), ([(429, "7")], 1)])
async def test_somebody_who_asks_a_question_is_not_kept_waiting(script: list[Any], tries: int) -> None:
    with Endpoint(script=script) as endpoint:
        client = embedder(endpoint, attempts=9, first_wait_s=60.0)
        with pytest.raises(ProviderError, match=r"500|429|connection failed"):
            await client.query("x")
        await client.aclose()
        assert endpoint.tried == tries


async def test_an_answer_that_comes_a_byte_at_a_time_ends_with_the_timeout() -> None:
    with Endpoint(script=["trickle"]) as endpoint:
        client = embedder(endpoint, timeout_s=0.1, attempts=1)
        with pytest.raises(ProviderError, match="did not answer within"):
            await client.documents(PASSAGES[:1])
        await client.aclose()


async def test_vectors_of_another_length_are_those_of_another_model() -> None:
    with Endpoint() as endpoint:
        ids = {embedder(endpoint, dimensions=size).model.id for size in (0, 16, 32)}
    assert len(ids) == 3, "else an index would hold both lengths under one name"


async def test_an_endpoint_that_stalls_is_an_error_after_the_timeout() -> None:
    with Endpoint() as endpoint:
        endpoint.ill = "stall"
        client = embedder(endpoint, timeout_s=0.05)
        with pytest.raises(ProviderError, match=r"did not answer within 0\.05 s"):
            await client.query("x")
        await client.aclose()


async def test_an_endpoint_that_is_gone_is_an_error_that_says_so() -> None:
    with Endpoint() as endpoint:
        url = endpoint.url
    client = OpenAIEmbedder(
        module.Endpoint(base_url=url, model="m", mask=str, attempts=2, first_wait_s=0.001), Budget(1000)
    )
    with pytest.raises(ProviderError, match="connection failed"):
        await client.query("x")
    await client.aclose()


async def test_a_wrong_key_is_not_tried_again_and_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    wrong = "sk-wrong-and-very-secret"
    caplog.set_level(logging.DEBUG)
    with Endpoint() as endpoint:
        client = embedder(endpoint, key=wrong)
        with pytest.raises(ProviderError, match="401") as refused:
            await client.query("x")
        await client.aclose()
        assert endpoint.tried == 1
        assert wrong not in str(refused.value)
    assert wrong not in caplog.text
    assert wrong not in repr(client._endpoint)


async def test_vectors_of_another_size_than_promised_are_refused() -> None:
    with Endpoint(dimensions=32) as endpoint:
        client = embedder(endpoint, dimensions=64)
        with pytest.raises(ProviderError, match="32 dimensions, not 64"):
            await client.query("x")
        await client.aclose()


async def test_a_size_that_changes_between_answers_is_refused() -> None:
    with Endpoint(dimensions=32) as endpoint:
        client = embedder(endpoint)
        await client.query("x")
        assert client.model.dimensions == 32
        endpoint.dimensions = 16
        with pytest.raises(ProviderError, match="16 dimensions, not 32"):
            await client.query("y")
        await client.aclose()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({}, "not a list"),
        ({"data": [{"index": 0}]}, "not a list"),
        ({"data": []}, "0 embeddings for 1"),
        ({"data": [{"index": 5, "embedding": [1.0]}]}, "1 embeddings for 1"),
        ({"data": [{"index": 0, "embedding": ["a"]}]}, "not a list"),
        ({"data": [{"index": 0, "embedding": [0.0, 0.0]}]}, "zero"),
        ({"data": [{"index": 0, "embedding": [float("nan"), 1.0]}]}, "not finite"),
        ({"data": [{"index": 0, "embedding": []}]}, "0 dimensions|zero"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_refused(answer: dict[str, Any], why: str) -> None:
    with Endpoint(script=[answer]) as endpoint:
        client = embedder(endpoint)
        with pytest.raises(ProviderError, match=why):
            await client.query("x")
        await client.aclose()


async def test_an_answer_without_end_is_given_up() -> None:
    with Endpoint(script=[{"data": "x" * module.MAX_ANSWER}]) as endpoint:
        client = embedder(endpoint, timeout_s=60.0)  # 64 MiB on a machine at work
        with pytest.raises(ProviderError, match="more than 64 MiB"):
            await client.query("x")
        await client.aclose()
        assert endpoint.tried == 1


async def test_one_failing_batch_fails_the_call_with_its_own_error() -> None:
    with Endpoint(script=[400] * 20) as endpoint:
        client = embedder(endpoint, batching=Batching(items=1))
        with pytest.raises(ProviderError, match="400"):
            await client.documents(PASSAGES)
        await client.aclose()
