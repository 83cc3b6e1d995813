"""Fixtures for every test: the running service once per session, an account per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.upstream.start import Account, Upstream, started


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """The model service on loopback."""
    with started() as service:
        yield service


@pytest.fixture
def account(upstream: Upstream) -> Account:
    """A well-treated customer of it."""
    return upstream.account()
