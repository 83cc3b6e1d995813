"""Every shipped pattern, with models that lie over the wire: the whole product, a real service, and the
real gateway in front of three vendors. What reaches the answer is true, or there is none."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.faults.spending.place import Place
from tests.swarm.liars import FILES, LIES, answer, lay, true, untouched
from tests.upstream.start import Account

from sophia_mcp.app import App, open_app
from sophia_mcp.app.swarms import placed
from sophia_mcp.settings import load
from sophia_mcp.swarm.patterns import PATTERNS, Pattern
from sophia_mcp.types import Order, RunReport

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(600),
    pytest.mark.requirement("swarm.lies"),
    pytest.mark.requirement("swarm.every_mode"),
]

SHIPPED = PATTERNS.names()
MISDEEDS = ("bad-json", "bad-schema", "prose", "cut", "huge", "empty", "length", "filter", "500")
"""What the service does to every answer."""

CENTS = 300_000_000
ENDED = ("done", "failed", "over_budget")


@pytest.fixture
def person(tmp_path: Path, account: Account, gateway: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person whose tiers are three vendors' models behind the gateway, and two of one service."""
    place = Place(tmp_path / "person", account)
    place.prepare(gateway)
    config = place.folder / "config.toml"
    tiers = {
        'standard = "@oai/stand-in-small"': 'fast = "@goo/gemini-stand-in"\n'
        'standard = "@oai/stand-in-small"\ndeep = "@claude/claude-stand-in"',
        'standard = "stand-in-small"': 'fast = "stand-in-small"\nstandard = "stand-in-small"\n'
        'deep = "stand-in-large"',
    }
    text = config.read_text()
    for old, new in tiers.items():
        text = text.replace(old, new)
    config.write_text(text)
    for name, value in {"HOME": place.folder / "data", "CONFIG": config}.items():
        monkeypatch.setenv(f"SOPHIA_{name}", str(value))
    monkeypatch.setenv("STAND_IN_KEY", account.key)
    return tmp_path


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[App, Path]]:
    root = lay(folder)
    async with open_app(load(root, embed={"provider": "hashing"})) as app:
        yield app, root


def says(account: Account, pattern: Pattern, lie: str) -> None:
    """Let the service answer every step of a pattern so, known by a field only its schema has."""
    schemas = [dict(step.schema["properties"]) for step in pattern.steps if step.schema]
    for fields in schemas:
        others = {field for other in schemas if other.keys() != fields.keys() for field in other}
        own = next(field for field in fields if field not in others)
        account.answer(f'"{own}": {{', json.dumps(answer(fields, lie)))


async def ran(app: App, root: Path, pattern: str, provider: str, word: str) -> RunReport:
    """One run to its end. ``word`` makes it another order."""
    swarm = await app.swarm()
    order = Order(
        f"What is wrong, and since when? ({word})",
        pattern=pattern,
        provider=provider,
        paths=tuple(FILES),
        max_cost_nano=CENTS,
    )
    run_id = await swarm.start(await placed(app, order, root, trusted=True))
    report = await swarm.report(run_id, wait_s=120)
    untouched(root)
    return report


def nothing_false(report: RunReport, folder: Path) -> None:
    assert report.status in ENDED, report
    assert report.status == "done" or report.reason
    true(report.outcome, folder)
    if report.outcome is not None:
        found = (report.outcome.findings, report.outcome.sources, report.outcome.patch)
        assert not any(found), found


@pytest.mark.long
@pytest.mark.parametrize("provider", ["openai", "portkey"])
@pytest.mark.parametrize("name", SHIPPED)
async def test_truth_passes_and_no_lie_does(
    person: Path, account: Account, name: str, provider: str, long: bool, seed: int
) -> None:
    pattern, dice = PATTERNS.load(name), random.Random(f"{seed}/{name}/{provider}")
    if not long and name not in random.Random(f"{seed}/{provider}").sample(SHIPPED, 3):
        pytest.skip("without --long three patterns are drawn by the seed")
    async with opened(person) as (app, root):
        says(account, pattern, "truth")
        report = await ran(app, root, name, provider, "truth")
        assert report.status == "done", report
        assert report.outcome is not None
        true(report.outcome, person)
        assert bool(report.outcome.patch) == ("patch" in pattern.gates)
        assert report.outcome.findings or report.outcome.sources or report.outcome.patch
        assert report.cost.spent_nano == sum(line.nano for line in account.bill())
        for lie in LIES if long else dice.sample(LIES, 1):
            says(account, pattern, lie)
            nothing_false(await ran(app, root, name, provider, lie), person)


@pytest.mark.long
@pytest.mark.parametrize("provider", ["openai", "portkey"])
@pytest.mark.parametrize("name", SHIPPED)
async def test_a_service_that_misbehaves_ends_the_run_with_a_reason(
    person: Path, account: Account, name: str, provider: str, long: bool, seed: int
) -> None:
    dice = random.Random(f"{seed}/{name}/{provider}")
    if not long and name != random.Random(f"{seed}/{provider}").choice(SHIPPED):
        pytest.skip("without --long one pattern is drawn by the seed")
    pattern = PATTERNS.load(name)
    async with opened(person) as (app, root):
        for misdeed in MISDEEDS if long else dice.sample(MISDEEDS, 1):
            says(account, pattern, "false_quotes")
            account.change(rates={misdeed: 1.0}, seed=seed)
            nothing_false(await ran(app, root, name, provider, misdeed), person)
