"""What have settled calls taught about a model's tokenizer? Kept, so that a new process knows it."""

from __future__ import annotations

from sophia_mcp.llm.counting.factors import Learned
from sophia_mcp.store.database import Database
from sophia_mcp.types import Scope


async def known(db: Database, scope: Scope) -> dict[str, Learned]:
    """Every model that was learned about."""
    async with db.read(scope) as tx:
        rows = await tx.rows(
            "SELECT model, factor, peak, calls FROM cost_factors WHERE workspace = :workspace"
        )
    return {model: Learned(factor, peak, calls) for model, factor, peak, calls in rows}


async def keep(db: Database, scope: Scope, learned: dict[str, Learned]) -> None:
    """Keep what this process learned; of two processes that learned of one model, the one that saw more
    calls is believed, and the larger peak stays."""
    async with db.write(scope) as tx:
        await tx.many(
            "INSERT INTO cost_factors (workspace, model, factor, peak, calls) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (workspace, model) DO UPDATE SET factor = CASE WHEN excluded.calls >="
            " cost_factors.calls THEN excluded.factor ELSE cost_factors.factor END,"
            " peak = CASE WHEN excluded.peak > cost_factors.peak THEN excluded.peak ELSE cost_factors.peak END,"
            " calls = CASE WHEN excluded.calls > cost_factors.calls THEN excluded.calls ELSE cost_factors.calls END",
            [
                (scope.workspace, model, each.factor, each.peak, each.calls)
                for model, each in learned.items()
            ],
        )
