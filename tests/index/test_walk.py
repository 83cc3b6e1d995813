"""What a walk lists, what it leaves out and why, and what walking again costs and sees."""

from __future__ import annotations

import os
import shutil
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pygit2
import pytest
from tests.index.trees import commit_all, make_repository

from sophia_mcp.index.disk import ignore, refused
from sophia_mcp.index.disk.ignore import Choice
from sophia_mcp.index.disk.stamp import RACY_NS, Stamp, settled, stamp_of
from sophia_mcp.index.disk.urls import plain_url
from sophia_mcp.index.disk.walk import EVERYTHING, Tree, has_moved, walk, walk_again
from sophia_mcp.index.trees import _look_at_folder
from sophia_mcp.index.write import Known

Write = Callable[..., Path]


def age(root: Path) -> None:
    """Make every time old enough to be trusted."""
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            os.utime(os.path.join(folder, name), (1_600_000_000, 1_600_000_000), follow_symlinks=False)
        os.utime(folder, (1_600_000_000, 1_600_000_000))


def trusted(tree: Tree) -> Tree:
    """The tree as if its folders and git's files had been old when it was walked: nobody can set a change
    time back."""
    for rel, folder in tree.folders.items():
        found = os.lstat(tree.root / rel)
        folder.stamp = Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return replace(tree, guards={place: held and stamp_of(place) for place, held in tree.guards.items()})


_OF_CLASSES = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "blank": " \t",
    "digit": string.digits,
    "graph": string.digits + string.ascii_letters + string.punctuation,
    "lower": string.ascii_lowercase,
    "print": string.digits + string.ascii_letters + string.punctuation + " ",
    "punct": string.punctuation,
    "space": string.whitespace,
    "upper": string.ascii_uppercase,
    "xdigit": string.hexdigits,
}


@pytest.mark.requirement("index.ignore_rules")
@pytest.mark.parametrize("name", _OF_CLASSES)
def test_a_class_of_characters_in_an_ignore_file_is_what_git_takes_it_for(
    tree: Write, name: str
) -> None:
    every = [f"n{sign}" for sign in string.printable if sign != "/"]
    root = tree(dict.fromkeys(every, "x = 1\n") | {".sophiaignore": f"n[[:{name}:]]\nm[![:{name}:]]\n"})
    left_out = {f"n{sign}" for sign in _OF_CLASSES[name]} - {"n/"}
    assert set(walk(root).files()) == set(every) - left_out | {".sophiaignore"}


@pytest.mark.requirement("index.ignore_rules")
def test_the_first_rule_counts_behind_a_byte_order_mark(tree: Write) -> None:
    root = tree({"a.py": "x = 1\n", "b.py": "x = 1\n", "c/a.py": "x = 1\n"})
    (root / ".sophiaignore").write_bytes(b"\xef\xbb\xbf/a.py\r\n")
    (root / "c" / ".gitignore").write_bytes(b"\xef\xbb\xbfa.py\n")
    assert set(walk(root).files()) == {".sophiaignore", "b.py", "c/.gitignore"}


@pytest.mark.requirement("index.ignore_rules", "index.hostile_tree")
def test_a_rule_that_cannot_be_read_takes_no_other_with_it(tree: Write) -> None:
    rules = "[[:nosuch:]]x\n[a-Z]x\n[[]b\na.py\n"
    root = tree({".sophiaignore": rules, "a.py": "x = 1\n", "b.py": "x = 1\n", "[b": "x\n"})
    assert set(walk(root).files()) == {".sophiaignore", "b.py"}


