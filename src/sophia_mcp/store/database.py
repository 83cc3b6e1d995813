"""How everything above the store reads and writes: transactions that carry a scope.

The engine behind this contract is chosen by name from ``store/engines``. SQL that reaches it is
the subset SQLite and PostgreSQL share: named parameters (``:name``), ``ON CONFLICT``,
``RETURNING``, integers for time, money and truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from sophia_mcp.types import Scope

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]
Statement = tuple[str, Parameters]
Repeated = tuple[str, Sequence[Sequence[Any]]]
"""A statement, and the values of each time that it is run."""


class Transaction(Protocol):
    """One short unit of work. ``scope`` says whose rows it may touch; SQL binds it as ``:workspace``
    (it is added to the parameters of every statement)."""

    scope: Scope

    async def rows(
        self, sql: str, parameters: Parameters | None = None, *, alone: bool = False
    ) -> list[Row]:
        """All rows of a statement (also of one with ``RETURNING``). ``alone``: it is the only one of a read,
        so that nothing has to be begun and ended around it."""
        ...

    async def run(self, sql: str, parameters: Parameters | None = None) -> int:
        """Run one statement; returns the number of rows it changed."""
        ...

    async def several(
        self, statements: Sequence[Statement | Repeated], *, last: bool = False
    ) -> list[int]:
        """Run different statements in one go, each once or for many rows; returns the number of rows each
        changed. After the ``last`` ones of a write nothing more may be run: they are committed in the
        same go."""
        ...

    async def many(self, sql: str, parameters: Iterable[Parameters | Sequence[Any]]) -> None:
        """Run one statement for each set of parameters, in one go."""
        ...


class Database(Protocol):
    """One store file (or schema). Reads see one snapshot; writes are immediate and, once their first
    statement has run, shielded."""

    def read(self, scope: Scope) -> AbstractAsyncContextManager[Transaction]:
        """A read transaction: its first statement fixes what it sees. A cancelled read is interrupted.
        Never await anything slow inside."""
        ...

    def write(self, scope: Scope) -> AbstractAsyncContextManager[Transaction]:
        """A write transaction: its first statement waits for other writers. Committed on a clean exit,
        rolled back on an error."""
        ...

    async def migrate(self, *migrations: Any) -> None:
        """Bring the file to the given packages' newest steps."""
        ...

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        ...
