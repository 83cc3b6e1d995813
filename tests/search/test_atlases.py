"""A map that was renewed says what one says that was read anew."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.index.trees import commit_all, make_repository
from tests.search.conftest import Asked, open_engine, write

from sophia_mcp.index.views import View, repositories
from sophia_mcp.search.view import freshness
from sophia_mcp.search.view.atlas import ROLES, Atlas
from sophia_mcp.search.view.atlases import Atlases, load, renew
from sophia_mcp.types import LOCAL

pytestmark = pytest.mark.anyio

COLUMNS = ("placements", "blobs", "counts", "sizes", "lexical", "trigram")
"""All but the times of files, which are those of when a map was read, or of later."""


def project(root: Path, files: int = 60) -> Path:
    kinds = ("py", "ts", "d.ts", "js", "md", "toml")
    folders = ("src", "lib", "tests", "v1/api", "v2/api", "dist/esm", "")
    return write(
        root,
        {
            f"{folders[i % len(folders)]}/m{i % 211}.{kinds[i % len(kinds)]}".lstrip("/"): text(i)
            for i in range(files)
        },
    )


def text(number: int) -> str:
    return f"def f{number}():\n    return {number}\n"


def said(atlas: Atlas) -> dict[str, Any]:
    """Everything that a map says."""
    told: dict[str, Any] = {name: getattr(atlas, name).tolist() for name in COLUMNS}
    told |= {name: atlas.role(name).tolist() for name in ROLES}
    told |= {name: getattr(atlas, name) for name in ("position", "old_versions", "compiled", "index")}
    types = {f"{name}, type": getattr(atlas, name).dtype for name in COLUMNS}
    return told | types | {"files": [*atlas.paths], "tongues": [*atlas.languages], "whole": atlas.whole}


async def fresh(ask: Asked, view: View) -> Atlas:
    async with ask.engine.database.read(LOCAL) as tx:
        return await load(tx, view)


async def renewed(ask: Asked, view: View, held: Atlas) -> Atlas | None:
    async with ask.engine.database.read(LOCAL) as tx:
        return await renew(tx, view, held)


def change(root: Path, rng: random.Random, step: int) -> str:
    """Edit, add, delete, rename or touch a file; says which."""
    files = sorted(p for p in root.rglob("m*.*") if p.is_file())
    file = rng.choice(files)
    what = rng.choice(("edit", "edit", "add", "delete", "rename", "copy"))
    if what == "edit":
        file.write_text(file.read_text() + f"# {step}\n")
    elif what == "add":
        (root / "src" / f"mnew{step}.{rng.choice(('py', 'ts', 'js', 'é.md'))}").write_text(text(step))
    elif what == "delete":
        file.unlink()
    elif what == "rename":
        file.rename(file.with_name(f"m{step}renamed{file.suffix}"))
    else:
        (root / f"m{step}copy.py").write_text(file.read_text())
    return what


@pytest.mark.requirement("search.fresh", "search.never_silently_stale")
async def test_after_any_change_a_renewed_map_equals_a_fresh_one(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    root = project(tmp_path / "app", 600)
    async with open_engine(root, tmp_path / "home") as ask:
        held = await fresh(ask, ask.view)
        said(held)  # so that there is something to keep
        done = 0
        for step in range(20):
            what = [change(root, rng, 100 * step + i) for i in range(rng.choice((1, 1, 1, 2)))]
            view = await ask.index.reconcile(ask.view, now=True)
            now, anew = await renewed(ask, view, held), await fresh(ask, view)
            if now is not None:
                done += 1
                assert said(now) == said(anew), (seed, step, what)
            held = now or anew
    assert done > 15


@pytest.mark.requirement("search.fresh", "search.never_silently_stale")
async def test_a_file_that_was_read_since_the_map_was_is_compared_by_its_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path / "app", 3)
    file = root / "src" / "m0.py"
    async with open_engine(root, tmp_path / "home") as ask:
        held = await fresh(ask, ask.view)
        place = held.position["src/m0.py"]
        file.write_text(text(1))
        checked = partial(freshness.check, ask.engine.database, ask.view, held, [place])
        assert (await checked()).changed == {place}
        file.write_text(text(0))
        assert not (await checked()).changed
        found = file.stat()
        async with ask.engine.database.write(LOCAL) as tx:
            await tx.run(
                "UPDATE members SET mtime_ns = :mtime, ctime_ns = :ctime WHERE placement_id = :one",
                {
                    "mtime": found.st_mtime_ns,
                    "ctime": found.st_ctime_ns,
                    "one": int(held.placements[place]),
                },
            )
        monkeypatch.setattr(freshness, "read_inside", None)  # nobody reads it
        assert not (await checked()).changed


@pytest.mark.requirement("search.fresh", "search.never_silently_stale")
async def test_what_paths_say_is_not_worked_out_again_after_an_edit(tmp_path: Path) -> None:
    root = project(tmp_path / "app")
    async with open_engine(root, tmp_path / "home") as ask:
        atlases = Atlases()
        async with ask.engine.database.read(LOCAL) as tx:
            held = await atlases.of(tx, ask.view)
        before = (held.compiled, held.old_versions, held.role("test"))
        (root / "src" / "m0.py").write_text("def other():\n    pass\n")
        view = await ask.index.reconcile(ask.view, now=True)
        async with ask.engine.database.read(LOCAL) as tx:
            after = await atlases.of(tx, view)
    assert after is not held
    assert after.view.generation > held.view.generation
    again = (after.compiled, after.old_versions, after.role("test"))
    assert all(new is old for new, old in zip(again, before, strict=True))


@pytest.mark.requirement("search.fresh", "search.never_silently_stale")
async def test_a_map_is_renewed_however_much_is_new_and_read_anew_after_a_whole_run(
    tmp_path: Path,
) -> None:
    root = project(tmp_path / "app")
    repository = make_repository(root)
    commit_all(repository)
    async with open_engine(root, tmp_path / "home") as ask:
        held = await fresh(ask, ask.view)
        for file in sorted(root.rglob("*.py")):
            file.write_text(file.read_text() + "# more\n")
        many = await ask.index.reconcile(ask.view, now=True)
        now, held = await renewed(ask, many, held), await fresh(ask, many)
        assert now is not None
        assert said(now) == said(held)
        await ask.index.update(root, full=True)
        view = await ask.index.resolve(str(root))
        assert await renewed(ask, view, held) is None


async def test_maps_of_small_repositories_are_all_kept_and_of_large_ones_a_few(tmp_path: Path) -> None:
    async with open_engine(project(tmp_path / "app"), tmp_path / "home") as ask:
        await ask.index.update(project(tmp_path / "other"))
        known = await repositories(ask.engine.database)
        async with ask.engine.database.read(LOCAL) as tx:
            for atlases, kept in ((Atlases(keep=1), True), (Atlases(keep=1, files=100), False)):
                held = [await atlases.of(tx, view) for view in known]
                again = [await atlases.of(tx, view) for view in known]
                assert all(new is old for new, old in zip(again, held, strict=True)) == kept
