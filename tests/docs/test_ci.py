"""What continuous integration runs, with stand-ins for the two long programs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
EXCUSE = re.compile(r"\bimport" + r"orskip\(|skip(if)?\(.*(which\(|not installed|not found)")


def run(folder: Path, check: int, test: int) -> tuple[int, list[str]]:
    """The exit code of `.ci/run` and which programs it started, in order."""
    for part in (".ci", "scripts"):
        (folder / part).mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    for name, code in (("check", check), ("test", test)):
        place = folder / "scripts" / name
        place.write_text(f"#!/bin/sh\necho {name} >>started\nexit {code}\n")
        place.chmod(0o755)
    done = subprocess.run(
        [folder / ".ci" / "run"], cwd=folder, check=False, timeout=60, capture_output=True
    )
    return done.returncode, (folder / "started").read_text().split()


@pytest.mark.requirement("commands.ci")
@pytest.mark.parametrize(
    ("check", "test", "code", "started"),
    [
        (0, 0, 0, ["check", "test"]),
        (1, 0, 1, ["check"]),
        (0, 1, 1, ["check", "test"]),
        (0, 5, 1, ["check", "test"]),
    ],
)
def test_checks_come_first_and_a_run_without_tests_fails(
    tmp_path: Path, check: int, test: int, code: int, started: list[str]
) -> None:
    assert run(tmp_path, check, test) == (code, started)


@pytest.mark.requirement("bench.one_command")
def test_one_command_runs_every_benchmark_or_any_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "bench", tmp_path / "scripts" / "bench")
    for name, text in (("scripts/setup", "#!/bin/sh\n"), (".venv/bin/python", '#!/bin/sh\necho "$1"\n')):
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o755)

    def ran(*arguments: str) -> list[str]:
        bench = [tmp_path / "scripts" / "bench", *arguments]
        return subprocess.run(
            bench, check=True, timeout=60, capture_output=True, text=True
        ).stdout.split()

    there = {place.relative_to(ROOT).as_posix() for place in ROOT.glob("benchmarks/*/run.py")}
    assert set(ran()) == there
    assert [ran(place.split("/")[1]) for place in sorted(there)] == [[place] for place in sorted(there)]


@pytest.mark.requirement("commands.test")
def test_a_missing_tool_is_never_a_reason_to_skip() -> None:
    found = [
        f"{place.name}:{number}"
        for place in (ROOT / "tests").rglob("*.py")
        if "node_modules" not in place.parts and place != Path(__file__)
        for number, line in enumerate(place.read_text(encoding="utf-8").splitlines(), 1)
        if EXCUSE.search(line)
    ]
    assert not found
