"""Expressions that are compiled when they are first used."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from sophia_mcp.patterns import expression


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda given: pickle.loads(pickle.dumps(given))]
)
def test_a_copy_of_an_expression_matches_the_same(again: Callable[[Any], Any]) -> None:
    assert again(expression("b+")).findall("abba") == ["bb"]
