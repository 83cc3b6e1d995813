"""What is wrong with this installation, and how much does it hold? Every finding says what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw

from sophia_mcp.app import App
from sophia_mcp.errors import SophiaError
from sophia_mcp.settings import misspelt
from sophia_mcp.store.database import Database
from sophia_mcp.store.failures import MADE_ANEW, aside, mark_damaged
from sophia_mcp.store.upkeep import problems, size, sizes
from sophia_mcp.types import LOCAL, IndexReport

LOW_DISK = 1 << 30
FEW_WATCHES = 65_536
_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")

Check = dict[str, str]


async def health(app: App) -> dict[str, Any]:
    """Whether each part opens: ``{"status": "ok" | "failing", "parts": {name: state}}``."""

    async def index_store() -> None:
        await _written(await app.database())

    async def state_store() -> None:
        await _written((await app.jobs()).db)

    opening: dict[str, Callable[[], Awaitable[Any]]] = {
        "index store": index_store,
        "state store": state_store,
        "embedder": app.embedder,
    }
    parts: dict[str, str] = {}
    for name, opened in opening.items():
        try:
            await opened()
            parts[name] = "ok"
        except SophiaError as error:
            parts[name] = str(error)
    return {"status": "ok" if set(parts.values()) == {"ok"} else "failing", "parts": parts}


async def _written(store: Database) -> None:
    """Take the turn of a writer, and write nothing: a file that may only be read opens all the same."""
    async with store.write(LOCAL) as tx:
        await tx.rows("SELECT 1")


async def checks(app: App) -> list[Check]:
    """Everything worth checking, each with ``name``, ``state`` (ok, warning, failing) and ``detail``."""
    found = [_check("sqlite", "ok", apsw.sqlite_lib_version()), _vectors(), _disk(app), _watches()]
    found += [_check("settings", "warning", f"{fault}, so it is ignored") for fault in misspelt()]
    parts = (await health(app))["parts"]
    found += _set_aside(app)  # opening the store may have done that just now
    found += [_check(name, "ok" if state == "ok" else "failing", state) for name, state in parts.items()]
    if all(check["state"] != "failing" for check in found):
        index = await _sound(
            "index.db", await app.database(), f"the next command sets it aside; {MADE_ANEW}"
        )
        found.append(index)
        found.append(
            await _sound("state.db", (await app.jobs()).db, "put a copy of it back in its place")
        )
        found.append(await _embeds(app))
        found.append(await _models(app))
        if index["state"] == "ok":
            found += [_indexed(report) for report in await app.reports(everything=True)]
        else:
            mark_damaged(app.settings.home / "index.db")
    return found


def _indexed(report: IndexReport) -> Check:
    """What keeps answers about a repository from being whole, where anything does."""
    lack = [note for note in report.notes if note.startswith("meaning ")]
    detail = "; ".join([report.reason or report.state, *lack])
    return _check(report.repo, "warning" if lack or report.reason else "ok", detail)


async def stats(app: App) -> dict[str, Any]:
    """What the stores hold: counts, and bytes by table."""
    database: Any = await app.database()
    facts: dict[str, Any] = {}
    async with database.read(LOCAL) as tx:
        for table in ("repos", "views", "blobs", "placements", "symbols", "chunks"):
            [(count,)] = await tx.rows(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - names of ours
            facts[table] = int(count)
    whole = await sizes(database)
    facts["index.db bytes"] = whole.total
    facts["free bytes"] = whole.free
    facts |= {
        f"bytes of {name}": total
        for name, total in sorted(whole.tables.items(), key=lambda t: -t[1])[:12]
    }
    state: Any = (await app.jobs()).db
    facts["state.db bytes"] = await size(state)
    return facts


def _check(name: str, state: str, detail: str) -> Check:
    return {"name": name, "state": state, "detail": detail}


def _vectors() -> Check:
    try:
        import sqlite_vec
    except ImportError:
        return _check(
            "sqlite-vec", "warning", "no wheel for this platform; vectors are searched with numpy"
        )
    return _check("sqlite-vec", "ok", str(sqlite_vec.__version__))


def _disk(app: App) -> Check:
    folder = next(p for p in (app.settings.home, *app.settings.home.parents) if os.path.lexists(p))
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        fault = "cannot be written" if os.path.isdir(folder) else "is not a folder"
        return _check(
            "data folder", "failing", f"{folder} {fault}: set SOPHIA_HOME to one that can be written"
        )
    free = shutil.disk_usage(folder).free
    if free < LOW_DISK:
        return _check(
            "data folder", "warning", f"{free >> 20} MB free at {folder}: make room, or set SOPHIA_HOME"
        )
    return _check("data folder", "ok", f"{app.settings.home}, {free >> 30} GB free")


def _set_aside(app: App) -> list[Check]:
    """What a person lost with a store that was damaged, for as long as its remains lie there."""
    left = aside(app.settings.home / "index.db")
    if not os.path.exists(left):
        return []
    since = datetime.fromtimestamp(left.stat().st_ctime).strftime("%Y-%m-%d %H:%M")
    return [
        _check(
            "index.db", "warning", f"damaged and set aside at {since}: {MADE_ANEW}; then remove {left}"
        )
    ]


def _watches() -> Check:
    if not _WATCHES.exists():
        return _check("file events", "ok", "no limit to check on this platform")
    limit = int(_WATCHES.read_text())
    if limit < FEW_WATCHES:
        what = (
            f"only {limit} watches: large trees are looked at instead; raise fs.inotify.max_user_watches"
        )
        return _check("file events", "warning", what)
    return _check("file events", "ok", f"{limit} watches")


async def _sound(name: str, database: Database, cure: str) -> Check:
    wrong = [" ".join(each.split()) for each in await problems(database)]  # type: ignore[arg-type]
    return (
        _check(name, "failing", f"{'; '.join(wrong[:3])}: {cure}")
        if wrong
        else _check(name, "ok", "sound")
    )


async def _embeds(app: App) -> Check:
    embedder = await app.embedder()
    try:
        vector = await embedder.query("open a file and read its lines")
    except SophiaError as problem:
        return _check("vectors", "warning", f"words answer without meaning: {problem}")
    state = "ok" if float((vector * vector).sum()) > 0.9 else "failing"
    return _check("vectors", state, f"{embedder.model.id}, {embedder.model.dimensions} dimensions")


async def _models(app: App) -> Check:
    """Which provider swarms would ask, why, and whether anybody listens at its address."""
    models = await app.models()
    try:
        chosen = models.choose()
    except SophiaError as error:
        return _check("models", "warning", str(error))
    silent = await models.unreachable(chosen.name)
    why = f"{chosen.name} ({chosen.why})"
    return _check("models", "warning", f"{why}: {silent}") if silent else _check("models", "ok", why)
