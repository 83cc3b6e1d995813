"""Every vector index answers like a comparison with all rows would."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sophia_mcp.store.database import Database
from sophia_mcp.store.engines.sqlite import open_database
from sophia_mcp.store.migrations import Migrations, Step
from sophia_mcp.store.vectors import INDEXES, ROWS_PER_PLACEMENT, VectorIndex
from sophia_mcp.store.vectors.flat import Flat
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio

DIMENSIONS = 96
PER_PLACEMENT = 7
SAMPLED = 256
"""Rows from which an index takes mean and deviation at least, where it does not score all of them."""
MODEL = "model-a"

# The columns that an index may rely on; the whole tables stand in sophia_mcp/index/schema.py.
TABLES = Migrations(
    "tables",
    (
        Step(
            1,
            """
            CREATE TABLE repos (id INTEGER PRIMARY KEY, created_ns INTEGER, generation INTEGER, thinned INTEGER);
            CREATE TABLE vectors (
              model TEXT NOT NULL, placement_id INTEGER NOT NULL, repo_id INTEGER NOT NULL,
              generation INTEGER NOT NULL, count INTEGER NOT NULL, scales BLOB NOT NULL, rows BLOB NOT NULL,
              PRIMARY KEY (model, repo_id, placement_id)
            ) WITHOUT ROWID;
            INSERT INTO repos VALUES (1, 100, 0, 0), (2, 200, 0, 0)
            """,
            1,
            1,
        ),
    ),
)


class Truth:
    """What was stored, so that an answer can be checked against all of it."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db = db
        self.dimensions = DIMENSIONS
        self.draw = np.random.default_rng(seed)
        self.placements: dict[tuple[int, str, int], npt.NDArray[np.float32]] = {}

    def vectors(self, count: int) -> npt.NDArray[np.float32]:
        """Unit vectors in clusters, as embeddings of code are."""
        centres = np.random.default_rng(5).standard_normal((12, self.dimensions))
        chosen = centres[self.draw.integers(0, len(centres), count)]
        rows = chosen + 0.7 * self.draw.standard_normal((count, self.dimensions))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    async def put(
        self, placement: int, repo: int = 1, model: str = MODEL, count: int = PER_PLACEMENT
    ) -> None:
        await self.put_all([placement], repo, model, count)

    async def put_all(
        self, placements: list[int], repo: int = 1, model: str = MODEL, count: int = PER_PLACEMENT
    ) -> None:
        stored = []
        for placement in placements:
            rows = self.vectors(count)
            scales = np.abs(rows).max(axis=1).astype("<f4") / 127
            quantised = np.round(rows / scales[:, None]).astype(np.int8)
            self.placements[repo, model, placement] = quantised * scales[:, None]
            stored.append((model, placement, count, scales.tobytes(), quantised.tobytes(), repo))
        async with self.db.write(LOCAL) as tx:
            await tx.many(
                "INSERT INTO vectors (model, placement_id, repo_id, generation, count, scales, rows)"
                " SELECT ?, ?, id, generation + 1, ?, ?, ? FROM repos WHERE id = ?"
                " ON CONFLICT DO UPDATE SET generation = excluded.generation, count = excluded.count, scales = excluded.scales, rows = excluded.rows",
                stored,
            )
            await tx.run("UPDATE repos SET generation = generation + 1 WHERE id = :repo", {"repo": repo})

    async def drop(self, placement: int, repo: int = 1) -> None:
        del self.placements[repo, MODEL, placement]
        async with self.db.write(LOCAL) as tx:
            await tx.run(
                "DELETE FROM vectors WHERE repo_id = :repo AND placement_id = :placement",
                {"repo": repo, "placement": placement},
            )
            await tx.run(
                "UPDATE repos SET generation = generation + 1, thinned = generation + 1 WHERE id = :repo",
                {"repo": repo},
            )

    def cosines(
        self, query: npt.NDArray[np.float32], repo: int = 1, among: set[int] | None = None
    ) -> dict[int, float]:
        """The cosine of every row of the repository, by row id."""
        found: dict[int, float] = {}
        for (of_repo, model, placement), rows in self.placements.items():
            if of_repo != repo or model != MODEL or (among is not None and placement not in among):
                continue
            scores = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
            found.update({placement * ROWS_PER_PLACEMENT + i: float(s) for i, s in enumerate(scores)})
        return found


