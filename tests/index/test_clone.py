"""A git URL becomes a folder when it is allowed, within its limits and without credentials."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import pygit2
import pytest
from pygit2.enums import FileMode, ResetMode
from tests.index.trees import bomb, commit_all, make_repository

from sophia_mcp.errors import BadArgument, NotAllowed, ProviderError, TooLarge
from sophia_mcp.index.build import Index
from sophia_mcp.index.disk import clone
from sophia_mcp.index.disk.clone import ALLOWED, Policy, address, fetch, folder_for, is_url

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("index.clone")]
Write = Callable[..., Path]
LOCAL = Policy(frozenset({"file"}))


@pytest.fixture
def smart_http() -> Iterator[Callable[[Path], str]]:
    """Serves the repositories below a folder as git hosts do; gives its address."""
    started: list[ThreadingHTTPServer] = []

    def serve(folder: Path) -> str:
        class Host(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *arguments: object) -> None:
                """Keep still."""

            def _answer(self) -> None:
                path, _, query = self.path.partition("?")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                while self.headers.get("Transfer-Encoding") == "chunked":
                    size = int(self.rfile.readline(), 16)
                    body += self.rfile.read(size)
                    self.rfile.readline()
                    if not size:
                        break
                variables = {
                    "PATH": os.environ["PATH"],
                    "GIT_PROJECT_ROOT": str(folder),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                }
                told = subprocess.run(
                    ["git", "http-backend"], input=body, env=variables, capture_output=True, check=False
                ).stdout
                head, _, rest = told.partition(b"\r\n\r\n")
                self.send_response(200)
                for line in head.decode().split("\r\n"):
                    self.send_header(*line.split(": ", 1))
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                self.wfile.write(rest)

            do_GET = do_POST = _answer

        server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
        started.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in started:
        server.shutdown()
        server.server_close()


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


@pytest.mark.parametrize(
    "url",
    [
        "https://me:secret/value@example.org/a/b.git",
        "https://me:12/secretvalue@example.org/a/b",
        "https://example.org/a/b?token=secretvalue",
        "https://example.org/a/b#secretvalue",
        "https://example.org:secretvalue/a/b",
        "https://me@secretvalue@example.org/a",
    ],
)
async def test_what_is_no_plain_url_is_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadArgument) as refused:
        await fetch(url, tmp_path, ALLOWED)
    assert "secret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


async def test_the_name_of_who_asks_is_not_sent_on_and_not_repeated(tmp_path: Path) -> None:
    url = "https://secretvalue@127.0.0.1:1/a/b.git"
    with pytest.raises(ProviderError) as refused:
        await fetch(url, tmp_path / "clones", ALLOWED)
    assert "secret" not in str(refused.value)
    assert "secret" not in address(url)
    assert list((tmp_path / "clones").iterdir()) == []


async def test_a_clone_does_not_keep_the_name_of_who_asked(
    tree: Write, tmp_path: Path, smart_http: Callable[[Path], str]
) -> None:
    commit_all(make_repository(tree({"a.py": "x = 1\n"}, "origin")))
    url = smart_http(tmp_path)
    http = Policy(frozenset({"http"}))
    folder = await fetch(url.replace("://", "://secretvalue@") + "/origin", tmp_path / "clones", http)
    assert (folder / "a.py").exists()
    for place in folder.rglob("*"):
        assert not place.is_file() or b"secretvalue" not in place.read_bytes()


async def test_the_other_side_may_not_stay_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clone, "_SILENCE_MS", 300)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a/b"
        with anyio.fail_after(20), pytest.raises(ProviderError, match="could not be cloned"):
            await fetch(url, tmp_path / "clones", Policy(frozenset({"http"})))


async def test_a_clone_that_nobody_waits_for_any_more_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a/b"
        with anyio.fail_after(10):
            with anyio.move_on_after(0.2) as waiting:
                await fetch(url, tmp_path / "clones", Policy(frozenset({"http"})))
            assert waiting.cancelled_caught


async def test_what_a_killed_clone_left_is_removed_by_the_next(tree: Write, tmp_path: Path) -> None:
    commit_all(make_repository(tree({"a.py": "x = 1\n"}, "origin")))
    left, going_on = (tmp_path / "clones" / name for name in (".clone-left", ".clone-going-on"))
    for place in (left, going_on):
        (place / "tree").mkdir(parents=True)
    os.utime(left, (0, 0))
    await fetch((tmp_path / "origin").as_uri(), tmp_path / "clones", LOCAL)
    assert not left.exists()
    assert going_on.exists()


def test_a_clone_that_nobody_shows_is_removed_when_it_is_old(tmp_path: Path) -> None:
    clones = tmp_path / "clones"
    shown, old, new = (clones / place for place in ("h/a/shown", "h/b/old", "h/b/c/new"))
    for folder in (shown, old, new):
        (folder / ".git").mkdir(parents=True)
        (folder / "sub" / ".git").mkdir(parents=True)
    for folder in (shown, old):
        os.utime(folder / ".git", (0, 0))
    clone.sweep(clones, {str(shown)})
    assert shown.is_dir()
    assert new.is_dir()
    assert not old.exists()
    os.utime(new / ".git", (0, 0))
    clone.sweep(clones, {str(shown)})
    assert sorted(place.name for place in clones.rglob("*") if place.name != ".git") == [
        "a",
        "h",
        "shown",
        "sub",
    ]
    clone.sweep(tmp_path / "none", set())


@pytest.mark.requirement("index.clone")
def test_several_processes_may_sweep_at_once(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / "h" / f"a{number % 20}" / f"r{number}" / ".git").mkdir(parents=True)
        os.utime(tmp_path / "h" / f"a{number % 20}" / f"r{number}" / ".git", (0, 0))
    with ThreadPoolExecutor(4) as threads:
        for swept in [threads.submit(clone.sweep, tmp_path, set()) for _ in range(4)]:
            swept.result()
    assert not list(tmp_path.rglob(".git"))


def test_each_address_has_a_folder_of_its_own(tmp_path: Path) -> None:
    different = [
        *("https://h/a/b", "https://h:8443/a/b", "https://h:9443/a/b", "https://g/a/b", "https://h/a/B"),
        *("https://h/one/x/y/z/p", "https://h/two/x/y/z/p", "https://g/one/x/y/z/p"),
        *("https://h/a/b~c", "https://h/a/b+c", "https://h/a/b_c", "https://h/a/b:c"),
    ]
    folders = {folder_for(url, tmp_path) for url in different}
    assert len(folders) == len(different)
    same = (
        "https://h/a/b.git",
        "https://me@H/a/b/",
        "HTTPS://h:443/a/b",
        "git@h:a/b.git",
        "ssh://git@h/a/b",
    )
    assert {folder_for(url, tmp_path) for url in same} == {tmp_path / "h" / "a" / "b"}


@pytest.mark.requirement("index.clone")
async def test_a_transfer_beyond_its_limit_leaves_nothing_behind(tree: Write, tmp_path: Path) -> None:
    root = tree({f"f{i}.txt": f"{i} {'x' * 1000}" for i in range(50)}, "origin")
    commit_all(make_repository(root))
    with pytest.raises(TooLarge, match=r"MB were sent|longer"):
        await fetch(root.as_uri(), tmp_path / "clones", Policy(frozenset({"file"}), max_seconds=-1))
    assert not [place for place in (tmp_path / "clones").rglob("*") if place.is_file()]


@pytest.mark.requirement("index.clone")
@pytest.mark.parametrize(
    ("depth", "limits", "why"),
    [
        (9, {}, "more than 1,000,000 files"),
        (3, {"max_files": 999}, "more than 999 files"),
        (3, {"max_tree_bytes": 999 << 10}, "more than 0 MB"),
    ],
)
async def test_a_small_transfer_of_endless_files_is_refused_before_one_is_written(
    tmp_path: Path, depth: int, limits: dict[str, int], why: str
) -> None:
    root = bomb(tmp_path / "bomb", depth)
    with pytest.raises(TooLarge, match=why) as refused:
        await fetch(root.as_uri(), tmp_path / "clones", Policy(frozenset({"file"}), **limits))
    assert refused.value.next
    assert not list((tmp_path / "clones").rglob("d*"))


@pytest.mark.requirement("index.clone")
@pytest.mark.parametrize("mode", [FileMode.TREE, FileMode.COMMIT])
async def test_endless_folders_and_submodules_are_refused_as_files_are(
    tmp_path: Path, mode: FileMode
) -> None:
    root = bomb(tmp_path / "bomb", 3, mode)
    with pytest.raises(TooLarge, match="more than 999 files and folders"):
        await fetch(root.as_uri(), tmp_path / "clones", Policy(frozenset({"file"}), max_files=999))


@pytest.mark.requirement("index.clone")
def test_a_clone_that_nobody_waits_for_is_not_weighed_to_its_end(tmp_path: Path) -> None:
    repository = pygit2.Repository(str(bomb(tmp_path / "bomb", 2)))
    commit = repository.head.peel(pygit2.Commit)
    below = str(commit.tree["d0"].id)
    (tmp_path / "bomb" / ".git" / "objects" / below[:2] / below[2:]).unlink()
    limits = clone._Limits(LOCAL)
    limits.exceeded = "nobody waits for it any more"
    with pytest.raises(InterruptedError, match="nobody waits"):
        limits.check_tree(repository, commit)


async def test_a_clone_that_grew_beyond_its_limit_stays_as_it_was(tree: Write, tmp_path: Path) -> None:
    root = bomb(tmp_path / "bomb", 1)
    policy = Policy(frozenset({"file"}), max_files=10)
    folder = await fetch(root.as_uri(), tmp_path / "clones", policy)
    assert len(list(folder.glob("d*"))) == 10
    repository = pygit2.Repository(str(root))
    repository.reset(repository.head.target, ResetMode.HARD)
    (root / "d10").write_text("one more")
    commit_all(repository)
    with pytest.raises(TooLarge, match="more than 10 files"):
        await fetch(root.as_uri(), tmp_path / "clones", policy)
    assert len(list(folder.glob("d*"))) == 10


async def test_an_empty_repository_is_cloned(tmp_path: Path) -> None:
    make_repository(tmp_path / "empty")
    folder = await fetch((tmp_path / "empty").as_uri(), tmp_path / "clones", LOCAL)
    assert (folder / ".git").is_dir()


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
        "https://h/" + "x" * 300,
    ):
        assert tmp_path in folder_for(url, tmp_path).resolve().parents
