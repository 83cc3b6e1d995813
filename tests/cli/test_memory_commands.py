"""`sophia memory`, as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.test_commands import CODE, run

pytestmark = pytest.mark.requirement("memory.cli")


@pytest.fixture
def project(tmp_path: Path, alone: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "retry.py").write_text(CODE)
    return folder


def test_a_memory_is_added_found_forgotten_and_taken_back(project: Path) -> None:
    added = run(
        "memory", "add", "Retries stop after three", "--anchor", "retry_policy", "--json", cwd=project
    )
    assert added.returncode == 0, added.stderr
    memo = json.loads(added.stdout)["memory"]
    assert (memo["source"], memo["anchors"][0]["verdict"]) == ("person", "fresh")
    found = run("memory", "search", "when do retries stop", cwd=project)
    assert found.returncode == 0
    assert "> Retries stop after three" in found.stdout
    (project / "retry.py").write_text(CODE.replace("attempt <", "attempt <="))
    listed = json.loads(run("memory", "list", "--json", cwd=project).stdout)
    assert listed["memories"][0]["anchors"][0]["verdict"] == "drifted"
    assert run("memory", "forget", memo["id"], cwd=project).returncode == 0
    assert run("memory", "list", cwd=project).returncode == 3
    assert run("memory", "undo", memo["id"], cwd=project).returncode == 0
    assert run("memory", "search", memo["id"], cwd=project).returncode == 0


def test_an_export_is_edited_and_imported(project: Path) -> None:
    run("memory", "add", "Retries stop after three", "--kind", "decision", cwd=project)
    out = run("memory", "export", "memory.md", cwd=project)
    assert out.returncode == 0, out.stderr
    file = project / "memory.md"
    file.write_text(
        file.read_text().replace("after three", "after four") + "\n## new\n\nAsk before deleting\n"
    )
    done = run("memory", "import", "memory.md", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"added": 1, "changed": 1, "same": 0, "problems": []}
    again = run("memory", "export", cwd=project).stdout
    assert "Retries stop after four" in again
    assert "Ask before deleting" in again


def test_a_persons_word_moves_the_standing_of_a_memory(project: Path) -> None:
    added = run("memory", "add", "Deploys need two approvals", "--json", cwd=project)
    memo = json.loads(added.stdout)["memory"]
    assert memo["standing"] == 3
    against = run("memory", "confirm", memo["id"], "--no", "--json", cwd=project)
    assert json.loads(against.stdout)["memory"]["standing"] == -3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("forget", "m-000000000000"), 3),
        (("undo", "m-000000000000"), 3),
        (("search", "anything"), 3),
        (("list", "--repo", "no-such-place"), 3),
        (("add", "x", "--kind", "rumour"), 2),
        (("add", "x", "--anchor", "nowhere/x.py"), 3),
        (("add", ""), 2),
        (("import", "nowhere.md"), 2),
        (("advise", "code_review"), 0),
        (("export",), 0),
    ],
)
def test_exit_codes_tell_what_happened(arguments: tuple[str, ...], code: int, project: Path) -> None:
    done = run("memory", *arguments, cwd=project)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
