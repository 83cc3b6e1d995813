"""The real gateway runs here, on loopback only, and speaks to the model service in three dialects."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from tests.upstream.start import Account

pytestmark = pytest.mark.anyio

VENDORS = {
    "openai": "stand-in-small",
    "anthropic": "claude-stand-in",
    "google": "gemini-stand-in",
}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=20) as client:
        yield client


async def ask(
    http: httpx.AsyncClient, gateway: str, account: Account, vendor: str, **more: Any
) -> httpx.Response:
    headers = {
        "x-portkey-provider": vendor,
        "authorization": f"Bearer {account.key}",
        "x-portkey-custom-host": account.root if vendor == "google" else account.url,
    }
    body = {
        "model": VENDORS[vendor],
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hello"}],
    }
    return await http.post(f"{gateway}/v1/chat/completions", json=body | more, headers=headers)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_vendor_answers_through_it(
    http: httpx.AsyncClient, gateway: str, account: Account, vendor: str
) -> None:
    whole = await ask(http, gateway, account, vendor)
    assert whole.status_code == 200, whole.text
    streamed = await ask(
        http, gateway, account, vendor, stream=True, stream_options={"include_usage": True}
    )
    assert streamed.status_code == 200, streamed.text
    chunks = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")]
    [first, second] = account.bill()
    assert whole.json()["usage"]["total_tokens"] == first.spent.input + first.spent.output
    used = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert used[-1]["total_tokens"] == second.spent.input + second.spent.output
    assert "x-portkey-provider" not in first.headers


def test_nobody_else_can_reach_it(gateway: str) -> None:
    port = urlsplit(gateway).port
    bound = {
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }
    assert bound == {"127.0.0.1"}
    with socket.create_connection(("127.0.0.1", port or 0), timeout=5):
        pass
