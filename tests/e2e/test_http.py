"""The server on loopback HTTP: whom it refuses, both eras, and how it ends with streams open."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from tests.e2e.processes import (
    BIN,
    ROOT,
    TOOLS,
    Served,
    children,
    environment,
    serving,
    still_alive,
)
from tests.e2e.wire import INITIALIZE, META, MODERN
from tests.trees import write_tree

from sophia_mcp.errors import BadArgument
from sophia_mcp.server.http import parse_address

pytestmark = [
    pytest.mark.requirement("server.http_loopback"),
    pytest.mark.xdist_group("e2e"),
    pytest.mark.timeout(240),
]

ACCEPT = "application/json, text/event-stream"
END_S = 15.0
"""An end is asked for in five seconds; the machine of a test may be several times too busy."""


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    root = write_tree(
        tmp_path_factory.mktemp("shop"),
        {
            "shop/basket.py": "def add_to_basket(basket, item):\n    basket.append(item)\n    return len(basket)\n"
        },
    )
    return {
        "SOPHIA_HOME": str(home / "data"),
        "SOPHIA_CONFIG": str(home / "none.toml"),
        "SOPHIA_ROOT": str(root),
        "SOPHIA_EMBED__PROVIDER": "hashing",
    }


@pytest.fixture(scope="module")
def served(variables: dict[str, str]) -> Iterator[Served]:
    with serving(["sophia", "serve", "--http", "127.0.0.1:0"], **variables) as server:
        yield server


def _modern(method: str, **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """A request of the stateless era and its headers, which repeat what it is about."""
    headers = {"accept": ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": method}
    if "name" in params:
        headers["mcp-name"] = params["name"]
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": META, **params}}
    return request, headers


def _message(answer: httpx2.Response) -> dict[str, Any]:
    """The response in a body of JSON, or the last one of a stream."""
    if answer.headers["content-type"].startswith("application/json"):
        return dict(answer.json())
    lines = [
        line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")
    ]
    return dict(json.loads(lines[-1]))


def _post(url: str, request: dict[str, Any], headers: dict[str, str]) -> httpx2.Response:
    return httpx2.post(url, json=request, headers=headers, timeout=90)


def _shaken(client: httpx2.Client, url: str, **offered: Any) -> dict[str, str]:
    """The headers of a session of the handshake era, after both halves of the handshake."""
    headers = {"accept": ACCEPT}
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE | offered}
    shaken = client.post(url, json=request, headers=headers)
    assert _message(shaken)["result"]["serverInfo"]["name"] == "sophia"
    headers |= {
        "mcp-session-id": shaken.headers["mcp-session-id"],
        "mcp-protocol-version": INITIALIZE["protocolVersion"],
    }
    notified = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert client.post(url, json=notified, headers=headers).status_code == 202
    return headers


@pytest.mark.requirement("server.both_eras")
def test_the_stateless_era_is_served(served: Served) -> None:
    listed = _message(_post(served.url, *_modern("tools/list")))
    assert [tool["name"] for tool in listed["result"]["tools"]] == TOOLS
    arguments = {"name": "search_code", "arguments": {"query": "add_to_basket"}}
    answer = _message(_post(served.url, *_modern("tools/call", **arguments)))
    assert "shop/basket.py:1-3" in answer["result"]["content"][0]["text"]


@pytest.mark.requirement("server.both_eras")
def test_the_handshake_era_is_served(served: Served) -> None:
    with httpx2.Client(timeout=90) as client:
        headers = _shaken(client, served.url)
        call = {"name": "search_code", "arguments": {"query": "add_to_basket"}}
        request = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
        answer = _message(client.post(served.url, json=request, headers=headers))
        assert "shop/basket.py:1-3" in answer["result"]["content"][0]["text"]


@pytest.mark.requirement("server.both_eras")
def test_a_client_whose_stream_broke_comes_back_for_the_answer(served: Served) -> None:
    rebuild = {"name": "index_repo", "arguments": {"action": "rebuild"}}
    with httpx2.Client(timeout=90) as client:
        headers = _shaken(client, served.url)
        request = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": rebuild}
        with client.stream("POST", served.url, json=request, headers=headers) as broken:
            seen = next(line for line in broken.iter_lines() if line.startswith("id: "))
        again = headers | {"last-event-id": seen.removeprefix("id: ")}
        with client.stream("GET", served.url, headers=again) as rest:
            answer = next(line for line in rest.iter_lines() if '"result"' in line)
        assert (
            "ready, 1 of 1 file"
            in json.loads(answer.removeprefix("data: "))["result"]["content"][0]["text"]
        )


@pytest.mark.requirement("server.both_eras")
def test_a_client_without_a_session_whose_stream_broke_asks_again_for_what_went_on(
    served: Served,
) -> None:
    without = {"name": "index_repo", "arguments": {"exclude": ["shop/**"]}}
    request, headers = _modern("tools/call", **without, _meta=META | {"progressToken": "told"})
    with httpx2.stream("POST", served.url, json=request, headers=headers, timeout=90) as broken:
        assert any("notifications/progress" in line for line in broken.iter_lines())  # it has begun
    again = _modern("tools/call", name="index_repo", arguments={})
    assert "ready, 0 of 0 files" in _message(_post(served.url, *again))["result"]["content"][0]["text"]
    whole = _modern("tools/call", name="index_repo", arguments={"exclude": [""]})
    assert "ready, 1 of 1 file" in _message(_post(served.url, *whole))["result"]["content"][0]["text"]


@pytest.mark.requirement("server.both_eras")
@pytest.mark.parametrize(
    ("tool", "arguments", "asked"),
    [
        ("search_code", {"query": "add_to_basket"}, ["roots/list"]),
        (
            "run_swarm",
            {"task": "x", "pattern": "solo", "provider": "sampling"},
            ["roots/list", "sampling/createMessage"],
        ),
    ],
)
def test_a_client_that_does_not_listen_is_asked_on_the_stream_of_its_call(
    variables: dict[str, str], tool: str, arguments: dict[str, str], asked: list[str]
) -> None:
    """The stream for what belongs to no call is the client's to open, or not, or later than its first call."""
    root = Path(variables["SOPHIA_ROOT"])
    said = json.dumps({"summary": "Nothing.", "findings": [], "edits": []})
    message = {"role": "assistant", "content": {"type": "text", "text": said}, "model": "m"}
    answers = {"roots/list": {"roots": [{"uri": root.as_uri()}]}, "sampling/createMessage": message}
    heard: list[str] = []
    with (
        serving(
            ["sophia", "serve", "--http", "127.0.0.1:0"],
            cwd=Path("/"),
            **variables | {"SOPHIA_ROOT": ""},
        ) as served,
        httpx2.Client(timeout=90) as client,
    ):
        headers = _shaken(client, served.url, capabilities={"roots": {}, "sampling": {}})
        params = {"name": tool, "arguments": arguments}
        request = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}
        with client.stream("POST", served.url, json=request, headers=headers) as call:
            for line in call.iter_lines():
                told = json.loads(line.removeprefix("data: ")) if line.startswith("data: {") else {}
                if told.get("method") in answers:
                    heard.append(told["method"])
                    answer = {"jsonrpc": "2.0", "id": told["id"], "result": answers[told["method"]]}
                    assert client.post(served.url, json=answer, headers=headers).status_code == 202
                if told.get("id") == 2 and "result" in told:
                    break
    assert not told["result"].get("isError"), told
    assert heard == asked


