"""Every LLM provider keeps the promises of the seam, whatever answers behind it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from tests.upstream.start import Account

from sophia_mcp.errors import BadSetting, ProviderError
from sophia_mcp.llm.desk import Desk
from sophia_mcp.llm.form import faults, smallest
from sophia_mcp.llm.providers import LLM, PROVIDERS
from sophia_mcp.llm.providers.portkey import Target
from sophia_mcp.llm.wrappers.structured import Structured
from sophia_mcp.types import Ask, Labels, Message

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("llm.contract")]

SHIPPED = ("host", "openai", "portkey", "sampling", "scripted")
DESK = ("host", "sampling")
MODELS = {
    "openai": "stand-in-small",
    "portkey/openai": "@openai-prod/stand-in-small",
    "portkey/anthropic": "@anthropic-prod/claude-stand-in",
    "portkey/google": "@google-prod/gemini-stand-in",
}
WIRED = tuple(MODELS)
ALL = (*WIRED, *DESK, "scripted")

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["keep", "drop"]},
        "count": {"type": "integer", "minimum": 0},
        "notes": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
    },
    "required": ["verdict", "count", "notes"],
    "additionalProperties": False,
}


def question(name: str, text: str = "What is a lock?", **changed: Any) -> Ask:
    ask = Ask(
        (Message("system", "Be brief."), Message("user", text)),
        model=MODELS.get(name, name),
        max_tokens=300,
        labels=Labels(run="run-1", step="step-1", agent="reviewer"),
    )
    return replace(ask, **changed)


class Rig:
    """A provider, opened, and whoever answers behind it."""

    def __init__(self, name: str, llm: LLM, account: Account, desk: Desk) -> None:
        self.name, self.llm, self.account, self.desk = name, llm, account, desk


@pytest.fixture
def rig(account: Account, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Opens a provider by its name here; at the desk somebody answers, unless they are silent."""

    @asynccontextmanager
    async def opened(name: str, *, silent: bool = False) -> AsyncIterator[Rig]:
        desk = Desk()
        provider = PROVIDERS.load(name.partition("/")[0])
        options: dict[str, Any] = {}
        if name == "openai":
            options = {"base_url": account.url, "key": lambda: account.key, "vendor": "openai"}
        elif name in DESK:
            options = {"desk": desk}
        elif name == "scripted" and silent:
            options = {"script": {"reply": [{"fail": "stall"}]}}
        elif name.startswith("portkey/"):
            gateway = request.getfixturevalue("gateway")
            options = {"base_url": f"{gateway}/v1", "targets": targets(account)}
        if silent and name in WIRED:
            account.script(*["stall"] * 40)
        llm = provider.open(options)
        async with anyio.create_task_group() as tasks:
            if name in DESK and not silent:
                tasks.start_soon(answer_all, desk)
            yield Rig(name, llm, account, desk)
            tasks.cancel_scope.cancel()
        if (close := getattr(llm, "aclose", None)) is not None:
            await close()

    return opened


def targets(account: Account) -> dict[str, Target]:
    def target(vendor: str, host: str) -> Target:
        return Target(vendor, key=lambda: account.key, custom_host=host)

    return {
        "openai-prod": target("openai", account.url),
        "anthropic-prod": target("anthropic", account.url),
        "google-prod": target("google", account.root),
    }


async def answer_all(desk: Desk) -> None:
    """An assistant that does every step of one run, at once."""
    while True:
        changed = desk.changed("run-1")
        for packet in desk.pending("run-1"):
            value = smallest(packet.schema) if packet.schema else f"answered: {packet.prompt}"
            desk.answer("run-1", packet.key, value)
        await changed.wait()


def test_the_suite_covers_every_provider_that_ships() -> None:
    assert PROVIDERS.names() == SHIPPED
    assert {name.partition("/")[0] for name in ALL} == set(SHIPPED)
    assert {name for name in SHIPPED if PROVIDERS.load(name).free} == {"host", "sampling", "scripted"}
    assert {name for name in SHIPPED if PROVIDERS.load(name).patient} == set(DESK)


@pytest.mark.parametrize("name", ALL)
async def test_a_question_is_answered_by_the_one_that_was_asked(name: str, rig: Any) -> None:
    async with rig(name) as opened:
        reply = await opened.llm.ask(question(name))
        assert opened.llm.name == name.partition("/")[0]
        assert reply.text.strip()
        assert reply.finish == "stop"
        assert reply.cached is False
        if name in WIRED:
            assert reply.model == MODELS[name].rpartition("/")[2]
            assert reply.provider == name.rpartition("/")[2]
        else:
            assert reply.provider == name


@pytest.mark.requirement("llm.wire")
@pytest.mark.parametrize("name", ALL)
async def test_what_is_heard_is_the_answer(name: str, rig: Any) -> None:
    async with rig(name) as opened:
        pieces: list[str] = []
        reply = await opened.llm.ask(question(name), pieces.append)
        assert "".join(pieces) == reply.text
        if name in WIRED:
            [line] = opened.account.bill()
            assert line.stream is True


