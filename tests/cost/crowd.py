"""One of several processes that spend from the same ledger, until it is killed or done.

Run as a module: folder, number of calls, hard limit in nano-dollars, seed, and how many calls at once.
Prints one line for each call that the vendor really answered: what it billed.
"""

from __future__ import annotations

import os
import random
import sys
from contextlib import suppress
from pathlib import Path

import anyio
from tests.cost.books import WORST, Books, Vendor, lost, open_books, question, refused

from sophia_mcp.cost.ledger.entry import Limit
from sophia_mcp.errors import BudgetExceeded, ProviderError
from sophia_mcp.types import Usage


async def spend(books: Books, draw: random.Random, limit: Limit, number: int) -> None:
    """One call: answered, refused, or lost on the way; every answer is told on standard output."""
    fate = draw.random()
    used = Usage(10, draw.randrange(1, 11))
    error = refused() if fate < 0.1 else lost() if fate < 0.13 else None

    def begun() -> None:
        if error is None:
            bill = f"{used.input_tokens} {used.output_tokens}\n"
            os.write(1, bill.encode())

    vendor = Vendor(usage=used, error=error, begun=begun)
    with suppress(BudgetExceeded, ProviderError):
        await books.budgeted(vendor, limit).ask(question(f"question {number}"))


async def main() -> None:
    folder, calls, nano, seed, width = Path(sys.argv[1]), *map(int, sys.argv[2:6])
    draw, limit = random.Random(seed), Limit("run", "total", nano, name="run-1")
    turn = anyio.CapacityLimiter(width)
    async with (
        open_books(folder, f"crowd:{os.getpid()}:{seed}") as books,
        anyio.create_task_group() as tasks,
    ):
        for number in range(calls):

            async def one(number: int = number) -> None:
                async with turn:
                    await spend(books, draw, limit, number)

            tasks.start_soon(one)


if __name__ == "__main__":
    assert WORST > 0
    anyio.run(main)
