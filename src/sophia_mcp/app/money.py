"""How is the ledger opened: with which prices, for whom, and who hears of budgets?"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sophia_mcp.app.parts import Parts

if TYPE_CHECKING:
    from sophia_mcp.cost.ledger.alerts import Alert, Listener
    from sophia_mcp.cost.money import Money
    from sophia_mcp.llm.counting.factors import Learned

WEBHOOK_S = 5.0
KEEP_S = 2.0
"""What was learned about tokenizers is written at most so often."""

_log = logging.getLogger("sophia_mcp.cost")


async def open_money(parts: Parts) -> Money:
    """The money of this machine's workspace. Warms the price list away from the event loop."""
    from sophia_mcp.cost.ledger import factors
    from sophia_mcp.cost.ledger.ledger import Ledger
    from sophia_mcp.cost.money import Money
    from sophia_mcp.llm.counting.factors import Factors
    from sophia_mcp.llm.prices.catalogue import Catalogue
    from sophia_mcp.ops.workers import enrol, is_dead
    from sophia_mcp.settings import login, prices_file
    from sophia_mcp.types import LOCAL

    chosen, database = parts.settings.cost, await parts.truth()
    ledger = Ledger(
        database,
        holder=enrol(),
        user=chosen.user or login(),
        dead=is_dead,
    )
    if chosen.webhook:
        ledger.listeners.append(_webhook(parts, chosen.webhook))
    catalogue = Catalogue.read(prices_file(parts.settings))
    await catalogue.warm()
    counts = Factors(
        await factors.known(database, LOCAL),
        start=lambda model: float(catalogue.model(model).factor),
        keep=_Keeper(parts),
    )
    return Money(ledger, catalogue, counts, chosen.unpriced_tokens)


def _webhook(parts: Parts, setting: str) -> Listener:
    """A listener that posts alerts, in a task of its own: no call waits for it. The address may be a
    secret, so it is never logged."""
    from sophia_mcp.cost.ledger.alerts import check_webhook
    from sophia_mcp.settings import is_reference, secret

    url = check_webhook(secret(setting) if is_reference(setting) else setting)

    async def post(alert: Alert) -> None:
        import httpx2

        try:
            async with httpx2.AsyncClient(timeout=WEBHOOK_S, follow_redirects=False) as client:
                answer = await client.post(url, json=alert.facts())
            if answer.status_code >= 300:
                _log.warning("the budget webhook answered %s", answer.status_code)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            _log.warning("the budget webhook was not reached: %s", type(error).__name__)

    async def listen(alert: Alert) -> None:
        parts.tasks.start("budget webhook", post, alert)

    return listen


class _Keeper:
    """Writes what was learned about tokenizers, some of it at a time. What is lost with the process is
    learned again."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._learned: dict[str, Learned] = {}

    def __call__(self, model: str, learned: Learned) -> None:
        if not self._learned:
            self._parts.tasks.start("what was learned about tokenizers", self._write)
        self._learned[model] = learned

    async def _write(self) -> None:
        import anyio

        from sophia_mcp.cost.ledger import factors
        from sophia_mcp.types import LOCAL

        await anyio.sleep(KEEP_S)
        learned, self._learned = self._learned, {}
        await factors.keep(await self._parts.truth(), LOCAL, learned)
