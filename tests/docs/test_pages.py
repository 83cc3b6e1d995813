"""What the documents say is true: commands run, pages are generated, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "AGENTS.md"]
SHELL = re.compile(r"^```sh\n(.*?)^```", re.S | re.M)
# Installing and running the whole suite from inside itself would not end; CI runs them on a clean clone.
ELSEWHERE = (
    "./scripts/demo",
    "./scripts/test",
    "./scripts/check",
    "pip install",
    ".venv/bin/python scripts/docs.py",
)


def commands() -> list[str]:
    """Every line of every shell block, once."""
    found: dict[str, None] = {}
    for page in PAGES:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                text = line.split(" #")[0].strip()
                if text and not text.startswith(("#", "cd ", *ELSEWHERE)):
                    found[text] = None
    return list(found)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project as a reader might have."""
    folder = tmp_path_factory.mktemp("your-project")
    (folder / "retry.py").write_text(
        "MAX_RETRIES = 3\n\n\ndef retry_policy() -> int:\n    return MAX_RETRIES\n"
    )
    (folder / ".mcp.json").write_text("{}")
    return folder


@pytest.mark.requirement("commands.readme")
@pytest.mark.parametrize("command", commands())
def test_every_command_in_the_documents_runs(command: str, project: Path) -> None:
    words = shlex.split(command)
    program = BIN / words[0] if (BIN / words[0]).exists() else ROOT / words[0]
    assert program.exists(), f"{words[0]} is not a program of this project"
    done = subprocess.run(
        [program, *words[1:]],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        input="",
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.requirement("commands.readme_short")
def test_the_readme_has_at_most_six_hundred_words() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 600


@pytest.mark.requirement("commands.reference")
def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py", "--check"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.requirement("docs.seams")
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]