@pytest.mark.requirement("llm.wire")
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("name", WIRED)
async def test_the_usage_is_what_the_service_bills(name: str, streaming: bool, rig: Any) -> None:
    async with rig(name) as opened:
        reply = await opened.llm.ask(
            question(name, "word " * 1500), (lambda text: None) if streaming else None
        )
        [line] = opened.account.bill()
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (
            line.spent.input,
            line.spent.output,
        )
        assert reply.usage.estimated is False


@pytest.mark.requirement("llm.schema")
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("name", ALL)
async def test_an_answer_with_a_schema_satisfies_it(name: str, streaming: bool, rig: Any) -> None:
    async with rig(name) as opened:
        reply = await Structured(opened.llm).ask(
            question(name, schema=SCHEMA), (lambda text: None) if streaming else None
        )
        assert faults(reply.value, SCHEMA) == ()
        assert json.loads(reply.text) == reply.value


@pytest.mark.requirement("llm.cancel")
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("name", ALL)
async def test_a_cancelled_question_ends_within_a_second(name: str, streaming: bool, rig: Any) -> None:
    async with rig(name, silent=True) as opened:
        with anyio.move_on_after(0.2) as scope:
            await opened.llm.ask(question(name), (lambda text: None) if streaming else None)
        assert scope.cancelled_caught
        assert time.monotonic() - scope.deadline < 1  # far more than any machine's delay
        assert opened.desk.pending("run-1") == ()
        opened.account.release()


@pytest.mark.parametrize("name", ALL)
async def test_questions_at_the_same_time_get_their_own_answers(name: str, rig: Any) -> None:
    async with rig(name) as opened:
        if name in WIRED:
            for number in range(12):
                opened.account.answer(f"question number {number}.", f"answer number {number}.")
        elif name == "scripted":
            texts = {rf"number {n}\.": f"answer number {n}." for n in range(12)}
            script = {"reply": [{"prompt": asked, "text": text} for asked, text in texts.items()]}
            opened.llm = PROVIDERS.load(name).open({"script": script})
        replies: dict[int, str] = {}

        async def one(number: int) -> None:
            reply = await opened.llm.ask(question(name, f"question number {number}."))
            replies[number] = reply.text

        async with anyio.create_task_group() as tasks:
            for number in range(12):
                tasks.start_soon(one, number)
        assert all(f"number {number}." in text for number, text in replies.items())
        assert len(replies) == 12


@pytest.mark.parametrize(
    "text", ["\ud800 a lone surrogate", "null \0 byte", "🦊 größe 日本", "x" * 50_000]
)
@pytest.mark.parametrize("name", ALL)
async def test_hard_texts_are_asked_and_answered(name: str, text: str, rig: Any) -> None:
    async with rig(name) as opened:
        reply = await opened.llm.ask(question(name, text))
        assert reply.text


@pytest.mark.requirement("llm.errors")
@pytest.mark.parametrize("name", [*WIRED, "scripted"])
async def test_a_busy_service_says_when_to_come_back(name: str, rig: Any) -> None:
    async with rig(name) as opened:
        if name == "scripted":
            script = {"reply": [{"fail": "busy", "retry_after_s": 7}]}
            opened.llm = PROVIDERS.load(name).open({"script": script})
        else:
            opened.account.script("429 retry-after=7")
        with pytest.raises(ProviderError) as raised:
            await opened.llm.ask(question(name))
        assert raised.value.transient
        assert raised.value.status == 429
        assert raised.value.retry_after_s == 7
        assert not raised.value.charged
        if name in WIRED:
            assert len(opened.account.bill()) == 1, "a provider makes one attempt"


@pytest.mark.requirement("llm.errors")
@pytest.mark.parametrize("status", ["401", "403", "500", "503", "529"])
@pytest.mark.parametrize("name", WIRED)
async def test_a_failure_says_whether_to_try_again_and_never_shows_the_key(
    name: str, status: str, rig: Any
) -> None:
    async with rig(name) as opened:
        opened.account.script(status)
        with pytest.raises(ProviderError) as raised:
            await opened.llm.ask(question(name))
        assert raised.value.transient is (int(status) >= 500)
        assert raised.value.next
        assert opened.account.key not in str(raised.value)
        assert len(opened.account.bill()) == 1


@pytest.mark.parametrize("name", SHIPPED)
def test_an_unknown_option_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(BadSetting, match="no option 'colour'"):
        PROVIDERS.load(name).open({"colour": "blue"})


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_missing_is_said_without_asking_anybody(name: str) -> None:
    lack = PROVIDERS.load(name).lack({})
    assert (lack == "") is (name in ("host", "sampling", "scripted"))
