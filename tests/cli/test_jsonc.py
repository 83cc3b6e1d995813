"""Editing one member of a file with comments."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_mcp.cli.jsonc import get_member, remove_member, set_member
from sophia_mcp.errors import ClientConfigError

COMMENTED = '{\n  // mine\n  "servers": {\n    "other": {"command": "x"}, // keep\n  },\n}\n'


def test_comments_and_other_members_survive_an_insertion_and_its_removal() -> None:
    there = set_member(COMMENTED, ("servers", "sophia"), {"command": "s"})
    assert "// mine" in there
    assert '"other": {"command": "x"}, // keep\n' in there
    assert json.loads(get_member(there, ("servers", "sophia")) or "") == {"command": "s"}
    assert remove_member(there, ("servers", "sophia")) == COMMENTED


def test_setting_twice_replaces_the_value() -> None:
    once = set_member("", ("mcpServers", "sophia"), {"command": "a"})
    twice = set_member(once, ("mcpServers", "sophia"), {"command": "b"})
    assert json.loads(twice) == {"mcpServers": {"sophia": {"command": "b"}}}


def test_an_object_emptied_by_the_removal_goes_too() -> None:
    once = set_member("", ("mcpServers", "sophia"), {"command": "a"})
    assert json.loads(remove_member(once, ("mcpServers", "sophia"))) == {}


@pytest.mark.parametrize("unit", ["\t", "    ", " "])
def test_a_member_is_indented_as_the_file_is(unit: str) -> None:
    text = json.dumps({"servers": {"other": {"command": "x"}}}, indent=unit)
    wanted = {"servers": {"other": {"command": "x"}, "sophia": {"command": "s", "args": ["a"]}}}
    there = set_member(text, ("servers", "sophia"), wanted["servers"]["sophia"])
    assert there == json.dumps(wanted, indent=unit)
    assert set_member(there, ("servers", "sophia"), wanted["servers"]["sophia"]) == there


def test_an_object_with_a_comment_stays_when_it_is_emptied() -> None:
    commented = '{"servers": {\n  // mine\n}}'
    there = set_member(commented, ("servers", "sophia"), 1)
    assert "// mine" in remove_member(there, ("servers", "sophia"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{\n  "a": 1, // mine\n  "s": {"x": 1}, "b": 2\n}', '{\n  "a": 1, // mine\n "b": 2\n}'),
        ('{\n  "a": 1 // mine\n, "s": {"x": 1}, "b": 2\n}', '{\n  "a": 1 // mine\n, "b": 2\n}'),
        ('{\n  "s": {"x": 1} // mine\n, "b": 2\n}', '{ // mine\n "b": 2\n}'),
        ('{\n  "a": 1, // mine\n  /* too */ "s": {"x": 1}\n}', '{\n  "a": 1 // mine\n  /* too */\n}'),
    ],
)
def test_what_stands_around_a_removed_member_stays_what_it_was(text: str, left: str) -> None:
    assert remove_member(text, ("s", "x")) == left


@pytest.mark.parametrize("broken", ["[]", '{"a": }', "not json", '{"a": 1} {"b": 2}', "({})"])
def test_a_file_that_is_not_one_object_is_refused_and_named(broken: str) -> None:
    with pytest.raises(ClientConfigError):
        set_member(broken, ("mcpServers", "sophia"), {})


def test_a_member_that_is_not_an_object_is_never_overwritten_on_the_way() -> None:
    with pytest.raises(ClientConfigError):
        set_member('{"mcpServers": 3}', ("mcpServers", "sophia"), {})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(max_size=6), VALUES, max_size=5), VALUES, st.sampled_from([None, 2, "\t"])
)
def test_any_object_keeps_its_other_members(
    others: dict[str, object], value: object, indent: int | str | None
) -> None:
    others.pop("ours", None)
    text = json.dumps(others, indent=indent, ensure_ascii=False)
    there = set_member(text, ("ours", "sophia"), value)
    assert json.loads(there) == {**others, "ours": {"sophia": value}}
    gone = re.sub(r",(\s*})$", r"\1", remove_member(there, ("ours", "sophia")))
    assert json.loads(gone) == others