@pytest.mark.requirement("index.skips_counted", "index.ignore_rules", "index.secret_files")
@pytest.mark.requirement("index.hostile_tree")
def test_every_file_left_out_is_listed_with_its_reason(tree: Write) -> None:
    root = tree(
        {
            "a.py": "x = 1\n",
            ".github/workflows/ci.yml": "on: push\n",
            "node_modules/x/i.js": "x",
            ".venv/lib/y.py": "y",
            "env/pyvenv.cfg": "",
            "env/lib.py": "",
            "logo.png": "",
            "app.min.js": "",
            "package-lock.json": "{}",
            "api_pb2.py": "",
            ".env": "KEY=1",
            "id_rsa": "",
            "big.txt": "x" * 1_000_001,
            "__pycache__/a.pyc": "",
            ".gitignore": "*.log\n!keep.log\n",
            "x.log": "",
            "keep.log": "k",
            ".sophiaignore": "private/\n",
            "private/p.py": "",
        }
    )
    (root / "link.py").symlink_to("a.py")
    (root / "linked").symlink_to(".github")
    os.mkfifo(root / "pipe.py")
    found = walk(root)
    assert set(found.files()) == {
        "a.py", ".github/workflows/ci.yml", ".gitignore", ".sophiaignore", "keep.log",
    }  # fmt: skip
    assert found.skips() == {
        "node_modules/": "vendored",
        ".venv/": "vendored",
        "env/": "vendored",
        "logo.png": "binary",
        "app.min.js": "minified",
        "package-lock.json": "generated",
        "api_pb2.py": "generated",
        ".env": "secret file",
        "id_rsa": "secret file",
        "big.txt": "too large",
        "__pycache__/": "tool folder",
        "x.log": "ignored by .gitignore",
        "private/": "ignored by .sophiaignore",
        "link.py": "symbolic link",
        "linked": "symbolic link",
        "pipe.py": "device, socket or FIFO",
    }


@pytest.mark.requirement("index.ignore_rules")
def test_git_decides_what_is_ignored_and_what_is_tracked_in_spite_of_it(tree: Write) -> None:
    root = tree({"a.log": "tracked\n", "b.log": "not\n", "sub/c.tmp": "", "sub/.gitignore": "*.tmp\n"})
    repository = make_repository(root)
    repository.index.add("a.log")
    repository.index.write()
    (root / ".gitignore").write_text("*.log\n")
    found = walk(root)
    assert set(found.files()) == {"a.log", ".gitignore", "sub/.gitignore"}
    assert found.detection == "git"


@pytest.mark.requirement("index.ignore_rules", "index.secret_files")
@pytest.mark.requirement("index.ignore_rules")
@pytest.mark.parametrize("in_git", [True, False])
def test_a_rule_file_further_in_takes_back_what_one_further_out_ignores(
    in_git: bool, tree: Write
) -> None:
    root = tree(
        {
            ".gitignore": "*.log\nout/\n!top.log\n",
            "x.log": "",
            "top.log": "",
            "a/.gitignore": "*.tmp\n!keep.log\n",
            "a/x.log": "",
            "a/keep.log": "",
            "a/b/.gitignore": "*.log\n",
            "a/b/keep.log": "",
            "a/c/keep.log": "",
            "pkg/.gitignore": "!z/out/\n",
            "pkg/z/out/y.py": "",
            "pkg/z/out/x.log": "",
            "pkg/out/y.py": "",
        }
    )
    if in_git:
        make_repository(root)
    found = {path for path in walk(root).files() if not path.endswith(".gitignore")}
    assert found == {"top.log", "a/keep.log", "a/c/keep.log", "pkg/z/out/y.py"}


def test_the_rules_of_a_repository_hold_in_a_folder_of_it_too(tree: Write) -> None:
    top = tree(
        {
            ".gitignore": "dist/\n/packages/web/out\n*.gen.ts\n",
            "packages/web/a.ts": "",
            "packages/web/b.gen.ts": "",
            "packages/web/new.gen.ts": "",
            "packages/web/dist/a.js": "",
            "packages/web/out/a.js": "",
            "packages/.gitignore": "*.tmp\n!web/keep.tmp\n",
            "packages/web/x.tmp": "",
            "packages/web/keep.tmp": "",
        }
    )
    repository = make_repository(top)
    commit_all(repository)
    repository.index.add("packages/web/b.gen.ts")
    repository.index.write()
    root = top / "packages" / "web"
    age(top)

    found = trusted(walk(root))

    assert set(found.files()) == {"a.ts", "b.gen.ts", "keep.tmp"}
    assert (found.detection, found.commit) == ("walk", "")
    assert str(top) in found.reason
    (root / "later.gen.ts").touch()
    (root / "later.ts").touch()
    again = trusted(walk_again(found))
    assert set(again.files()) == {"a.ts", "b.gen.ts", "keep.tmp", "later.ts"}
    (top / "packages" / ".gitignore").write_text("keep.tmp\n")
    assert set(walk_again(again).files()) == {
        "a.ts",
        "b.gen.ts",
        "keep.tmp",
        "later.ts",
        "x.tmp",
    }
    shutil.rmtree(top / ".git")
    assert set(walk_again(again).files()) > {"dist/a.js", "later.gen.ts", "new.gen.ts"}


