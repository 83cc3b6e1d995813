"""Commands run on a copy, without secrets, and end with all they started."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import anyio
import psutil
import pytest

from sophia_mcp.swarm.gates.commands import Allowed, passes
from sophia_mcp.types import GateResult

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("swarm.commands")]

PYTHON = sys.executable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    place.mkdir()
    (place / "calc.py").write_text("def f(x):\n    return x\n")
    (place / "run.sh").write_text("exit 0\n")
    (place / "run.sh").chmod(0o755)
    (place / ".env").write_text("TOKEN=very-secret\n")
    (place / "out").symlink_to("/etc")
    return place


async def trial(
    root: Path, code: str, after: dict[str, str | None] | None = None, **bounds: float
) -> GateResult:
    allowed = Allowed(((PYTHON, "-c", code),), path=os.defpath, **bounds)  # type: ignore[arg-type]
    before = {"calc.py": (root / "calc.py").read_text()}
    return await passes(root, before, after or {}, allowed)


async def test_a_command_that_ends_with_zero_passes_on_the_changed_copy(root: Path) -> None:
    code = "import calc; assert calc.f(1) == 2; open('calc.py', 'w').write('ruined')"
    result = await trial(root, code, {"calc.py": "def f(x):\n    return x + 1\n"})
    assert result.passed, result.detail
    assert (root / "calc.py").read_text() == "def f(x):\n    return x\n"


async def test_a_failure_tells_the_end_of_the_output_and_whether_it_failed_before(root: Path) -> None:
    result = await trial(
        root, "import calc; print('checking'); assert calc.f(1) == 1", {"calc.py": "f = abs(\n"}
    )
    assert not result.passed
    assert "SyntaxError" in result.detail
    assert "without the patch too" not in result.detail
    result = await trial(root, "raise SystemExit(3)")
    assert "ended with 3" in result.detail
    assert "without the patch too" in result.detail


async def test_the_environment_has_nothing_of_ours(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ours")
    code = (
        "import os, sys; sys.exit(sorted(set(os.environ) - {'LC_CTYPE'}) != "
        "['CI', 'HOME', 'LANG', 'PATH', 'TMPDIR'] or 'sk-ours' in str(os.environ))"
    )
    result = await trial(root, code)
    assert result.passed, result.detail


async def test_secret_files_and_links_are_not_in_the_copy(root: Path) -> None:
    code = "import os, sys; sys.exit(os.path.exists('.env') or os.path.lexists('out'))"
    assert (await trial(root, code)).passed
    code = f"import os, sys; sys.exit(os.getcwd().startswith({str(root)!r}))"
    assert (await trial(root, code)).passed
    assert (await trial(root, "import os, sys; sys.exit(not os.access('run.sh', os.X_OK))")).passed


async def test_a_command_that_takes_too_long_ends_with_its_children(root: Path) -> None:
    mark = f"child of {root}"
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', {mark!r}])\n"
        "time.sleep(600)\n"
    )
    begun = time.monotonic()
    result = await trial(root, code, seconds=2.0)
    assert "took longer than 2 s" in result.detail
    assert time.monotonic() - begun < 60
    for left in psutil.process_iter(["cmdline"]):
        if mark in " ".join(left.info["cmdline"] or ()):
            assert await gone(left.pid), "the command or its child"


async def test_a_command_that_ends_leaves_no_child_behind(root: Path, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
    )
    assert (await trial(root, code)).passed
    assert await gone(int(note.read_text()))


async def test_endless_output_is_stopped(root: Path) -> None:
    result = await trial(root, "while True: print('x' * 1000)", output_bytes=100_000)
    assert "wrote more than 100000 bytes" in result.detail


async def test_what_a_command_says_is_harmless_and_short(root: Path) -> None:
    secret = "AKIA" + "Z7Q4M2N3R5T6V3W6"
    code = f"print('y' * 9000 + '\\x1b[2J {secret[:10]}' + {secret[10:]!r}); raise SystemExit(1)"
    result = await trial(root, code)
    assert secret not in result.detail
    assert "\x1b" not in result.detail
    assert len(result.detail) < 4_000


async def test_a_tree_that_is_too_large_is_not_copied(root: Path) -> None:
    result = await trial(root, "", copy_bytes=10)
    assert not result.passed
    assert "limit of a scratch copy" in result.detail


async def test_a_program_that_is_not_there_is_said(root: Path) -> None:
    result = await passes(root, {}, {}, Allowed((("no-such-program",),)))
    assert "was not found" in result.detail


async def test_words_are_no_shell_line(root: Path, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    allowed = Allowed((("echo", f"x; touch {flag}", f"$(touch {flag})", "&&", "touch", str(flag)),))
    assert (await passes(root, {}, {}, allowed)).passed
    assert not flag.exists()


async def test_a_cancelled_trial_ends_its_command(root: Path, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(trial, root, code)
            while not (note.exists() and note.read_text()):
                await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()
    assert await gone(int(note.read_text()))


async def gone(pid: int) -> bool:
    """Whether a process ends within a moment; one nobody has waited for is as good as gone."""
    with anyio.move_on_after(20):
        while True:
            try:
                if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                    return True
            except psutil.NoSuchProcess:
                return True
            await anyio.sleep(0.02)
    return False
