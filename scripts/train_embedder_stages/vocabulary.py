"""Which rows does the table have, and which rows make up a word?

A subword vocabulary is learned on the words of the mined pairs, then the most frequent words that it
would split get a row of their own. A word is looked up whole, else cut greedily into the longest known
pieces; continuations carry ``##``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from sophia_mcp.words import words

from .mine import Pair

PIECES = 16_000
ROWS = 42_000
MIN_COUNT = 3
ALPHABET = 120


def count_words(pairs: Iterable[Pair]) -> Counter[str]:
    """In how many queries, headers and codes each word occurs."""
    counts: Counter[str] = Counter()
    for pair in pairs:
        for text in (pair.query, " ".join(pair.header), pair.code):
            counts.update(set(words(text)))
    return counts


def learn_vocabulary(counts: Counter[str]) -> list[str]:
    """Row names in row order: pieces first, then whole words by falling frequency."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(
        vocab_size=PIECES,
        min_frequency=2,
        limit_alphabet=ALPHABET,
        special_tokens=["[UNK]"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_weighted(counts), trainer)
    vocabulary = tokenizer.get_vocab()
    pieces = sorted(
        (piece for piece in vocabulary if piece != "[UNK]"), key=lambda piece: vocabulary[piece]
    )
    known = set(pieces)
    frequent = sorted(
        (w for w, n in counts.items() if n >= MIN_COUNT and w not in known),
        key=lambda w: (-counts[w], w),
    )
    whole = [word for word in frequent if not (word.isdigit() and len(word) > 4) and len(word) <= 24]
    return pieces + whole[: ROWS - len(pieces)]


def _weighted(counts: Counter[str]) -> Iterator[str]:
    """Words repeated by the square root of their count: rare words still shape the pieces."""
    for word in sorted(counts):
        if counts[word] >= 2 and len(word) <= 24:
            yield " ".join([word] * min(1000, math.ceil(math.sqrt(counts[word]))))
