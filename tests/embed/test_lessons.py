"""What the shipped model learns: each question once, with the words of its own code."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

from train_embedder_stages import lessons  # noqa: E402
from train_embedder_stages.mine import Pair  # noqa: E402

from sophia_mcp.embed.pieces import Pieces  # noqa: E402

pytestmark = pytest.mark.requirement("embed.sources")

WORDS = "close the socket open a file now self return handle".split()
CLOSE = "self socket close now return handle handle"
OPEN = "self file open now return handle"


def pair(query: str, code: str) -> Pair:
    return Pair("python", "doc", query, ("socket",), code)


def learned(packages: list[list[Pair]]) -> lessons.Lessons:
    pieces = Pieces(WORDS)
    return lessons.together([lessons.tokenise(i, pairs, pieces) for i, pairs in enumerate(packages)])


def test_a_question_that_two_packages_ask_is_learned_from_the_first() -> None:
    first = [pair("open a file", OPEN), pair("close the socket", CLOSE)]
    found = learned([first, [pair("Close the socket", OPEN), pair("open the file", OPEN)]])
    assert found.packages.tolist() == [0, 0, 1]
    assert [WORDS[row] for row in found.queries.take(np.array([1])).rows] == ["close", "the", "socket"]
    taught = found.codes.take(np.array([1]))
    assert {WORDS[row] for row in taught.rows} == set(CLOSE.split())
    most = {WORDS[row]: weight for row, weight in zip(taught.rows, taught.weights, strict=True)}
    assert most["handle"] == pytest.approx(1 + np.log(2))


def test_the_same_code_is_known_again_and_no_wrong_answer_to_its_other_question() -> None:
    found = learned(
        [[pair("open a file", OPEN), pair("file handle now", OPEN), pair("close it now socket", CLOSE)]]
    )
    same = found.same.tolist()
    assert same[0] == same[1] != same[2]


def test_what_says_too_little_is_no_lesson() -> None:
    found = learned(
        [[pair("a file", OPEN), pair("open a file", "self file"), pair("open a file", OPEN)]]
    )
    assert len(found.packages) == 1
