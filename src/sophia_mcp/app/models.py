"""How are the models of a process made from the parts below them?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sophia_mcp.app.opening import Models
from sophia_mcp.app.parts import Parts
from sophia_mcp.app.vendors import Vendors

if TYPE_CHECKING:
    from sophia_mcp.llm.wrappers.cache import Store
    from sophia_mcp.llm.wrappers.similar import Likeness


async def open_models(parts: Parts) -> Models:
    """The models of this process; nothing is asked and no SDK is imported before the first question."""
    from sophia_mcp.llm.desk import Desk
    from sophia_mcp.llm.wrappers.guard import Lanes, Policy

    chosen, money, desk = parts.settings.llm, await parts.money(), Desk()
    return Models(
        chosen,
        Vendors(chosen, money.catalogue, desk),
        money,
        desk,
        Lanes(chosen.concurrency, Policy(chosen.attempts, chosen.deadline_s)),
        await _answers(parts),
        parts.stack.push_async_callback,
        await _likeness(parts),
    )


async def _likeness(parts: Parts) -> Likeness | None:
    """How alike questions must be to share an answer, where a person wants that at all."""
    from sophia_mcp.llm.wrappers.similar import Likeness

    least = parts.settings.llm.semantic_cache
    if not least:
        return None
    embedder = await parts.embedder()
    return Likeness(least, embedder.query, embedder.model.id)


async def _answers(parts: Parts) -> Store:
    from sophia_mcp.llm.wrappers.cache import Kept
    from sophia_mcp.store.cache import Cache
    from sophia_mcp.types import LOCAL

    return Kept(Cache(await parts.database()), LOCAL)
