"""`sophia memory`, as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.outside import CODE, run

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
    out = run("memory", "export", "memory.md", "--json", cwd=project)
    assert out.returncode == 0, out.stderr
    assert json.loads(out.stdout) == {"file": "memory.md", "memories": 1}
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
        (("import", "README.md"), 2),
        (("import", "picture.png"), 2),
        (("export", "."), 1),
        (("advise", "code_review"), 0),
        (("advise", "no_such_pattern"), 3),
        (("export",), 0),
    ],
)
def test_exit_codes_tell_what_happened(arguments: tuple[str, ...], code: int, project: Path) -> None:
    (project / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    done = run("memory", *arguments, cwd=project)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Internal error" not in done.stderr
    assert "Traceback" not in done.stderr


CLAIM = "The fourth attempt is refused"
FINDING = {
    "severity": "high",
    "path": "retry.py",
    "line": 8,
    "quote": "    return attempt < MAX_RETRIES",
    "claim": CLAIM,
    "suggestion": "",
}


@pytest.mark.requirement("memory.feedback")
@pytest.mark.requirement("memory.lessons")
def test_a_persons_word_on_a_finding_is_told_to_the_next_run(project: Path, tmp_path: Path) -> None:
    answer = {"summary": "Read the retries.", "findings": [FINDING], "edits": []}
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"reply": [{"step": "answer", "json": answer}]}))
    said = {"SOPHIA_LLM__SCRIPT": str(script)}

    def swarm(task: str, provider: str = "scripted") -> str:
        done = run(
            *("swarm", "run", "solo", "--task", task, "--path", "retry.py", "--provider", provider),
            *("--fail-on", "never"),
            cwd=project,
            **said,
        )
        assert "Traceback" not in done.stderr
        return done.stdout

    told = swarm("review when an attempt is refused")
    assert CLAIM in told
    run_id = told.split(" · ")[0]
    assert "do not report it" not in swarm("is an attempt refused?", "host")
    rejected = run("memory", "reject", run_id, "1", cwd=project)
    assert rejected.returncode == 0, rejected.stderr
    assert "standing +3" in rejected.stdout
    assert f"{CLAIM}\u201d is not a defect here, do not report it" in swarm("which is refused?", "host")
    accepted = run("memory", "accept", run_id, "retry.py:8", "--json", cwd=project)
    [lesson] = json.loads(accepted.stdout)["lessons"]
    assert (lesson["standing"], lesson["kind"]) == (3, "lesson")
    now = swarm("is the fourth attempt refused?", "host")
    assert "is worth reporting" in now
    assert "do not report it" not in now
    assert run("memory", "accept", run_id, "9", cwd=project).returncode == 2
    assert run("memory", "reject", "swarm-000000000000", "1", cwd=project).returncode == 3
    found = run("memory", "runs", "refused attempts", "--json", cwd=project)
    sources = {each["source"] for each in json.loads(found.stdout)["runs"]}
    assert f"run:{run_id}" in sources
    advice = run("memory", "advise", "solo", "--task-kind", "code_review", "--json", cwd=project)
    arm = json.loads(advice.stdout)["arm"]
    assert (arm["runs"], arm["accepted"], arm["judged"]) == (1, 1, 1)
