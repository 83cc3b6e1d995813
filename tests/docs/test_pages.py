"""What the documents say is true: commands run, pages are generated, links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import anyio
import click
import pytest
from tests.cost import homes
from tests.cost.books import Vendor, lost, open_books, question

from sophia_mcp.cli.main import sophia
from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.errors import ProviderError
from sophia_mcp.ops.clock import system
from sophia_mcp.server.build import INSTRUCTIONS
from sophia_mcp.server.tools import TOOLS

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "AGENTS.md"]
SOURCE = ROOT / "src" / "sophia_mcp"
# Paths of `src/` without our package's name are those of a reader's project.
NAMED = re.compile(r"`((?!src/(?!sophia_mcp))[\w.-]+(?:/[\w.-]+)+)/?`")
# Where the path of a file or folder of ours may begin.
ROOMS = (ROOT, ROOT / "tests", SOURCE.parent, SOURCE, SOURCE / "search", SOURCE / "index")
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


@pytest.fixture(scope="module")
def spender(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a reader who has a ledger: calls, one that was cut off, a budget, and an assistant's log."""
    home = tmp_path_factory.mktemp("spender")
    now = datetime.now(UTC).isoformat()
    spoken = homes.claude("msg_01a", {"input_tokens": 10, "output_tokens": 100}, at=now)
    homes.put(home / ".claude/projects/-shop/a.jsonl", spoken)
    (home / "data").mkdir()

    async def spend() -> None:
        async with open_books(home / "data", "elsewhere:1:a", clock=system) as books:
            month = Limit("workspace", "month", 10**9)
            await books.money.set_limit(month)
            await books.metered(Vendor()).ask(question(model="claude-sonnet-5-5"))
            with pytest.raises(ProviderError):
                await books.budgeted(Vendor(error=lost()), month).ask(question())

    anyio.run(spend)
    return home


@pytest.mark.requirement("commands.readme")
@pytest.mark.parametrize("command", commands())
def test_every_command_in_the_documents_runs(
    command: str, project: Path, spender: Path, tmp_path: Path
) -> None:
    environment = dict(os.environ)
    if command.startswith("sophia cost"):
        home = shutil.copytree(spender, tmp_path / "home")
        environment |= {"HOME": str(home), "USERPROFILE": str(home), "SOPHIA_HOME": str(home / "data")}
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
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.requirement("commands.readme")
def test_every_run_of_the_tests_that_a_page_tells_of_finds_tests() -> None:
    """The options and folders of all of them at once; `scripts/test` runs what they collect."""
    told = [
        shlex.split(line, comments=True)[3:]
        for page in PAGES
        for line in re.findall(r"^python -m pytest .*", page.read_text(encoding="utf-8"), re.M)
    ]
    assert len(told) >= 8
    words = dict.fromkeys(word for words in told for word in words)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def told_of() -> list[list[str]]:
    """The words of every command of ours that a page names, in blocks and in sentences."""
    found: dict[str, None] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = re.findall(r"^(?:\$ )?(sophia .*)", text, re.M) + re.findall(r"`(sophia [^`]+)`", text)
        found |= dict.fromkeys(lines)
    return [shlex.split(line, comments=True)[1:] for line in found]


def unknown(words: list[str]) -> str:
    """The first word that is no command, or no option, of ours; empty where all are."""
    command: click.Command = sophia
    context = click.Context(sophia)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(context, words[0])
        if below is None:
            return words[0]
        command, words = below, words[1:]
    known = {option for parameter in command.get_params(context) for option in parameter.opts}
    given = [word.partition("=")[0] for word in words if word.startswith("--")]
    return next((option for option in given if option not in known), "")


@pytest.mark.requirement("commands.readme")
def test_every_command_that_a_page_names_is_there_with_its_options() -> None:
    named = [
        words for words in told_of() if words[0] != "greet"
    ]  # the example of a command of one's own
    assert len(named) > 40
    assert not [words for words in named if unknown(words)]


@pytest.mark.requirement("server.instructions")
def test_what_the_server_tells_an_agent_names_tools_that_are_there_and_search_first() -> None:
    called = re.findall(r"\b([a-z]+_[a-z]+|recall|remember)\(|with (\w+) before grep", INSTRUCTIONS)
    names = [call or first for call, first in called]
    assert names[0] == "search_code"
    assert {"recall", "remember", "index_repo"} <= set(names) <= set(TOOLS.names())


@pytest.mark.requirement("commands.readme_short")
def test_the_readme_has_at_most_six_hundred_words() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 600


@pytest.mark.requirement("commands.reference", "cli.help")
def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py", "--check"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.requirement("commands.reference")
def test_every_default_of_the_reference_can_be_written_into_a_configuration_file() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    defaults = re.findall(r"^\| `[\w.]+` \| `\w+` \| (.*?) \|", page, re.M)
    assert len(defaults) > 50
    for default in set(defaults) - {"none", "platform's data folder"}:
        tomllib.loads(f"value = {default}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.requirement("docs.seams")
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.requirement("docs.seams")
def test_every_file_and_folder_of_the_project_that_a_page_names_is_there(page: Path) -> None:
    gone = []
    for named in NAMED.findall(page.read_text(encoding="utf-8")):
        above = [room for room in ROOMS if (room / named.partition("/")[0]).is_dir()]
        if above and not any((room / named).exists() for room in above):
            gone.append(named)
    assert not gone
