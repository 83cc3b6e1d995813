"""Any model2vec folder on disk: ``model.safetensors`` (``embeddings``) and ``tokenizer.json``.

Its word vectors are summed by the same recipe as our own table, which measured better on code than
the plain mean of a chunk's tokens. Needs the extra ``model2vec`` for the tokenizer.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.embed import options as given
from sophia_mcp.embed.bags import Bags
from sophia_mcp.embed.providers import Model, Provider, Vectors
from sophia_mcp.embed.providers._summed import Summed
from sophia_mcp.errors import BadSetting, MissingExtra
from sophia_mcp.registry import refuse_unknown

HEADER_WEIGHT = 4.0
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I8": "i1", "I64": "<i8", "I32": "<i4"}
_MAX_HEADER = 10_000_000


class Model2VecEmbedder(Summed):
    """Sums of the word vectors of a model2vec folder."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = _tokenizer(folder / "tokenizer.json")
        raw, tensors = _tensors(folder / "model.safetensors")
        if fault := _fault(tensors, self._tokenizer.get_vocab_size()):
            raise _unusable(folder / "model.safetensors", fault)
        self._table = tensors["embeddings"]
        self._rows = tensors.get("mapping")
        self._weights = tensors.get("weights")
        self._unknown = self._tokenizer.token_to_id("[UNK]")
        # All that makes a vector: the same table under other tokens is another model.
        digest = hashlib.sha256(raw)
        digest.update((folder / "tokenizer.json").read_bytes())
        name = f"model2vec-{folder.name}-{digest.hexdigest()[:12]}"
        dimensions = int(self._table.shape[1])
        super().__init__(
            Model(name, dimensions, local=True),
            Bags(self._known, self._weighed, dimensions, HEADER_WEIGHT),
        )

    def _known(self, word: str) -> list[int]:
        """The tokens of a word that the model knows."""
        ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        return [id_ for id_ in ids if id_ != self._unknown]

    def _weighed(self, ids: NDArray[np.intp], weights: Vectors) -> Vectors:
        if self._weights is not None:
            weights = weights * self._weights[ids].astype(np.float32)
        rows = ids if self._rows is None else self._rows[ids]
        sums: Vectors = weights @ self._table[rows].astype(np.float32)
        return sums


def _tokenizer(path: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtra(
            "the embedder model2vec needs the package tokenizers",
            why="it is not installed",
            next="pip install 'sophia-mcp[model2vec]'",
        ) from error
    try:
        tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
    except Exception as error:  # that library raises nothing narrower
        raise _unusable(path, str(error)) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _tensors(path: Path) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """A safetensors file and its tensors: 8 bytes of length, a JSON header, the data."""
    try:
        raw = path.read_bytes()
        length = int.from_bytes(raw[:8], "little")
        if not 0 < length <= min(_MAX_HEADER, len(raw) - 8):
            raise ValueError("its header does not fit into the file")
        tensors = {}
        for name, about in json.loads(raw[8 : 8 + length]).items():
            if name != "__metadata__":
                begin, end = about["data_offsets"]
                flat = np.frombuffer(raw[8 + length + begin : 8 + length + end], _DTYPES[about["dtype"]])
                tensors[name] = flat.reshape(about["shape"])
    except KeyError as error:
        raise _unusable(path, f"it has no usable {error}") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise _unusable(path, str(error)) from error
    return raw, tensors


def _fault(tensors: Mapping[str, NDArray[Any]], tokens: int) -> str:
    """Why tensors are no model for so many tokens; empty where they are. What is wrong here would be met by
    every file of an index."""
    table, rows, weights = (tensors.get(name) for name in ("embeddings", "mapping", "weights"))
    if table is None or table.ndim != 2 or not table.size:
        return "it has no two-dimensional tensor named embeddings"
    if not np.isfinite(table).all() or (weights is not None and not np.isfinite(weights).all()):
        return "it holds numbers that are not finite"
    if rows is not None and (
        rows.dtype.kind != "i"
        or rows.ndim != 1
        or not rows.size
        or rows.min() < 0
        or rows.max() >= len(table)
    ):
        return "its mapping leads to rows that it does not have"
    for name in ("embeddings" if rows is None else "mapping", "weights"):
        if name in tensors and (count := len(np.atleast_1d(tensors[name]))) < tokens:
            return f"{name} has {count} rows, and tokenizer.json knows {tokens} tokens"
    return ""


def _unusable(path: Path, why: str) -> BadSetting:
    return BadSetting(
        f"the model2vec file {path} cannot be used", why=why, next="set embed.path to a model2vec folder"
    )


def _open(options: Mapping[str, object]) -> Model2VecEmbedder:
    refuse_unknown(options, ("path",), "the embedder model2vec")
    return Model2VecEmbedder(Path(os.path.expanduser(given.text("model2vec", options, "path"))))


PROVIDER = Provider("any model2vec folder on disk (extra: model2vec)", local=True, open=_open)
