"""Which patterns there are, and that every shipped one is worth running."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.fresh import imported

from sophia_mcp.errors import NotFound
from sophia_mcp.swarm.patterns import PATTERNS, Library, Pattern

pytestmark = pytest.mark.requirement("swarm.patterns")

SHIPPED = (
    "bug_fix",
    "code_review",
    "documentation",
    "feature_development",
    "optimization",
    "refactoring",
    "solo",
    "testing",
    "web_research",
)
MINE = """
title = "Mine"
summary = "One reads"
gates = ["quotes"]
[roles.reader]
title = "Reader"
prompt_text = "You read."
[[steps]]
key = "read"
kind = "read"
role = "reader"
prompt_text = "Read."
schema = "findings"
max_tokens = 500
"""


def test_the_patterns_of_the_public_surface_are_shipped() -> None:
    assert set(SHIPPED) <= set(PATTERNS.names())


def test_listing_names_parses_no_file(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("this is not = = toml")
    assert "broken" in Library(user=tmp_path).names()


def test_an_unknown_pattern_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(NotFound, match="code_review"):
        PATTERNS.load("code_reveiw")


def test_a_repository_cannot_stand_in_for_a_shipped_pattern(tmp_path: Path) -> None:
    (tmp_path / "code_review.toml").write_text(MINE)
    (tmp_path / "mine.toml").write_text(MINE)
    library = Library(project=tmp_path)
    assert library.load("code_review").origin == "shipped"
    assert library.load("mine").origin == "project"


def test_a_person_s_pattern_goes_before_the_repository_s_of_the_same_name(tmp_path: Path) -> None:
    for folder in ("user", "project"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.toml").write_text(MINE)
    assert Library(tmp_path / "user", tmp_path / "project").load("mine").origin == "user"


def test_a_link_in_a_repository_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "outside.toml").write_text(MINE)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "linked.toml").symlink_to(tmp_path / "outside.toml")
    assert "linked" not in Library(project=folder).names()


def test_a_linked_folder_in_a_repository_holds_no_patterns(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "patterns").mkdir(parents=True)
    (outside / "patterns" / "mine.toml").write_text(MINE)
    for at, name in (("one", ".sophia"), ("two", ".sophia/patterns")):
        place = tmp_path / at / name
        place.parent.mkdir(parents=True)
        place.symlink_to(outside if name == ".sophia" else outside / "patterns")
        assert "mine" not in Library(project=tmp_path / at / ".sophia" / "patterns").names()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_pattern_checks_everything_its_steps_propose(name: str) -> None:
    pattern = PATTERNS.load(name)
    answered = {field for step in pattern.steps for field in step.schema["properties"]}
    writes = bool(answered & {"edits", "patch"})
    assert ("patch" in pattern.gates, "parses" in pattern.gates) == (writes, writes)
    assert "findings" not in answered or "quotes" in pattern.gates
    assert "claims" not in answered or "citations" in pattern.gates
    assert not pattern.commands
    assert not pattern.provider
    assert not pattern.recommended, "a pattern is recommended only by figures that were measured"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_pattern_reads_wide_and_writes_with_one_pen(name: str) -> None:
    pattern = PATTERNS.load(name)
    writing = [step for step in pattern.steps if {"edits", "patch"} & set(step.schema["properties"])]
    assert len(writing) <= 1
    assert all(not step.fan_out for step in writing)
    if name != "solo":
        reading = [step for step in pattern.steps if step.kind == "read"]
        assert any(step.fan_out for step in reading)
        assert any(step.kind == "verify" for step in pattern.steps)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_prompts_of_a_shipped_pattern_say_what_counts_as_evidence(name: str) -> None:
    pattern = PATTERNS.load(name)
    assert "character by character" in pattern.rules
    assert "instruction" in pattern.rules
    for step in pattern.steps:
        assert 200 < len(step.prompt) < 4_000, step.key
    for role in pattern.roles.values():
        assert len(role.prompt) > 40, role.key
    used = {role for step in pattern.steps for role in step.roles}
    assert used == set(pattern.roles)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_schemas_of_a_shipped_pattern_are_strict_and_bounded(name: str) -> None:
    for step in PATTERNS.load(name).steps:
        for place, node in _objects(step.schema, step.key):
            assert node.get("additionalProperties") is False, place
            assert sorted(node["required"]) == sorted(node["properties"]), place
        assert all("maxItems" in node for _, node in _arrays(step.schema, step.key))
        assert len(json.dumps(step.schema)) < 4_000


def test_a_prompt_file_that_no_pattern_uses_does_not_stand_around() -> None:
    folder = Path(str(sys.modules[Pattern.__module__].__file__)).parent
    named: set[str] = {"rules.md"}
    for file in folder.glob("*.toml"):
        named |= set(re.findall(r'= "([\w-]+\.md)"', file.read_text("utf-8")))
    there = {file.name for file in folder.rglob("*.md")}
    assert there == named


def test_listing_the_patterns_imports_no_engine() -> None:
    loaded = imported("from sophia_mcp.swarm.patterns import PATTERNS; PATTERNS.names()")
    assert not loaded & {"tree_sitter", "pygit2", "sophia_mcp.swarm.running.run"}


def _objects(node: Any, place: str) -> list[tuple[str, Any]]:
    return [(at, one) for at, one in _nodes(node, place) if one.get("type") == "object"]


def _arrays(node: Any, place: str) -> list[tuple[str, Any]]:
    return [(at, one) for at, one in _nodes(node, place) if one.get("type") == "array"]


def _nodes(node: Any, place: str) -> list[tuple[str, Any]]:
    found = [(place, node)]
    for name, below in node.get("properties", {}).items():
        found += _nodes(below, f"{place}.{name}")
    if "items" in node:
        found += _nodes(node["items"], f"{place}[]")
    return found
