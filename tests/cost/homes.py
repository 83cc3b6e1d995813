"""Logs as the clients write them, with made-up contents, in a made-up home folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import apsw


def put(path: Path, *rows: Any) -> Path:
    """Write JSON lines (strings as they are), making the folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def claude(
    message: str,
    usage: dict[str, Any],
    *,
    request: str = "req_1",
    model: str = "claude-sonnet-5-5",
    at: str = "2026-11-10T09:00:00.000Z",
    **more: Any,
) -> dict[str, Any]:
    """One line of a Claude Code transcript."""
    return {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/home/user/shop",
        "sessionId": "5f0c7a4e-0000-4000-8000-000000000001",
        "version": "2.4.1",
        "gitBranch": "main",
        "type": "assistant",
        "message": {
            "id": message,
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": "..."}],
            "stop_reason": None,
            "usage": usage,
        },
        "requestId": request,
        "uuid": f"{message}-{usage.get('output_tokens')}",
        "timestamp": at,
        **more,
    }


def codex_meta(session: str, **more: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-11-10T10:00:00.000Z",
        "type": "session_meta",
        "payload": {
            "id": session,
            "timestamp": "2026-11-10T10:00:00.000Z",
            "cwd": "/home/user/shop",
            "originator": "codex_cli_rs",
            "cli_version": "0.155.1",
            "source": "cli",
            "model_provider": "openai",
            **more,
        },
    }


def codex_turn(model: str = "gpt-6.1-sol") -> dict[str, Any]:
    return {
        "timestamp": "2026-11-10T10:00:01.000Z",
        "type": "turn_context",
        "payload": {"turn_id": "t", "cwd": "/home/user/shop", "model": model, "effort": "low"},
    }


def codex_counts(given: int, cached: int, made: int, thought: int = 0) -> dict[str, int]:
    return {
        "input_tokens": given,
        "cached_input_tokens": cached,
        "output_tokens": made,
        "reasoning_output_tokens": thought,
        "total_tokens": given + made,
    }


def codex_total(
    total: dict[str, int], last: dict[str, int] | None, at: str = "2026-11-10T10:00:05.000Z"
) -> dict[str, Any]:
    info: dict[str, Any] = {"total_token_usage": total, "model_context_window": 258400}
    if last is not None:
        info["last_token_usage"] = last
    payload = {"type": "token_count", "info": info, "rate_limits": {"limit_id": "codex"}}
    return {"timestamp": at, "type": "event_msg", "payload": payload}


def codex_record(
    response: str, usage: dict[str, int], at: str = "2026-11-10T10:00:05.000Z"
) -> dict[str, Any]:
    return {
        "timestamp": at,
        "type": "token_usage_record",
        "payload": {
            "thread_id": "019a",
            "session_id": "019a",
            "turn_id": "t",
            "root_turn_id": "t",
            "response_id": response,
            "usage": usage,
            "turn_token_usage": usage,
            "thread_token_usage": usage,
        },
    }


def gemini(message: str, tokens: dict[str, int], at: str = "2026-11-10T11:00:00.000Z") -> dict[str, Any]:
    return {
        "id": message,
        "timestamp": at,
        "type": "gemini",
        "content": "...",
        "thoughts": [],
        "model": "gemini-3.1-flash-lite",
        "tokens": tokens,
    }


def opencode(message: str, tokens: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": message,
        "sessionID": "ses_1",
        "role": "assistant",
        "time": {"created": 1_794_300_000_000, "completed": 1_794_300_009_000},
        "providerID": "anthropic",
        "modelID": "claude-sonnet-5-5",
        "mode": "build",
        "path": {"cwd": "/home/user/shop", "root": "/home/user/shop"},
        "cost": 0.5,
        "tokens": tokens,
        **more,
    }


def opencode_database(path: Path, *messages: dict[str, Any], session_message: bool = False) -> Path:
    """The tables of opencode that hold usage."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS session (id TEXT PRIMARY KEY, directory TEXT NOT NULL, title TEXT);"
        "CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, session_id TEXT, data TEXT);"
        "CREATE TABLE IF NOT EXISTS session_message"
        " (id TEXT PRIMARY KEY, session_id TEXT, type TEXT, data TEXT);"
        "INSERT OR IGNORE INTO session VALUES ('ses_1', '/home/user/shop', 'A title')"
    )
    for message in messages:
        data = json.dumps(
            {key: value for key, value in message.items() if key not in ("id", "sessionID")}
        )
        if session_message:
            row = (message["id"], "ses_1", "assistant", data)
            connection.execute("INSERT INTO session_message VALUES (?, ?, ?, ?)", row)
        else:
            connection.execute("INSERT INTO message VALUES (?, ?, ?)", (message["id"], "ses_1", data))
    connection.close()
    return path


def cline_request(at_ms: int, request: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "ts": at_ms,
        "type": "say",
        "say": "api_req_started",
        "text": json.dumps({"request": "...", **request}),
        "conversationHistoryIndex": 1,
        **more,
    }


def document(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
