"""Model folders for tests, written with real libraries."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers


def write_model2vec(folder: Path, dtype: str = "F32") -> Path:
    """A small model2vec folder: characters and a few words, random rows of 16 dimensions."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = ["[PAD]", "[UNK]", *"abcdefghijklmnopqrstuvwxyz0123456789"]
    pieces += [f"##{piece}" for piece in pieces[2:]] + ["connection", "backoff", "attempt", "pool"]
    vocabulary = {piece: row for row, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    rows = np.random.default_rng(7).normal(size=(len(pieces), 16))
    raw = rows.astype({"F32": "<f4", "F16": "<f2", "F64": "<f8"}[dtype]).tobytes()
    header = json.dumps(
        {"embeddings": {"dtype": dtype, "shape": list(rows.shape), "data_offsets": [0, len(raw)]}}
    ).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + raw)
    return folder


def write_tensors(folder: Path, **tensors: np.ndarray) -> Path:
    """A model2vec folder with these tensors, of float32 or int64, and the tokenizer of the other."""
    write_model2vec(folder)
    header, raw = {}, b""
    for name, values in tensors.items():
        dtype, kind = ("I64", "<i8") if values.dtype.kind == "i" else ("F32", "<f4")
        part = values.astype(kind).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(values.shape),
            "data_offsets": [len(raw), len(raw) + len(part)],
        }
        raw += part
    head = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + raw)
    return folder
