"""What a person sets decides who answers, and everything stands around it: money, cache, repair, stand-ins."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.llm.asking import ask
from tests.upstream.start import Account, prices_toml

from sophia_mcp.app import App, open_app
from sophia_mcp.errors import BadSetting, BudgetExceeded, ProviderError
from sophia_mcp.llm.providers import scripted
from sophia_mcp.settings import load
from sophia_mcp.types import Labels

pytestmark = pytest.mark.anyio

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


@pytest.fixture
def home(alone: Path) -> Path:
    """The person's configuration folder, with the prices of the service."""
    (alone / "prices.toml").write_text(prices_toml())
    return alone


@asynccontextmanager
async def opened(tmp_path: Path, **llm: Any) -> AsyncIterator[App]:
    async with open_app(load(home=tmp_path / "data", llm=llm)) as app:
        yield app


def endpoint(account: Account, monkeypatch: pytest.MonkeyPatch, **more: Any) -> dict[str, Any]:
    monkeypatch.setenv("STAND_IN_KEY", account.key)
    return {
        "base_url": account.url,
        "key": "env:STAND_IN_KEY",
        "vendor": "openai",
        "standard": "stand-in-small",
        **more,
    }


def question(text: str = "What is a lock?", **changed: Any) -> Any:
    return ask(text, model="", labels=Labels(run="run-1", step="s"), **changed)


@pytest.mark.requirement("llm.choice")
async def test_without_any_setting_the_client_answers_or_the_assistant_itself(tmp_path: Path) -> None:
    async with opened(tmp_path) as app:
        models = await app.models()
        assert models.choose().name == "host"
        assert "PORTKEY_API_KEY" in models.choose().why
        assert models.choose(can_sample=True).name == "sampling"
        with pytest.raises(BadSetting, match="does not offer sampling"):
            models.choose("sampling")


@pytest.mark.requirement("llm.choice")
async def test_what_is_set_up_is_chosen_in_order(
    tmp_path: Path, home: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, openai=endpoint(account, monkeypatch)) as app:
        assert (await app.models()).choose(can_sample=True).name == "openai"
    monkeypatch.setenv("PORTKEY_API_KEY", "pk-123")
    portkey = {"standard": "@openai-prod/gpt-5.5"}
    async with opened(tmp_path, openai=endpoint(account, monkeypatch), portkey=portkey) as app:
        chosen = (await app.models()).choose()
        assert (chosen.name, chosen.free) == ("portkey", False)
    async with opened(tmp_path, provider="scripted") as app:
        assert (await app.models()).choose(can_sample=True).name == "scripted"


@pytest.mark.requirement("swarm.max_cost")
async def test_a_free_provider_is_not_free_where_a_dear_one_may_stand_in_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTKEY_API_KEY", "pk-123")
    llm: dict[str, Any] = {"openai": {"base_url": "http://127.0.0.1:1/v1", "standard": "qwen"}}
    async with opened(tmp_path, **llm) as app:
        assert (await app.models()).choose("openai").free
    llm |= {"portkey": {"standard": "@openai-prod/gpt-5.5"}, "fallback": ["portkey"]}
    async with opened(tmp_path, **llm) as app:
        chosen = (await app.models()).choose("openai")
        assert not chosen.free
        assert "portkey may stand in for it" in chosen.why
        assert (await app.models()).choose("host").free, "nobody stands in for the assistant"


@pytest.mark.requirement("llm.fallback")
async def test_the_assistant_stands_in_for_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path, fallback=["host"]) as app:
        with pytest.raises(BadSetting, match="host cannot stand in"):
            (await app.models()).choose("scripted")


