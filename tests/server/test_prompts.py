"""The prompts of the server: one for each pattern, and the call each of them names can be made."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError
from mcp.types import INVALID_PARAMS, PromptReference, TextContent
from tests.server.conftest import Place
from tests.server.swarms import by_hand, call, place_of

from sophia_mcp.swarm.patterns import PATTERNS

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("prompts.patterns")]

OWN = (
    'title = "Mine"\nsummary = "Mine"\ngates = ["quotes"]\n[roles.a]\ntitle = "A"\nprompt_text = "You."\n'
    '[[steps]]\nkey = "read"\nkind = "read"\nrole = "a"\nprompt_text = "Read."\nschema = "findings"\n'
    "max_tokens = 300\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    return place_of(tmp_path)


async def rendered(client: Any, name: str, **arguments: str) -> str:
    result = await client.get_prompt(name, arguments)
    (message,) = result.messages
    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    return message.content.text


def call_in(text: str) -> dict[str, Any]:
    """The arguments of the one call that a prompt names."""
    source = text.removeprefix("Call ").split("). ")[0].split(").\n")[0] + ")"
    parsed = ast.parse(source, mode="eval").body
    assert isinstance(parsed, ast.Call)
    assert isinstance(parsed.func, ast.Name)
    assert parsed.func.id == "run_swarm"
    return {str(word.arg): ast.literal_eval(word.value) for word in parsed.keywords}


async def test_every_pattern_is_a_prompt_of_the_same_name_in_both_eras(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
    assert set(prompts) == {*PATTERNS.names(), "swarm"}
    for pattern in PATTERNS.all():
        prompt = prompts[pattern.name]
        assert (prompt.title, prompt.description) == (pattern.title, pattern.summary)
        required = {each.name: bool(each.required) for each in prompt.arguments or []}
        assert required == {
            "task": pattern.requires == ("task",),
            "paths": False,
            "max_cost_usd": False,
        }


@pytest.mark.parametrize("name", PATTERNS.names())
async def test_the_call_a_prompt_names_can_be_made_as_it_stands(shop: Place, name: str) -> None:
    async with shop.connect("auto") as client:
        text = await rendered(client, name, task='mend "it"\nsoon', paths="shop, shop/price.py")
        arguments = call_in(text)
        assert arguments == {
            "pattern": name,
            "task": 'mend "it"\nsoon',
            "paths": ["shop", "shop/price.py"],
            "provider": "host",
        }
        told = await call(client, "run_swarm", **arguments)
        assert told["status"] == "needs_steps", told
        assert 'mend "it"\nsoon' in told["steps"][0]["prompt"]


async def test_a_prompt_without_arguments_reviews_what_changed(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        text = await rendered(client, "code_review")
        assert call_in(text) == {"pattern": "code_review", "provider": "host"}
        told = await call(client, "run_swarm", **call_in(text))
        assert (await by_hand(client, told))["status"] == "done"


async def test_a_limit_is_taken_exactly_and_one_that_is_none_is_refused(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        text = await rendered(client, "solo", task="x", max_cost_usd="$0.50")
        assert call_in(text) == {"pattern": "solo", "task": "x", "max_cost_usd": 0.5}
        for wrong in ("a lot", "-1", '0.5, provider="x"'):
            with pytest.raises(MCPError, match="max_cost_usd") as failure:
                await rendered(client, "solo", task="x", max_cost_usd=wrong)
            assert failure.value.error.code == -32602


@pytest.mark.requirement("server.completions")
async def test_a_prompt_that_is_not_there_is_refused_with_those_that_are(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        with pytest.raises(MCPError) as refused:
            await client.get_prompt("code_reviews", {})
    assert refused.value.error.code == INVALID_PARAMS
    said = refused.value.error.message
    assert said.startswith("no prompt named 'code_reviews' · why: prompts: ")
    assert "code_review," in said
    assert "next: ask for one of these; 'swarm' takes the name of any pattern" in said


async def test_an_argument_that_a_prompt_needs_is_asked_for(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        with pytest.raises(
            MCPError, match="swarm: pattern is missing · why: pattern is required"
        ) as got:
            await client.get_prompt("swarm", {})
    assert got.value.error.code == INVALID_PARAMS


async def test_an_argument_that_a_prompt_does_not_know_is_left_out(shop: Place, era: str) -> None:
    async with shop.connect(era) as client:
        text = await rendered(client, "code_review", task="look", depth="deep")
    assert call_in(text) == {"pattern": "code_review", "task": "look", "provider": "host"}


async def test_a_pattern_of_ones_own_is_completed_and_rendered(tmp_path: Path, era: str) -> None:
    place = place_of(tmp_path)
    folder = place.project / ".sophia" / "patterns"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(OWN)
    async with place.connect(era) as client:
        swarm = PromptReference(type="ref/prompt", name="swarm")
        found = await client.complete(swarm, {"name": "pattern", "value": "m"})
        assert found.completion.values == ["mine"]
        every = await client.complete(swarm, {"name": "pattern", "value": ""})
        assert every.completion.values == sorted([*PATTERNS.names(), "mine"])
        text = await rendered(client, "swarm", pattern="mine", task="x")
        told = await call(client, "run_swarm", **call_in(text))
        assert [step["key"] for step in told["steps"]] == ["read"]