@pytest.fixture
async def truth(tmp_path: Path, seed: int) -> AsyncIterator[Truth]:
    db = await open_database(tmp_path / "index.db", durability="derived")
    await db.migrate(TABLES)
    yield Truth(db, seed)
    await db.close()


@pytest.fixture(params=INDEXES.names())
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VectorIndex]:
    index = INDEXES.load(request.param)(tmp_path)
    yield index
    await index.close()


async def ask(
    truth: Truth,
    index: VectorIndex,
    query: npt.NDArray[np.float32],
    among: set[int] | None = None,
    repo: int = 1,
    k: int = 10,
) -> dict[int, float]:
    placements = None if among is None else np.array(sorted(among), np.int64)
    async with truth.db.read(LOCAL) as tx:
        near = await index.search(tx, repo, MODEL, query, k, placements)
    assert list(near.scores) == sorted(near.scores, reverse=True)
    return dict(zip(near.ids.tolist(), near.scores.tolist(), strict=True))


def assert_nearest(found: dict[int, float], every: dict[int, float], k: int = 10) -> None:
    best = sorted(every, key=lambda id_: -every[id_])[:k]
    assert len(found) == len(best)
    for id_, score in found.items():
        assert score == pytest.approx(every[id_], abs=2e-3)
    # Rows of equal cosine may stand in for each other.
    assert min(found.values()) >= every[best[-1]] - 2e-3


@pytest.mark.requirement("store.vectors_contract")
async def test_the_ten_nearest_are_those_of_a_comparison_with_every_row(
    truth: Truth, index: VectorIndex
) -> None:
    await truth.put_all(list(range(1, 200)))
    for query in truth.vectors(20):
        assert_nearest(await ask(truth, index, query), truth.cosines(query))


async def test_only_the_placements_of_a_view_are_searched(truth: Truth, index: VectorIndex) -> None:
    await truth.put_all(list(range(1, 120)))
    view = set(range(1, 120, 3)) | {5000}
    for query in truth.vectors(5):
        assert_nearest(await ask(truth, index, query, among=view), truth.cosines(query, among=view))
    assert await ask(truth, index, truth.vectors(1)[0], among=set()) == {}


async def test_another_repository_or_model_is_never_searched(truth: Truth, index: VectorIndex) -> None:
    await truth.put_all(list(range(1, 30)))
    await truth.put_all(list(range(30, 60)), repo=2)
    await truth.put_all(list(range(1, 30)), model="model-b")
    query = truth.placements[2, MODEL, 30][0]
    assert_nearest(await ask(truth, index, query), truth.cosines(query))
    assert_nearest(await ask(truth, index, query, repo=2), truth.cosines(query, repo=2))


async def test_changes_are_seen_when_the_generation_moves(truth: Truth, index: VectorIndex) -> None:
    await truth.put_all(list(range(1, 100)))
    query = truth.vectors(1)[0]
    await ask(truth, index, query)
    for placement in range(1, 60, 2):
        await truth.drop(placement)
    await truth.put(2)
    await truth.put(500, count=11)
    every = truth.cosines(query)
    assert_nearest(await ask(truth, index, query, k=50), every, k=50)
    near = truth.placements[1, MODEL, 500][3]
    assert max(await ask(truth, index, near), key=(await ask(truth, index, near)).__getitem__) == (
        500 * ROWS_PER_PLACEMENT + 3
    )


@pytest.mark.requirement("embed.away")
async def test_vectors_of_another_length_take_the_place_of_all_at_once(
    truth: Truth, index: VectorIndex
) -> None:
    await truth.put_all(list(range(1, 40)))
    await ask(truth, index, truth.vectors(1)[0])
    for placement in range(1, 40):
        await truth.drop(placement)
    truth.dimensions = 48
    await truth.put_all(list(range(20, 60)))
    query = truth.vectors(1)[0]
    assert_nearest(await ask(truth, index, query), truth.cosines(query))


async def test_a_repository_made_anew_under_an_old_id_starts_empty(
    truth: Truth, index: VectorIndex
) -> None:
    await truth.put_all(list(range(1, 20)))
    query = truth.vectors(1)[0]
    await ask(truth, index, query)
    async with truth.db.write(LOCAL) as tx:
        await tx.run("DELETE FROM vectors")
        await tx.run("UPDATE repos SET created_ns = 999, generation = 0 WHERE id = 1")
    assert await ask(truth, index, query) == {}