@pytest.mark.requirement("llm.choice")
@pytest.mark.parametrize(
    ("llm", "lack"),
    [
        ({"portkey": {"base_url": "http://127.0.0.1:8787/v1"}}, "targets"),
        ({"portkey": {"base_url": "http://10.0.0.5:8787/v1"}}, "unencrypted"),
        ({"portkey": {"key": "env:NOT_THERE", "standard": "@a/b"}}, "NOT_THERE is not set"),
        ({"portkey": {"key": "file:/nowhere"}}, "standard"),
        (
            {"portkey": {"key": "env:HOME", "standard": "@a/b", "targets": {"a": {"key": "env:HOME"}}}},
            "would be sent to the hosted gateway",
        ),
        ({"openai": {"base_url": "https://me:pass@x.example/v1"}}, "user name or password"),
        ({"openai": {"base_url": "ftp://x"}}, "not the address"),
        ({"openai": {"base_url": "http://127.0.0.1:1/v1"}}, r"openai\.standard is not set"),
    ],
)
async def test_what_is_missing_is_said(tmp_path: Path, llm: dict[str, Any], lack: str) -> None:
    async with opened(tmp_path, **llm) as app:
        models = await app.models()
        assert models.choose().name == "host"
        with pytest.raises(BadSetting, match=lack):
            models.choose(next(iter(llm)))


@pytest.mark.requirement("llm.keys")
async def test_a_run_that_goes_on_sends_no_vendors_key_to_the_hosted_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTKEY_API_KEY", "pk-123")
    portkey = {"standard": "@a/b", "targets": {"a": {"provider": "openai", "key": "env:HOME"}}}
    async with opened(tmp_path, portkey=portkey) as app:
        with pytest.raises(BadSetting, match="would be sent to the hosted gateway"):
            (await app.models()).open("portkey", run_id="r", max_cost_nano=1)


