"""Wherever a shell sends what is said: into a pipe that ends, a full disk, another encoding, or nowhere."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.cli.outside import SOPHIA, run

from sophia_mcp.cli import output

GREETING = 'def grüße():\n    """Größe — 日本 🎉"""\n    return 1\n'


@pytest.fixture
def project(tmp_path: Path, alone: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "größe.py").write_text(GREETING, "utf-8")
    assert run("index", ".", cwd=folder).returncode == 0
    return folder


def shell(line: str, cwd: Path, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    """A line of bash in which ``$S`` is the command, on a terminal of some encoding."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; S={SOPHIA}; {line}"],
        cwd=cwd,
        capture_output=True,
        encoding=encoding,
        timeout=110,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )


@pytest.mark.requirement("cli.search")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_code_is_shown_in_every_encoding_and_its_json_reads_back(project: Path, encoding: str) -> None:
    said = shell("$S search grüße", project, encoding)
    assert said.returncode == 0, said.stderr
    assert "return 1" in said.stdout
    hit = json.loads(shell("$S search grüße --json", project, encoding).stdout)["hits"][0]
    assert (hit["path"], hit["text"].strip()) == ("größe.py", GREETING.strip())


@pytest.mark.requirement("cli.exit_codes")
@pytest.mark.parametrize("arguments", ["search grüße", "search grüße --json", "repos", "embed create x"])
def test_a_full_disk_behind_standard_output_is_named(project: Path, arguments: str) -> None:
    full = shell(f"$S {arguments} >/dev/full", project)
    assert full.returncode == 1
    assert "No space left on device" in full.stderr
    assert "Internal error" not in full.stderr
    assert "Exception ignored" not in full.stderr


@pytest.mark.requirement("cli.exit_codes")
@pytest.mark.parametrize(
    "arguments",
    [
        "search grüße",
        "search grüße --json",
        "repos",
        "debug stats",
        "cost export",
        "memory list --json",
        "search --help",
        "--help",
        "--version",
    ],
)
def test_a_reader_that_has_seen_enough_is_no_error(project: Path, arguments: str) -> None:
    said = shell(f"$S {arguments} | true", project)
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.requirement("cli.exit_codes")
@pytest.mark.parametrize("arguments", ["search grüße", "repos", "index .", "debug doctor", "health"])
def test_closed_streams_are_no_error(project: Path, arguments: str) -> None:
    assert shell(f"$S {arguments} >&- 2>&-", project).returncode == 0
    assert shell(f"$S {arguments} 2>&-", project).returncode == 0


@pytest.mark.requirement("cli.exit_codes")
@pytest.mark.parametrize(
    "arguments",
    [
        "embed batch -",
        "embed search x -",
        "memory import -",
        "swarm run solo --task - --provider scripted",
    ],
)
def test_a_closed_standard_input_is_an_empty_one(project: Path, arguments: str) -> None:
    closed, empty = shell(f"$S {arguments} <&-", project), shell(f"$S {arguments} </dev/null", project)
    assert closed.returncode == empty.returncode == 2
    assert closed.stderr == empty.stderr
    for server in ("$S serve <&-", "$S-mcp <&-", "$S-mcp <&- >&- 2>&-"):
        assert shell(server, project).returncode == 0


def test_ctrl_c_while_the_program_is_being_loaded_is_no_traceback(tmp_path: Path, alone: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    done = run("version", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "stopped\n")


@pytest.mark.requirement("cli.index")
def test_who_reads_no_terminal_hears_now_and_then_how_far_a_long_command_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(output.time, "monotonic", lambda: now)
    with output.bar("Indexing shop") as update:
        for done in range(0, 100, 10):
            update(done * 100, 10_000, "")
            now += 6.0
    heard = capsys.readouterr()
    assert heard.err.splitlines() == [
        "Indexing shop: 4,000 of 10,000",
        "Indexing shop: 8,000 of 10,000",
    ]
    assert heard.out == ""
