"""The gateway for every test that asks for it: one process per session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.gateway.start import started


@pytest.fixture(scope="session")
def gateway() -> Iterator[str]:
    """The origin of a running Portkey gateway."""
    with started() as origin:
        yield origin
