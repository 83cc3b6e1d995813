"""What did opencode spend? Messages in ``opencode.db`` (since 1.2) and, before, one JSON file each.

Input leaves the cache out. Output leaves reasoning out, unless the message's own total says that it
is inside. The cost a message carries is opencode's reckoning, not a bill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from sophia_mcp.cost.logs import Call, Client, Log, Machine, under
from sophia_mcp.cost.logs._json import count, folder, get, merged, moment, parsed, text, whole
from sophia_mcp.llm.counting.usage import nano, normalise

_QUERIES = (
    "SELECT m.id, m.session_id, m.data, s.directory FROM message m"
    " LEFT JOIN session s ON s.id = m.session_id",
    "SELECT m.id, m.session_id, m.data, '' FROM message m",
    "SELECT m.id, m.session_id, m.data, s.directory FROM session_message m"
    " LEFT JOIN session s ON s.id = m.session_id WHERE m.type = 'assistant'",
)
"""Versions differ in their tables; what a file does not have is passed over."""


def files(name: str) -> Callable[[Machine], Iterator[Path]]:
    """The databases and message files of opencode, or of a client built on it."""

    def found(machine: Machine) -> Iterator[Path]:
        homes = [base / name for base in machine.data]
        return under(homes, f"{name}*.db", "storage/message/*/*.json")

    return found


def read(path: Path, seller: str = "opencode") -> Log:
    """One database, or one message."""
    if path.suffix == ".db":
        return _database(path, seller)
    message = whole(path)
    if not isinstance(message, Mapping):
        return Log(skipped=1)
    if message.get("role") != "assistant":
        return Log()
    call = _call(path.stem, text(message, "sessionID"), message, text(message, "path", "root"), seller)
    return Log((call,)) if call else Log(skipped=int(_has_tokens(message)))


def _database(path: Path, seller: str) -> Log:
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(2000)
        rows = [row for query in _QUERIES for row in _rows(connection, query)]
        connection.close()
    except apsw.Error as error:
        raise OSError(f"{path} is no database that can be read now") from error
    calls: list[Call] = []
    skipped = 0
    for id_, session, data, directory in rows:
        message = parsed(data) if isinstance(data, str | bytes) else None
        if not isinstance(message, Mapping) or message.get("role", "assistant") != "assistant":
            continue
        root = str(directory or "") or text(message, "path", "root")
        call = _call(str(id_), str(session), message, root, seller)
        calls += [call] if call else []
        skipped += call is None and _has_tokens(message)
    return Log(merged(calls), skipped)


def _rows(connection: apsw.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(query)
    except apsw.SQLError:
        return


def _has_tokens(message: Mapping[str, Any]) -> bool:
    return any(count(message, "tokens", name) for name in ("input", "output"))


def _call(row: str, session: str, message: Mapping[str, Any], root: str, seller: str) -> Call | None:
    tokens = message.get("tokens")
    model = text(message, "modelID") or text(message, "model", "id")
    at_ns = moment(get(message, "time", "created"))
    if not isinstance(tokens, Mapping) or not model or at_ns is None:
        return None
    read, write = count(tokens, "cache", "read"), count(tokens, "cache", "write")
    reasoning, output = count(tokens, "reasoning"), count(tokens, "output")
    sent = count(tokens, "input") + read + write
    inside = count(tokens, "total") == sent + output and reasoning <= output
    made = output if inside else output + reasoning
    usage = normalise(
        {
            "input_tokens": sent,
            "output_tokens": made,
            "cached_tokens": read,
            "cache_write_tokens": write,
            "reasoning_tokens": reasoning,
            "total_tokens": sent + made,
        },
        "openai",
    )
    if usage is None:
        return None
    provider = text(message, "providerID") or text(message, "model", "providerID") or seller
    return Call(
        text(message, "id") or row,
        at_ns,
        provider,
        model,
        usage,
        session,
        folder(root),
        text(message, "agent") or text(message, "mode"),
        claimed_nano=nano(message.get("cost")) or None,
    )


CLIENT = Client("opencode", files("opencode"), partial(read, seller="opencode"))
