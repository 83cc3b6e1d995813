"""Every embedder keeps the promises of the seam, whatever it is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.embed.endpoint import Endpoint
from tests.embed.folders import write_model2vec

from sophia_mcp.embed.providers import PROVIDERS, Embedder, LocalEmbedder
from sophia_mcp.errors import BadSetting
from sophia_mcp.types import Passage

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embed.contract")]

NAMES = ("hashing", "model2vec", "openai", "static")
LOCAL = ("hashing", "model2vec", "static")

RETRY = Passage(("src/http/retry", "Client"), "def backoff(self, attempt): return 2 ** attempt")
POOL = Passage(("src/db/pool",), "class Pool:\n    def acquire(self): ...")
PASSAGES = [RETRY, POOL, Passage((), "connection refused by the server")]
HARD = [
    Passage((), ""),
    Passage(("a/b",), ""),
    Passage((), "\0\ufffd \u202e 🦊 \n\t"),
    Passage(("日本語/パス",), "def größe(x): return 'ÄÖÜ' # комментарий о кэше"),
    Passage((), "x" * 200_000),
    Passage((), " ".join(f"word{i}" for i in range(20_000))),
    Passage((), "\ud800 lone surrogate"),
]


@asynccontextmanager
async def opened(name: str, tmp_path: Path) -> AsyncIterator[Embedder]:
    provider = PROVIDERS.load(name)
    if name == "model2vec":
        yield provider.open({"path": str(write_model2vec(tmp_path / "model"))})
    elif name == "openai":
        with Endpoint(dimensions=32) as endpoint:
            embedder = provider.open(endpoint.options())
            yield embedder
            await embedder.aclose()  # type: ignore[attr-defined]
    else:
        yield provider.open({})


def test_the_suite_covers_every_provider_that_ships() -> None:
    assert PROVIDERS.names() == NAMES
    assert tuple(name for name in NAMES if PROVIDERS.load(name).local) == LOCAL


@pytest.mark.parametrize("name", NAMES)
async def test_vectors_are_float32_of_length_one_in_order(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as embedder:
        rows = await embedder.documents(PASSAGES)
        assert rows.dtype == np.float32
        assert rows.shape == (3, embedder.model.dimensions)
        assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
        question = await embedder.query("how long until the next attempt")
        assert question.shape == (embedder.model.dimensions,)
        assert np.linalg.norm(question) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
async def test_the_same_text_has_the_same_vector_always(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as embedder:
        first = await embedder.documents(PASSAGES)
        assert np.array_equal(first, await embedder.documents(PASSAGES))
        assert np.array_equal(await embedder.query("pool"), await embedder.query("pool"))


@pytest.mark.parametrize("name", NAMES)
async def test_a_batch_answers_what_single_calls_answer(name: str, tmp_path: Path) -> None:
    many = [Passage((f"src/m{i}",), f"def function_{i}(value): return value + {i}") for i in range(300)]
    async with opened(name, tmp_path) as embedder:
        together = await embedder.documents(many)
        for i in (0, 1, 150, 299):
            alone = await embedder.documents([many[i]])
            assert np.allclose(together[i], alone[0], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
async def test_nothing_at_all_is_no_rows(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as embedder:
        assert (await embedder.documents([])).shape[0] == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", range(len(HARD)))
async def test_hard_texts_have_finite_vectors_of_length_one_or_zero(
    name: str, number: int, tmp_path: Path
) -> None:
    async with opened(name, tmp_path) as embedder:
        rows = await embedder.documents([HARD[number], RETRY])
        assert np.isfinite(rows).all()
        length = float(np.linalg.norm(rows[0]))
        assert length == pytest.approx(1, abs=1e-5) or length == 0
        assert np.linalg.norm(rows[1]) == pytest.approx(1, abs=1e-5)
        question = await embedder.query(HARD[number].text)
        assert np.isfinite(question).all()


@pytest.mark.parametrize("name", NAMES)
async def test_the_header_is_part_of_the_meaning(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as embedder:
        rows = await embedder.documents(
            [Passage(("src/cache",), "return self"), Passage(("src/auth",), "return self")]
        )
        assert not np.allclose(rows[0], rows[1])


@pytest.mark.parametrize("name", NAMES)
async def test_the_model_says_what_it_is(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as embedder:
        await embedder.query("anything")
        assert embedder.model.id
        assert embedder.model.dimensions > 0
        assert embedder.model.local is (name in LOCAL)
        assert isinstance(embedder, LocalEmbedder) is (name in LOCAL)


@pytest.mark.parametrize("name", LOCAL)
async def test_a_local_embedder_answers_at_once_what_it_answers_later(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as embedder:
        assert isinstance(embedder, LocalEmbedder)
        assert np.array_equal(embedder.encode(PASSAGES), await embedder.documents(PASSAGES))
        assert np.array_equal(embedder.encode_query("pool"), await embedder.query("pool"))


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(BadSetting, match="no option 'colour'"):
        PROVIDERS.load(name).open({"colour": "blue"})
