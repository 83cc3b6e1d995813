"""A link to a file at its host: of this repository it is a place, of another one the answer says where to ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.index.trees import commit_all, make_repository
from tests.search.conftest import Asked, open_engine, write

from sophia_mcp.index import views
from sophia_mcp.search.everywhere import search_everywhere
from sophia_mcp.types import Request

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.place", "search.not_here")]

FILES = {
    "src/retry.py": "def retry(times):\n    return times\n",
    "src/main.py": "def main():\n    return 'github'\n",
    "README.md": "See https://github.com/acme/said/blob/main/a.py#L3 for more.\n",
}


def clone(root: Path, origin: str) -> Path:
    repository = make_repository(write(root, {**FILES, f"{root.name}.py": "x = 1\n"}))
    repository.remotes.create("origin", origin)
    commit_all(repository)
    return root


async def notes(ask: Asked, query: str) -> tuple[str, ...]:
    answer = await ask(query)
    assert not answer.hits
    return answer.notes


async def test_a_link_to_another_repository_is_named_with_the_call_for_it(tmp_path: Path) -> None:
    root = clone(tmp_path / "work", "https://github.com/acme/shop.git")
    async with open_engine(root, tmp_path / "home") as ask:
        link = "https://github.com/acme/net/blob/v1.2/lib/net.py#L10-L20"
        for written in (
            link,
            f"`{link}`",
            link.replace("//", "//me:s3cret@"),
            link.replace("blob", "src/tag"),
        ):
            assert await notes(ask, written) == (
                "not here: the link is to github.com/acme/net, not to work",
                'next: index_repo(path="https://github.com/acme/net")',
            )
        assert await notes(ask, "https://github.com/acme/net/blob/main/src/retry.py?plain=1#L2") == (
            "not here: the link is to github.com/acme/net, not to work, which has such a file, too",
            'next: search_code("src/retry.py:2")',
        )
        await ask.index.update(clone(tmp_path / "other", "git@github.com:Acme/net.git"))
        assert (await notes(ask, link))[1] == 'next: search_code("lib/net.py:10-20", repo="other")'


async def test_a_link_to_this_repository_is_a_place_whatever_its_folder_is_called(
    tmp_path: Path,
) -> None:
    root = clone(tmp_path / "work", "https://github.com/acme/shop.git")
    async with open_engine(root, tmp_path / "home") as ask:
        for owner in ("acme/shop", "me/work"):
            answer = await ask(f"https://github.com/{owner}/blob/main/src/retry.py#L2")
            assert [hit.why for hit in answer.hits] == ["the place asked for"]
        assert await notes(ask, "https://github.com/acme/shop/blob/main/src/retries.py#L2") == (
            "not here: no indexed file is 'src/retries.py'; nearest: src/retry.py",
            'next: search_code("src/retry.py:2")',
        )


async def test_a_link_that_stands_in_a_file_is_shown_there(tmp_path: Path) -> None:
    async with open_engine(write(tmp_path / "work", FILES), tmp_path / "home") as ask:
        answer = await ask("https://github.com/acme/said/blob/main/a.py#L3")
        assert [hit.path for hit in answer.hits] == ["README.md"]
        assert answer.notes == (
            "this text as it is: 1 place in 1 file",
            'next: index_repo(path="https://github.com/acme/said")',
        )
        assert (await ask("https://github.com/acme/none/blob/main/a.py#L3", mode="text")).hits


async def test_of_all_repositories_the_one_that_a_link_names_answers(tmp_path: Path) -> None:
    async with open_engine(
        clone(tmp_path / "work", "https://github.com/acme/shop"), tmp_path / "home"
    ) as ask:
        await ask.index.update(clone(tmp_path / "other", "https://github.com/acme/net"))
        every = await views.repositories(ask.engine.database)
        link = "https://github.com/acme/net/blob/main/src/retry.py#L2"
        answer = await search_everywhere(ask.engine, every, Request(link, repo="*"))
        assert [(hit.repo, hit.path) for hit in answer.hits] == [("other", "src/retry.py")]


@pytest.mark.parametrize(
    ("link", "hit"),
    [
        ("https://raw.githubusercontent.com/acme/work/main/src/retry.py", "src/retry.py:1"),
        ("https://raw.githubusercontent.com/acme/work/refs/heads/main/src/retry.py", "src/retry.py:1"),
        ("https://bitbucket.org/acme/work/src/main/src/retry.py#lines-2", "src/retry.py:2"),
        ("`https://bitbucket.org/acme/work/src/1a2b3c/src/main.py?at=main#lines-1:2`", "src/main.py:1"),
        (
            "https://dev.azure.com/acme/web/_git/work?path=/src/retry.py&version=GBmain&line=2&lineEnd=2",
            "src/retry.py:2",
        ),
    ],
)
async def test_a_link_is_a_place_however_its_host_writes_it(tmp_path: Path, link: str, hit: str) -> None:
    root = clone(tmp_path / "work", "https://github.com/acme/shop.git")
    async with open_engine(root, tmp_path / "home") as ask:
        answer = await ask(link, detail="full")
    found = answer.hits[0]
    assert found.why in ("the place asked for", "path match")
    path, line = hit.split(":")
    assert found.path == path
    assert found.start_line <= int(line) <= found.end_line


async def test_a_page_about_a_change_is_no_file(tmp_path: Path) -> None:
    root = clone(tmp_path / "work", "https://github.com/acme/work.git")
    async with open_engine(root, tmp_path / "home") as ask:
        for page in ("pull/56", "issues/56", "pull/56/files", "-/merge_requests/56"):
            named = page.removeprefix("-/").removesuffix("/files")
            assert await notes(ask, f"https://github.com/acme/work/{page}") == (
                f"not here: {named} of github.com/acme/work is a page at its host, "
                "and no file of work has the link",
                'next: search_code("#56\\\\b", mode="regex")',
            )
        for page in ("commit/1a2b3c", "compare/v1...v2"):
            assert (await notes(ask, f"https://github.com/acme/work/{page}"))[1] == (
                'next: search_code(".", mode="outline")'
            )


async def test_a_link_that_stands_in_a_file_is_found_there(tmp_path: Path) -> None:
    link = "https://acme.example/guide/retry.html#often"
    pull = "https://github.com/acme/work/pull/56"
    root = write(
        tmp_path / "work", {**FILES, "src/often.py": f"# {link}\ndef often():\n    return 1  # {pull}\n"}
    )
    async with open_engine(root, tmp_path / "home") as ask:
        for text in (link, pull):
            answer = await ask(text)
            assert answer.hits[0].path == "src/often.py"
            assert answer.notes[0] == "this text as it is: 1 place in 1 file"
        absent = await ask("https://acme.example/guide/retry.html#seldom")
        assert not any("no indexed file" in note for note in absent.notes)