def _head(url: str, **given: str) -> int:
    """The status of a request whose Host is exactly as given; libraries tidy such names up."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    request, headers = _modern("tools/list")
    body = json.dumps(request).encode()
    lines = [f"POST {urlsplit(url).path} HTTP/1.1"]
    every = {"host": f"{host}:{port}", "content-type": "application/json", **headers, **given}
    lines += [f"{name}: {value}" for name, value in every.items()]
    lines += [f"content-length: {len(body)}", "connection: close", "", ""]
    with socket.create_connection((host, port), 30) as peer:
        peer.sendall("\r\n".join(lines).encode() + body)
        answer = b""
        while part := peer.recv(65536):
            answer += part
    return int(answer.split(b" ", 2)[1])


def test_its_own_names_are_answered(served: Served) -> None:
    port = urlsplit(served.url).port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        assert _head(served.url, host=host) == 200
        assert _head(served.url, host=host, origin=f"http://{host}") == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.com", "localhost:1@evil.com", "localhost.evil.com:{port}", "127.0.0.1.evil.com:{port}"),
        *("evil.com:{port}", "localhost:{port}@evil.com", "localhost:{port}.evil.com", "localhost:1"),
        *("localhost", "0.0.0.0:{port}", "169.254.169.254", "[::ffff:127.0.0.1]:{port}"),
    ],
)
def test_another_host_is_refused(served: Served, host: str) -> None:
    assert _head(served.url, host=host.format(port=urlsplit(served.url).port)) == 421


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.com", "null", "http://localhost:1@evil.com", "http://localhost.evil.com:{port}"),
        *("https://localhost:{port}", "http://localhost:{port}.evil.com", "http://localhost", "file://"),
        "http://127.0.0.1:1",
    ],
)
def test_another_origin_is_refused(served: Served, origin: str) -> None:
    assert _head(served.url, origin=origin.format(port=urlsplit(served.url).port)) == 403


def test_a_body_beyond_the_limit_is_refused(served: Served) -> None:
    request, headers = _modern("tools/call", name="search_code")
    request["params"]["arguments"] = {"query": "x" * (5 * 1024 * 1024)}
    assert _post(served.url, request, headers).status_code == 413


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0:8321", "refusing to listen on 0.0.0.0"),
        ("192.168.1.5:8321", "refusing to listen on 192.168.1.5"),
        ("[::]:8321", "refusing to listen on ::"),
        ("example.com:8321", "refusing to listen on example.com"),
        ("localhost.evil.com:8321", "refusing to listen on localhost.evil.com"),
        ("127.0.0.1:8321@evil.com", "is not HOST:PORT"),
        ("127.0.0.1:99999", "is not HOST:PORT"),
        ("127.0.0.1", "is not HOST:PORT"),
        ("", "is not HOST:PORT"),
    ],
)
def test_an_address_beyond_loopback_is_refused_with_the_reason(address: str, why: str) -> None:
    with pytest.raises(BadArgument) as refused:
        parse_address(address)
    assert why in refused.value.what
    assert refused.value.why
    assert refused.value.next


def test_a_loopback_address_is_taken_in_every_form() -> None:
    assert parse_address("127.0.0.1:8321") == parse_address(":8321") == parse_address("8321")
    assert parse_address("localhost:0") == ("localhost", 0)
    assert parse_address("[::1]:8321") == ("::1", 8321)


def test_the_program_refuses_with_words_and_not_with_a_traceback() -> None:
    ended = subprocess.run(
        [str(BIN / "sophia-mcp"), "--http", "0.0.0.0:8321"],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 2
    assert "refusing to listen on 0.0.0.0 · why: " in ended.stderr
    assert "next: use 127.0.0.1:8321" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_a_port_in_use_is_said_so(served: Served) -> None:
    port = urlsplit(served.url).port
    ended = subprocess.run(
        [str(BIN / "sophia-mcp"), "--http", f"127.0.0.1:{port}"],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr


def test_a_client_that_leaves_in_the_middle_of_its_request_is_no_error(
    variables: dict[str, str],
) -> None:
    request, headers = _modern("tools/list")
    with serving(["sophia", "serve", "--http", "127.0.0.1:0"], **variables) as server:
        place = urlsplit(server.url)
        said = {"host": place.netloc, "content-type": "application/json", "content-length": "999"}
        head = "".join(f"{name}: {value}\r\n" for name, value in (headers | said).items())
        for _ in range(3):
            with socket.create_connection((place.hostname, place.port)) as client:
                client.sendall(f"POST {place.path} HTTP/1.1\r\n{head}\r\n{{".encode())
                client.shutdown(socket.SHUT_WR)
                assert not client.recv(1)  # it was seen
        assert _message(_post(server.url, request, headers))["result"]["tools"]
    assert "Traceback" not in "".join(server.errors.seen)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_a_server_that_has_open_streams_and_calls(
    tmp_path: Path, stop: signal.Signals
) -> None:
    root = write_tree(
        tmp_path / "shop", {f"many/m{n}.py": f"def f{n}():\n    return {n}\n" for n in range(4000)}
    )
    variables = {
        "SOPHIA_HOME": str(tmp_path / "data"),
        "SOPHIA_ROOT": str(root),
        "SOPHIA_EMBED__PROVIDER": "hashing",
    }
    wanted = {"toolsListChanged": True}
    listen = _modern("subscriptions/listen", notifications=wanted)
    call = _modern("tools/call", name="index_repo", arguments={"wait_s": 50})
    with (
        serving(["sophia-mcp", "--http", "127.0.0.1:0"], **variables) as server,
        httpx2.Client(timeout=90) as client,
        client.stream("POST", server.url, json=listen[0], headers=listen[1]) as stream,
    ):
        assert "acknowledged" in next(line for line in stream.iter_lines() if line.startswith("data:"))
        request = {**call[0], "params": {**call[0]["params"]}}
        request["params"]["_meta"] = {**META, "progressToken": "run"}
        with client.stream("POST", server.url, json=request, headers=call[1]) as running:
            assert "progress" in next(line for line in running.iter_lines() if line.startswith("data:"))
            workers = children(server.process.pid)
            began = time.monotonic()
            server.process.send_signal(stop)
            assert server.process.wait(END_S) == 0
            assert time.monotonic() - began < END_S
    assert still_alive(workers, END_S) == []


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_as_soon_as_it_listens_ends_cleanly(
    tmp_path: Path, stop: signal.Signals
) -> None:
    with serving(["sophia-mcp", "--http", "127.0.0.1:0"], SOPHIA_HOME=str(tmp_path)) as server:
        server.process.send_signal(stop)
        assert server.process.wait(END_S) == 0
    assert len(server.errors.seen) == 1, server.errors.seen


def test_a_server_that_is_told_twice_to_stop_ends_without_a_word(tmp_path: Path) -> None:
    """As by an impatient person, or by the keyboard and a wrapper that passes its signal on."""
    with serving(["sophia-mcp", "--http", "127.0.0.1:0"], SOPHIA_HOME=str(tmp_path)) as server:
        assert _message(_post(server.url, *_modern("tools/list")))["result"]["tools"]
        for stop in (signal.SIGTERM, signal.SIGINT):
            server.process.send_signal(stop)
        assert server.process.wait(END_S) == 0
    assert len(server.errors.seen) == 1, server.errors.seen
