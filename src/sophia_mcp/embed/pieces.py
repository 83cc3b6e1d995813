"""Which rows of an embedding table make up a word?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

MAX_WORD = 48
MEMORY = 1 << 14
"""Words whose rows are remembered."""

_CONTINUES = "##"


class Pieces:
    """A vocabulary of whole words and word pieces; a piece that continues a word begins with ``##``."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._rows = {piece: row for row, piece in enumerate(vocabulary)}
        self._longest = max(map(len, vocabulary), default=0)
        self.rows = lru_cache(MEMORY)(self.cut)

    def __len__(self) -> int:
        return len(self._rows)

    def place(self, word: str) -> int | None:
        """The row of a word that is one whole; None for any other."""
        return self._rows.get(word)

    def cut(self, word: str) -> tuple[int, ...]:
        """Row numbers of a word: its own row, else the longest known pieces from left to right.

        Characters that no piece covers are passed over, so any text has an answer, if an empty one.
        """
        whole = self._rows.get(word)
        if whole is not None:
            return (whole,)
        found: list[int] = []
        start, end = 0, min(len(word), MAX_WORD)
        while start < end:
            stop = min(end, start + self._longest)
            prefix = _CONTINUES if start else ""
            while stop > start and (row := self._rows.get(prefix + word[start:stop])) is None:
                stop -= 1
            if stop > start:
                found.append(row)  # type: ignore[arg-type]
                start = stop
            else:
                start += 1
        return tuple(found)