def test_a_stamp_that_is_known_is_held_in_memory_once(tree: Write) -> None:
    root = tree({"a.py": "", "in/b.py": "", "in/deep/c.py": ""})
    known = {path: Known(Stamp(*stamp), "", True) for path, stamp in walk(root).files().items()}

    found, _ = _look_at_folder(root, None, known, EVERYTHING, same=False, afresh=False)

    files = found.files()
    assert len(files) == 3
    assert all(files[path] is held.stamp for path, held in known.items())


@pytest.mark.requirement("index.ignore_rules")
def test_nothing_in_an_ignored_folder_is_taken_back_where_git_tracks_a_file_of_it(tree: Write) -> None:
    root = tree(
        {
            ".gitignore": "build/\n!*.py\n",
            "a.py": "",
            "build/tracked.py": "",
            "build/made.py": "",
            "build/deep/made.py": "",
        }
    )
    repository = make_repository(root)
    repository.index.add("build/tracked.py")
    repository.index.write()
    age(root)
    found = trusted(walk(root))
    assert set(found.files()) == {".gitignore", "a.py", "build/tracked.py"}
    (root / "build" / "later.py").touch()
    again = trusted(walk_again(found))
    assert set(again.files()) == set(found.files())
    (root / ".gitignore").write_text("!*.py\n")
    assert set(walk_again(again).files()) > {"build/made.py", "build/later.py", "build/deep/made.py"}


def test_a_rule_file_of_a_folder_takes_back_what_the_repository_around_it_ignores(tree: Write) -> None:
    top = tree(
        {
            ".gitignore": "*.log\nmade/\n",
            "pkg/.gitignore": "!keep.log\n!made/\n",
            "pkg/keep.log": "",
            "pkg/x.log": "",
            "pkg/made/y.py": "",
            "made/y.py": "",
        }
    )
    make_repository(top)
    assert set(walk(top / "pkg").files()) == {".gitignore", "keep.log", "made/y.py"}


