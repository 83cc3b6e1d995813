"""Are the relevance questions whole, and are their packages unpacked safely?"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import re
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from benchmarks.relevance.fetch import FetchError, fetch, unpack, verify
from benchmarks.relevance.question_set import KINDS, QUESTIONS, Package, Question, Target, load, read

pytestmark = pytest.mark.requirement("bench.questions")

PACKAGES = load()
ASKED = [(package, question) for package in PACKAGES for question in package.questions]
# Projects that other measurements use: a question about them here would make those known in advance.
RESERVED = frozenset(
    """abseil aeson aiohttp alamofire axios axum bash-it bats cats chi circe click cobra commons-lang curl
    dapper ecto exposed express fastapi flask fmt gin gson guzzle http4s httpx jackson kotlinx ktor laravel
    lazy.nvim libuv messagepack mini.nvim model2vec monolog newtonsoft nlohmann nvm pandoc phoenix plug
    pydantic rack rails redis redux requests semble serde sinatra snapkit starlette telescope tokio trpc
    vapor vitest xmonad zig zls zod""".split()
)


def test_there_are_enough_questions_packages_and_languages() -> None:
    kinds = Counter(question.kind for _, question in ASKED)
    assert len(PACKAGES) >= 14
    assert len({package.language for package in PACKAGES}) >= 7
    assert sum(kinds[kind] for kind in KINDS if kind != "absent") >= 240
    assert kinds["absent"] >= 100
    assert min(kinds.values()) >= 20


def test_half_of_the_answerable_questions_ask_for_behaviour() -> None:
    answerable = [question.kind for _, question in ASKED if question.kind != "absent"]
    assert 0.4 <= answerable.count("behaviour") / len(answerable) <= 0.7


def test_a_language_is_kept_for_the_unseen_half_alone() -> None:
    dev = {package.language for package in PACKAGES if package.half == "dev"}
    unseen = {package.language for package in PACKAGES if package.half == "unseen"}
    assert unseen - dev
    assert len(dev & unseen) >= 4


def test_every_package_asks_at_least_fourteen_answerable_questions_and_some_absent_ones() -> None:
    for package in PACKAGES:
        absent = sum(question.kind == "absent" for question in package.questions)
        assert absent >= 5, package.package
        most = 22 if package.half == "unseen" else 45  # no package may decide the measured figures
        assert 14 <= len(package.questions) - absent <= most, package.package


def test_no_package_is_in_both_halves_or_is_reserved_for_another_measurement() -> None:
    names = [package.package for package in PACKAGES]
    assert len(names) == len(set(names))
    assert not RESERVED & {word for package in PACKAGES for word in (package.package, package.name)}


def test_no_question_is_asked_twice() -> None:
    ids = Counter(question.id for _, question in ASKED)
    texts = Counter(question.text.casefold() for _, question in ASKED)
    assert [name for name, n in (ids + texts).items() if n > 1] == []


def test_every_question_is_a_real_text_with_distinct_targets() -> None:
    for package, question in ASKED:
        assert question.id.startswith(f"{package.package}-"), question.id
        assert question.text == question.text.strip(), question.id
        assert len(question.text) >= (3 if question.kind in ("symbol", "absent") else 12), question.id
        assert len(set(question.targets)) == len(question.targets), question.id
        assert all(term.strip() == term and len(term) >= 3 for term in question.absent_terms), (
            question.id
        )


def test_every_archive_is_pinned_by_version_and_digest() -> None:
    for package in PACKAGES:
        assert re.fullmatch(r"[0-9a-f]{64}", package.sha256), package.package
        assert package.version, package.package
        assert "/" not in package.archive, package.package


def test_no_file_of_the_set_names_a_registry_host() -> None:
    files = [*QUESTIONS.rglob("*.toml"), QUESTIONS.parent / "fetch.py", QUESTIONS.parent / "README.md"]
    hosts = re.compile(r"https?://(?![a-z0-9.-]*\bexample\b)|pypi\.org|npmjs|debian\.org", re.I)
    assert [
        (file.name, hosts.findall(file.read_text("utf-8")))
        for file in files
        if hosts.search(file.read_text("utf-8"))
    ] == []


@pytest.mark.parametrize(
    "body",
    [
        'kind = "absent"\ntargets = [{ path = "a.c", start_line = 1, end_line = 2 }]',
        'kind = "behaviour"\nabsent_terms = ["x"]',
        'kind = "behaviour"\ntargets = [{ path = "a.c", start_line = 3, end_line = 2 }]',
        'kind = "behaviour"\ntargets = [{ path = "../a.c", start_line = 1, end_line = 2 }]',
        'kind = "guess"\ntargets = [{ path = "a.c", start_line = 1, end_line = 2 }]',
    ],
)
def test_a_broken_question_is_refused_with_its_name(tmp_path: Path, body: str) -> None:
    head = (QUESTIONS / "unseen" / "tmux.toml").read_text("utf-8").split("[[questions]]")[0]
    file = tmp_path / "unseen" / "tmux.toml"
    file.parent.mkdir()
    file.write_text(
        f'{head}[[questions]]\nid = "tmux-01"\ntext = "something long enough"\n{body}\n', "utf-8"
    )
    with pytest.raises(ValueError, match=r"tmux\.toml: tmux-01"):
        read(file)


def _archive(file: Path, members: dict[str, bytes | None]) -> Path:
    """A tar archive; a member without content is a link to /etc/passwd."""
    with tarfile.open(file, "w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return file


def _package(root: str, drop: tuple[str, ...] = (), questions: tuple[Question, ...] = ()) -> Package:
    return dataclasses.replace(PACKAGES[0], package="p", root=root, drop=drop, questions=questions)


def test_only_regular_files_of_the_root_are_unpacked(tmp_path: Path) -> None:
    members = {
        "r/a.c": b"int x;\n",
        "r/link": None,
        "r/built/b.c": b"",
        "other/c.c": b"",
        "r/built.c": b"",
    }
    archive = _archive(tmp_path / "x.tar", members)
    unpack(_package("r", ("built",)), archive, tmp_path / "out")
    found = sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")
    )
    assert found == ["a.c", "built.c"]


@pytest.mark.parametrize("name", ["../evil.c", "/evil.c", "r/../../evil.c"])
def test_an_archive_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    archive = _archive(tmp_path / "x.tar", {name: b"x"})
    with pytest.raises(FetchError, match="leaves the archive"):
        unpack(_package("r"), archive, tmp_path / "out")
    assert not list(tmp_path.rglob("evil.c"))


def test_a_package_is_unpacked_once_and_again_when_its_recipe_changes(tmp_path: Path) -> None:
    (tmp_path / ".archives").mkdir()
    archive = _archive(tmp_path / ".archives" / "p.tar", {"r/a.c": b"1", "r/b/c.c": b"2"})
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    package = dataclasses.replace(_package("r"), archive="p.tar", sha256=digest)
    assert fetch(package, tmp_path)
    assert not fetch(package, tmp_path)
    assert fetch(dataclasses.replace(package, drop=("b",)), tmp_path)
    assert not (tmp_path / "p" / "b").exists()


def test_verifying_names_lines_outside_a_file_and_terms_that_are_present(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.c").write_text("int Cache;\n\nint y;\n")
    spans = (Target("a.c", 1, 1), Target("a.c", 2, 3), Target("a.c", 3, 9), Target("b.c", 1, 1))
    questions = (
        Question("p-1", "behaviour", "t", spans, ()),
        Question("p-2", "absent", "t", (), ("cache", "lock")),
    )
    assert verify(_package("r", questions=questions), tmp_path) == [
        "p-1: a.c:2 is blank",
        "p-1: a.c has no line 9",
        "p-1: b.c has no line 1",
        "p-2: 'cache' occurs in a.c",
    ]
