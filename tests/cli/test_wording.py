"""Errors name commands at the command line, and calls of tools nowhere there."""

from __future__ import annotations

import pytest

from sophia_mcp.cli.wording import commands


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("call get_run() for the recent ones", "run sophia swarm list --runs for the recent ones"),
        ("call get_run(run_id='swarm-1')", "run sophia debug timeline swarm-1"),
        ('run_swarm(action="resume", run_id="swarm-1")', "sophia swarm resume swarm-1"),
        ('index_repo(path="/a b/c")', "sophia index '/a b/c'"),
        ('index_repo(path="/p/shop@v1.2")', "sophia index /p/shop --ref v1.2"),
        ("index_repo(path=<folder>)", "sophia index <folder>"),
        ("recall() lists what is remembered", "sophia memory list lists what is remembered"),
        (
            'a run like it: recall(query="m-1"), get_run(run_id="swarm-1")',
            "a run like it: sophia memory search m-1, sophia debug timeline swarm-1",
        ),
        ("give the run a higher max_cost_usd", "give the run a higher --max-cost"),
        ("use another pattern", "use another pattern"),
    ],
)
def test_a_call_of_a_tool_becomes_the_command_for_it(said: str, typed: str) -> None:
    assert commands(said) == typed
