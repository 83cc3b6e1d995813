"""Where are the clones of git URLs, which may be made, and how is one cancelled that is being made?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from sophia_mcp.types import LOCAL, IndexReport

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.index.disk.clone import Policy
    from sophia_mcp.store.jobs import Job


async def cancel(app: App, place: str | None, project: Path | None) -> tuple[IndexReport, bool]:
    """Ask the runs of what an agent names to stop: of a ref, or of a folder with all its refs, from the
    clone of a git URL on. Returns what is known of it, and whether there was any. Raises what
    `existing` raises."""
    from sophia_mcp.index.disk import clone
    from sophia_mcp.index.views import CANCELLED

    if place is not None and clone.is_url(place):
        folder = str(clone.folder_for(place, home(app)))
        if not await anyio.Path(folder).is_dir():
            held_back = _held_back(app, folder, "")
            for job in await _under_way(app, folder):
                held_back = await (await app.jobs()).cancel(LOCAL, job.id) or held_back
            if held_back:
                return IndexReport(folder, folder, "failed", CANCELLED), True
    view = await app.existing(place, project)
    held_back = _held_back(app, view.root, view.ref)
    index = await app.index()
    asked = await index.cancel(view)
    return await index.report(view), asked or held_back


def _held_back(app: App, folder: str, ref: str) -> bool:
    """Keep the runs of a ref, or of a folder with all its refs, from beginning; whether any was under way."""
    found = [
        run
        for run in app.runs.values()
        if not run.done.is_set() and run.folder == folder and ref in ("", run.ref)
    ]
    for run in found:
        run.before.cancel()
    return bool(found)


def home(app: App) -> Path:
    """The folder that all clones lie below."""
    return app.settings.home / "clones"


async def named(app: App, place: str | None) -> str | None:
    """What a person or an agent calls a repository; a git URL means its clone. Raises NotIndexed for one
    that was never cloned, or not yet."""
    from sophia_mcp.errors import NotIndexed
    from sophia_mcp.index.disk import clone

    if place is None or not clone.is_url(place):
        return place
    folder = clone.folder_for(place, home(app))
    if not await anyio.Path(folder).is_dir():
        jobs = await app.jobs()
        under_way = await _under_way(app, str(folder))
        if any(jobs.is_at_work(job) and not job.cancel for job in under_way):
            raise NotIndexed(
                f"{clone.address(place)} is not indexed yet",
                why="it is being cloned",
                next="ask again when that is done",
            )
        raise NotIndexed(
            f"{clone.address(place)} is not indexed",
            why="it was never cloned",
            next="index_repo(path=<its URL>)",
        )
    return str(folder)


async def _under_way(app: App, folder: str) -> list[Job]:
    """The runs of all processes that make a clone, or index it."""
    from sophia_mcp.index.steps import runs_over

    return await runs_over(await app.jobs(), LOCAL, str(await anyio.Path(folder).resolve()))


def policy(app: App) -> Policy:
    """What may be cloned."""
    from sophia_mcp.index.disk.clone import ALLOWED, Policy

    return ALLOWED if app.settings.index.allow_clone else Policy()
