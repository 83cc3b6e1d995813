"""Anchors under random edits: what is called fresh stands, word for word, in the tree as it is.

The oracle knows nothing of ours: Python's own parser says which definitions stand in which file.
"""

from __future__ import annotations

import ast
import random
import shutil
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.memory.conftest import Mind
from tests.trees import git

from sophia_mcp.types import Anchor

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("memory.anchors")]

MODULE = '''"""The {name} of the shop."""

{upper}_LIMIT = {number}


class {title}Book:
    """Entries of the {name}."""

    def add_{name}(self, entry: str, cents: int) -> None:
        """Put one entry into the {name}."""
        if cents < {upper}_LIMIT:
            self.entries.append((entry, cents))

    def total_{name}(self) -> int:
        """Sum of the {name} in cents."""
        return sum(cents for _, cents in self.entries)


def check_{name}(entry: str, cents: int) -> bool:
    """Whether the {name} takes an entry."""
    plain = entry.strip()
    return bool(plain) and cents > {number}


def print_{name}(entries: list[str]) -> str:
    """The {name} as text."""
    lines = [f"{name}: {{entry}}" for entry in entries]
    return "\\n".join(lines)
'''
NAMES = {"shop/cart.py": "cart", "shop/ledger.py": "ledger", "tools/export.py": "export"}
PLACES = {
    "shop/cart.py": None,
    "tools/export.py": None,
    "shop/cart.py:12": "add_cart",
    "shop/cart.py:23": "check_cart",
    "shop/ledger.py:17": "total_ledger",
    "tools/export.py:29": "print_export",
    "check_ledger": "check_ledger",
    "CartBook": "CartBook",
    "ExportBook.add_export": "add_export",
    "shop/ledger.py::print_ledger": "print_ledger",
}
"""Each anchor with the definition it means; None: the whole file."""

Definitions = set[tuple[str, str]]


def written(root: Path) -> None:
    """The tree that is anchored to, and nothing else."""
    for each in sorted(root.iterdir()):
        if each.name != ".git":
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    for number, (path, name) in enumerate(NAMES.items()):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            MODULE.format(name=name, upper=name.upper(), title=name.title(), number=3 + number)
        )


