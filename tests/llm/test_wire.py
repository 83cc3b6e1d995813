"""What services say, in whatever shape, becomes an answer or an error that says what to do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from tests.contracts.test_llm_providers import targets
from tests.llm.asking import ask
from tests.upstream.start import Account, Upstream

from sophia_mcp.errors import BadSetting, ContextTooLong, ProviderError
from sophia_mcp.llm.providers import LLM, PROVIDERS
from sophia_mcp.llm.providers._body import MAX_BODY, lines
from sophia_mcp.llm.providers._chat import Failure, Heard, streamed, style
from sophia_mcp.llm.providers.portkey import Target
from sophia_mcp.types import Message

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("llm.wire")]

FAILURE = Failure("the endpoint", "llm.openai", ("sk-very-secret",))


def of_status(status: int, text: str, **headers: str) -> ProviderError:
    return FAILURE.of_status(status, text, headers)


@pytest.mark.requirement("llm.errors")
@pytest.mark.parametrize(
    "text",
    [
        '{"error":{"message":"This model\'s maximum context length is 8192 tokens.","code":"context_length_exceeded"}}',
        '{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}',
        '{"error":{"code":400,"message":"The input token count (1100000) exceeds the maximum number of tokens allowed (1048576)."}}',
        '{"error":"request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it"}',
        '{"message":"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"}',
        '{"message":"Input is too long for requested model."}',
        '{"error":{"message":"Please reduce the length of the messages or completion."}}',
        '[{"error":{"message":"too many tokens: size limit exceeded by 500 tokens"}}]',
        '{"detail":"This model\'s maximum context length is 4096 tokens. However, you requested 5000 tokens"}',
    ],
)
def test_too_long_is_recognised_in_every_vendor_s_words(text: str) -> None:
    assert isinstance(of_status(400, text), ContextTooLong)
    assert not isinstance(of_status(401, text), ContextTooLong)


@pytest.mark.requirement("llm.errors")
@pytest.mark.parametrize(
    ("status", "text", "transient", "charged", "hint"),
    [
        (401, "bad key", False, False, "llm.openai.key"),
        (403, "forbidden", False, False, "llm.openai.key"),
        (404, "no such model", False, False, "check the model"),
        (402, "credit balance is too low", False, False, "add credit"),
        (429, '{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}', False, False, "add credit"),
        (429, "slow down", True, False, "later"),
        (408, "timeout", True, True, "check"),
        (500, "<html><body>oops</body></html>", True, True, "later"),
        (501, "not implemented", False, True, "later"),
        (529, '{"error":{"type":"overloaded_error"}}', True, True, "later"),
        (307, "", False, True, "redirects"),
    ],
)  # fmt: skip
def test_a_status_says_whether_to_try_again_and_what_to_do(
    status: int, text: str, transient: bool, charged: bool, hint: str
) -> None:
    error = of_status(status, text)
    assert (error.transient, error.charged, error.status) == (transient, charged, status)
    assert hint in error.next
    assert "<html>" not in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e300"}, None),
        ({"retry-after": "86400"}, 86400),
        ({"retry-after": "Thu, 21 Oct 9999 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 41 Oct 99999 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_a_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert of_status(429, "", **headers).retry_after_s == seconds


@pytest.mark.requirement("llm.errors")
def test_a_service_that_says_nothing_but_when_to_come_back_is_told_on() -> None:
    error = of_status(429, "", **{"retry-after": "90.2"})
    assert error.why == "it answered 429: nothing more"
    assert error.next.startswith("wait 91 s, or ")


@pytest.mark.requirement("llm.keys")
def test_a_quoted_answer_shows_no_secret_and_stays_short() -> None:
    said = json.dumps({"error": {"message": "Incorrect key sk-very-secret. " + "x" * 10_000}})
    error = of_status(401, said)
    assert "sk-very-secret" not in str(error)
    assert len(str(error)) < 500


def heard(*chunks: Any, vendor: str = "") -> Any:
    made = Heard(ask(), FAILURE, vendor)
    for chunk in chunks:
        made.add(chunk)
    return made.reply("p", "m")


def whole(**message: Any) -> dict[str, Any]:
    return {"model": "m-2", "choices": [{"message": message, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "plain"}, "plain"),
        ({"content": [{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]}, "in parts"),
        ({"content": "<think>hmm</think>\n\nsaid"}, "said"),
        ({"content": "", "tool_calls": [{"function": {"arguments": '{"a":1}'}}]}, '{"a":1}'),
        ({"content": "talk", "tool_calls": [{"function": {"arguments": {"a": 1}}}]}, '{"a": 1}'),
    ],
)
def test_an_answer_is_found_in_the_shapes_that_endpoints_use(message: dict[str, Any], text: str) -> None:
    reply = heard(whole(**message))
    assert (reply.text, reply.model, reply.usage) == (text, "m-2", None)


@pytest.mark.parametrize(
    "chunk",
    [None, [], "text", 3, {"choices": "none"}, {"hello": 1}, {"choices": []}, whole(content=None), whole()],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_that_may_pass(chunk: Any) -> None:
    with pytest.raises(ProviderError) as raised:
        heard(chunk)
    assert raised.value.transient


def test_closing_events_that_come_twice_count_once() -> None:
    def part(text: str, finish: str | None = None) -> dict[str, Any]:
        return {"choices": [{"delta": {"content": text}, "finish_reason": finish}]}

    use = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}
    reply = heard(part("one "), part("two", "stop"), part("two", "stop"), use, use)
    assert reply.text == "one two"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (9, 4)


async def test_what_a_stream_had_counted_when_it_was_stopped_is_no_report_of_its_usage() -> None:
    async def sent() -> AsyncIterator[str]:
        first = {"usage": {"prompt_tokens": 1000, "completion_tokens": 1, "total_tokens": 1001}}
        yield f"data: {json.dumps({'choices': [], **first})}"
        while True:
            yield f"data: {json.dumps({'choices': [{'delta': {'content': 'on and ' * 5_000}}]})}"

    made = Heard(ask(), FAILURE, "anthropic")
    await streamed(sent(), made, None, FAILURE)
    reply = made.reply("p", "m")
    assert (reply.finish, reply.usage) == ("length", None)


@pytest.mark.parametrize(("finish", "ours"), [("length", "length"), ("content_filter", "filter")])
def test_how_it_ended_is_kept(finish: str, ours: str) -> None:
    chunk = {"choices": [{"message": {"content": "text"}, "finish_reason": finish}]}
    assert heard(chunk).finish == ours
    assert heard(whole(content=None, refusal="I will not")).finish == "filter"


def test_each_vendor_is_asked_for_json_in_the_way_it_honours() -> None:
    can = frozenset({"schema", "force", "sampling"})
    ways = {
        ("openai", "gpt-5.5", False): "format",
        ("anthropic", "claude-sonnet-5-5", False): "tool",
        ("google", "gemini-4-argon", False): "tool",
        ("local", "qwen3:8b", True): "format",
        ("anthropic", "claude-opus-4-6", True): "tool",
    }
    for (vendor, model, direct), way in ways.items():
        assert style(can, vendor, model, "auto", direct=direct).schema == way
    thinking = frozenset({"schema"})
    assert style(thinking, "anthropic", "claude-opus-5-5", "auto", direct=False).schema == "words"
    assert style(thinking, "anthropic", "claude-opus-5-5", "tool", direct=False).schema == "tool"


@asynccontextmanager
async def opened(name: str, options: dict[str, Any]) -> AsyncIterator[LLM]:
    llm = PROVIDERS.load(name).open(options)
    try:
        yield llm
    finally:
        await llm.aclose()  # type: ignore[attr-defined]


Options = Callable[[str], dict[str, Any]]


@pytest.fixture
def options(account: Account, request: pytest.FixtureRequest) -> Options:
    def made(name: str) -> dict[str, Any]:
        if name == "openai":
            return {"base_url": account.url, "key": lambda: account.key}
        gateway = request.getfixturevalue("gateway")
        return {"base_url": f"{gateway}/v1", "targets": targets(account)}

    return made


MODELS = {"openai": "stand-in-small", "portkey": "@openai-prod/stand-in-small"}
BREAKING = ("spent500", "drop", "cut", "bad-json", "html", "empty")
OF_STREAMS = ("clean-cut", "error-in-stream")


@pytest.mark.requirement("llm.one_attempt")
@pytest.mark.parametrize(
    ("fault", "streaming"),
    [(fault, False) for fault in BREAKING] + [(fault, True) for fault in (*BREAKING, *OF_STREAMS)],
)
@pytest.mark.parametrize("name", MODELS)
async def test_a_broken_answer_is_one_attempt_and_one_error_that_may_pass(
    name: str, fault: str, streaming: bool, options: Options, account: Account
) -> None:
    account.script(*[fault] * 4)
    async with opened(name, options(name)) as llm:
        with pytest.raises(ProviderError) as raised:
            await llm.ask(ask(model=MODELS[name]), (lambda text: None) if streaming else None)
    assert raised.value.transient
    assert raised.value.charged
    assert len(account.bill()) == 1


@pytest.mark.parametrize(
    "fault", ["no-usage", "wrong-type", "wrong-usage kind=null", "length", "filter"]
)
@pytest.mark.parametrize("name", MODELS)
async def test_an_odd_answer_is_still_an_answer(
    name: str, fault: str, options: Options, account: Account
) -> None:
    account.script(fault)
    async with opened(name, options(name)) as llm:
        reply = await llm.ask(ask(model=MODELS[name]))
    assert reply.finish == {"length": "length", "filter": "filter"}.get(fault, "stop")
    assert (reply.usage is None) is ("usage" in fault)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("name", MODELS)
async def test_an_endpoint_that_does_not_stop_is_stopped(
    name: str, streaming: bool, options: Options, account: Account
) -> None:
    account.script("huge")
    async with opened(name, options(name)) as llm:
        reply = await llm.ask(ask(model=MODELS[name]), (lambda text: None) if streaming else None)
    assert reply.finish == "length"


@pytest.mark.requirement("llm.keys")
@pytest.mark.parametrize("name", MODELS)
async def test_a_key_follows_no_redirect(name: str, account: Account, upstream: Upstream) -> None:
    thief = upstream.account()
    elsewhere = f"{upstream.another_host()}/{thief.name}/v1/chat/completions"
    account.script(f"redirect to={elsewhere}")
    given: dict[str, Any] = {"base_url": account.url, "key": lambda: account.key}
    if name == "portkey":
        given["targets"] = targets(account)
    async with opened(name, given) as llm:
        with pytest.raises(ProviderError):
            await llm.ask(ask(model=MODELS[name]))
    assert thief.bill() == []


@pytest.mark.requirement("llm.keys")
async def test_no_variable_of_anybody_goes_to_a_gateway_unasked(
    options: Options, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("PORTKEY_API_KEY", "OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(variable, "leaked-by-variable")
    monkeypatch.setenv("PORTKEY_PROXY", "http://127.0.0.1:9/leaked-by-variable")
    given = {"base_url": account.url, "targets": {"a": targets(account)["openai-prod"]}}
    async with opened("portkey", given) as llm:  # straight to the service, which shows its headers
        await llm.ask(ask(model="@a/stand-in-small"))
    [line] = account.bill()
    assert "leaked-by-variable" not in str(line.headers)
    assert "x-portkey-api-key" not in line.headers
    assert line.headers["authorization"] == f"Bearer {account.key}"


async def test_the_hosted_gateway_is_told_slugs_and_virtual_keys(account: Account) -> None:
    given = {
        "base_url": account.url,
        "gateway": "hosted",
        "key": lambda: account.key,
        "targets": {"vk": Target(virtual_key=lambda: "virtual-1")},
    }
    async with opened("portkey", given) as llm:
        for model in ("@openai-prod/stand-in-small", "@vk/stand-in-small"):
            with pytest.raises(ProviderError):  # the service behind takes no Portkey key
                await llm.ask(ask(model=model))
    slug, virtual = account.bill(bodies=True)
    assert slug.body["model"] == "@openai-prod/stand-in-small"
    assert "authorization" not in slug.headers
    assert slug.headers["x-portkey-api-key"] == account.key
    assert virtual.body["model"] == "stand-in-small"
    assert virtual.headers["x-portkey-virtual-key"] == "virtual-1"


async def test_a_vendor_s_further_facts_go_along(account: Account) -> None:
    facts = {"aws-access-key-id": "id-1", "aws-secret-access-key": "secret-1", "aws-region": "eu-1"}
    target = Target("bedrock", headers={name: (lambda v=v: v) for name, v in facts.items()})  # type: ignore[misc]
    async with opened("portkey", {"base_url": account.url, "targets": {"b": target}}) as llm:
        with pytest.raises(ProviderError) as raised:
            await llm.ask(ask(model="@b/stand-in-small"))
    [line] = account.bill()
    assert {f"x-portkey-{name}": value for name, value in facts.items()}.items() <= line.headers.items()
    assert line.headers["x-portkey-provider"] == "bedrock"
    assert "secret-1" not in str(raised.value)


async def test_the_gateway_s_log_is_told_ids_only(account: Account) -> None:
    given = {"base_url": account.url, "targets": {"a": targets(account)["openai-prod"]}}
    async with opened("portkey", given) as llm:
        await llm.ask(ask(model="@a/stand-in-small"))
    [line] = account.bill()
    assert json.loads(line.headers["x-portkey-metadata"]) == {"run": "run-1", "step": "step-1"}
    assert line.headers["x-portkey-trace-id"] == "run-1"


async def test_a_slug_nobody_explained_is_an_error_with_the_table_to_write(options: Options) -> None:
    async with opened("portkey", options("portkey")) as llm:
        with pytest.raises(BadSetting, match=r"\[llm\.portkey\.targets\.unknown\]"):
            await llm.ask(ask(model="@unknown/model"))


@pytest.mark.parametrize("name", MODELS)
async def test_a_parameter_that_is_refused_is_left_out_from_then_on(
    name: str, options: Options, account: Account
) -> None:
    model = MODELS[name].replace("small", "reasoner")
    async with opened(name, options(name)) as llm:
        for refused in ("max_completion_tokens", "temperature"):
            with pytest.raises(ProviderError, match=refused) as raised:
                await llm.ask(ask(model=model, temperature=0.5))
            assert raised.value.transient
            assert not raised.value.charged
        assert (await llm.ask(ask(model=model, temperature=0.5))).text


async def test_what_steps_share_is_marked_for_anthropic_s_cache(
    options: Options, account: Account
) -> None:
    shared = Message("user", "shared context " * 1_500, shared=True)
    model = "@anthropic-prod/claude-stand-in"
    async with opened("portkey", options("portkey")) as llm:
        for task in ("one", "two"):
            messages = (Message("system", "s"), shared, Message("user", task))
            reply = await llm.ask(ask(messages=messages, model=model))
    first, second = account.bill()
    assert first.spent.write > 1_000
    assert second.spent.cached == first.spent.write
    assert reply.usage is not None
    assert reply.usage.cached_tokens == second.spent.cached


async def test_nobody_there_is_said_and_surely_cost_nothing(account: Account) -> None:
    for name in MODELS:
        given: dict[str, Any] = {"base_url": "http://127.0.0.1:9/v1"}
        if name == "portkey":
            given["targets"] = targets(account)
        async with opened(name, given) as llm:
            with pytest.raises(ProviderError, match="no connection") as raised:
                await llm.ask(ask(model=MODELS[name]))
        assert raised.value.transient
        assert not raised.value.charged


@asynccontextmanager
async def endless(head: str, piece: bytes) -> AsyncIterator[tuple[str, list[int]]]:
    """An endpoint that sends ``piece`` again and again until nobody listens; its address, and how many
    bytes each caller took."""
    sent: list[int] = []

    async def send(stream: SocketStream) -> None:
        sent.append(0)
        with suppress(anyio.BrokenResourceError, anyio.EndOfStream):
            async with stream:
                await stream.receive()
                await stream.send(f"HTTP/1.1 {head}\r\n\r\n".encode())
                while sent[-1] < 3 * MAX_BODY:
                    await stream.send(piece)
                    sent[-1] += len(piece)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, send)
        port = listener.extra(SocketAttribute.local_port)
        yield f"http://127.0.0.1:{port}/v1", sent
        tasks.cancel_scope.cancel()


@pytest.mark.requirement("llm.errors")
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("piece", [b"x" * 262_144, b":" + b"x" * 262_142 + b"\n"])
async def test_an_answer_without_end_is_given_up(
    name: str, heard: bool, piece: bytes, account: Account
) -> None:
    async with endless("200 OK\r\nContent-Type: text/event-stream", piece) as (url, sent):
        given = {"base_url": url} | ({"targets": targets(account)} if name == "portkey" else {})
        async with opened(name, given) as llm:
            with pytest.raises(ProviderError, match="more than 32 MiB") as raised:
                await llm.ask(ask(model=MODELS[name]), (lambda text: None) if heard else None)
    assert raised.value.transient
    assert raised.value.charged
    assert max(sent) < 2 * MAX_BODY


@pytest.mark.requirement("llm.errors")
@pytest.mark.parametrize("name", MODELS)
async def test_of_a_refusal_without_end_the_beginning_is_read(name: str, account: Account) -> None:
    piece = b"the key is wrong " * 16_384
    async with endless("401 Unauthorized\r\nContent-Type: text/plain", piece) as (url, sent):
        given = {"base_url": url} | ({"targets": targets(account)} if name == "portkey" else {})
        async with opened(name, given) as llm:
            with pytest.raises(ProviderError, match="the key is wrong") as raised:
                await llm.ask(ask(model=MODELS[name]))
    assert raised.value.status == 401
    assert not raised.value.transient
    assert max(sent) < MAX_BODY


async def test_lines_are_whole_wherever_the_pieces_break() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"data: \xc3", b"\xa4 one\r", b"\n\r\ndata: two", b"", b" more\ndata: three"):
            yield piece

    read = [line async for line in lines(pieces(), FAILURE)]
    assert [line for line in read if line] == ["data: \u00e4 one", "data: two more", "data: three"]
