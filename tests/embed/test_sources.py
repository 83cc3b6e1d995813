"""What the shipped model learned from: allowed licences, nothing that relevance is measured on."""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sophia_mcp.embed.providers.static import WEIGHTS

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

from train_embedder_stages import archives, excluded, licences  # noqa: E402

pytestmark = pytest.mark.requirement("embed.sources")

REGISTRIES = tomllib.loads((WEIGHTS / "SOURCES.toml").read_text("utf-8"))
SOURCES = [(name, *facts) for sources in REGISTRIES.values() for name, facts in sources.items()]
ALLOWED = {"MIT", "BSD", "Apache-2.0", "ISC", "Zlib", "Unlicense", "PSF"}


def test_there_are_sources_and_each_is_complete() -> None:
    assert len(SOURCES) >= 100
    assert set(REGISTRIES) == {"pypi", "npm", "debian"}
    for _, version, _, digest in SOURCES:
        assert version
        assert re.fullmatch(r"[0-9a-f]{64}", digest)


def test_no_source_is_listed_twice() -> None:
    assert len({digest for _, _, _, digest in SOURCES}) == len(SOURCES)


def test_a_package_that_was_downloaded_twice_is_learned_from_once(tmp_path: Path) -> None:
    (tmp_path / "npm").mkdir()
    for version in ("1.0.0", "2.0.0"):
        about = json.dumps({"name": "pad", "version": version, "license": "MIT"}).encode()
        with tarfile.open(tmp_path / "npm" / f"pad-{version}.tgz", "w:gz") as tar:
            entry = tarfile.TarInfo("package/package.json")
            entry.size = len(about)
            tar.addfile(entry, io.BytesIO(about))
    assert [package.name for package in archives.downloaded(tmp_path)] == ["pad"]


def test_a_scoped_package_is_not_the_one_that_has_its_name_with_a_hyphen() -> None:
    names = ("@babel/core", "babel-core")
    keys = {archives.Package("npm", name, "1.0.0", (), "MIT").key for name in names}
    assert len(keys) == len(names)


def test_every_licence_is_allowed() -> None:
    for name, _, licence, _ in SOURCES:
        assert set(re.split(r" (?:OR|AND) ", licence)) <= ALLOWED, name


def test_no_source_is_a_project_that_relevance_is_measured_on() -> None:
    assert [name for name, *_ in SOURCES if excluded.is_measured(name)] == []


def test_no_source_is_a_project_of_our_own_benchmark() -> None:
    projects = excluded.own_benchmark(ROOT / "benchmarks" / "relevance" / "questions")
    assert [name for name, *_ in SOURCES if excluded.is_own_benchmark(name, projects)] == []


@pytest.mark.parametrize(
    "name",
    ["flask", "@trpc/server", "python-httpx", "a/vendor/redis/client.go", "lib/requests/api.py", "gin"],
)
def test_measured_projects_are_known_by_any_part_of_a_name(name: str) -> None:
    assert excluded.is_measured(name)


@pytest.mark.parametrize(
    "name", ["engine", "flasks", "reactor", "tracks", "begin", "chips", "sequester"]
)
def test_names_that_only_contain_the_letters_are_not_excluded(name: str) -> None:
    assert not excluded.is_measured(name)


@pytest.mark.parametrize(
    ("expression", "granted"),
    [
        ("MIT", "MIT"),
        ("Expat", "MIT"),
        ("MIT OR Apache-2.0", "Apache-2.0 OR MIT"),
        ("Unlicense/MIT", "MIT OR Unlicense"),
        ("GPL-2+ or MIT", "MIT"),
        ("BSD-3-clause and Expat", "BSD AND MIT"),
        ("Apache-2.0 WITH LLVM-exception", "Apache-2.0"),
        ("MIT AND GPL-3.0", ""),
        ("GPL-3+", ""),
        ("LGPL-2.1", ""),
        ("MPL-2.0", ""),
        ("Proprietary", ""),
        ("SEE LICENSE IN LICENSE.txt", ""),
        ("", ""),
    ],
)
def test_only_permissive_licences_are_granted(expression: str, granted: str) -> None:
    assert licences.permitted(expression) == granted


def test_files_of_a_package_under_another_licence_are_left_out() -> None:
    verdict = licences.Verdict("MIT", "", tuple(_patterns()))
    assert verdict.allows("src/main.c")
    assert not verdict.allows("contrib/gpl/tool.c")
    assert verdict.allows("contrib/gpl/ours.c")


def _patterns() -> Iterator[tuple[bool, str]]:
    yield True, "*"
    yield False, "contrib/gpl/*"
    yield True, "contrib/gpl/ours.c"
