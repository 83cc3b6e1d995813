"""An answer asked for by schema satisfies it, is mended once, or is an error."""

from __future__ import annotations

from typing import Any

import pytest
from tests.llm.asking import Steps, ask

from sophia_mcp.errors import BadAnswer
from sophia_mcp.llm.wrappers.structured import Structured
from sophia_mcp.types import Reply

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("llm.schema")]

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "why": {"type": "string", "minLength": 2}},
    "required": ["n"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 1}',
        '  {"n": 1}\n',
        'Here you are:\n```json\n{"n": 1}\n```\nAnything else?',
        'Sure! {"n": 1} is the answer.',
        '```\n{"n": 1}\n```',
    ],
)
async def test_json_is_found_in_what_models_write_around_it(text: str) -> None:
    inner = Steps([text])
    reply = await Structured(inner).ask(ask(schema=SCHEMA))
    assert reply.value == {"n": 1}
    assert len(inner.asked) == 1


async def test_half_a_character_is_replaced_for_no_store_takes_it() -> None:
    written = r'{"n": 1, "why": "half \ud800 and whole \ud83d\ude00"}'
    raw = '{"n": 1, "why": "half ' + chr(0xD800) + ' and whole \U0001f600"}'
    for text in (written, raw):
        reply = await Structured(Steps([text])).ask(ask(schema=SCHEMA))
        assert reply.value["why"] == "half \ufffd and whole \U0001f600"
        reply.text.encode()


@pytest.mark.parametrize("bad", ["no json here", '{"n": "one"}', '{"n": 1, "x": 2}', "", "[1", '["a"]'])
async def test_a_wrong_answer_goes_back_once_with_what_is_wrong(bad: str) -> None:
    inner = Steps([bad, '{"n": 2}'])
    reply = await Structured(inner).ask(ask(schema=SCHEMA))
    assert reply.value == {"n": 2}
    second = inner.asked[1]
    assert [message.role for message in second.messages[-2:]] == ["assistant", "user"]
    assert "cannot be used" in second.messages[-1].text
    assert second.messages[:2] == ask().messages


async def test_an_answer_wrong_twice_is_an_error_that_says_where() -> None:
    inner = Steps(['{"n": "one"}', '{"n": "two"}', "never"])
    with pytest.raises(BadAnswer, match=r"\$\.n"):
        await Structured(inner).ask(ask(schema=SCHEMA))
    assert len(inner.asked) == 2


async def test_an_endless_answer_is_asked_to_be_shorter_and_then_an_error() -> None:
    endless = Reply('{"n": 1, "why": "' + "a" * 50_000, "m", "steps", finish="length")
    inner = Steps([endless, endless])
    with pytest.raises(BadAnswer, match="cut off at 100 tokens"):
        await Structured(inner).ask(ask(schema=SCHEMA))
    assert "shorter" in inner.asked[1].messages[-1].text
    assert len(inner.asked[1].messages[-2].text) < 5_000


async def test_without_a_schema_the_answer_is_left_alone() -> None:
    reply = await Structured(Steps(['{"n": 1}'])).ask(ask())
    assert reply.value is None


async def test_deep_nesting_is_a_fault_and_no_crash() -> None:
    inner = Steps(["[" * 100_000, '{"n": 1}'])
    assert (await Structured(inner).ask(ask(schema=SCHEMA))).value == {"n": 1}
