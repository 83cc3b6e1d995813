"""Real repositories made with libgit2, and what an index says about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import FileMode

from sophia_mcp.index.build import Index, Model, Storage
from sophia_mcp.index.schema import MIGRATIONS
from sophia_mcp.index.views import View
from sophia_mcp.store import jobs, leases
from sophia_mcp.store.engines import ENGINES
from sophia_mcp.store.text import Fts5Text
from sophia_mcp.store.trigrams import SegmentedTrigrams
from sophia_mcp.types import LOCAL

AUTHOR = pygit2.Signature("A. Person", "person@example.org", 1_700_000_000, 0)


@asynccontextmanager
async def open_index(home: Path, model: Model | None = None, **more: Any) -> AsyncIterator[Index]:
    """An index over a store in ``home``, with jobs beside it."""
    home.mkdir(exist_ok=True, parents=True)
    engine = ENGINES.load("sqlite")
    database = await engine.open(home / "index.db", durability="derived")
    state = await engine.open(home / "state.db", durability="truth")
    try:
        await database.migrate(MIGRATIONS, leases.MIGRATIONS)
        await state.migrate(jobs.MIGRATIONS)
        index = Index(
            Storage(database, Fts5Text(), SegmentedTrigrams(), LOCAL),
            model or Model(),
            jobs.Jobs(state, f"test:{home}"),
            **more,
        )
        try:
            yield index
        finally:
            await index.close()
    finally:
        await database.close()
        await state.close()


def make_repository(root: Path) -> pygit2.Repository:
    """An empty repository on branch main."""
    return pygit2.init_repository(str(root), initial_head="main")


def commit_all(repository: pygit2.Repository, message: str = "Change") -> str:
    """Commit everything that is not ignored; returns the commit id."""
    index = repository.index
    index.add_all()
    for entry in list(index):
        if not (Path(repository.workdir) / entry.path).exists():
            index.remove(entry.path)
    index.write()
    parents = [] if repository.head_is_unborn else [repository.head.target]
    made = repository.create_commit("HEAD", AUTHOR, AUTHOR, message, index.write_tree(), parents)
    return str(made)


def bomb(root: Path, depth: int, mode: FileMode = FileMode.BLOB) -> Path:
    """A repository of a few hundred bytes with ten to the power of ``depth`` files of a kilobyte, or by ``mode``
    of empty folders or submodules."""
    repository = make_repository(root)
    inner = repository.create_blob(b"x" * 1024)
    if mode == FileMode.TREE:
        inner = repository.TreeBuilder().write()
    for _ in range(depth):
        builder = repository.TreeBuilder()
        for number in range(10):
            builder.insert(f"d{number}", inner, mode)
        inner, mode = builder.write(), FileMode.TREE
    repository.create_commit("refs/heads/main", AUTHOR, AUTHOR, "Grow", inner, [])
    return root


async def shown(index: Index, view: View) -> dict[str, str]:
    """Path to blob hash of everything a view shows."""
    async with index.storage.database.read(LOCAL) as tx:
        rows = await tx.rows(
            "SELECT f.path, b.hash FROM files f JOIN placements p ON p.id = f.placement_id"
            " JOIN blobs b ON b.id = p.blob_id WHERE f.view_id = :view",
            {"view": view.id},
        )
    return dict(rows)


async def skipped(index: Index, view: View) -> dict[str, str]:
    """Path to reason of everything a view leaves out."""
    async with index.storage.database.read(LOCAL) as tx:
        return dict(
            await tx.rows("SELECT path, reason FROM skips WHERE view_id = :view", {"view": view.id})
        )


async def contents(index: Index, view: View) -> dict[str, Any]:
    """Everything the index says about a view, by path and without ids: two indexes of one tree
    must say the same."""
    async with index.storage.database.read(LOCAL) as tx:
        files = await tx.rows(
            "SELECT f.path, p.id, p.repo_id, p.chunks, p.lexical, p.trigram, b.id, b.hash, b.language, b.lines,"
            " b.encoding, b.fallback FROM files f JOIN placements p ON p.id = f.placement_id"
            " JOIN blobs b ON b.id = p.blob_id WHERE f.view_id = :view",
            {"view": view.id},
        )
        found: dict[str, Any] = {}
        for path, placement, repo, count, lexical, trigram, blob, *about in files:
            chunks = await tx.rows(
                "SELECT ordinal, start_line, end_line, kind, symbol, context, names, signature FROM chunks"
                " WHERE blob_id = :blob ORDER BY ordinal",
                {"blob": blob},
            )
            symbols = await tx.rows(
                "SELECT position, name, container, kind, start_line, end_line FROM symbols"
                " WHERE blob_id = :blob ORDER BY position",
                {"blob": blob},
            )
            vectors = await tx.rows(
                "SELECT model, count, rows FROM vectors WHERE repo_id = :repo AND placement_id = :placement"
                " ORDER BY model",
                {"repo": repo, "placement": placement},
            )
            assert count == len(chunks)
            found[path] = (about, lexical, trigram, chunks, symbols, vectors)
        skips = await tx.rows(
            "SELECT path, reason FROM skips WHERE view_id = :view ORDER BY path", {"view": view.id}
        )
    return {"files": found, "skips": skips}


async def words(index: Index, view: View, *terms: str) -> set[str]:
    """Paths of a view that contain all these lexical terms."""
    async with index.storage.database.read(LOCAL) as tx:
        per_term = []
        for term in terms:
            hits = await index.storage.text.search(tx, view.repo_id, [term], 100_000)
            placements = {id_ // 4096 for id_, _ in hits}
            rows: Iterable[Any] = await tx.rows(
                "SELECT path, placement_id FROM files WHERE view_id = :view", {"view": view.id}
            )
            per_term.append({path for path, placement in rows if placement in placements})
    return set.intersection(*per_term)


async def count(index: Index, table: str) -> int:
    """How many rows a table has."""
    async with index.storage.database.read(index.storage.scope) as tx:
        return int((await tx.rows(f"SELECT COUNT(*) FROM {table}"))[0][0])
