"""A file that was renamed is asked for by its old path: the answer says where it is now, and its lines with it."""

from __future__ import annotations

from pathlib import Path

import pygit2
import pytest
from pygit2.enums import FileMode
from tests.index.trees import AUTHOR, bomb, commit_all, make_repository
from tests.search.conftest import Asked, open_engine, write

from sophia_mcp.index import views
from sophia_mcp.search.places import renamed as finding

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.place", "search.not_here")]

LOADER = "".join(
    f"def load_{name}(path):\n    with open(path) as file:\n        return file.read()\n\n\n"
    for name in ("red", "green", "blue")
)
OTHERS = {"shop/read.py": "def reads():\n    return 1\n", "shop/cart.py": "def total():\n    return 2\n"}


def renamed(root: Path, old: str, new: str, before: str = "") -> None:
    """The file at another path, with something before its text."""
    text = (root / old).read_text()
    (root / old).unlink()
    write(root, {new: before + text})


async def said(ask: Asked, query: str, **arguments: str) -> tuple[str, str]:
    answer = await ask(query, **arguments)
    assert not answer.hits
    first, following = answer.notes
    return first, following


async def test_git_tells_what_renamed_files_are_called_now(tmp_path: Path) -> None:
    root = write(tmp_path / "app", {"shop/loader.py": LOADER, **OTHERS})
    repository = make_repository(root)
    commit_all(repository)
    renamed(root, "shop/loader.py", "shop/fetch.py", before="import os\n\n\n")
    commit_all(repository)
    write(root, {"shop/cart.py": "def total():\n    return 3\n"})
    commit_all(repository)
    renamed(root, "shop/fetch.py", "core/load.py")
    async with open_engine(root, tmp_path / "home") as ask:
        for old, line in (("shop/loader.py", 9), ("shop/fetch.py", 6)):
            first, following = await said(ask, f"{old}:6")
            assert first == f"not here: no indexed file is '{old}'; it was renamed to core/load.py"
            assert following == f'next: search_code("core/load.py:{line}")'
        assert (await said(ask, "shop/loader.py"))[1] == 'next: search_code("core/load.py")'
        assert (await said(ask, str(root / "shop/loader.py:1-3")))[1] == (
            'next: search_code("core/load.py:4-6")'
        )
        assert (await said(ask, "shop/loader.py:6", mode="similar"))[1] == (
            'next: search_code("core/load.py:9", mode="similar")'
        )
        assert (await said(ask, "shop/leader.py"))[0] == "not here: no indexed file is 'shop/leader.py'"


async def test_a_file_at_the_top_is_known_again(tmp_path: Path) -> None:
    root = write(tmp_path / "app", {"loader.py": LOADER, **OTHERS})
    commit_all(make_repository(root))
    renamed(root, "loader.py", "load.py")
    async with open_engine(root, tmp_path / "home") as ask:
        assert (await said(ask, "loader.py"))[1] == 'next: search_code("load.py")'
        assert (await said(ask, "Vue.js"))[0] == "not here: no indexed file is 'Vue.js'"


async def test_a_commit_is_asked_for_its_own_paths(tmp_path: Path) -> None:
    root = write(tmp_path / "app", {"loader.py": LOADER, **OTHERS})
    repository = make_repository(root)
    commit_all(repository)
    renamed(root, "loader.py", "shop/load.py")
    old = commit_all(repository)
    renamed(root, "shop/load.py", "shop/other.py")
    commit_all(repository)
    async with open_engine(root, tmp_path / "home") as ask:
        await ask.index.update(root, ref=old)
        ask.view = next(
            view for view in await views.repositories(ask.engine.database) if view.ref == old
        )
        assert (await said(ask, "loader.py:6"))[1] == 'next: search_code("shop/load.py:6")'


async def test_what_the_index_has_seen_is_known_again_without_git(tmp_path: Path) -> None:
    async with open_engine(
        write(tmp_path / "app", {"shop/loader.py": LOADER, **OTHERS}), tmp_path / "home"
    ) as ask:
        renamed(ask.root, "shop/loader.py", "shop/load.py", before="import os\n")
        await ask.update()
        for asked in ("shop/loader.py:6", "loader.py:6"):
            first, following = await said(ask, asked)
            assert first.endswith("; it was renamed to shop/load.py")
            assert following == 'next: search_code("shop/load.py:7")'
        assert "nearest" in (await said(ask, "other/loader.py:6"))[0]


async def test_of_files_that_came_at_once_the_one_of_its_name_is_it_in_whatever_language(
    tmp_path: Path,
) -> None:
    root = write(tmp_path / "app", {"lib/loader.js": LOADER, **OTHERS})
    repository = make_repository(root)
    commit_all(repository)
    write(root, {"src/copy.js": LOADER + "\n", "src/part.js": LOADER[:200]})
    renamed(root, "lib/loader.js", "src/loader.ts", before="import os\n")
    commit_all(repository)
    async with open_engine(root, tmp_path / "home") as ask:
        assert (await said(ask, "lib/loader.js:6"))[1] == 'next: search_code("src/loader.ts:7")'


async def test_a_file_that_was_deleted_is_not_called_one_that_defines_the_same_name(
    tmp_path: Path,
) -> None:
    files = {
        "jobs/old.py": "def main():\n    return 'old'\n",
        "jobs/new.py": "import os\n\n\ndef main():\n    print(os.name)\n",
        "jobs/__init__.py": "",
        "tests/__init__.py": "",
        **OTHERS,
    }
    async with open_engine(write(tmp_path / "app", files), tmp_path / "home") as ask:
        for gone in ("jobs/old.py", "jobs/__init__.py"):
            (ask.root / gone).unlink()
            await ask.update()
            assert "renamed" not in (await said(ask, gone))[0]


async def test_git_is_asked_for_no_longer_than_somebody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path / "app", {"lib/loader.py": LOADER, **OTHERS})
    repository = make_repository(root)
    commit_all(repository)
    renamed(root, "lib/loader.py", "shop/load.py")
    commit_all(repository)
    async with open_engine(root, tmp_path / "home") as ask:
        assert "renamed" in (await said(ask, "lib/loader.py"))[0]
        monkeypatch.setattr(finding, "_PATIENCE", 0)
        assert "nearest" in (await said(ask, "lib/loader.py"))[0]


async def test_a_commit_of_a_billion_files_is_not_looked_through(tmp_path: Path) -> None:
    root = write(tmp_path / "app", {"lib/loader.py": LOADER, **OTHERS})
    repository = pygit2.Repository(str(bomb(root, 9)))
    grown = repository.head.peel(pygit2.Tree)
    held = commit_all(repository)
    builder = repository.TreeBuilder()
    builder.insert("grown", grown.id, FileMode.TREE)
    repository.create_commit("HEAD", AUTHOR, AUTHOR, "Grow", builder.write(), [held])
    (root / "lib/loader.py").unlink()
    async with open_engine(root, tmp_path / "home") as ask:
        assert (await said(ask, "lib/loader.py"))[0] == "not here: no indexed file is 'lib/loader.py'"
