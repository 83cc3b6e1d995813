"""Indexing a hostile tree ends, reads what may be read, and counts what it leaves out."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
import zstandard
from tests.faults.hostile.trees import SENTINEL, hostile_tree
from tests.faults.hostile.watching import watching
from tests.index.trees import open_index, shown, skipped, words

from sophia_mcp.index.build import Index
from sophia_mcp.types import LOCAL
from sophia_mcp.words import terms

pytestmark = pytest.mark.anyio

MEMORY = 300 << 20
SECONDS = 100


async def texts(index: Index) -> str:
    """All text that the store holds, of every repository."""
    async with index.storage.database.read(LOCAL) as tx:
        rows = await tx.rows(
            "SELECT text FROM blobs WHERE workspace = :workspace", {"workspace": "local"}
        )
    unpack = zstandard.ZstdDecompressor()
    return "\n".join(unpack.decompress(raw).decode("utf-8", "replace") for (raw,) in rows)


@pytest.mark.requirement("index.hostile_tree")
async def test_a_hostile_tree_is_indexed_without_a_hang_or_a_byte_from_outside(tmp_path: Path) -> None:
    tree = hostile_tree(tmp_path)
    async with open_index(tmp_path / "store") as index:
        with anyio.fail_after(SECONDS), watching() as seen:
            report = await index.update(tree.root)
        view = await index.resolve(str(tree.root))
        files, left_out = await shown(index, view), await skipped(index, view)
        assert report.state == "ready"
        assert not tree.barred & set(files)
        assert tree.barred <= set(left_out)
        assert all(left_out.values())
        missing = {path for path in tree.readable if path not in files}
        assert not missing, {path: left_out.get(path) for path in missing}
        for path, word in tree.readable.items():
            assert path in await words(index, view, *terms(word)), (path, word)
        assert SENTINEL not in await texts(index)
        assert not seen.foreign()
        assert seen.memory <= MEMORY
        assert sum(skip.count for skip in report.skipped) == len(left_out)


@pytest.mark.requirement("index.hostile_tree")
async def test_a_hostile_tree_indexed_twice_does_no_work_the_second_time(tmp_path: Path) -> None:
    tree = hostile_tree(tmp_path)
    async with open_index(tmp_path / "store") as index:
        with anyio.fail_after(SECONDS):
            first = await index.update(tree.root)
            second = await index.update(tree.root)
        assert second.files_changed == 0
        assert second.skipped == first.skipped
        assert second.files_indexed == first.files_indexed


@pytest.mark.requirement("index.hostile_tree")
async def test_a_folder_swapped_for_a_link_after_the_walk_is_not_followed(tmp_path: Path) -> None:
    """The stamp is that of the walk; what is read is what stands there when it is opened."""
    tree = hostile_tree(tmp_path, devices=False)
    async with open_index(tmp_path / "store") as index:
        await index.update(tree.root)
        view = await index.resolve(str(tree.root))
        (tree.root / "pkg" / "plain.py").unlink()
        (tree.root / "pkg" / "plain.py").symlink_to(tree.outside / "secret.py")
        with anyio.fail_after(SECONDS):
            await index.refresh(view, ["pkg/plain.py"])
            await index.update(tree.root)
        assert "pkg/plain.py" not in await shown(index, view)
        assert SENTINEL not in await texts(index)