async def test_mean_and_deviation_are_those_of_the_rows_searched(
    truth: Truth, index: VectorIndex
) -> None:
    await truth.put_all(list(range(1, 100)))
    query = truth.vectors(1)[0]
    every = np.array(list(truth.cosines(query).values()))
    async with truth.db.read(LOCAL) as tx:
        near = await index.search(tx, 1, MODEL, query, 5, None)
    spread = every.std()
    fourth = ((every - every.mean()) ** 4).mean() / spread**4
    # Five standard errors of a sample: a right one lies outside once in a million draws.
    assert near.mean == pytest.approx(every.mean(), abs=5 * spread / SAMPLED**0.5)
    assert near.deviation == pytest.approx(spread, rel=5 * ((fourth - 1) / (4 * SAMPLED)) ** 0.5)


async def test_a_query_without_direction_finds_nothing(truth: Truth, index: VectorIndex) -> None:
    await truth.put_all([1, 2, 3])
    for bad in (np.zeros(DIMENSIONS, np.float32), np.full(DIMENSIONS, np.nan, np.float32)):
        assert await ask(truth, index, bad) == {}


async def test_unknown_repositories_and_models_are_empty(truth: Truth, index: VectorIndex) -> None:
    query = truth.vectors(1)[0]
    assert await ask(truth, index, query, repo=77) == {}
    assert await ask(truth, index, query) == {}


async def test_a_placement_tells_how_near_each_of_its_rows_is_and_their_sum(
    truth: Truth, index: VectorIndex
) -> None:
    await truth.put_all([3, 9])
    query = truth.vectors(1)[0]
    for place in (9, 11):  # before any search; then from what a search has left in memory
        async with truth.db.read(LOCAL) as tx:
            found = await index.likeness(tx, 1, MODEL, query, [3, place, 1234])
        assert sorted(found) == [3, place]
        rows = truth.placements[1, MODEL, place]
        np.testing.assert_allclose(found[place].products, rows @ query, atol=1e-5)
        np.testing.assert_allclose(found[place].whole, rows.sum(0), atol=1e-5)
        assert {each.dtype for each in found[place]} == {np.dtype(np.float32)}
        await ask(truth, index, query)
        await truth.put_all([11])


async def test_a_forgotten_repository_is_derived_again(truth: Truth, index: VectorIndex) -> None:
    await truth.put_all(list(range(1, 40)))
    query = truth.vectors(1)[0]
    before = await ask(truth, index, query)
    index.forget(1)
    assert await ask(truth, index, query) == before


@pytest.mark.requirement("store.vectors_contract")
async def test_many_small_repositories_take_the_memory_of_their_rows(
    truth: Truth, index: VectorIndex
) -> None:
    repos = range(10, 30)
    async with truth.db.write(LOCAL) as tx:
        await tx.many("INSERT INTO repos VALUES (?, 300, 0, 0)", [(repo,) for repo in repos])
    for repo in repos:
        await truth.put(repo, repo)
    query = truth.vectors(1)[0]
    tracemalloc.start()
    try:
        for repo in repos:
            assert await ask(truth, index, query, repo=repo)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10_000_000


async def test_the_repository_unused_longest_is_dropped_from_memory_first(
    truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with truth.db.write(LOCAL) as tx:
        await tx.many("INSERT INTO repos VALUES (?, 300, 0, 0)", [(repo,) for repo in (11, 12, 13)])
    for repo in (11, 12, 13):
        await truth.put(repo, repo)
    flat, query = Flat(), truth.vectors(1)[0]
    await ask(truth, flat, query, repo=11)
    monkeypatch.setattr("sophia_mcp.store.vectors.flat.HELD_BYTES", 2 * flat._held[11, MODEL].size)
    for repo in (12, 11, 13):
        assert await ask(truth, flat, query, repo=repo)
    assert {repo for repo, _ in flat._held} == {11, 13}


async def test_large_repositories_are_searched_by_candidates_without_losing_the_near(
    truth: Truth, index: VectorIndex
) -> None:
    """Past 30,000 rows every index may choose candidates first: recall@10 stays at 0.95 or more."""
    await truth.put_all(list(range(1, 321)), count=100)
    hits = 0
    queries = truth.vectors(20)
    for query in queries:
        every = truth.cosines(query)
        best = set(sorted(every, key=lambda id_: -every[id_])[:10])
        hits += len(best & set(await ask(truth, index, query)))
    recall = hits / (10 * len(queries))
    assert recall >= 0.95