def test_nothing_is_taken_back_in_a_folder_that_is_ignored_though_a_file_of_it_is_tracked(
    tree: Write,
) -> None:
    root = tree(
        {
            "a/.gitignore": "made/\n",
            "a/made/.gitignore": "!sub/\n",
            "a/made/tracked.py": "",
            "a/made/sub/y.py": "",
            "a/made/sub/deeper/y.py": "",
        }
    )
    repository = make_repository(root)
    repository.index.add("a/made/tracked.py")
    repository.index.write()
    assert set(walk(root).files()) == {"a/.gitignore", "a/made/tracked.py"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_repository_of_another_owner_says_nothing_about_a_folder_in_it(tree: Write) -> None:
    top = tree({".gitignore": "*.py\n", "mine/a.py": "", "mine/b.txt": ""})
    make_repository(top)
    assert set(walk(top / "mine").files()) == {"b.txt"}
    os.chown(top / ".git", 12345, -1)
    assert set(walk(top / "mine").files()) == {"a.py", "b.txt"}


def test_a_repository_says_nothing_about_a_folder_that_it_leaves_out_or_that_only_shares_the_home_folder(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tree({".gitignore": "*\n", "tool/a.py": "", "tool/.gitignore": "!*.py\n"})
    commit_all(make_repository(top))

    assert set(walk(top / "tool").files()) == {".gitignore", "a.py"}
    (top / ".gitignore").write_text("*.py\n")
    (top / "tool" / ".gitignore").unlink()
    assert set(walk(top / "tool").files()) == set()
    monkeypatch.setenv("HOME", str(top))
    assert set(walk(top / "tool").files()) == {"a.py"}


def test_a_folder_whose_path_is_longer_than_the_system_takes_is_counted(tree: Write) -> None:
    root = tree({"a.py": ""})
    here = os.open(root, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    found = walk(root)
    assert set(found.files()) == {"a.py"}
    assert list(found.skips().values()) == ["unreadable: File name too long"]


def test_include_means_only_these_and_exclude_means_never(tree: Write) -> None:
    root = tree(
        {"src/a.py": "", "src/b.js": "", "docs/c.md": "", "node_modules/d/e.py": "", "src/.env": ""}
    )
    assert set(walk(root, Choice(include=("src",))).files()) == {"src/a.py", "src/b.js"}
    assert set(walk(root, Choice(include=("*.py",))).files()) == {"src/a.py"}
    assert set(walk(root, Choice(include=("node_modules/d/**",))).files()) == {"node_modules/d/e.py"}
    assert set(walk(root, Choice(exclude=("src/*.js", "docs/"))).files()) == {"src/a.py"}
    assert walk(root, Choice(include=("src",), exclude=("src",))).files() == {}


@pytest.mark.parametrize("name", [b"bad\xff.py", b"new\nline.py", b"tab\t.py", "ünïcode.py".encode()])
@pytest.mark.requirement("index.hostile_tree")
def test_strange_names_are_listed_or_left_out_but_never_raise(tree: Write, name: bytes) -> None:
    root = tree({"a.py": ""})
    Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_text("x = 1\n")
    found = walk(root)
    assert len(found.files()) + len(found.skips()) == 2


@pytest.mark.requirement("index.incremental")
def test_walking_again_sees_edits_additions_deletions_and_changed_rules(tree: Write) -> None:
    root = tree({"a.py": "x\n", "src/b.py": "y\n", "src/deep/c.py": "z\n", ".gitignore": ""})
    commit_all(make_repository(root))
    age(root)

    def again(before: Tree) -> set[str]:
        now = walk_again(before)
        fresh = walk(root)
        assert (now.files(), now.skips()) == (fresh.files(), fresh.skips())
        return {path for path, stamp in now.files().items() if before.files().get(path) != stamp}

    tree_ = walk(root)
    assert again(tree_) == set()
    (root / "src" / "b.py").write_text("edited\n")
    assert again(tree_) == {"src/b.py"}
    (root / "src" / "new" / "er").mkdir(parents=True)
    (root / "src" / "new" / "er" / "d.py").write_text("d\n")
    assert again(tree_) == {"src/b.py", "src/new/er/d.py"}
    (root / "src" / "deep" / "c.py").unlink()
    assert "src/deep/c.py" not in walk_again(tree_).files()
    (root / ".gitignore").write_text("src/\n")
    assert again(tree_) >= {".gitignore"}


@pytest.mark.requirement("index.incremental")
def test_an_edit_that_keeps_the_size_is_seen(tree: Write) -> None:
    root = tree({"a.py": "x = 1\n", "b.py": "y = 1\n"})
    age(root)
    before = walk(root)
    (root / "a.py").write_text("x = 2\n")
    after = walk_again(before)
    assert after.files()["a.py"] != before.files()["a.py"]
    assert after.files()["b.py"] == before.files()["b.py"]


@pytest.mark.requirement("index.incremental")
def test_the_time_of_a_file_written_just_now_is_not_trusted() -> None:
    now = 10 * RACY_NS
    assert settled(Stamp(5, now - RACY_NS // 2, 1), now) == Stamp(5, 0, 1)
    assert settled(Stamp(5, 1, now - 5), now) == Stamp(5, 0, now - 5)
    assert settled(Stamp(5, 1, 2), now) == Stamp(5, 1, 2)


@pytest.mark.requirement("index.incremental")
def test_a_time_set_to_the_future_is_trusted_as_soon_as_setting_it_is_past() -> None:
    now = 10 * RACY_NS
    future = now + 100 * RACY_NS
    assert settled(Stamp(5, future, now - RACY_NS // 2), now) == Stamp(5, 0, now - RACY_NS // 2)
    assert settled(Stamp(5, future, 2), now) == Stamp(5, future, 2)
    # Both, as after the clock was set back: either may come again.
    assert settled(Stamp(5, future, future), now) == Stamp(5, 0, future)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://me:token@Example.org/a/b.git", "example.org/a/b"),
        ("git@example.org:a/b.git", "example.org/a/b"),
        ("ssh://git@example.org:22/a/b", "example.org/a/b"),
        ("/srv/git/b.git", "/srv/git/b"),
        ("/srv/me@work/b?#", "/srv/me@work/b?#"),
        ("../me@work/b", "../me@work/b"),
        ("file:///srv/me@work/b?#", "srv/me@work/b?#"),
        ("https://example.org/a/b.git?ref=main#top", "example.org/a/b"),
    ],
)
@pytest.mark.requirement("index.views_share")
def test_one_remote_has_one_spelling_without_credentials(url: str, plain: str) -> None:
    assert plain_url(url) == plain


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hunter2@host",
        "https://me:hunter2@host:8443/",
        "https://me:hunter2@[::1]:8443/a/b",
        "https://me:hunter2@x@host/a/b",
        "https://me:hunter2@host:port/a/b",
        "https://me:hun/hunter2@host/a/b",
        "ssh://me:hunter2@host",
        "me:hunter2@host:a/b",
        "https://me:12/hunter2@host/a",
        "https://me:1?hunter2@host/a",
        "me:hun/hunter2@host:a/b",
        "https:/me:hunter2@host/a",
        "//me:hunter2@host/a",
        "https://host/a?token=hunter2",
        "https://host:port/a?token=hunter2",
        "https://host/a#hunter2",
        "https://host/a?as=x@y&token=hunter2",
    ],
)
@pytest.mark.requirement("index.clone")
def test_no_form_of_a_url_lets_a_password_through(url: str) -> None:
    assert "hunter2" not in plain_url(url)
    assert "me" not in plain_url(url)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"// Code generated by protoc-gen-go. DO NOT EDIT.\npackage a\n", "generated"),
        (b"/* @generated SignedSource<<1>> */\n", "generated"),
        (b"# Generates code. Edit freely.\n", None),
        (b'"""How code is generated by the compiler."""\n', None),
    ],
)
@pytest.mark.requirement("index.skips_counted")
def test_generated_files_are_known_by_their_first_lines(raw: bytes, reason: str | None) -> None:
    assert refused.refused_head(raw) == reason


