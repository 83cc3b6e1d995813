"""Errors name commands at the command line, and calls of tools nowhere there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sophia_mcp
from sophia_mcp.cli.wording import calls, commands
from sophia_mcp.server.tools import TOOLS

SOURCE = Path(sophia_mcp.__file__).parent
CALL = re.compile(rf"\b(?:{'|'.join(TOOLS.names())})\(")


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("call get_run() for the recent ones", "run sophia swarm list --runs for the recent ones"),
        ("call get_run(run_id='swarm-1')", "run sophia debug timeline swarm-1"),
        ('run_swarm(action="resume", run_id="swarm-1")', "sophia swarm resume swarm-1"),
        (
            'run_swarm(task="mend it", pattern="solo", max_cost_usd="0.50", debate_rounds=1)',
            "sophia swarm run solo --task 'mend it' --max-cost 0.50 --debate 1",
        ),
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
        ('use provider="host", which needs no key', "use --provider host, which needs no key"),
        ('send the same call with paths=["…"]', "run it again with --path '…'"),
        ("use pattern='solo'", "use 'solo'"),
        ("use debate_rounds=0", "use --debate 0"),
        ('give since="-30d", or a later until', "give --since -30d, or a later until"),
        ('write filters={"model": "VALUE"}; * is any', "write --only model=VALUE; * is any"),
        ("filters names 'colour'", "--only names 'colour'"),
        (
            'next: search_code("a \\"b\\" c", mode="regex", paths=["src", "x, y"]) finds it',
            """next: sophia search 'a "b" c' --mode regex --path src --path 'x, y' finds it""",
        ),
        (
            'cost_report(since="2026-01-01", group_by=["day"], filters={"model": "m", "tag": "a b"})',
            "sophia cost report --since 2026-01-01 --by day --only model=m --only 'tag=a b'",
        ),
        ('index_repo(path="/p", action="status")', "sophia repos"),
        ("search_code(query=<same>, cursor={})", "sophia search <same> --cursor '{}'"),
        ('search_code("it\'s $(rm -rf x)")', "sophia search 'it'\"'\"'s $(rm -rf x)'"),
        ("an unfinished get_run(run_id=", "an unfinished get_run(run_id="),
    ],
)
def test_a_call_of_a_tool_becomes_the_command_for_it(said: str, typed: str) -> None:
    assert commands(said) == typed


@pytest.mark.parametrize(
    "said",
    [
        "not here: nothing speaks of 'get_run()' or \"recall(query='x')\"",
        "no repository named 'max_cost_usd'",
        "the client's model said 'group_by', and no more",
    ],
)
def test_what_stands_in_quotes_stays(said: str) -> None:
    assert commands(said) == said


def test_an_answer_about_code_keeps_the_names_of_that_code() -> None:
    said = 'the nearest names: max_cost_usd, group_by · next: search_code("max_cost_usd", mode="text")'
    typed = "the nearest names: max_cost_usd, group_by · next: sophia search max_cost_usd --mode text"
    assert calls(said) == typed
    assert commands('search_code("max_cost_usd")') == "sophia search max_cost_usd"


def test_an_at_sign_of_a_folder_is_no_ref(tmp_path: Path) -> None:
    folder = tmp_path / "@scope" / "shop"
    folder.mkdir(parents=True)
    assert commands(f'index_repo(path="{folder}")') == f"sophia index {folder}"
    assert commands(f'index_repo(path="{folder}@v1")') == f"sophia index {folder} --ref v1"
    assert commands(f'index_repo(path="{folder}@lib@1.0.0")') == f"sophia index {folder} --ref lib@1.0.0"


def said() -> Iterator[tuple[str, str]]:
    """Every string that is written below both doors and names a call, values standing in for others."""
    for file in sorted(SOURCE.rglob("*.py")):
        if file.relative_to(SOURCE).parts[0] in ("server", "cli"):
            continue
        parts: set[int] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            text = ""
            if isinstance(node, ast.JoinedStr):
                parts |= {id(value) for value in node.values}
                text = "".join(_part(value) for value in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = "" if id(node) in parts else node.value
            if CALL.search(text):
                yield f"{file.relative_to(SOURCE)}:{node.lineno}", text


def _part(value: ast.expr) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    return "'x'" if isinstance(value, ast.FormattedValue) and value.conversion == ord("r") else "x"


def test_no_call_of_a_tool_reaches_a_person_unworded() -> None:
    found = list(said())
    assert len(found) >= 10
    assert [where for where, text in found if CALL.search(commands(text))] == []
