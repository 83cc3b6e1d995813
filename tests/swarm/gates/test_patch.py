"""Unified diffs of models: applied when their meaning is certain, refused otherwise."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_mcp.security.text import plain
from sophia_mcp.swarm.answers.proposals import Edit
from sophia_mcp.swarm.gates.edits import Refused, edited, place_fault
from sophia_mcp.swarm.gates.patch import changed_lines, patched, touched, unified

pytestmark = pytest.mark.requirement("swarm.patch")

OLD = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n"
SECRET = "AKIA" + "Z7Q4M2N3R5T6V3W6"


def diff(body: str, path: str = "f.txt") -> str:
    return f"--- a/{path}\n+++ b/{path}\n{body}"


def apply(patch: str, text: str | None = OLD, path: str = "f.txt") -> str | None:
    return patched(patch, {path: text})[path]


def test_a_diff_as_git_writes_it_applies() -> None:
    assert apply(diff("@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n")) == OLD.replace("two", "zwei")


@pytest.mark.parametrize(
    "body",
    [
        "@@ -1,99 +1,7 @@\n one\n-two\n+zwei\n three\n",  # wrong counts
        "@@ -6,3 +6,3 @@\n one\n-two\n+zwei\n three\n",  # drifted
        "@@ ... @@\n one\n-two\n+zwei\n three\n",  # no numbers
        "@@ -1,3 +1,3 @@ def f():\n one\n-two\n+zwei\n three",  # a heading, no last line end
    ],
)
def test_wrong_numbers_do_not_matter_where_the_lines_say_it(body: str) -> None:
    assert apply(diff(body)) == OLD.replace("two", "zwei")


def test_a_diff_may_follow_words_and_stand_in_several_files() -> None:
    text = (
        "Here it is:\n\n" + diff("@@ -1 +1 @@\n-one\n+eins\n") + diff("@@ -1 +1 @@\n-a\n+b\n", "g.txt")
    )
    assert touched(text) == ("f.txt", "g.txt")
    assert patched(text, {"f.txt": OLD, "g.txt": "a\n"})["g.txt"] == "b\n"


def test_lines_that_look_like_a_header_are_content_inside_a_hunk() -> None:
    text = "select 1\n-- note\nselect 2\n"
    assert (
        apply(diff("@@ -1,3 +1,2 @@\n select 1\n--- note\n select 2\n"), text) == "select 1\nselect 2\n"
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("@@ -1,3 +1,3 @@\n one\n-zwo\n+zwei\n three\n", OLD),
        ("@@ -2,2 +2,2 @@\n-same\n+other\n", "x\ny\n"),
        ("@@ @@\n-same\n+other\n", "same\nsame\n"),  # which one?
        ("@@ -2 +2 @@\n-same\n+other\n", "same\nx\nsame\n"),  # both are as near
        ("@@ -1 +1 @@\n-one\n+eins\n*** End\n", OLD),
    ],
)
def test_a_hunk_that_is_not_there_or_ambiguous_is_refused(body: str, text: str) -> None:
    with pytest.raises(Refused):
        apply(diff(body), text)


@pytest.mark.parametrize(
    "text", ["", "no diff at all", "--- a/f.txt", "@@ -1 +1 @@\n-a\n+b\n", "diff --git x\n"]
)
def test_what_is_no_diff_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        touched(text)


@pytest.mark.parametrize(
    "path",
    [
        "../up.txt",
        "/etc/passwd",
        "a/../../b",
        ".git/hooks/post-checkout",
        "sub/.GIT/config",
        ".sophia/config.toml",
        "C:/x",
        "a\\b",
        "~/x",
        "a//b",
        "./a",
        "nul",
        "a\x07b",
        "a\u202eb",
        "",
    ],
)
def test_a_place_outside_or_with_a_meaning_of_its_own_is_refused(path: str) -> None:
    assert place_fault(path)
    with pytest.raises(Refused):
        edited({path: None}, [Edit(path, "", "x")])
    with pytest.raises(Refused):
        touched(f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n")


@pytest.mark.parametrize(
    "path", [".github/workflows/ci.yml", "a b/c-d.txt", "ünï/ö.py", ".gitignore", "a.b.c"]
)
def test_ordinary_places_are_accepted(path: str) -> None:
    assert place_fault(path) is None


@pytest.mark.parametrize(
    "head",
    [
        "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n",
        "diff --git a/l b/l\nold mode 100644\nnew mode 160000\n--- a/l\n+++ b/l\n",
        "diff --git a/l b/l\nGIT binary patch\n",
        "diff --git a/l b/l\nBinary files a/l and b/l differ\n",
    ],
)
def test_links_submodules_and_binaries_are_refused(head: str) -> None:
    with pytest.raises(Refused):
        touched(head + "@@ -0,0 +1 @@\n+/etc/passwd\n")


def test_files_are_made_removed_and_renamed() -> None:
    made = "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n"
    assert apply(made, None, "n") == "x\n"
    with pytest.raises(Refused, match="exists"):
        apply(made, "there\n", "n")
    removed = "diff --git a/n b/n\ndeleted file mode 100644\n--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    assert apply(removed, "x\n", "n") is None
    with pytest.raises(Refused, match="not all"):
        apply(removed, "x\ny\n", "n")
    renamed = "diff --git a/n b/m\nsimilarity index 100%\nrename from n\nrename to m\n"
    assert patched(renamed, {"n": "x\n", "m": None}) == {"n": None, "m": "x\n"}
    with pytest.raises(Refused, match="exists"):
        patched(renamed, {"n": "x\n", "m": "y\n"})


def test_a_file_that_is_not_there_is_not_changed() -> None:
    with pytest.raises(Refused, match="does not exist"):
        apply(diff("@@ -1 +1 @@\n-one\n+eins\n"), None)


def test_line_ends_of_the_file_stay() -> None:
    crlf = OLD.replace("\n", "\r\n")
    changed = apply(diff("@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n"), crlf)
    assert changed == crlf.replace("two", "zwei")


def test_a_last_line_without_an_end_is_kept_or_given_one() -> None:
    marker = "\\ No newline at end of file\n"
    assert apply(diff(f"@@ -1 +1 @@\n-a\n{marker}+b\n{marker}"), "a") == "b"
    assert apply(diff(f"@@ -1 +1 @@\n-a\n{marker}+b\n"), "a") == "b\n"
    assert apply(diff(f"@@ -1 +1 @@\n-a\n+b\n{marker}"), "a\n") == "b"


LINE = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), max_size=8
).filter(lambda text: plain(text) == text)  # what cannot be seen is refused, see below
FILE = st.builds(
    lambda lines, ended: "\n".join(lines) + ("\n" if ended and lines else ""),
    st.lists(LINE, max_size=12),
    st.booleans(),
)


@settings(max_examples=200)
@given(old=FILE, new=FILE)
def test_what_we_write_leads_to_what_we_meant(old: str, new: str) -> None:
    patch = unified("a b/f.txt", old, new)
    assert (patch == "") == (old == new)
    if patch:
        assert patched(patch, {"a b/f.txt": old}) == {"a b/f.txt": new}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OLD, OLD.replace("five", "5\n5½")),
        (None, "x\ny"),
        ("x\ny", "x\ny\n"),
        (OLD, None),
        ("a\n", "a\r\n"),
    ],
)
def test_git_itself_applies_what_we_write(tmp_path: Path, old: str | None, new: str | None) -> None:
    git = shutil.which("git")
    assert git, "git is needed"
    (tmp_path / "sub dir").mkdir()
    place = tmp_path / "sub dir" / "f.txt"
    if old is not None:
        place.write_bytes(old.encode())
    ran = subprocess.run(
        [git, "apply", "--verbose", "-"],
        input=unified("sub dir/f.txt", old, new).encode(),
        cwd=tmp_path,
        capture_output=True,
        env={
            "GIT_CEILING_DIRECTORIES": str(tmp_path.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(tmp_path),
        },
    )
    assert ran.returncode == 0, ran.stderr
    assert (place.read_bytes().decode() if place.exists() else None) == new


def test_the_context_of_a_patch_leaves_out_lines_with_secrets() -> None:
    old = f"a = 1\nb = 2\nKEY = '{SECRET}'\nc = 3\nd = 4\ne = 5\n"
    patch = unified("s.py", old, old.replace("e = 5", "e = 6"))
    assert SECRET not in patch
    assert patched(patch, {"s.py": old})["s.py"] == old.replace("e = 5", "e = 6")


def test_a_patch_that_must_show_a_secret_is_refused() -> None:
    old = f"KEY = '{SECRET}'\nc = 3\n"
    with pytest.raises(Refused, match="secret"):
        unified("s.py", old, "c = 3\n")
    with pytest.raises(Refused, match="secret"):
        unified("s.py", old, old.replace("c = 3", "c = 4"))


@pytest.mark.parametrize("line", ["a = 1 \u202e#", "a\u200b = 1", "\x1b[31ma", "a\u2066b"])
def test_a_patch_that_adds_what_cannot_be_seen_is_refused(line: str) -> None:
    with pytest.raises(Refused, match="cannot be seen"):
        unified("s.py", "a = 1\n", f"{line}\n")


def test_the_changed_lines_of_a_patch_are_known() -> None:
    patch = unified("f.txt", OLD, OLD.replace("two\n", "").replace("nine", "neun"))
    assert {line for _, line in changed_lines(patch)} >= {2, 9}
    assert not {line for _, line in changed_lines(patch)} & {4, 5, 6}