@pytest.mark.requirement("index.skips_counted")
def test_minified_scripts_are_known_by_their_lines() -> None:
    assert refused.looks_minified(b"var a=1;" * 1000, "js")
    assert not refused.looks_minified(b"var a = 1;\n" * 1000, "js")
    assert not refused.looks_minified(b"x" * 5000, "py")


@pytest.mark.requirement("index.ignore_rules")
def test_rules_that_appear_reach_folders_that_did_not_change(tree: Write) -> None:
    root = tree({"a.py": "x\n", "src/deep/c.go": "package c\n"})
    age(root)
    before = walk(root)
    (root / ".sophiaignore").write_text("*.go\n")
    assert set(walk_again(before).files()) == {"a.py", ".sophiaignore"}


@pytest.mark.requirement("index.skips_counted")
def test_a_file_that_shrinks_below_the_limit_is_read(tree: Write) -> None:
    root = tree({"a.txt": "x" * 1_000_001})
    age(root)
    before = walk(root)
    assert before.files() == {}
    with open(root / "a.txt", "w") as file:
        file.write("small\n")
    os.utime(root, (1_600_000_000, 1_600_000_000))
    assert set(walk_again(before).files()) == {"a.txt"}


@pytest.mark.requirement("index.equals_fresh")
def test_a_tree_that_was_gone_while_it_was_walked_is_listed_once_it_is_back(tree: Write) -> None:
    root = tree({"src/a.py": "x\n"})
    moved = root.rename(root.with_name("moved"))
    before = walk(root)
    moved.rename(root)
    assert has_moved(before)
    assert set(walk_again(before).files()) == {"src/a.py"}