@pytest.mark.requirement("llm.keys")
async def test_the_usual_variables_are_used_for_their_owners_hosts_only(
    tmp_path: Path, home: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-owner-of-openai")
    monkeypatch.setenv("PORTKEY_API_KEY", "pk-owner-of-portkey")
    openai = {"base_url": account.url, "standard": "stand-in-small"}
    portkey = {"base_url": account.url, "targets": {"a": {"provider": "openai"}}}
    portkey["standard"] = "@a/stand-in-small"
    async with opened(tmp_path, openai=openai, portkey=portkey, attempts=1) as app:
        models = await app.models()
        for name in ("openai", "portkey"):
            with pytest.raises(ProviderError, match="401"):
                await models.open(name, run_id="r", max_cost_nano=10**9).ask(question())
    assert len(account.bill()) == 2
    for line in account.bill():
        assert "owner" not in str(line.headers)


async def test_a_run_is_paid_from_its_budget_and_booked(
    tmp_path: Path, home: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, openai=endpoint(account, monkeypatch)) as app:
        models, money = await app.models(), await app.money()
        llm = models.open("openai", run_id="run-1", max_cost_nano=10**8)
        reply = await llm.ask(question(schema=SCHEMA))
        assert isinstance(reply.value["n"], int)
        [line] = account.bill()
        cost = await money.run_cost("run-1")
        assert cost.spent_nano == line.nano
        assert cost.basis == "computed"
        small = models.open("openai", run_id="run-1", max_cost_nano=line.nano + 1)
        with pytest.raises(BudgetExceeded):
            await small.ask(question("something else"))
        assert len(account.bill()) == 1


@pytest.mark.requirement("cache.exact")
async def test_a_cached_answer_costs_nothing_and_is_served_when_the_budget_is_spent(
    tmp_path: Path, home: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, openai=endpoint(account, monkeypatch)) as app:
        models, money = await app.models(), await app.money()
        first = await models.open("openai", run_id="run-1", max_cost_nano=10**8).ask(question())
        again = await models.open("openai", run_id="run-2", max_cost_nano=1).ask(
            replace(question(), labels=Labels(run="run-2", step="s"))
        )
        assert again == replace(first, cached=True)
        assert len(account.bill()) == 1
        assert (await money.run_cost("run-2")).spent_nano == 0
    async with opened(tmp_path, openai=endpoint(account, monkeypatch), cache=False) as app:
        await (await app.models()).open("openai", run_id="run-3", max_cost_nano=10**8).ask(question())
        assert len(account.bill()) == 2


@pytest.mark.requirement("llm.errors")
@pytest.mark.parametrize(
    "faults",
    [["429 retry-after=0"], ["500", "503"], ["cut"], ["html"], ["bad-json"], ["empty"], ["drop"]],
)
async def test_what_passes_is_tried_again_and_every_attempt_is_paid_for(
    tmp_path: Path, home: Path, account: Account, monkeypatch: pytest.MonkeyPatch, faults: list[str]
) -> None:
    account.script(*faults)
    async with opened(tmp_path, openai=endpoint(account, monkeypatch)) as app:
        models, money = await app.models(), await app.money()
        reply = await models.open("openai", run_id="run-1", max_cost_nano=10**9).ask(question())
        assert reply.text
        bill = account.bill()
        assert len(bill) == len(faults) + 1
        cost = await money.run_cost("run-1")
        assert cost.spent_nano + cost.reserved_nano >= 0
        entries = [entry async for entry in money.ledger.entries(0)]
        assert len(entries) == len(bill)


@pytest.mark.requirement("llm.fallback")
async def test_another_provider_stands_in(
    tmp_path: Path, home: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.script(*["401"] * 3)
    openai = endpoint(account, monkeypatch)
    async with opened(tmp_path, openai=openai, fallback=["scripted"]) as app:
        reply = (
            await (await app.models()).open("openai", run_id="r", max_cost_nano=10**8).ask(question())
        )
        assert reply.provider == "scripted"


@pytest.mark.requirement("llm.context")
async def test_a_question_longer_than_the_window_is_answered(
    tmp_path: Path, home: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    openai = endpoint(account, monkeypatch, standard="stand-in-tiny-window")
    account.change(stretch=(1.0, 1.45))
    async with opened(tmp_path, openai=openai) as app:
        llm = (await app.models()).open(
            "openai", run_id="r", max_cost_nano=10**9, tell=lambda labels, text: told.append(text)
        )
        for number in range(10):
            await llm.ask(question(f"question {number}\n\n" + "many words here\n\n" * 3_000))
    assert {line.status for line in account.bill()} == {200}
    assert any("cut to" in text for text in told)


@pytest.mark.requirement("llm.desk")
async def test_a_step_of_the_assistant_waits_at_the_desk_and_is_mended_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as app:
        models = await app.models()
        llm = models.open("host", run_id="run-1")
        values: list[Any] = []

        async def step() -> None:
            values.append((await llm.ask(question(schema=SCHEMA))).value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(step)
            for answer in ("not json", {"n": 5}):
                changed = models.desk.changed("run-1")
                while not models.desk.pending("run-1"):
                    await changed.wait()
                    changed = models.desk.changed("run-1")
                models.desk.answer("run-1", "s", answer)
        assert values == [{"n": 5}]
        assert (await (await app.money()).run_cost("run-1")).spent_nano == 0


@pytest.mark.requirement("llm.desk")
async def test_a_step_nobody_answered_is_no_call_and_a_declined_one_names_no_tier(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as app:
        models, money = await app.models(), await app.money()
        llm = models.open("host", run_id="run-1")
        async with anyio.create_task_group() as tasks:
            changed = models.desk.changed("run-1")
            tasks.start_soon(llm.ask, question())
            await changed.wait()
            tasks.cancel_scope.cancel()
        assert [entry async for entry in money.ledger.entries(run="run-1")] == []

        async def declined() -> None:
            with pytest.raises(ProviderError):
                await llm.ask(question())

        async with anyio.create_task_group() as tasks:
            changed = models.desk.changed("run-1")
            tasks.start_soon(declined)
            await changed.wait()
            models.desk.refuse("run-1", "s", ProviderError("the client declined"))
        assert [entry.model async for entry in money.ledger.entries(run="run-1")] == ["host"]


@pytest.mark.requirement("llm.masked")
@pytest.mark.parametrize("provider", ["host", "sampling"])
async def test_a_step_on_the_desk_holds_no_secret(tmp_path: Path, provider: str) -> None:
    key = "AKIA" + "Q3EXR7NB5KTWZP2M"
    async with opened(tmp_path) as app:
        models = await app.models()
        async with anyio.create_task_group() as tasks:
            changed = models.desk.changed("run-1")
            tasks.start_soon(
                models.open(provider, run_id="run-1").ask, question(f"the diff: key = '{key}'")
            )
            await changed.wait()
            ((packet, asked),) = models.desk.waiting("run-1")
            tasks.cancel_scope.cancel()
    assert "the diff: key" in packet.prompt
    assert key not in packet.prompt
    assert all(key not in message.text for message in asked.messages)


async def test_a_model_on_this_machine_is_free_unless_a_vendor_s_prices_apply(
    tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = endpoint(account, monkeypatch) | {"vendor": ""}
    async with opened(tmp_path, openai=local) as app:
        models = await app.models()
        assert models.choose().free
        reply = await models.open("openai", run_id="run-1").ask(question())
        assert reply.provider == "local"
        assert (await (await app.money()).run_cost("run-1")).basis == "unpriced"
    async with opened(tmp_path, openai=endpoint(account, monkeypatch)) as app:
        assert not (await app.models()).choose().free


async def test_a_model_on_this_machine_with_a_price_of_its_own_is_not_free(
    tmp_path: Path, home: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = endpoint(account, monkeypatch) | {"vendor": ""}
    async with opened(tmp_path, openai=local) as app:
        models = await app.models()
        assert not models.choose().free
        with pytest.raises(BudgetExceeded):
            await models.open("openai", run_id="run-1", max_cost_nano=1).ask(question())


@pytest.mark.requirement("llm.lazy")
def test_choosing_imports_no_sdk_and_looks_no_command_up(tmp_path: Path) -> None:
    program = f"""
import anyio, sys
from sophia_mcp.app import open_app
from sophia_mcp.settings import load
async def main():
    llm = {{"portkey": {{"key": "cmd:touch {tmp_path}/ran", "standard": "@a/b"}}}}
    async with open_app(load(home={str(tmp_path / "data")!r}, llm=llm)) as app:
        models = await app.models()
        print(models.choose().name)
        models.open("portkey", run_id="run-1", max_cost_nano=1)
anyio.run(main)
loaded = [name for name in ("portkey_ai", "httpx") if name in sys.modules]
print(loaded)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split("\n")[:2] == ["portkey", "[]"]
    assert not (tmp_path / "ran").exists()


def blocks(page: str) -> list[str]:
    """Every TOML example of a page."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```toml\n(.*?)^```", text, re.S | re.M)


@pytest.mark.requirement("commands.readme")
@pytest.mark.parametrize("number", range(len(blocks("run/models.md"))))
async def test_every_example_of_the_page_about_models_is_a_valid_setting(
    number: int, tmp_path: Path, home: Path
) -> None:
    (home / "config.toml").write_text(blocks("run/models.md")[number])
    async with open_app(load(home=tmp_path / "data")) as app:
        models = await app.models()
        models.choose()
        for name in ("portkey", "openai"):
            models._provider(name) if not models.vendors.lack(name) else None


@pytest.mark.requirement("llm.scripted")
def test_the_script_of_the_page_about_providers_is_a_valid_script() -> None:
    [script] = [block for block in blocks("extend/llm-providers.md") if "[[reply]]" in block]
    assert scripted.load(tomllib.loads(script)).name == "scripted"


async def test_whether_anybody_listens_is_known_without_a_question(
    tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, openai=endpoint(account, monkeypatch)) as app:
        models = await app.models()
        assert await models.unreachable("openai") == ""
        assert await models.unreachable("host") == ""
    nobody = endpoint(account, monkeypatch, base_url="http://127.0.0.1:9/v1")
    async with opened(tmp_path, openai=nobody) as app:
        assert "nobody answers at 127.0.0.1:9" in await (await app.models()).unreachable("openai")
    assert account.bill() == []