def sources(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*.py") if ".git" not in path.parts)


def definitions(text: str) -> Definitions | None:
    """(name, source without its indentation) of every definition; None where Python cannot read it."""
    try:
        nodes = ast.walk(ast.parse(text))
    except SyntaxError:
        return None
    lines = text.split("\n")
    return {
        (node.name, plain(lines[node.lineno - 1 : node.end_lineno]))
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


def plain(lines: list[str]) -> str:
    return textwrap.dedent("\n".join(line.rstrip() for line in lines))


class Oracle:
    """What the anchors meant when they were made, and whether that stands now."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = {path: (root / path).read_bytes() for path in NAMES}
        known: dict[str, str] = {}
        for raw in self.files.values():
            known |= dict(definitions(raw.decode()) or set())
        self.held = {place: known[name] for place, name in PLACES.items() if name is not None}

    def stands(self, place: str) -> bool:
        if place not in self.held:
            return any(path.read_bytes() == self.files[place] for path in sources(self.root))
        name, held = PLACES[place], self.held[place]
        for path in sources(self.root):
            text = path.read_text()
            found = definitions(text)
            if found is None:  # broken code: the lines themselves must be there
                if held.split("\n")[0].strip() in text and held.strip().split("\n")[-1].strip() in text:
                    return True
            elif (name, held) in found:
                return True
        return False


class Editor:
    """Somebody who works on the tree."""

    def __init__(self, root: Path, draw: random.Random) -> None:
        self.root, self.draw = root, draw
        self.ways: dict[str, Callable[[Path], None]] = {
            "change": self.change,
            "delete a line": self.delete_line,
            "grow": self.grow,
            "delete a definition": self.delete_definition,
            "rename a symbol": self.rename_symbol,
            "move a definition": self.move_definition,
            "copy, then change": self.copy_then_change,
            "move a file": self.move_file,
            "change the case of a file": self.recase,
            "delete a file": self.delete_file,
            "reverse the order": self.reorder,
        }

    def work(self) -> str:
        files = sources(self.root)
        how = self.draw.choice(sorted(self.ways))
        if files:
            self.ways[how](self.draw.choice(files))
        return how

    def change(self, file: Path) -> None:
        lines = file.read_text().split("\n")
        at = self.draw.choice([i for i, line in enumerate(lines) if line.strip()] or [0])
        lines[at] += self.draw.choice(("  # mended", "  # noqa", " # 2"))
        file.write_text("\n".join(lines))

    def delete_line(self, file: Path) -> None:
        lines = file.read_text().split("\n")
        del lines[self.draw.randrange(len(lines))]
        file.write_text("\n".join(lines))

    def grow(self, file: Path) -> None:
        for lines, node in self._definition(file):
            last = lines[node.end_lineno - 1]
            lines.insert(node.end_lineno, last[: len(last) - len(last.lstrip())] + "print('more')")
            file.write_text("\n".join(lines))

    def delete_definition(self, file: Path) -> None:
        for lines, node in self._definition(file):
            lines[node.lineno - 1 : node.end_lineno] = [" " * node.col_offset + "pass"]
            file.write_text("\n".join(lines))

    def rename_symbol(self, file: Path) -> None:
        for lines, node in self._definition(file):
            lines[node.lineno - 1] = lines[node.lineno - 1].replace(node.name, f"{node.name}_now", 1)
            file.write_text("\n".join(lines))

    def move_definition(self, file: Path) -> None:
        self._copy(file)
        self.delete_definition(file)

    def copy_then_change(self, file: Path) -> None:
        self._copy(file)
        self.grow(file)

    def move_file(self, file: Path) -> None:
        place = self.root / self.draw.choice(("shop", "tools", "lib/deep")) / file.name
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            file.rename(place)

    def recase(self, file: Path) -> None:
        place = file.with_name(file.name.swapcase().replace(".PY", ".py"))
        if not place.exists():
            file.rename(place)

    def delete_file(self, file: Path) -> None:
        file.unlink()

    def reorder(self, file: Path) -> None:
        parts = file.read_text().split("\n\n\n")
        file.write_text("\n\n\n".join([parts[0], *reversed(parts[1:])]))

    def _copy(self, file: Path) -> None:
        other = self.draw.choice(sources(self.root))
        for lines, node in self._definition(file, seed=self.draw.random()):
            text = plain(lines[node.lineno - 1 : node.end_lineno])
            if other != file:
                other.write_text(other.read_text().rstrip("\n") + f"\n\n\n{text}\n")

    def _definition(
        self, file: Path, seed: float | None = None
    ) -> Iterator[tuple[list[str], ast.FunctionDef]]:
        """The lines of a file and one function in it, if Python can read it and it has any."""
        text = file.read_text()
        if definitions(text) is None:
            return
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
        if nodes:
            yield text.split("\n"), self.draw.choice(nodes)


async def verdicts(mind: Mind, *places: str) -> dict[str, Anchor]:
    """Anchor two memories to the places (one holds eight), or look at them again."""
    if places:
        await mind.keep("Shops add up in cents", anchors=places[:5])
        await mind.keep("Ledgers of the shop are printed at night", anchors=places[5:])
    return {each.place: each for memo in await mind.found(None) for each in memo.anchors}


def judge(oracle: Oracle, found: dict[str, Anchor], ways: list[str]) -> int:
    """Every anchor whose code does not stand is flagged; how many that were."""
    assert set(found) == set(PLACES)
    flagged = 0
    for place, anchor in found.items():
        if not oracle.stands(place):
            assert anchor.verdict in ("drifted", "orphaned"), (place, anchor, ways)
            flagged += 1
    return flagged


@pytest.mark.timeout(900)
@pytest.mark.parametrize("run", range(4))
async def test_random_work_on_a_tree_never_leaves_a_changed_anchor_fresh(
    mind: Mind, run: int, long: bool, seed: int
) -> None:
    draw = random.Random(1000 * seed + run)
    written(mind.project)
    oracle = Oracle(mind.project)
    await verdicts(mind, *PLACES)
    flagged, rounds = 0, 60 if long else 5
    while rounds > 0 or flagged <= 5:  # a few short rounds may touch next to nothing
        rounds -= 1
        editor, ways = Editor(mind.project, draw), []
        for _ in range(draw.randrange(1, 6)):
            ways.append(editor.work())
            flagged += judge(oracle, await verdicts(mind), ways)
        written(mind.project)
        assert {each.verdict for each in (await verdicts(mind)).values()} == {"fresh"}


@pytest.mark.parametrize("way", sorted(Editor(Path(), random.Random(0)).ways))
async def test_each_kind_of_change_is_flagged_and_undoing_it_is_seen(mind: Mind, way: str) -> None:
    written(mind.project)
    oracle = Oracle(mind.project)
    await verdicts(mind, *PLACES)
    for number in range(6):
        Editor(mind.project, random.Random(number)).ways[way](mind.project / "shop" / "cart.py")
        judge(oracle, await verdicts(mind), [way])
        written(mind.project)
        assert {each.verdict for each in (await verdicts(mind)).values()} == {"fresh"}


async def test_a_switched_branch_is_judged_by_what_it_holds(mind: Mind) -> None:
    written(mind.project)
    git(mind.project, "init", "-q", "-b", "main")
    git(mind.project, "add", "-A")
    git(mind.project, "commit", "-qm", "first")
    oracle, draw = Oracle(mind.project), random.Random(5)
    await verdicts(mind, *PLACES)
    branches = []
    for number in range(4):
        git(mind.project, "checkout", "-qB", f"work-{number}", "main")
        editor = Editor(mind.project, draw)
        ways = [editor.work() for _ in range(4)]
        git(mind.project, "add", "-A")
        git(mind.project, "commit", "-qm", "work", "--allow-empty")
        branches.append((f"work-{number}", ways))
    flagged = 0
    for branch, ways in branches:
        git(mind.project, "checkout", "-q", branch)
        flagged += judge(oracle, await verdicts(mind), ways)
        git(mind.project, "checkout", "-q", "main")
        assert {each.verdict for each in (await verdicts(mind)).values()} == {"fresh"}
    assert flagged > 0
