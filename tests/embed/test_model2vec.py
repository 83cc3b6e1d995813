"""Foreign model folders: read as they are, refused with the reason when they cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.embed.folders import write_model2vec, write_tensors

from sophia_mcp.embed.providers import PROVIDERS, LocalEmbedder
from sophia_mcp.errors import BadSetting
from sophia_mcp.types import Passage

PASSAGES = [Passage(("src/pool",), "connection pool backoff"), Passage((), "attempt")]


def _opened(folder: Path) -> LocalEmbedder:
    embedder = PROVIDERS.load("model2vec").open({"path": str(folder)})
    assert isinstance(embedder, LocalEmbedder)
    return embedder


@pytest.mark.parametrize("dtype", ["F16", "F64"])
@pytest.mark.requirement("embed.model2vec")
def test_every_precision_means_the_same(tmp_path: Path, dtype: str) -> None:
    exact = _opened(write_model2vec(tmp_path / "a")).encode(PASSAGES)
    other = _opened(write_model2vec(tmp_path / "b", dtype)).encode(PASSAGES)
    assert np.allclose(exact, other, atol=1e-2)


def test_two_models_have_two_ids(tmp_path: Path) -> None:
    one = _opened(write_model2vec(tmp_path / "m"))
    other = _opened(write_model2vec(tmp_path / "n" / "m", "F16"))
    assert one.model.id != other.model.id


def _no_rows(folder: Path) -> None:
    header = json.dumps({"weights": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: (folder / "tokenizer.json").write_text("{}"),
        lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 64),
        lambda folder: (folder / "model.safetensors").write_bytes(b""),
        lambda folder: (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"[]"),
        _no_rows,
    ],
)
@pytest.mark.requirement("embed.model2vec")
def test_a_folder_that_is_no_model_is_refused_with_its_path(tmp_path: Path, damage: object) -> None:
    folder = write_model2vec(tmp_path / "model")
    damage(folder)  # type: ignore[operator]
    with pytest.raises(BadSetting, match=str(folder)):
        _opened(folder)


ROWS = np.random.default_rng(3).normal(size=(78, 16))


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({"embeddings": ROWS[:10]}, "10 rows, and tokenizer.json knows 78 tokens"),
        ({"embeddings": ROWS[:, :0]}, "no two-dimensional tensor"),
        ({"embeddings": np.where(np.eye(78, 16) > 0, np.nan, ROWS)}, "not finite"),
        ({"embeddings": ROWS, "mapping": np.arange(10)}, "mapping has 10 rows"),
        ({"embeddings": ROWS[:10], "mapping": np.arange(78)}, "leads to rows that it does not have"),
        ({"embeddings": ROWS, "mapping": np.arange(0)}, "leads to rows that it does not have"),
        ({"embeddings": ROWS, "weights": np.ones(3)}, "weights has 3 rows"),
        ({"embeddings": ROWS, "weights": np.full(78, np.inf)}, "not finite"),
    ],
)
@pytest.mark.requirement("embed.model2vec")
def test_what_every_file_would_meet_is_found_when_a_folder_is_opened(
    tmp_path: Path, tensors: dict[str, np.ndarray], why: str
) -> None:
    with pytest.raises(BadSetting, match=why):
        _opened(write_tensors(tmp_path / "model", **tensors))


@pytest.mark.requirement("embed.contract")
def test_the_same_table_under_other_tokens_or_weights_is_another_model(tmp_path: Path) -> None:
    folder = write_tensors(tmp_path / "model", embeddings=ROWS)
    first = _opened(folder).model.id
    write_tensors(folder, embeddings=ROWS, weights=np.full(78, 0.5))
    weighed = _opened(folder).model.id
    write_tensors(folder, embeddings=ROWS)
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace("backoff", "timeout"))
    assert len({first, weighed, _opened(folder).model.id}) == 3


def test_a_missing_path_is_asked_for() -> None:
    with pytest.raises(BadSetting, match="needs path"):
        PROVIDERS.load("model2vec").open({})
