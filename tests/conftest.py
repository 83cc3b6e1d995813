"""What every test shares: the event loop backend, `--long`, and a store of its own."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.gateway.fixtures", "tests.upstream.fixtures"]

# What is drawn decides about a property, and never how long the machine took for it.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="run fault and scale tests with their full counts"
    )
    parser.addoption(
        "--snapshot-update", action="store_true", help="write what is snapshot anew; read its diff"
    )
    parser.addoption(
        "--seed",
        type=int,
        default=None,
        help="seed of the randomised tests; default: a new one, printed",
    )


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {_seed(config)}{' (full counts)' if config.getoption('--long') else ''}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The seed once more where it is needed: ``-q`` leaves the header out."""
    if config.getoption("--long") or terminalreporter.stats.get("failed"):
        terminalreporter.write_line(pytest_report_header(config))


def _seed(config: pytest.Config) -> int:
    """One seed for all workers of a run, from the command line or drawn once."""
    given = config.getoption("--seed")
    if given is None:
        given = int(os.environ.setdefault("TEST_SEED", str(random.randrange(1 << 32))))
    return int(given)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the full counts were asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of this run; printed in the header so that a failure can be repeated."""
    return _seed(request.config)


@pytest.fixture(autouse=True)
def alone(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test sees or touches the person's own data, configuration or project variables."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith(("SOPHIA_", "CLAUDE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SOPHIA_HOME", str(home / "data"))
    monkeypatch.setenv("SOPHIA_CONFIG", str(home / "config.toml"))
    return home