@pytest.mark.requirement("index.incremental")
def test_an_unchanged_tree_is_the_same_tree(tree: Write) -> None:
    root = tree({"a.py": "x\n", "src/b.py": "y\n"})
    age(root)
    before = trusted(walk(root))
    assert walk_again(before).folders is before.folders


@pytest.mark.requirement("index.equals_fresh")
def test_a_file_is_seen_that_came_into_a_folder_whose_time_was_set_back(tree: Write) -> None:
    """As archives and copies that keep times do."""
    root = tree({"a.py": "x\n", "src/b.py": "y\n"})
    age(root)
    before = trusted(walk(root))
    (root / "src" / "c.py").write_text("z\n")
    os.utime(root / "src", (1_600_000_000, 1_600_000_000))
    assert set(walk_again(before).files()) == {"a.py", "src/b.py", "src/c.py"}


@pytest.mark.requirement("index.ignore_rules", "index.equals_fresh")
def test_what_git_tracks_in_a_worktree_is_looked_up_again_when_it_changes(tmp_path: Path) -> None:
    """Its index lies in the folder of the repository it belongs to, not in its own."""
    main, other = tmp_path / "main", tmp_path / "other"
    main.mkdir()
    repository = make_repository(main)
    (main / ".git" / "info" / "exclude").write_text("*.txt\n")
    (main / "a.py").write_text("x = 1\n")
    commit_all(repository)
    worktree = pygit2.Repository(repository.add_worktree("other", str(other)).path)
    (other / "kept.txt").write_text("one\n")
    age(other)
    first = trusted(walk(other))
    assert first.skips() == {"kept.txt": ignore.IGNORED}
    assert walk_again(first).folders is first.folders
    worktree.index.add("kept.txt")
    worktree.index.write()
    second = trusted(walk_again(first))
    assert "kept.txt" in second.files()
    worktree.index.remove("kept.txt")
    worktree.index.write()
    (other / "new.txt").write_text("two\n")
    assert walk_again(second).skips() == {"kept.txt": ignore.IGNORED, "new.txt": ignore.IGNORED}


@pytest.mark.requirement("index.ignore_rules", "index.equals_fresh")
def test_rules_that_a_person_has_for_all_repositories_are_read_again_when_they_change(
    tree: Write, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    root = tree({"a.py": "x\n", "notes/b.py": "y\n"})
    repository = make_repository(root)
    age(root)
    first = trusted(walk(root))
    assert set(first.files()) == {"a.py", "notes/b.py"}
    rules.write_text("notes/\n")
    repository.config["core.excludesfile"] = str(rules)
    second = trusted(walk_again(first))
    assert set(second.files()) == {"a.py"}
    rules.write_text("nothing/\n")
    assert set(walk_again(second).files()) == {"a.py", "notes/b.py"}


@pytest.mark.requirement("index.ignore_rules", "index.equals_fresh")
def test_git_is_asked_again_as_soon_as_what_it_could_not_read_is_gone(tree: Write) -> None:
    root = tree({"a.py": "x\n", "notes.txt": "y\n", "src/.gitignore/z.py": "z\n"})
    commit_all(make_repository(root))
    (root / ".git" / "info" / "exclude").write_text("notes.txt\n")
    age(root)
    first = trusted(walk(root))
    assert (first.detection, first.reason) == ("walk", "a .gitignore is not a regular file")
    (root / "src" / ".gitignore" / "z.py").unlink()
    (root / "src" / ".gitignore").rmdir()
    second = walk_again(first)
    assert (second.detection, set(second.files())) == ("git", {"a.py", "notes.txt"})
    raw = (root / ".git" / "index").read_bytes()
    (root / ".git" / "index").write_bytes(b"nonsense")
    third = trusted(walk_again(trusted(second)))
    assert (third.detection, third.branch) == ("walk", "")
    (root / ".git" / "index").write_bytes(raw)
    assert (walk_again(third).detection, walk_again(third).branch) == ("git", "main")
