"""Which files of a map come first?"""

from __future__ import annotations

import numpy as np
import pytest

from sophia_mcp.search.repomap import links, pagerank

pytestmark = pytest.mark.requirement("search.modes")


def test_a_use_leads_to_every_file_that_defines_the_name_but_not_out_of_one_that_does() -> None:
    defined = np.array([[-7, 2], [5, 0], [5, 1]])  # name, file
    used = np.array([[0, -7, 4], [0, 5, 9], [2, 5, 1], [2, -7, 3], [3, 8, 1]])  # file, name, times
    pairs, weights = links(used, defined)
    assert dict(zip(map(tuple, pairs.tolist()), weights.tolist(), strict=True)) == {
        (0, 2): 2.0,
        (2, 0): 0.5,
        (2, 1): 0.5,
    }


def test_what_the_used_use_is_more_central_than_what_nobody_uses() -> None:
    start = np.full(4, 0.25)
    ranks = pagerank((np.array([[0, 2], [1, 2], [2, 3]]), np.ones(3)), start)
    assert ranks.sum() == pytest.approx(1)
    assert np.argsort(-ranks).tolist()[:2] == [3, 2]
    assert ranks[0] == ranks[1]


def test_without_links_every_file_is_as_central_as_the_walk_begins_there() -> None:
    nothing = links(np.zeros((0, 3), np.int64), np.zeros((0, 2), np.int64))
    assert pagerank(nothing, np.array([0.75, 0.25])).tolist() == [0.75, 0.25]
