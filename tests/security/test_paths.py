"""Paths stay inside their roots, however they are spelled and whatever changes underneath."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.security.hostile_paths import INSIDE, OUTSIDE, WINDOWS, Case, Ground, cases, lay_out

from sophia_mcp.errors import NotFound, OutsideRoots, SophiaError, TooLarge
from sophia_mcp.security import paths
from sophia_mcp.security.paths import Roots, open_inside, read_inside, refusal

pytestmark = pytest.mark.requirement("security.paths")

CASES = cases()


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return lay_out(tmp_path_factory.mktemp("ground").resolve())


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(CASES) >= 300
    assert len({case.spelling for case in CASES}) == len(CASES)


def test_a_hostile_path_resolves_inside_or_not_at_all(ground: Ground) -> None:
    wrong = [(case.spelling, verdict) for case in CASES if (verdict := _resolved(ground, case))]
    assert not wrong


def _resolved(ground: Ground, case: Case) -> str:
    """What is wrong with resolving the case, or nothing."""
    try:
        found = Roots.of([ground.root]).resolve(ground.spell(case))
    except OutsideRoots as error:
        if not (error.what and error.why and str(ground.root) in error.next):
            return f"incomplete error: {error}"
        return "" if case.refused else f"refused: {error.why}"
    if case.refused:
        return f"resolved to {found}"
    if found != ground.root and ground.root not in found.parents:
        return f"outside: {found}"
    if _is_file(found) and found.read_bytes() != INSIDE:
        return "foreign bytes"
    return "" if os.path.realpath(found) == str(found) else "not real"


@pytest.mark.parametrize("way", ["by descriptor", "by path"])
def test_a_hostile_name_in_a_walk_reads_nothing_outside(way: str, ground: Ground) -> None:
    read = read_inside if way == "by descriptor" else read_by_path
    inside = 0
    for case in CASES:
        try:
            found = read(ground.root, ground.spell(case), 1000)
        except (OutsideRoots, NotFound):
            continue
        assert found == INSIDE, case
        assert not case.refused, case
        inside += 1
    assert inside >= 2  # some are only odd spellings of files that may be read


@pytest.mark.parametrize("spelling", WINDOWS, ids=ascii)
def test_names_that_mean_more_on_windows_are_refused_there(spelling: str) -> None:
    assert refusal(spelling, windows=True)


@pytest.mark.parametrize(
    "spelling", ["ok.py", "sub/console.py", "sub\\nullable.py", "C:\\root\\ok.py", "a.b.c", "."]
)
def test_ordinary_windows_paths_are_not_refused(spelling: str) -> None:
    assert refusal(spelling, windows=True) is None


def test_without_roots_nothing_is_inside(tmp_path: Path) -> None:
    with pytest.raises(OutsideRoots, match="no folder is allowed"):
        Roots.of([tmp_path / "missing"]).resolve(tmp_path)


def test_each_of_several_roots_is_inside_and_their_parent_is_not(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    roots = Roots.of([one, two])
    assert roots.resolve(two / "x.py") == Path(os.path.realpath(two)) / "x.py"
    assert roots.root_of(os.path.realpath(two / "x")) == Path(os.path.realpath(two))
    with pytest.raises(OutsideRoots):
        roots.resolve(tmp_path)


def test_a_refusal_names_some_of_many_roots(tmp_path: Path) -> None:
    folders = [tmp_path / f"r{number}" for number in range(300)]
    for folder in folders:
        folder.mkdir()
    with pytest.raises(OutsideRoots) as refused:
        Roots.of(folders).resolve(tmp_path / "elsewhere")
    assert str(folders[0]) in refused.value.next
    assert "292 more" in refused.value.next


def test_a_root_reached_through_a_link_is_the_same_root(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to("real")
    roots = Roots.of([tmp_path / "alias"])
    assert roots.resolve(tmp_path / "alias" / "x") == Path(os.path.realpath(tmp_path)) / "real" / "x"


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.py").open("wb") as file:
        file.truncate(50 << 30)
    with pytest.raises(TooLarge):
        read_inside(tmp_path, "sparse.py", 1_000_000)
    (tmp_path / "exact.py").write_bytes(b"x" * 1000)
    assert len(read_inside(tmp_path, "exact.py", 1000)) == 1000


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs a file that lies about its size"
)
def test_a_file_that_claims_to_be_empty_is_still_read_to_the_limit_only() -> None:
    with pytest.raises(TooLarge):
        read_inside(Path(f"/proc/{os.getpid()}"), "status", 100)


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    for read in (read_inside, read_by_path):
        with pytest.raises(OutsideRoots) as refused:
            read(tmp_path, "pipe.py", 1000)
        assert refused.value.why == paths.NOT_REGULAR


def test_a_hard_link_to_a_file_of_another_owner_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_bytes(INSIDE)
    os.link(own, tmp_path / "second.py")
    assert read_inside(tmp_path, "second.py", 1000) == INSIDE
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(OutsideRoots) as refused:
            paths.open_entry(directory, "second.py", os.getuid() + 1)
        (tmp_path / "second.py").unlink()
        os.close(paths.open_entry(directory, "own.py", os.getuid() + 1))
    finally:
        os.close(directory)
    assert refused.value.why == paths.FOREIGN_LINK


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_an_unreadable_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "closed.py").write_bytes(INSIDE)
    (tmp_path / "closed.py").chmod(0)
    with pytest.raises(NotFound) as refused:
        read_inside(tmp_path, "closed.py", 1000)
    assert refused.value.why == paths.DENIED


def test_refusals_leave_no_descriptor_open(ground: Ground) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for case in CASES:
        try:
            os.close(open_inside(ground.root, ground.spell(case)))
        except SophiaError:
            continue
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("part", ["folder", "file"])
def test_a_link_swapped_in_while_reading_never_shows_the_outside(part: str, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (root / "folder" / "file").write_bytes(INSIDE)
    (outside / "file").write_bytes(OUTSIDE)
    real = root / "folder" if part == "folder" else root / "folder" / "file"
    target = outside if part == "folder" else outside / "file"
    seen: dict[str, int] = {"inside": 0, "refused": 0, "naive outside": 0}
    with _swapping(real, target):
        for _ in range(200_000):
            try:
                found = read_inside(root, "folder/file", 1000)
                assert found == INSIDE
                seen["inside"] += 1
            except (OutsideRoots, NotFound):
                seen["refused"] += 1
            with suppress(OSError):
                seen["naive outside"] += (root / "folder" / "file").read_bytes() == OUTSIDE
            if min(seen.values()) >= 300:
                break
    # The race was real: both answers occurred, and an ordinary open did leave the root.
    assert min(seen.values()) >= 1, seen


class _swapping:
    """While open, a thread keeps exchanging ``real`` and a link to ``target`` under one name."""

    def __init__(self, real: Path, target: Path) -> None:
        self._real, self._aside = real, real.with_name("aside")
        self._link = real.with_name("link")
        os.symlink(target, self._link)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            os.rename(self._real, self._aside)
            os.rename(self._link, self._real)
            os.rename(self._real, self._link)
            os.rename(self._aside, self._real)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def read_by_path(root: Path, relative: str, limit: int) -> bytes:
    """``read_inside`` as it works where directories cannot be opened."""
    if "\0" in relative or any(name in ("", ".", "..") for name in relative.split("/")):
        raise OutsideRoots("refused", why=paths.MALFORMED)
    opened = paths._open_by_path(root, relative)
    try:
        return paths.read_open(opened, relative, limit)
    finally:
        os.close(opened)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


@pytest.fixture(autouse=True)
def _no_thread_outlives_a_test() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() <= before


def test_a_uri_means_a_path_of_this_machine_or_nothing() -> None:
    assert paths.of_uri("file:///a%20b/c") == "/a b/c"
    assert paths.of_uri("FILE://localhost/a") == "/a"
    for text in ("file:///a%00b", "file://elsewhere/a", "file:a", "file://[", "/a", "https://a/b"):
        assert paths.of_uri(text) == ""
