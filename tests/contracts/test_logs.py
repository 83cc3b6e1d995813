"""What every reader of another assistant's logs keeps, whatever lies on the disk."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from sophia_mcp.cost.logs import CLIENTS, Client, Machine

pytestmark = pytest.mark.requirement("cost.import")

STRANGE = (
    b"",
    b"\x00\xff\xfe",
    b"[]",
    b"{}",
    b'"x"',
    b'null\n[1]\n{"message": 3}\n',
    b'{"type":"assistant","message":{"usage":[],"model":5},"timestamp":{}}\n',
    b'{"type":"assistant","message":{"id":7,"model":"m","usage":{"input_tokens":"9"}},"timestamp":1e400}\n',
    b'{"type":"session_meta","payload":5}\n{"type":"event_msg","payload":{"type":"token_count","info":[]}}\n',
    b'{"type":"token_usage_record","timestamp":"2026-11-10","payload":{"usage":{"input_tokens":-1}}}\n',
    b'[{"say":"api_req_started","text":"[1","ts":"now"},{"say":"api_req_started"},7]',
    b'{"messages":[{"type":"gemini","tokens":{"input":1}},null],"sessionId":9}',
    b"[" * 5000,
)


@pytest.mark.parametrize("name", CLIENTS.names())
def test_a_client_says_who_it_is_and_finds_nothing_on_an_empty_machine(
    name: str, tmp_path: Path
) -> None:
    client: Client = CLIENTS.load(name)
    assert client.title
    assert client.version >= 1
    assert list(client.files(Machine(tmp_path / "nobody"))) == []


@pytest.mark.parametrize("name", CLIENTS.names())
@pytest.mark.parametrize("ending", ["jsonl", "json", "db"])
def test_a_file_that_is_not_what_it_should_be_holds_no_call_and_is_no_error(
    name: str, ending: str, tmp_path: Path
) -> None:
    client: Client = CLIENTS.load(name)
    for content in STRANGE:
        path = tmp_path / f"strange.{ending}"
        path.write_bytes(content)
        try:
            calls = client.read(path).calls
        except OSError:
            assert ending == "db"
        else:
            assert calls == (), content


@pytest.mark.parametrize("name", CLIENTS.names())
def test_a_file_that_is_gone_holds_no_call(name: str, tmp_path: Path) -> None:
    client: Client = CLIENTS.load(name)
    with suppress(OSError):
        assert client.read(tmp_path / "gone.jsonl").calls == ()
