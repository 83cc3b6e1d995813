"""Worktrees, clones, branches and commits share what was indexed; names tell them apart."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import psutil
import pygit2
import pytest
from pygit2.enums import FileMode
from tests.index.trees import (
    bomb,
    commit_all,
    contents,
    count,
    make_repository,
    open_index,
    shown,
    skipped,
    words,
)
from tests.trees import git

from sophia_mcp.errors import BadArgument, NotFound, NotIndexed
from sophia_mcp.index.build import Index
from sophia_mcp.index.disk.git import weight
from sophia_mcp.index.source import read_current
from sophia_mcp.index.views import free_name, repositories

pytestmark = pytest.mark.anyio
Write = Callable[..., Path]


@pytest.mark.requirement("index.views_share", "index.dirty_overlay")
async def test_a_second_worktree_shares_blobs_and_placements_and_has_a_name(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({f"src/m{i}.py": f"def f{i}(): pass\n" for i in range(80)})
    commit_all(make_repository(root))
    await index.update(root)
    before = [await count(index, table) for table in ("repos", "blobs", "placements", "chunks")]
    git(root, "worktree", "add", "-q", "-b", "feature", str(tmp_path / "feature"))
    (tmp_path / "feature" / "src" / "m0.py").write_text("def changed(): pass\n")
    report = await index.update(tmp_path / "feature")
    after = [await count(index, table) for table in ("repos", "blobs", "placements", "chunks")]
    assert after == [before[0], before[1] + 1, before[2] + 1, before[3] + 1]
    assert (report.repo, report.branch, report.files_indexed) == ("feature", "feature", 80)
    main, feature = await index.resolve("app"), await index.resolve("feature")
    assert main.repo_id == feature.repo_id
    assert await words(index, feature, "chang") == {"src/m0.py"}
    assert await words(index, main, "chang") == set()


@pytest.mark.requirement("index.views_share")
async def test_a_bare_repository_is_refused_instead_of_indexing_the_files_of_git(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({"a.py": "x = 1\n"})
    commit_all(make_repository(root))
    git(tmp_path, "clone", "-q", "--bare", str(root), str(tmp_path / "store.git"))
    for ref in ("", "main"):
        with pytest.raises(BadArgument, match="is a bare git repository") as refused:
            await index.update(tmp_path / "store.git", ref=ref)
    assert await count(index, "repos") == 0
    _, *made = shlex.split(refused.value.next.partition(": ")[2])
    git(tmp_path, *made)
    assert (await index.update(tmp_path / "store-worktree")).branch == "main"


@pytest.mark.requirement("index.views_share")
async def test_a_shallow_clone_says_how_to_get_the_commit_that_it_lacks(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({"a.py": "x = 1\n"})
    first = commit_all(make_repository(root))
    (root / "a.py").write_text("x = 2\n")
    commit_all(pygit2.Repository(str(root)))
    git(tmp_path, "clone", "-q", "--depth", "1", root.as_uri(), str(tmp_path / "copy"))
    with pytest.raises(NotFound, match="shallow") as missing:
        await index.update(tmp_path / "copy", ref=first)
    assert "git fetch --unshallow" in missing.value.next


@pytest.mark.requirement("index.views_share")
async def test_a_clone_of_a_known_repository_is_a_view_of_it(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({"a.py": "x = 1\n"})
    commit_all(make_repository(root))
    await index.update(root)
    git(tmp_path, "clone", "-q", str(root), str(tmp_path / "copy"))
    await index.update(tmp_path / "copy")
    assert await count(index, "repos") == 1
    assert await count(index, "placements") == 1


@pytest.mark.requirement("index.branch_views")
async def test_a_branch_is_read_from_objects_while_another_is_checked_out(
    index: Index, tree: Write
) -> None:
    root = tree({"a.py": "def on_main(): pass\n", "same.py": "s = 1\n"})
    repository = make_repository(root)
    first = commit_all(repository)
    git(root, "checkout", "-q", "-b", "side")
    (root / "a.py").write_text("def on_side(): pass\n")
    commit_all(repository)
    git(root, "checkout", "-q", "main")
    await index.update(root)
    report = await index.update(root, ref="side")
    side = await index.resolve("app@side")
    assert (report.repo, report.state, report.files_indexed) == ("app@side", "ready", 2)
    assert await words(index, side, "side") == {"a.py"}
    assert (await read_current(side, "a.py")) == b"def on_side(): pass\n"
    assert (await read_current(await index.resolve("app"), "a.py")) == b"def on_main(): pass\n"
    assert await count(index, "blobs") == 3
    await index.update(root, ref=first[:10])
    assert (await index.resolve(f"app@{first[:10]}")).commit == first


async def test_a_branch_that_was_deleted_is_said_to_be_gone_and_shown_as_it_was(
    index: Index, tree: Write
) -> None:
    root = tree({"a.py": "def first(): pass\n"})
    repository = make_repository(root)
    commit_all(repository)
    repository.create_branch("side", repository.head.peel(pygit2.Commit))
    await index.update(root, ref="side")
    view = await index.resolve("app@side")
    repository.branches.delete("side")
    gone = await index.reconcile(view, now=True)
    assert gone.state == "failed"
    assert "git knows it no more" in gone.reason
    assert await words(index, view, "first") == {"a.py"}


@pytest.mark.requirement("index.hostile_tree")
async def test_a_branch_of_endless_files_is_refused_with_its_number(
    index: Index, tmp_path: Path
) -> None:
    root = bomb(tmp_path / "bomb", 9)
    with pytest.raises(NotFound, match="more than 2,000,000 files"):
        await index.update(root, ref="main")


@pytest.mark.requirement("index.hostile_tree")
@pytest.mark.parametrize("mode", [FileMode.TREE, FileMode.COMMIT])
async def test_a_branch_of_endless_folders_or_submodules_is_refused_too(
    index: Index, tmp_path: Path, mode: FileMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sophia_mcp.index.disk.git.MOST_FILES", 999)
    root = bomb(tmp_path / "bomb", 3, mode)
    with pytest.raises(NotFound, match="more than 999 files and folders"):
        await index.update(root, ref="main")


@pytest.mark.requirement("index.hostile_tree")
def test_a_deep_tree_is_weighed_in_numbers_that_do_not_grow_with_its_depth(tmp_path: Path) -> None:
    deep = pygit2.Repository(str(bomb(tmp_path / "bomb", 100)))
    assert max(weight(deep, deep.head.peel(pygit2.Tree), sized=True)) == 1 << 62


@pytest.mark.requirement("index.branch_views")
async def test_a_commit_view_follows_its_branch(index: Index, tree: Write) -> None:
    root = tree({"a.py": "def one(): pass\n"})
    repository = make_repository(root)
    commit_all(repository)
    await index.update(root, ref="main")
    view = await index.resolve("app@main")
    (root / "a.py").write_text("def two(): pass\n")
    commit_all(repository)
    view = await index.reconcile(view, now=True)
    assert await words(index, view, "two") == {"a.py"}


@pytest.mark.requirement("index.incremental")
async def test_switching_the_branch_on_disk_changes_only_what_differs(index: Index, tree: Write) -> None:
    root = tree({f"m{i}.py": f"v = {i}\n" for i in range(30)})
    repository = make_repository(root)
    commit_all(repository)
    git(root, "checkout", "-q", "-b", "other")
    for i in range(5):
        (root / f"m{i}.py").write_text(f"other = {i}\n")
    (root / "m29.py").unlink()
    commit_all(repository)
    git(root, "checkout", "-q", "main")
    await index.update(root)
    git(root, "checkout", "-q", "other")
    report = await index.update(root)
    assert (report.files_changed, report.files_removed, report.branch) == (5, 1, "other")
    git(root, "checkout", "-q", "main")
    blobs = await count(index, "blobs")
    await index.update(root)
    assert await count(index, "blobs") == blobs


@pytest.mark.requirement("index.names")
async def test_folders_of_one_name_are_told_apart(index: Index, tree: Write) -> None:
    one, two, three = (tree({"a.py": f"n = {i}\n"}, f"{i}/app") for i in range(3))
    names = [(await index.update(root)).repo for root in (one, two, three)]
    assert names == ["app", "1/app", "2/app"]
    assert (await index.resolve("1/app")).root == str(two)
    assert (await index.resolve(str(three / "a.py"))).root == str(three)
    assert free_name(Path("/x/app"), ["app", "x/app", "app-2"]) == "app-3"


@pytest.mark.requirement("index.names")
async def test_a_place_that_is_not_indexed_says_how_to_index_it(index: Index, tree: Write) -> None:
    root = tree({"a.py": "x = 1\n"})
    with pytest.raises(NotIndexed, match="index_repo"):
        await index.resolve(str(root))
    await index.update(root)
    with pytest.raises(NotFound, match="app"):
        await index.resolve("apq")
    with pytest.raises(NotFound, match="no git repository"):
        await index.update(root, ref="main")
    with pytest.raises(BadArgument, match="not a folder"):
        await index.update(root / "a.py")
    commit_all(make_repository(root))
    with pytest.raises(NotFound, match="branch, tag or commit"):
        await index.update(root, ref="nowhere")
    with pytest.raises(NotIndexed, match="@main"):
        await index.resolve("app@main")


@pytest.mark.requirement("index.names")
async def test_a_name_that_is_no_path_is_not_taken_for_one_inside_the_project(
    index: Index, tree: Write
) -> None:
    root = tree({"a.py": "x = 1\n", "src/b.py": "y = 2\n"})
    await index.update(root)
    for place in ("src", "./src", "src/b.py", str(root / "src"), "."):
        assert (await index.resolve(place, root)).root == str(root)
    for place in ("owner/name", "./gone", "src/gone", str(root / "gone"), "owner/name@main"):
        with pytest.raises(NotFound, match="no repository named"):
            await index.resolve(place, root)
    root.rename(root.with_name("away"))
    assert (await index.resolve(str(root))).root == str(root)


@pytest.mark.requirement("index.nested")
async def test_a_bare_repository_inside_a_tree_is_not_read(index: Index, tree: Write) -> None:
    root = tree({"a.py": "x = 1\n"})
    pygit2.init_repository(str(root / ".bare"), bare=True)
    (root / ".bare" / "config").write_text("[remote]\nurl = https://me:secretvalue@h/a\n")
    (root / ".git").write_text("gitdir: ./.bare\n")
    tracked = make_repository(tree({"a.py": "x = 1\n", "sample.git/HEAD": "ref\n"}, "tracked"))
    for name in ("objects/x", "refs/y"):
        (Path(tracked.workdir) / "sample.git" / name).parent.mkdir()
        (Path(tracked.workdir) / "sample.git" / name).write_text("text\n")
    commit_all(tracked)
    await index.update(root)
    assert set(await shown(index, await index.resolve("app"))) == {"a.py"}
    assert (await skipped(index, await index.resolve("app")))[".bare/"] == "a repository of its own"
    await index.update(Path(tracked.workdir))
    assert "sample.git/HEAD" in await shown(index, await index.resolve("tracked"))


@pytest.mark.requirement("index.nested")
async def test_submodules_and_nested_repositories_are_left_to_themselves(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({"a.py": "x = 1\n", "inner/b.py": "y = 2\n"})
    library = tree({"lib.py": "z = 3\n"}, "library")
    commit_all(make_repository(library))
    make_repository(root)
    commit_all(make_repository(root / "inner"))
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "sub")
    git(root, "add", "a.py")
    git(root, "commit", "-q", "-m", "Add")
    await index.update(root)
    view = await index.resolve("app")
    assert set(await shown(index, view)) == {"a.py", ".gitmodules"}
    left = await skipped(index, view)
    assert left["sub/"] == "submodule"
    assert left["inner/"] == "a repository of its own"
    report = await index.update(root / "sub")
    assert (report.files_indexed, (await index.resolve(str(root / "sub"))).detection) == (1, "git")
    await index.update(root / "inner")
    assert [view.root for view in await repositories(index.storage.database)] == sorted(
        [str(root), str(root / "inner"), str(root / "sub")]
    )


@pytest.mark.requirement("index.nested", "index.names")
async def test_a_repository_inside_another_is_not_taken_for_a_folder_of_it(
    index: Index, tree: Write
) -> None:
    """An assistant that works in a worktree below its project would be answered from the project."""
    root = tree({"a.py": "x = 1\n", "lib/b.py": "y = 2\n"})
    commit_all(make_repository(root))
    await index.update(root)
    side = root / ".worktrees" / "side"
    git(root, "worktree", "add", "-q", "-b", "side", str(side))
    for inside in (side, side / "lib"):
        for place, project in (
            (str(inside), None),
            (None, inside),
            (str(inside.relative_to(root)), root),
        ):
            with pytest.raises(NotIndexed):
                await index.resolve(place, project)
    assert (await index.resolve(str(root / "lib"))).root == str(root)
    await index.update(side)
    assert (await index.resolve(str(side / "lib"))).root == str(side)


@pytest.mark.requirement("index.collect")
async def test_forgetting_a_worktree_keeps_the_others_and_the_last_one_takes_all(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({"a.py": "x = 1\n", "b.py": "y = 2\n"})
    commit_all(make_repository(root))
    await index.update(root)
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / "a.py").write_text("side = 1\n")
    await index.update(tmp_path / "side")
    kept = await contents(index, await index.resolve("app"))
    await index.forget(await index.resolve("side"))
    assert await contents(index, await index.resolve("app")) == kept
    assert await count(index, "blobs") == 2
    await index.forget(await index.resolve("app"))
    for table in (
        "repos",
        "views",
        "blobs",
        "placements",
        "chunks",
        "symbols",
        "members",
        "skips",
        "identities",
    ):
        assert await count(index, table) == 0


@pytest.mark.requirement("index.equals_fresh")
async def test_two_indexes_of_one_tree_say_the_same(index: Index, tree: Write, tmp_path: Path) -> None:
    root = tree({"a.py": "def f():\n    return g()\n", "b.md": "# One\n\n## Two\n"})
    await index.update(root)
    async with open_index(tmp_path / "fresh") as fresh:
        await fresh.update(root)
        assert await contents(index, await index.resolve("app")) == await contents(
            fresh, await fresh.resolve("app")
        )


@pytest.mark.requirement("index.views_share")
async def test_a_second_worktree_reads_nothing_that_the_first_one_read(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    files = {f"src/m{i}.py": f"def f{i}(): pass\n" for i in range(80)}
    root = tree(files | {"made.py": "# Code generated by x. DO NOT EDIT.\n", "raw.txt": "x"})
    (root / "raw.txt").write_bytes(b"\0\1\2\3")
    commit_all(make_repository(root))
    await index.update(root)
    git(root, "worktree", "add", "-q", "-b", "feature", str(tmp_path / "feature"))
    before = set(psutil.Process().children())
    await index.close()  # a worker would have to be started to read anything
    await index.update(tmp_path / "feature")
    assert set(psutil.Process().children()) <= before
    main, feature = await index.resolve("app"), await index.resolve("feature")
    assert await contents(index, main) == await contents(index, feature)
    assert await skipped(index, feature) == {"made.py": "generated", "raw.txt": "binary"}


@pytest.mark.requirement("index.skips_counted")
async def test_a_pointer_of_git_lfs_is_left_out_until_the_file_is_there(
    index: Index, tree: Write
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 12345\n"
    about = f"# Pointers\n\nOne begins like this:\n\n{pointer}"
    root = tree({"data/prices.csv": pointer, "docs/lfs.md": about})
    commit_all(make_repository(root))
    report = await index.update(root)
    view = await index.resolve("app")
    assert await skipped(index, view) == {"data/prices.csv": "Git LFS pointer"}
    assert (report.files_indexed, report.files_total) == (1, 1)
    await index.update(root, ref="main")
    assert set(await shown(index, await index.resolve("app@main"))) == {"docs/lfs.md"}
    (root / "data/prices.csv").write_text("name,price\nteapot,12\n")
    await index.update(root)
    assert set(await shown(index, view)) == {"data/prices.csv", "docs/lfs.md"}


@pytest.mark.requirement("index.skips_counted", "index.views_share")
async def test_a_file_whose_commit_holds_a_pointer_is_read_where_its_tree_holds_the_text(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    """Git calls both the same: what it compares went through its filter."""
    pointer = tmp_path / "pointer"
    pointer.write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 12345\n"
    )
    root = tree(
        {f"src/m{i}.py": f"def f{i}(): pass\n" for i in range(80)}
        | {"prices.csv": "name,price\nteapot,12\n", ".gitattributes": "*.csv filter=lfs\n"}
    )
    os.utime(root / "prices.csv", (1_600_000_000, 1_600_000_000))
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "filter.lfs.clean", f"cat '{pointer}'")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "One")
    await index.update(root, ref="main")
    assert await skipped(index, await index.resolve("app@main")) == {"prices.csv": "Git LFS pointer"}
    await index.update(root)
    assert "prices.csv" in await shown(index, await index.resolve("app"))


@pytest.mark.requirement("index.ignore_rules")
async def test_a_file_is_skipped_for_its_name_after_it_was_shown(index: Index, tree: Write) -> None:
    root = tree({"a.py": "x = 1\n", "b.py": "y = 2\n"})
    await index.update(root)
    (root / ".sophiaignore").write_text("b.py\n")
    await index.update(root)
    view = await index.resolve("app")
    assert await skipped(index, view) == {"b.py": "ignored by .sophiaignore"}
    assert set(await shown(index, view)) == {"a.py", ".sophiaignore"}


@pytest.mark.requirement("index.names")
async def test_a_ref_without_its_name_and_a_part_of_a_name_are_told_the_whole_one(
    index: Index, tree: Write
) -> None:
    root = tree({"a.py": "x = 1\n"}, "golang-github-spf13-cobra-dev")
    await index.update(root)

    async def told(place: str, project: Path | None = None) -> str:
        with pytest.raises(NotFound) as caught:
            await index.resolve(place, project)
        return caught.value.next

    whole = f"use '{root.name}@HEAD'"
    assert [await told("@HEAD"), await told("cobra@HEAD")] == [whole, whole]
    assert await told("Cobra") == f"use '{root.name}'"
    await index.update(tree({"b.py": "y = 2\n"}, "other"))
    assert await told("@HEAD", root) == whole
    assert await told("@HEAD") == "give a name from sophia://repos or the path of a folder"
    assert await told("nothing-of-it@HEAD") == await told("@HEAD")
