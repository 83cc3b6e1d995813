"""Every error says what failed, why and what to do, at every door."""

from __future__ import annotations

import json
import pickle

import pytest

from sophia_mcp.cli import output
from sophia_mcp.errors import SophiaError, leaves


@pytest.mark.requirement("design.errors_answered")
@pytest.mark.parametrize("leaf", leaves(), ids=lambda leaf: leaf.code)
def test_the_command_line_answers_every_error(
    leaf: type[SophiaError], capsys: pytest.CaptureFixture[str]
) -> None:
    error = leaf("it failed", why="because", next="do this")
    assert output.fail(error, as_json=False) in (1, 2, 3)
    shown = capsys.readouterr()
    assert shown.out == ""
    for part in ("it failed", "because", "do this"):
        assert part in shown.err
    output.fail(error, as_json=True)
    assert json.loads(capsys.readouterr().err)["error"]["code"] == leaf.code


@pytest.mark.parametrize("leaf", leaves(), ids=lambda leaf: leaf.code)
def test_an_error_keeps_its_parts_across_a_process_border(leaf: type[SophiaError]) -> None:
    error = leaf("it failed", why="because", next="do this")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is leaf
    assert (again.why, again.next) == ("because", "do this")


def test_no_two_leaves_share_a_code() -> None:
    codes = [leaf.code for leaf in leaves()]
    assert len(codes) == len(set(codes))
