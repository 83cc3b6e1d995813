"""Answers of semble, run inside the rivals' environment: semble_answers.py QUESTIONS ANSWERS.

Its model is ours in its own format (model2vec): the same rows, a WordPiece tokenizer over the same
vocabulary that splits identifiers as we do. Capitalised and upper-case spellings point at copies of a
word's row, because splitting by case and folding it cannot be done in one such tokenizer.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from semble.index.index import SembleIndex
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Split

WEIGHTS = Path(__file__).resolve().parents[2] / "src" / "sophia_mcp" / "embed" / "weights"
PARTS = r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+"


def our_model(folder: Path) -> Path:
    """Our weights as a model2vec folder."""
    words = (WEIGHTS / "vocabulary.txt").read_text("utf-8").split("\n")
    rows = (
        np.load(WEIGHTS / "table.npy").astype(np.float32)
        * np.load(WEIGHTS / "scales.npy").astype(np.float32)[:, None]
    )
    spellings = {"[UNK]": 0}
    taken = [np.zeros(rows.shape[1], np.float32)]
    for word, row in zip(words, rows, strict=True):
        bare = word.removeprefix("##")
        mark = word[: len(word) - len(bare)]
        for spelt in (bare, bare.capitalize(), bare.upper()):
            if mark + spelt not in spellings:
                spellings[mark + spelt] = len(taken)
                taken.append(row)
    tokenizer = Tokenizer(WordPiece(spellings, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.pre_tokenizer = Split(Regex(PARTS), "removed", invert=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file({"embeddings": np.stack(taken)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"normalize": True, "model_type": "model2vec"}))
    return folder


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text())
    answers: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = our_model(Path(folder))
        for package in given["packages"]:
            index = SembleIndex.from_path(package["root"], model_path=str(model))
            for id, text in package["questions"]:
                started = time.perf_counter()
                hits = index.search(text, top_k=given["shown"])
                spans = [(h.chunk.file_path, h.chunk.start_line, h.chunk.end_line) for h in hits]
                answers[id] = {
                    "spans": spans,
                    "refused": False,
                    "seconds": time.perf_counter() - started,
                }
    Path(sys.argv[2]).write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
