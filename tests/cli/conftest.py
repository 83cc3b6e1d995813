"""A repository with a real change, where a script answers every question of a swarm."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.runs import SOLO_REPLY
from tests.server.swarms import REVIEW, changed_shop, written


@pytest.fixture
def project(tmp_path: Path, alone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    written(tmp_path, *REVIEW, SOLO_REPLY)
    monkeypatch.setenv("SOPHIA_LLM__SCRIPT", str(tmp_path / "script.json"))
    monkeypatch.setenv("SOPHIA_EMBED__PROVIDER", "hashing")
    return changed_shop(tmp_path / "project")
