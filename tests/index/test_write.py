"""What was made by another parser or model is made again, and only that."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.index import encoders
from tests.index.trees import open_index, words

from sophia_mcp.embed.workers import open_encoder
from sophia_mcp.errors import ProviderError
from sophia_mcp.index.build import Index, Model
from sophia_mcp.index.parsing.version import VERSION
from sophia_mcp.index.write import Target, known_files

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("index.versions")]
Write = Callable[..., Path]


async def column(index: Index, sql: str) -> set[str]:
    async with index.storage.database.read(index.storage.scope) as tx:
        return {str(value) for (value,) in await tx.rows(sql)}


async def test_files_that_an_older_parser_cut_are_cut_again(index: Index, tree: Write) -> None:
    root = tree({"a.py": "def f(): pass\n", "b.py": "def g(): pass\n"})
    await index.update(root)
    async with index.storage.database.write(index.storage.scope) as tx:
        await tx.run("UPDATE blobs SET chunker = 'older'")
        await tx.run("UPDATE views SET generation = generation + 1")
    report = await index.update(root)
    assert report.files_changed == 2
    placed = "SELECT b.chunker FROM members m JOIN placements p ON p.id = m.placement_id JOIN blobs b ON b.id = p.blob_id"
    assert await column(index, placed) == {VERSION}
    assert await words(index, await index.resolve("app"), "f") == {"a.py"}
    assert (await index.update(root)).files_changed == 0


async def test_another_embedding_model_embeds_every_file_again(tree: Write, tmp_path: Path) -> None:
    root = tree({"a.py": "def f(): pass\n", "b.py": "def g(): pass\n"})
    encoder = partial(open_encoder, "hashing", {})
    async with open_index(tmp_path / "store", Model("first", encoder), workers=1) as index:
        await index.update(root)
        assert await column(index, "SELECT model FROM vectors") == {"first"}
    async with open_index(tmp_path / "store", Model("second", encoder), workers=1) as index:
        report = await index.update(root)
        assert report.files_changed == 2
        async with index.storage.database.read(index.storage.scope) as tx:
            rows = await tx.rows("SELECT COUNT(*) FROM vectors WHERE model = 'second'")
        assert rows == [(2,)]


@pytest.mark.requirement("index.versions")
async def test_a_model_that_fails_costs_no_file(
    tree: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # workers find the encoder
    root = tree({"a.py": "def f(): pass\n", "b.py": "def g(): pass\n"})
    async with open_index(tmp_path / "store", Model("faulty", encoders.Faulty), workers=1) as index:
        with pytest.raises(ProviderError, match="token 78 has no row") as failed:
            await index.update(root)
        assert "embed.path" in failed.value.next
    encoder = partial(open_encoder, "hashing", {})
    async with open_index(tmp_path / "store", Model("whole", encoder), workers=1) as index:
        report = await index.update(root)
        assert (report.files_indexed, report.skipped) == (2, ())


@pytest.mark.requirement("index.versions")
async def test_what_was_skipped_with_another_model_or_parser_is_tried_again(
    tree: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    root = tree({"a.py": "def f(): pass  # DEADLY\n", "b.py": "def g(): pass\n"})
    async with open_index(tmp_path / "store", Model("deadly", encoders.Deadly), workers=1) as index:
        assert [skip.count for skip in (await index.update(root)).skipped] == [1]
        view = await index.resolve("app")
        target = Target(view.id, view.repo_id, VERSION, "deadly")
        async with index.storage.database.read(index.storage.scope) as tx:
            assert (await known_files(tx, target))["a.py"].current, "but not with the same ones"
    encoder = partial(open_encoder, "hashing", {})
    async with open_index(tmp_path / "store", Model("whole", encoder), workers=1) as index:
        assert (await index.update(root)).files_indexed == 2


@pytest.mark.requirement("embed.model2vec")
async def test_a_model_may_hold_more_memory_than_a_file_may_take(
    tree: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    root = tree({"a.py": "def f(): pass\n"})
    async with open_index(tmp_path / "store", Model("large", encoders.Large), workers=1) as index:
        assert (await index.update(root)).files_indexed == 1


@pytest.mark.requirement("index.encodings")
async def test_words_of_a_utf16_file_are_found(index: Index, tree: Write) -> None:
    root = tree({"a.py": "x = 1\n"})
    (root / "wide.py").write_bytes("def wide_thing(): pass\n".encode("utf-16"))
    (root / "legacy.py").write_bytes(
        "# Größe der Straße, über alles geprüft\ndef legacy_thing(): pass\n".encode("cp1252")
    )
    await index.update(root)
    view = await index.resolve("app")
    assert await words(index, view, "wide") == {"wide.py"}
    assert await words(index, view, "legaci") == {"legacy.py"}


def test_a_version_of_the_parser_names_that_of_its_grammars() -> None:
    assert VERSION.partition("+")[2] == importlib.metadata.version("tree-sitter-language-pack")
