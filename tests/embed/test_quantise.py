"""int8 rows and back."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sophia_mcp.embed.quantise import LEVELS, Quantised, quantise
from sophia_mcp.embed.workers import encoder_opener
from sophia_mcp.errors import BadArgument, NotFound
from sophia_mcp.types import Passage

FLOATS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


def restore(quantised: Quantised) -> np.ndarray:
    return quantised.rows.astype(np.float32) * quantised.scales[:, None]


@given(arrays(np.float32, st.tuples(st.integers(0, 5), st.integers(1, 16)), elements=FLOATS))
def test_every_value_is_off_by_at_most_half_a_step(vectors: np.ndarray) -> None:
    quantised = quantise(vectors)
    assert quantised.rows.dtype == np.int8
    step = np.abs(vectors).max(axis=1, initial=0) / LEVELS
    assert (np.abs(restore(quantised) - vectors) <= step[:, None] * 0.501 + 1e-30).all()


def test_a_zero_row_stays_zero() -> None:
    quantised = quantise(np.zeros((2, 8), np.float32))
    assert quantised.scales.tolist() == [0, 0]
    assert not restore(quantised).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(BadArgument, match="finite"):
        quantise(np.array([[1.0, value]], np.float32))


def test_a_worker_opens_its_encoder_from_a_pickle() -> None:
    opener = encoder_opener("hashing", {"dimensions": 16})
    assert opener is not None
    rows, scales = pickle.loads(pickle.dumps(opener))().encode([Passage(("a",), "def f(): ...")])
    assert rows.shape == (1, 16)
    assert scales.shape == (1,)


def test_a_hosted_model_has_no_worker_encoder() -> None:
    assert encoder_opener("openai", {}) is None


def test_an_unknown_provider_is_named_with_its_neighbours() -> None:
    with pytest.raises(NotFound, match="statik"):
        encoder_opener("statik")
