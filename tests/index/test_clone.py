"""A git URL becomes a folder when it is allowed, within its limits and without credentials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.index.trees import commit_all, make_repository

from sophia_mcp.errors import BadArgument, NotAllowed, ProviderError, TooLarge
from sophia_mcp.index.build import Index
from sophia_mcp.index.clone import ALLOWED, Policy, fetch, folder_for, is_url

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("index.clone")]
Write = Callable[..., Path]
LOCAL = Policy(frozenset({"file"}))


@pytest.mark.requirement("index.clone")
async def test_a_url_is_cloned_and_then_brought_up_to_date(
    index: Index, tree: Write, tmp_path: Path
) -> None:
    root = tree({"a.py": "x = 1\n"}, "origin")
    repository = make_repository(root)
    commit_all(repository)
    url = root.as_uri()
    folder = await fetch(url, tmp_path / "clones", LOCAL)
    assert (folder / "a.py").read_text() == "x = 1\n"
    assert (await index.update(folder)).files_indexed == 1
    (root / "b.py").write_text("y = 2\n")
    commit_all(repository)
    assert await fetch(url, tmp_path / "clones", LOCAL) == folder
    assert (await index.update(folder)).files_indexed == 2


@pytest.mark.parametrize(
    "url", ["http://h/a", "ssh://git@h/a", "git@h:a/b", "file:///etc", "ext::sh -c id", "git://h/a"]
)
@pytest.mark.requirement("index.clone")
async def test_what_the_policy_does_not_name_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises((NotAllowed, BadArgument)):
        await fetch(url, tmp_path, ALLOWED)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("index.clone")
async def test_a_password_in_a_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(BadArgument) as refused:
        await fetch("https://me:secretvalue@example.org/a/b.git", tmp_path, ALLOWED)
    assert "secretvalue" not in str(refused.value)


@pytest.mark.requirement("index.clone")
async def test_a_transfer_beyond_its_limit_leaves_nothing_behind(tree: Write, tmp_path: Path) -> None:
    root = tree({f"f{i}.txt": f"{i} {'x' * 1000}" for i in range(50)}, "origin")
    commit_all(make_repository(root))
    with pytest.raises(TooLarge, match=r"MB were sent|longer"):
        await fetch(root.as_uri(), tmp_path / "clones", Policy(frozenset({"file"}), max_seconds=-1))
    assert not [place for place in (tmp_path / "clones").rglob("*") if place.is_file()]


@pytest.mark.requirement("index.clone")
async def test_a_repository_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="could not be cloned"):
        await fetch((tmp_path / "nothing").as_uri(), tmp_path / "clones", LOCAL)


def test_urls_are_told_from_paths_and_stay_inside_the_folder(tmp_path: Path) -> None:
    assert is_url("https://example.org/a/b")
    assert is_url("git@example.org:a/b.git")
    assert not is_url("/home/me/a")
    assert not is_url("app@main")
    assert folder_for("https://example.org/a/b.git", tmp_path) == tmp_path / "example.org" / "a" / "b"
    for url in (
        "https://example.org/../../x",
        "https://../..",
        "https://h/%2e%2e/y",
        "file:///../../etc",
    ):
        assert tmp_path in folder_for(url, tmp_path).resolve().parents
