"""Frames of a trace land on today's lines, whatever was done to the files since the program ran."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.search.conftest import Asked, open_engine, write
from tests.search.traces import FORMS, Source, Trace, Writer, edit, source

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.trace")]

SEED = 1
TRACES = 8
"""Traces of each form of each language."""

_LINE = re.compile(r"frame at line (\d+)")


class Tally:
    """Frames asked about and frames found on their line, by form."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.right: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def ask(self, ask: Asked, file: Source, path: str, trace: Trace, form: Writer) -> None:
        """Ask about one trace; ``path`` is what the file was called where the program ran."""
        answer = await ask(form(path, trace), limit=50, max_tokens=20_000, detail="signatures")
        found = {(hit.path, int(line)) for hit in answer.hits for line in _LINE.findall(hit.why)}
        for call in (call for call in trace if not call.place):
            name = f"{file.language} {form.__name__}"
            self.asked[name] += 1
            right = (file.path, file.today(call.was))
            if right in found:
                self.right[name] += 1
            else:
                self.wrong.append(f"{name}: {call} is at {right}, not {found}")

    def share(self) -> float:
        print(f"{self.right.total()} of {self.asked.total()} frames on the right line")
        print({name: f"{self.right[name]}/{count}" for name, count in self.asked.items()})
        print("\n".join(self.wrong))
        return self.right.total() / self.asked.total()


def project(root: Path, rng: random.Random) -> list[Source]:
    """A project in fifteen languages, written to ``root``."""
    files = [source(language, rng, TRACES) for language in FORMS]
    write(root, {file.path: file.text for file in files})
    return files


def change(root: Path, files: list[Source], rng: random.Random) -> None:
    """Edit, move and rename the files of the project."""
    for file in files:
        (root / file.path).unlink()
        edit(file, rng)
        write(root, {file.path: file.text})


async def test_frames_of_an_older_text_are_found_on_their_line_of_today(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    root = tmp_path / "desk"
    files = project(root, rng)
    paths = [file.path for file in files]
    async with open_engine(root, tmp_path / "home") as ask:
        change(root, files, rng)
        await ask.update()
        tally = Tally()
        for file, path in zip(files, paths, strict=True):
            for form in FORMS[file.language]:
                for trace in file.traces:
                    await tally.ask(ask, file, path, trace, form)
    assert tally.share() >= 0.95


async def test_frames_of_todays_text_stay_on_their_line(tmp_path: Path) -> None:
    """Older texts of the same files are known too: they must not draw a fresh trace away."""
    rng = random.Random(SEED)
    root = tmp_path / "desk"
    files = project(root, rng)
    async with open_engine(root, tmp_path / "home") as ask:
        tally = Tally()
        for _ in range(2):
            change(root, files, rng)
            await ask.update()
        for file in files:
            for form in FORMS[file.language]:
                for trace in file.traces:
                    await tally.ask(ask, file, file.path, file.now(trace), form)
    assert tally.share() >= 0.95


PRICES = '''"""Prices."""


def parse(text):
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part)


def total(texts):
    return sum(parse(text) for text in texts)
'''
TEST_PRICES = """from prices import total


def test_total():
    assert total(["1.50", "two"]) == 350
"""


@pytest.mark.parametrize(
    "command",
    [
        ["-c", "import test_prices; test_prices.test_total()"],
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_prices.py"],
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "test_prices.py"],
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=native", "test_prices.py"],
    ],
)
async def test_a_program_that_failed_is_followed_through_an_edit(
    tmp_path: Path, command: list[str]
) -> None:
    root = write(tmp_path / "shop", {"prices.py": PRICES, "test_prices.py": TEST_PRICES})
    ran = subprocess.run(
        [sys.executable, *command], cwd=root, capture_output=True, text=True, check=False
    )
    text = ran.stdout + ran.stderr
    assert "invalid literal for int" in text
    async with open_engine(root, tmp_path / "home") as ask:
        body = PRICES.split("\n\n\n")
        later = [body[0], "LIMIT = 1\nLEAST = 0", body[2].rstrip(), body[1]]
        write(root, {"prices.py": "\n\n\n".join(later) + "\n"})
        await ask.update()
        answer = await ask(text[-1_900:], limit=50, max_tokens=20_000)
    lines = (root / "prices.py").read_text().split("\n")
    found = {(hit.path, int(line)) for hit in answer.hits for line in _LINE.findall(hit.why)}
    for code in ("return int(whole) * 100 + int(part)", "return sum(parse(text) for text in texts)"):
        assert ("prices.py", [line.strip() for line in lines].index(code) + 1) in found
    assert ("test_prices.py", 5) in found
