"""What a source file teaches the embedder: what its comments say, beside the code that they speak of."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

from train_embedder_stages import mine  # noqa: E402

pytestmark = pytest.mark.requirement("embed.sources")

GO = b"""package cache

// Evict drops what has not been used for longest. It is called with the lock held. Entries that are
// pinned stay whatever their age.
func (c *Cache) Evict(limit int) int {
	dropped := 0
	// walk from the cold end and stop once enough room was made
	for node := c.tail; node != nil && c.size > limit; node = node.prev {
		c.remove(node)
		dropped++
	}

	// return dropped;
	return dropped
}
"""


def taught(source: bytes, path: str) -> dict[str, list[mine.Pair]]:
    found: dict[str, list[mine.Pair]] = {}
    for pair in mine.file_pairs(path, source, random.Random(1)):
        found.setdefault(pair.kind, []).append(pair)
    return found


def test_the_first_sentence_of_a_comment_asks_for_the_code_and_so_do_the_next() -> None:
    found = taught(GO, "src/cache/evict.go")
    assert [pair.query for pair in found["doc"]] == ["Evict drops what has not been used for longest."]
    assert [pair.query for pair in found["more"]] == [
        "It is called with the lock held.",
        "Entries that are pinned stay whatever their age.",
    ]
    assert all("c.remove(node)" in pair.code for pair in found["doc"] + found["more"])


def test_a_comment_inside_a_body_asks_for_the_lines_below_it() -> None:
    (aside,) = taught(GO, "src/cache/evict.go")["aside"]
    assert aside.query == "walk from the cold end and stop once enough room was made"
    assert aside.code.split("\n")[0].strip().startswith("for node := c.tail")
    assert "return dropped" not in aside.code


def test_no_comment_is_among_the_code_that_answers() -> None:
    pairs = [pair for kind in taught(GO, "src/cache/evict.go").values() for pair in kind]
    assert len(pairs) >= 4
    assert not [pair for pair in pairs if "//" in pair.code]


def test_code_that_was_commented_out_asks_nothing() -> None:
    source = b"""def settle(ledger, entries):
    # ledger.flush(entries)
    for entry in entries:
        ledger.book(entry.account, entry.amount)
        entry.settled = True
    # x = 1; y = 2;
    for entry in entries:
        entry.close(at=ledger.now())
        entry.done = True
    return ledger
"""
    assert "aside" not in taught(source, "src/books/settle.py")


@pytest.mark.parametrize(
    "said",
    [
        '"the month of %s was closed before its entries" % ledger.month',
        'f"the month of {ledger.month} was closed before its entries"',
        "rb'the month of %s was closed before its entries' % ledger.month",
    ],
    ids=["plain", "formatted", "bytes"],
)
def test_a_message_asks_for_the_code_around_it_which_does_not_hold_it(said: str) -> None:
    source = f'''def settle(ledger, entries):
    """Close every entry of the month."""
    # the ledger's own clock counts, and "not the clock of the machine"
    if ledger.closed:
        raise ValueError({said})
    for entry in entries:
        log.debug("ok: %s", entry.account)
        entry.close(at=ledger.now())
    return ledger
'''
    (message,) = taught(source.encode(), "src/books/settle.py")["message"]
    assert message.query == "the month of was closed before its entries"
    assert message.header == ("src", "books", "settle", "settle")
    assert "if ledger.closed" in message.code
    assert "before its entries" not in message.code
