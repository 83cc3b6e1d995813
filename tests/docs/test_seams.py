"""Every seam has a page that a stranger can follow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "sophia_mcp"
PAGES = ROOT / "docs" / "extend"
SEAMS = {
    "commands": "cli/commands",
    "embedders": "embed/providers",
    "languages": "index/languages",
    "llm-providers": "llm/providers",
    "resources": "server/resources",
    "store-engines": "store/engines",
    "swarm-patterns": "swarm/patterns",
    "tools": "server/tools",
    "usage-logs": "cost/logs",
    "vector-indexes": "store/vectors",
}


def groups() -> dict[str, str]:
    """The entry point group of each folder that other distributions may add to."""
    found = {}
    for place in SOURCE.rglob("__init__.py"):
        group = re.search(r'\bgroup="([\w.]+)"', place.read_text(encoding="utf-8"))
        if group:
            found[place.parent.relative_to(SOURCE).as_posix()] = group[1]
    return found


@pytest.mark.requirement("docs.seams")
@pytest.mark.parametrize("page", SEAMS)
def test_every_seam_has_a_page_that_names_its_folder(page: str) -> None:
    assert SEAMS[page] in (PAGES / f"{page}.md").read_text(encoding="utf-8")
    assert (SOURCE / SEAMS[page]).is_dir()


@pytest.mark.requirement("docs.seams")
def test_every_page_is_that_of_a_seam() -> None:
    assert {place.stem for place in PAGES.iterdir()} == set(SEAMS)


@pytest.mark.requirement("docs.seams")
@pytest.mark.parametrize(("folder", "group"), groups().items())
def test_a_folder_that_others_may_add_to_has_a_page_that_says_how(folder: str, group: str) -> None:
    page = next(page for page, seam in SEAMS.items() if seam == folder)
    assert f"`{group}`" in (PAGES / f"{page}.md").read_text(encoding="utf-8")
