"""From a folder to searchable rows, and after every change again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.index.trees import commit_all, make_repository, shown, skipped, words

from sophia_mcp.index.build import Index

pytestmark = pytest.mark.anyio
Write = Callable[..., Path]


@pytest.mark.requirement("search.modes")
async def test_a_folder_is_searchable_after_one_update(index: Index, tree: Write) -> None:
    root = tree({"src/shop.py": "def add_item(cart):\n    return cart\n", "README.md": "# Shop\n"})
    report = await index.update(root)
    assert (report.state, report.files_total, report.files_indexed) == ("ready", 2, 2)
    view = await index.resolve(str(root))
    assert await words(index, view, "item") == {"src/shop.py"}
    assert (view.stage, view.detection) == ("done", "walk")


@pytest.mark.requirement("index.incremental")
async def test_an_edited_file_is_found_by_its_new_words_only(index: Index, tree: Write) -> None:
    root = tree({"a.py": "def old_name(): pass\n", "b.py": "x = 1\n"})
    await index.update(root)
    (root / "a.py").write_text("def new_name(): pass\n")
    report = await index.update(root)
    view = await index.resolve(str(root))
    assert report.files_changed == 1
    assert await words(index, view, "new") == {"a.py"}
    assert await words(index, view, "old") == set()


@pytest.mark.requirement("index.rename")
async def test_a_renamed_file_is_found_at_its_new_path(index: Index, tree: Write) -> None:
    root = tree({"a.py": "def keep(): pass\n", "b.py": "x = 1\n"})
    await index.update(root)
    (root / "a.py").rename(root / "moved.py")
    report = await index.update(root)
    view = await index.resolve(str(root))
    assert report.files_removed == 1
    assert await words(index, view, "keep") == {"moved.py"}


@pytest.mark.requirement("index.dirty_overlay", "index.ignore_rules")
async def test_a_repository_shows_tracked_and_untracked_files_but_not_ignored_ones(
    index: Index, tree: Write
) -> None:
    root = tree(
        {"a.py": "a = 1\n", ".gitignore": "*.log\nout/\n", "x.log": "no\n", "out/b.py": "b = 2\n"}
    )
    commit_all(make_repository(root))
    (root / "new.py").write_text("n = 3\n")
    await index.update(root)
    view = await index.resolve(str(root))
    assert set(await shown(index, view)) == {"a.py", ".gitignore", "new.py"}
    assert (view.detection, view.branch) == ("git", "main")
    left = await skipped(index, view)
    assert left["x.log"] == left["out/"] == "ignored by .gitignore"
