"""The scripted provider answers and misbehaves as its script says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.llm.asking import ask

from sophia_mcp.errors import BadSetting, ContextTooLong, ProviderError
from sophia_mcp.llm.counting import tokens
from sophia_mcp.llm.providers.scripted import NOTHING_SCRIPTED, load
from sophia_mcp.types import Labels, Usage

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("llm.scripted")]


def step(key: str, role: str = "", text: str = "What?", **changed: Any) -> Any:
    return ask(text, labels=Labels(run="r", step=key, agent=role), **changed)


async def test_the_first_reply_that_matches_and_is_not_used_up_answers(tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    script.write_text(
        """
        model = "my-script"
        [[reply]]
        step = "review.*"
        role = "security|style"
        times = 1
        text = "once"
        [[reply]]
        step = "review.*"
        json = {findings = [{line = 3}]}
        [[reply]]
        prompt = "class \\\\w+Pool"
        file = "pool.md"
        """
    )
    (tmp_path / "pool.md").write_text("about pools")
    llm = load(script)
    assert (await llm.ask(step("review.a", "security"))).text == "once"
    again = await llm.ask(step("review.a", "security"))
    assert json.loads(again.text) == {"findings": [{"line": 3}]}
    assert again.model == "my-script"
    assert (await llm.ask(step("other", text="see class ThreadPool"))).text == "about pools"
    assert (await llm.ask(step("other"))).text == NOTHING_SCRIPTED
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert (await llm.ask(step("other", schema=schema))).text == '{"a": 0}'
    assert len(llm.asked) == 5


async def test_usage_is_stated_counted_or_not_reported() -> None:
    llm = load(
        {
            "reply": [
                {"step": "a", "text": "x", "usage": {"input_tokens": 900, "cached_tokens": 800}},
                {"step": "b", "text": "x", "usage": False},
            ]
        }
    )
    stated = (await llm.ask(step("a"))).usage
    assert stated == Usage(input_tokens=900, output_tokens=1, cached_tokens=800)
    assert (await llm.ask(step("b"))).usage is None


@pytest.mark.parametrize(
    ("fail", "kind", "transient"),
    [
        ("busy", ProviderError, True),
        ("server", ProviderError, True),
        ("refused", ProviderError, False),
        ("too_long", ContextTooLong, False),
        ("cut", ProviderError, True),
    ],
)
async def test_it_fails_as_services_fail(fail: str, kind: type[ProviderError], transient: bool) -> None:
    pieces: list[str] = []
    with pytest.raises(kind) as raised:
        await load({"reply": [{"fail": fail, "text": "half and half"}]}).ask(step("a"), pieces.append)
    assert raised.value.transient is transient
    assert ("".join(pieces) == "half a") is (fail == "cut")


async def test_it_stalls_until_it_is_cancelled() -> None:
    with anyio.move_on_after(0.05) as scope:
        await load({"reply": [{"fail": "stall"}]}).ask(step("a"))
    assert scope.cancelled_caught


async def test_it_writes_bad_json_and_endless_answers() -> None:
    bad = await load({"reply": [{"fail": "bad_json", "json": {"a": [1, 2, 3]}}]}).ask(step("a"))
    with pytest.raises(ValueError):
        json.loads(bad.text)
    endless = await load({"reply": [{"fail": "endless", "text": "on and on"}]}).ask(
        step("a", max_tokens=5_000)
    )
    assert endless.finish == "length"
    assert 4_900 <= tokens.count(endless.text) <= 5_000


async def test_a_share_of_the_questions_meets_the_same_luck_each_time() -> None:
    script = {"seed": 3, "reply": [{"share": 0.3, "text": "bad luck"}, {"text": "good"}]}
    first = [(await llm.ask(step("a"))).text for llm in [load(script)] for _ in range(200)]
    again = [(await llm.ask(step("a"))).text for llm in [load(script)] for _ in range(200)]
    assert first == again
    assert 35 <= first.count("bad luck") <= 85


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ({"reply": [{"colour": "blue"}]}, "reply.0.colour"),
        ({"reply": [{"role": "("}]}, "not a regular expression"),
        ({"reply": [{"fail": "sulk"}]}, "reply.0.fail"),
        ({"reply": [{"latency_s": -1}]}, "reply.0.latency_s"),
    ],
)
def test_a_wrong_script_is_named_where_it_is_wrong(script: dict[str, Any], why: str) -> None:
    with pytest.raises(BadSetting, match=why):
        load(script)


@pytest.mark.parametrize("content", [b"reply = [", b"\xff\xfe", None])
def test_a_file_that_is_no_script_is_an_error(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadSetting, match="script"):
        load(path)
