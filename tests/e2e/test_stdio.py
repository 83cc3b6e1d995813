"""The stdio server as an editor starts it: a process, a pipe, and how they end."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.e2e.processes import (
    BIN,
    START_S,
    TOOLS,
    environment,
    first_children,
    still_alive,
)
from tests.e2e.wire import INITIALIZE, LEGACY, META, MODERN, Wire, stdio
from tests.trees import write_tree

pytestmark = [
    pytest.mark.requirement("server.stdio_clean"),
    pytest.mark.xdist_group("e2e"),
    pytest.mark.timeout(240),
]

FILES = {
    "shop/basket.py": "def add_to_basket(basket, item):\n    basket.append(item)\n    return len(basket)\n",
    "README.md": "# Shop\n\nA basket for things.\n",
}
END_S = 10.0
"""Ends are asked for in two to three seconds; the machine of a test may be ten times too busy."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "shop", FILES)


def test_every_line_on_standard_output_is_protocol_and_a_question_is_answered(repository: Path) -> None:
    with stdio(repository) as wire:
        shaken = wire.initialize()["result"]
        assert shaken["protocolVersion"] == LEGACY
        assert shaken["capabilities"]["tools"]["listChanged"]
        assert "search_code" in shaken["instructions"]
        assert [tool["name"] for tool in wire.ask("tools/list")["result"]["tools"]] == TOOLS
        answer = wire.call("search_code", query="add_to_basket")
        assert "shop/basket.py:1-3" in answer["content"][0]["text"]
        wire.close_input()
        assert wire.ended_within(END_S)[0] == 0
        assert len(wire.protocol()) >= 3
        assert wire.errors.seen == []


@pytest.mark.requirement("commands.programs")
def test_the_program_of_the_command_line_serves_the_same(repository: Path) -> None:
    with stdio(None, command=("sophia", "serve"), cwd=repository) as wire:
        wire.initialize()
        assert "shop/basket.py" in wire.call("search_code", query="basket")["content"][0]["text"]


def test_garbage_is_survived(repository: Path) -> None:
    with stdio(repository) as wire:
        for line in (
            "hello",
            "{",
            "[]",
            '{"jsonrpc":"2.0"}',
            '{"jsonrpc":"1.0","id":7}',
            "",
            "\x00\x01",
            "null",
            '"' * 4000,
        ):
            wire.write(line)
        wire.initialize()
        wire.write('{"jsonrpc":"2.0","id":"x","method":"no/such","params":{}}')
        for line in ("]", '{"id":1,"method":"tools/list"}', "\U0001f600" * 10):
            wire.write(line)
        wire.write('{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":7,"arguments":"x"}}')
        assert "error" in wire.answer(99)
        assert [tool["name"] for tool in wire.ask("tools/list")["result"]["tools"]] == TOOLS
        wire.close_input()
        assert wire.ended_within(END_S)[0] == 0
        wire.protocol()


@pytest.mark.parametrize(
    ("line", "id", "code"),
    [
        # As JSON.stringify writes a question that was cut within an emoji.
        ('{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"name":"\\ud83d"}}', "41", -32700),
        ('{"jsonrpc":"2.0","id":"a","method":"\\udc00"}', '"a"', -32700),
        ('{"jsonrpc":"2.0","id":42}', "42", -32600),
    ],
)
def test_a_request_that_cannot_be_read_is_answered(
    repository: Path, line: str, id: str, code: int
) -> None:
    with stdio(repository) as wire:
        wire.write(line)
        wire.initialize()
        wire.write(line)
        found = wire.out.wait_for(rf'"id":\s*{id}[,}}]')
        assert json.loads(found.string)["error"]["code"] == code
        wire.ask("ping")
        told = [message for message in map(json.loads, wire.out.seen) if "error" in message]
        assert [message["id"] for message in told] == [json.loads(id)] * 2
        wire.write('{"jsonrpc":"2.0","id":"\\ud83d","method":"ping"}')
        wire.close_input()
        assert wire.ended_within(END_S)[0] == 0
        wire.protocol()


@pytest.mark.requirement("server.discover", "server.both_eras")
def test_a_discover_probe_before_the_handshake_does_not_lock_the_era(repository: Path) -> None:
    with stdio(repository) as wire:
        found = wire.ask("server/discover", {"_meta": META})["result"]
        assert MODERN in found["supportedVersions"]
        assert wire.ask("initialize", INITIALIZE)["result"]["protocolVersion"] == LEGACY
        wire.notify("notifications/initialized")
        assert "shop/basket.py" in wire.call("search_code", query="basket")["content"][0]["text"]


