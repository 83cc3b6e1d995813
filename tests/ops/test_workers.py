"""A worker is believed dead only when that is sure."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys

import pytest

from sophia_mcp.ops.workers import enrol, is_dead, is_halted


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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells so in /proc")
def test_a_process_that_has_ended_is_dead_before_its_parent_asks_how() -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(f"{platform.node()}:{process.pid}:x")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells so in /proc")
def test_a_process_is_halted_until_it_is_let_go_on() -> None:
    assert not is_halted(enrol())
    assert not is_halted("nonsense")
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            name = f"{platform.node()}:{process.pid}:x"
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            assert is_halted(name)
            assert not is_dead(name)
            assert not is_halted(f"elsewhere:{process.pid}:x")
            process.send_signal(signal.SIGCONT)
            os.waitid(os.P_PID, process.pid, os.WCONTINUED)
            assert not is_halted(name)
        finally:
            process.kill()
