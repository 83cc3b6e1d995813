"""A hostile git repository is indexed, or refused, and runs nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import anyio
import pytest
from tests.faults.hostile import repositories
from tests.faults.hostile.repositories import COMMANDS, VECTORS, ordinary
from tests.faults.hostile.test_trees import texts
from tests.faults.hostile.trees import SENTINEL
from tests.faults.hostile.watching import watching
from tests.index.trees import open_index, shown, words

from sophia_mcp.errors import SophiaError
from sophia_mcp.words import terms

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("index.no_processes")]

REFS = {"alternates": "borrowed", "object_bomb": "bomb", "tree_names": "names"}
SECONDS = 60


def test_the_planted_commands_do_run_under_an_ordinary_git(tmp_path: Path) -> None:
    """The traps work: without this, the tests below could not fail."""
    attack = ordinary(tmp_path)
    repositories.fsmonitor(attack)
    repositories.filters(attack)
    git = shutil.which("git")
    assert git, "git must be installed to show that the traps work"
    subprocess.run([git, "status"], cwd=attack.root, check=False, capture_output=True, timeout=30)
    subprocess.run([git, "diff"], cwd=attack.root, check=False, capture_output=True, timeout=30)
    assert {"fsmonitor", "process"} <= set(attack.run())  # `process` stands before `clean`


async def test_every_attack_leaves_the_tree_searchable_and_runs_nothing(tmp_path: Path) -> None:
    wrong: dict[str, str] = {}
    async with open_index(tmp_path / "store") as index:
        with watching() as seen:
            for vector in VECTORS:
                place = tmp_path / vector.__name__
                place.mkdir()
                attack = ordinary(place)
                vector(attack)
                seen.started.clear()
                try:
                    with anyio.fail_after(SECONDS):
                        report = await index.update(attack.root)
                        view = await index.resolve(str(attack.root))
                        view = await index.reconcile(view)
                        found = await words(index, view, *terms("function"))
                except TimeoutError:
                    wrong[vector.__name__] = "hung"
                    continue
                expected = {"src/kept.py", "src/edited.py", "src/untracked.py"}
                if report.state != "ready" or not expected <= found:
                    wrong[vector.__name__] = f"{report.state}: {found}"
                elif view.detection == "walk" and not view.reason:
                    wrong[vector.__name__] = "walked without a reason"
                elif attack.run():
                    wrong[vector.__name__] = f"ran {attack.run()}"
                elif seen.foreign():
                    wrong[vector.__name__] = f"started {seen.foreign()}"
        assert SENTINEL not in await texts(index)
    assert not wrong


@pytest.mark.requirement("index.git_unreadable")
async def test_what_libgit2_cannot_read_is_walked_and_the_report_says_so(tmp_path: Path) -> None:
    attack = ordinary(tmp_path)
    repositories.corrupt_index(attack)
    async with open_index(tmp_path / "store") as index:
        report = await index.update(attack.root)
        assert report.state == "ready"
        assert any("index cannot be read" in note for note in report.notes)


async def test_a_hostile_commit_is_read_from_its_own_objects_or_refused(tmp_path: Path) -> None:
    async with open_index(tmp_path / "store") as index:
        with watching() as seen:
            for name, ref in REFS.items():
                place = tmp_path / name
                place.mkdir()
                attack = ordinary(place)
                getattr(repositories, name)(attack)
                with anyio.fail_after(SECONDS):
                    try:
                        await index.update(attack.root, ref=ref)
                    except SophiaError as refused:
                        assert name == "alternates", refused  # noqa: PT017 - which attack may be refused
                        continue
                    view = await index.resolve(f"{attack.root}@{ref}")
                    paths = set(await shown(index, view))
                assert not [path for path in paths if path.startswith("/") or ".." in path.split("/")]
                assert not any(path.split("/")[0] == ".git" for path in paths)
                assert not attack.run()
            assert not seen.foreign()
            assert seen.memory <= 300 << 20
        assert SENTINEL not in await texts(index)


async def test_all_planted_commands_at_once_run_nothing_while_the_tree_changes(tmp_path: Path) -> None:
    attack = ordinary(tmp_path)
    for vector in COMMANDS:
        vector(attack)
    async with open_index(tmp_path / "store") as index:
        with anyio.fail_after(SECONDS), watching() as seen:
            await index.update(attack.root)
            (attack.root / "src" / "kept.py").write_text(
                "def kept_again_function():\n    return 2\n", encoding="utf-8"
            )
            (attack.root / "src" / "added.py").write_text(
                "def added_function():\n    return 2\n", encoding="utf-8"
            )
            await index.update(attack.root)
            await index.update(attack.root, ref="main")
            view = await index.resolve(str(attack.root))
            assert "src/added.py" in await words(index, view, *terms("added"))
        assert not attack.run()
        assert not seen.foreign()
