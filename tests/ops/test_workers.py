"""A worker is believed dead only when that is sure."""

from __future__ import annotations

import subprocess
import sys

from sophia_mcp.ops.workers import enrol, is_dead


def test_a_worker_is_dead_only_when_that_is_sure() -> None:
    here = enrol()
    machine, number, token = here.rsplit(":", 2)
    assert not is_dead(here)
    assert is_dead(f"{machine}:{number}:before")
    assert is_dead(f"{machine}:4194305:{token}")
    assert not is_dead(f"elsewhere:4194305:{token}")
    assert not is_dead(f"{machine}:1:{token}")
    for nonsense in ("", "nonsense", f"{machine}:{number}", f"{machine}:{'9' * 40}:{token}"):
        assert not is_dead(nonsense)


def test_each_name_of_a_process_is_its_own_and_stays_alive_with_it() -> None:
    names = {enrol() for _ in range(10)}
    assert len(names) == 10
    assert not any(is_dead(name) for name in names)


def test_a_process_that_has_ended_is_dead() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from sophia_mcp.ops.workers import enrol; print(enrol())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert is_dead(said.stdout.strip())
