"""Our own model: that it loads, that it means something, and that a broken one says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.fresh import imported

from sophia_mcp.embed.pieces import Pieces
from sophia_mcp.embed.providers import PROVIDERS, LocalEmbedder
from sophia_mcp.embed.providers.static import WEIGHTS, StaticEmbedder
from sophia_mcp.errors import BadSetting
from sophia_mcp.types import Passage

CODE = {
    "retry": Passage(
        ("src/http/client", "Client"), "def call(self):\n  for n in range(5):\n    sleep(2 ** n)"
    ),
    "pool": Passage(("src/db/pool", "Pool"), "def acquire(self):\n  while not self.idle: self.wait()"),
    "parse": Passage(
        ("src/config/reader",), "def read(path):\n  return tomllib.loads(path.read_text())"
    ),
    "hash": Passage(
        ("src/auth/passwords",), "def verify(given, salt):\n  return bcrypt.checkpw(given, salt)"
    ),
    "log": Passage(("src/logs/setup",), "def configure(level):\n  logging.getLogger().setLevel(level)"),
}


@pytest.fixture(scope="module")
def static() -> LocalEmbedder:
    embedder = PROVIDERS.load("static").open({})
    assert isinstance(embedder, LocalEmbedder)
    return embedder


QUESTIONS = {
    "wait longer after each failed request": "retry",
    "borrow a database connection": "pool",
    "get a free connection from the database": "pool",
    "load settings from a file": "parse",
    "check the login credentials of a user": "hash",
    "set how verbose the logger is": "log",
}


@pytest.mark.requirement("embed.static")
def test_questions_find_their_code_though_they_hardly_share_its_words(static: LocalEmbedder) -> None:
    rows = static.encode(list(CODE.values()))
    found = {
        question: list(CODE)[int(np.argmax(rows @ static.encode_query(question)))]
        for question in QUESTIONS
    }
    assert (
        sum(found[question] == answer for question, answer in QUESTIONS.items()) >= len(QUESTIONS) - 1
    ), found


@pytest.mark.requirement("embed.static")
def test_the_shipped_model_is_at_most_twelve_megabytes() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) <= 12_000_000


@pytest.mark.requirement("embed.static")
def test_opening_it_imports_no_training_library_and_no_tokenizer() -> None:
    loaded = imported(
        "from sophia_mcp.embed.providers import PROVIDERS; PROVIDERS.load('static').open({})"
    )
    assert not loaded & {"torch", "tokenizers", "scipy", "httpx2", "stamina"}


def test_listing_embedders_imports_none() -> None:
    loaded = imported("from sophia_mcp.embed.providers import PROVIDERS; PROVIDERS.names()")
    assert [name for name in loaded if name.startswith("sophia_mcp.embed.providers.")] == []


def test_other_weights_have_another_id(tmp_path: Path) -> None:
    about = (WEIGHTS / "model.toml").read_text()
    assert StaticEmbedder(WEIGHTS).model.id in about


@pytest.mark.parametrize("damage", ["gone", "short", "empty", "garbage"])
def test_damaged_weights_are_an_error_that_names_the_folder(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS, folder)
    table = folder / "table.npy"
    if damage == "gone":
        table.unlink()
    elif damage == "short":
        table.write_bytes(table.read_bytes()[:5000])
    elif damage == "empty":
        (folder / "vocabulary.txt").write_text("one\ntwo")
    else:
        (folder / "model.toml").write_text("= nonsense")
    with pytest.raises(BadSetting, match="embedding model in"):
        StaticEmbedder(folder)


def test_a_word_is_its_own_row_or_its_longest_pieces() -> None:
    pieces = Pieces(["get", "cache", "c", "##ache", "##d", "##s", "z"])
    assert pieces.rows("cache") == (1,)
    assert pieces.rows("cached") == (1, 4)
    assert pieces.rows("getcaches") == (0, 3, 5)
    assert pieces.rows("xcached!") == (3, 4)
    assert pieces.rows("z") == (6,)
    assert pieces.rows("日") == ()
    assert pieces.rows("") == ()


def test_memory_of_identifiers_starts_over_and_answers_the_same(
    static: LocalEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    passages = list(CODE.values())
    before = static.encode(passages)
    small = StaticEmbedder(WEIGHTS)
    monkeypatch.setattr("sophia_mcp.words.RUNS_MOST", 3)
    for _ in range(3):
        assert np.allclose(small.encode(passages), before, atol=1e-6)
        assert np.allclose(small.encode(passages[:1]), before[:1], atol=1e-6)
