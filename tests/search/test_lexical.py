"""Which words of a question are looked up, and how often?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.search.conftest import Asked

from sophia_mcp import words
from sophia_mcp.search.candidates import lexical
from sophia_mcp.search.candidates.lexical import Lexical
from sophia_mcp.store.database import Transaction
from sophia_mcp.store.text import Frequencies, Fts5Text
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio


class Watched(Fts5Text):
    """The text index; ``asked`` holds the terms whose frequencies were looked up."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def frequencies(self, tx: Transaction, repo: int, terms: Sequence[str]) -> Frequencies:
        self.asked += terms
        return await super().frequencies(tx, repo, terms)


async def searched(ask: Asked, text: Fts5Text, question: str) -> Lexical:
    async with ask.engine.database.read(LOCAL) as tx:
        view = await ask.index.reconcile(ask.view)
        atlas = await ask.engine.atlases.of(tx, view)
        return await lexical.search(tx, text, atlas, question, 50, None)


async def test_a_word_is_looked_up_once_and_weighs_the_same_after(ask: Asked) -> None:
    text, both, one = Watched(), "the price of an order xyzzy", "order price"
    first = await searched(ask, text, both)
    assert {*words.query_terms(both)} <= {*text.asked}
    text.asked.clear()
    again = await searched(ask, text, both)
    fewer = await searched(ask, text, one)
    assert text.asked == []
    assert (again.weights, again.known) == (first.weights, first.known)
    assert {term: first.weights[term] for term in fewer.weights} == fewer.weights
    assert words.stem("xyzzy") not in first.known


async def test_a_word_that_an_edit_brings_is_known_at_once(own: Asked) -> None:
    text = Watched()
    assert not (await searched(own, text, "xyzzy")).known
    (own.root / "new.py").write_text("def xyzzy():\n    return 1\n")
    await own.index.reconcile(own.view, now=True)
    found = await searched(own, text, "xyzzy")
    assert found.known == {words.stem("xyzzy")}
    assert len(found.ids) == 1