@pytest.mark.requirement("server.discover", "server.both_eras")
def test_after_a_discover_probe_the_stateless_era_is_served_on_the_same_pipe(repository: Path) -> None:
    with stdio(repository) as wire:
        wire.ask("server/discover", {"_meta": META})
        listed = wire.ask("tools/list", {"_meta": META})["result"]
        assert [tool["name"] for tool in listed["tools"]] == TOOLS
        assert listed["ttlMs"] > 0
        arguments = {"name": "search_code", "arguments": {"query": "basket"}, "_meta": META}
        answer = wire.ask("tools/call", arguments)["result"]
        assert answer["resultType"] == "complete"
        assert "shop/basket.py" in answer["content"][0]["text"]


@pytest.mark.requirement("server.project_root")
def test_a_working_folder_that_was_removed_is_named_and_one_put_back_is_found(repository: Path) -> None:
    with stdio(None, cwd=repository) as wire:

        def ask() -> str:
            arguments = {"name": "search_code", "arguments": {"query": "basket"}, "_meta": META}
            text: str = wire.ask("tools/call", arguments)["result"]["content"][0]["text"]
            return text

        assert "shop/basket.py" in ask()
        shutil.rmtree(repository)
        refused = ask()
        assert "no project root" in refused
        assert f"{repository}: it does not exist" in refused
        write_tree(repository, FILES)
        assert "shop/basket.py" in ask()


def _busy(wire: Wire, repository: Path) -> list[psutil.Process]:
    """The workers of an index run that is going on."""
    body = "\n".join(f"def function_{k}():\n    return {k}\n" for k in range(40))
    write_tree(repository, {f"many/m{n}.py": f"NUMBER = {n}\n{body}" for n in range(3000)})
    wire.initialize()
    wire.send("tools/call", {"name": "index_repo", "arguments": {"wait_s": 50}})
    return first_children(wire.process.pid)


@pytest.mark.parametrize("ending", ["input", "SIGTERM", "SIGINT"])
def test_an_idle_server_ends_at_once(repository: Path, ending: str) -> None:
    with stdio(repository) as wire:
        wire.initialize()
        _end(wire, ending)
        status, seconds = wire.ended_within(END_S)
        assert status == 0
        assert seconds < END_S
        wire.protocol()
        assert wire.errors.seen == []


@pytest.mark.parametrize("ending", ["input", "SIGTERM", "SIGINT"])
def test_a_server_that_is_indexing_ends_and_leaves_no_process_behind(
    repository: Path, ending: str
) -> None:
    with stdio(repository) as wire:
        workers = _busy(wire, repository)
        _end(wire, ending)
        assert wire.ended_within(END_S)[0] == 0
        assert still_alive(workers, END_S) == []
        wire.protocol()


def test_a_killed_server_leaves_no_worker_behind(repository: Path) -> None:
    with stdio(repository) as wire:
        workers = _busy(wire, repository)
        wire.process.kill()
        assert still_alive(workers, 30.0) == []


def _unread(repository: Path) -> subprocess.Popen[bytes]:
    """A server with answers under way."""
    process = subprocess.Popen(
        [str(BIN / "sophia-mcp"), "--root", str(repository)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"server/discover"}\n')
    process.stdin.flush()
    process.stdout.readline()
    for number in range(30):
        process.stdin.write(b'{"jsonrpc":"2.0","id":"%d","method":"server/discover"}\n' % number)
    process.stdin.flush()
    return process


def test_a_server_whose_answers_nobody_reads_ends_with_a_line_and_not_with_a_traceback(
    repository: Path,
) -> None:
    """As by a client that failed half-way: its end of the pipe to us is still open."""
    process = _unread(repository)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdin, process.stderr:
        process.stdout.close()
        with suppress(BrokenPipeError):  # the answers before it may have ended the server
            process.stdin.write(b'{"jsonrpc":"2.0","id":2,"method":"server/discover"}\n')
            process.stdin.flush()
        assert process.wait(START_S) == 1
        said = process.stderr.read().decode()
    assert said == "sophia: nobody reads the answers any more: standard output is closed or full\n"


@pytest.mark.parametrize("first", ["stdin", "stdout"])
def test_a_client_that_ends_while_answers_are_under_way_ends_the_server_without_a_word(
    repository: Path, first: str
) -> None:
    process = _unread(repository)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    pipes = [process.stdin, process.stdout]
    for pipe in pipes if first == "stdin" else pipes[::-1]:
        pipe.close()
    assert process.wait(START_S) == 0
    with process.stderr:
        assert process.stderr.read() == b""


def _end(wire: Wire, ending: str) -> None:
    if ending == "input":
        wire.close_input()
    else:
        wire.process.send_signal(signal.Signals[ending])
