"""Indexes this repository, asks the MCP server one question over stdio, prints the ranked answer."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).resolve().parent.parent
QUESTION = "where is an answer packed into its token budget"


async def main() -> int:
    """Ask, print, and say how long each step took."""
    question = " ".join(sys.argv[1:]) or QUESTION
    command = Path(sys.executable).with_name("sophia-mcp")
    server = StdioServerParameters(
        command=str(command), args=["--root", str(ROOT)], env=dict(os.environ)
    )
    started = time.perf_counter()
    async with Client(server) as client:
        connected = time.perf_counter()
        report = await client.call_tool("index_repo", {"path": str(ROOT), "wait_s": 50})
        indexed = time.perf_counter()
        answer = await client.call_tool(
            "search_code", {"query": question, "limit": 5, "max_tokens": 1500}
        )
        answered = time.perf_counter()
        again = await client.call_tool(
            "search_code", {"query": question, "limit": 5, "max_tokens": 1500}
        )
        repeated = time.perf_counter()
    facts = report.structured_content or {}
    print(f"question: {question}\n")
    print("\n".join(block.text for block in answer.content if block.type == "text"))
    print(
        f"\nserver ready in {connected - started:.2f} s · {facts.get('files_indexed')} files, "
        f"{facts.get('chunks')} chunks indexed in {indexed - connected:.2f} s · "
        f"first answer in {answered - indexed:.3f} s · next in {repeated - answered:.3f} s"
    )
    failed = report.is_error or answer.is_error or again.is_error
    return 1 if failed or facts.get("state") != "ready" else 0


if __name__ == "__main__":
    sys.exit(anyio.run(main))
