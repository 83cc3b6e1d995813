"""How is memory made from the parts below it, and how does it see repositories?"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import anyio.to_thread
import msgspec

from sophia_mcp.app.parts import Parts
from sophia_mcp.errors import NotFound

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.embed.providers import LocalEmbedder
    from sophia_mcp.memory.memory import Memory
    from sophia_mcp.memory.repos import Repo


async def open_memory(app: App) -> Memory:
    """What was remembered and learned."""
    from sophia_mcp.llm.counting import tokens
    from sophia_mcp.memory.finder import Finder
    from sophia_mcp.memory.memory import Memory
    from sophia_mcp.memory.shelf import Shelf
    from sophia_mcp.memory.tiers import Lifetimes
    from sophia_mcp.store.text import Fts5Text

    chosen = app.settings.memory
    lifetimes = Lifetimes(**msgspec.structs.asdict(chosen))
    places = Repositories(app)
    finder = Finder(Fts5Text(), await _embedder(app))
    shelf = Shelf(await app.truth(), finder, lifetimes, find=places.defining)
    memory = Memory(shelf, places, tokens.count)
    app.stack.push_async_callback(memory.close)
    return memory


async def _embedder(parts: Parts) -> LocalEmbedder:
    """The person's embedder where it is local, else the one in the package: no memory is sent away."""
    from sophia_mcp.embed.providers import PROVIDERS

    if PROVIDERS.load(parts.settings.embed.provider).local:
        return cast("LocalEmbedder", await parts.embedder())
    return cast("LocalEmbedder", PROVIDERS.load("static").open({}))


@dataclass(slots=True)
class Repositories:
    """`memory.notes.Places` over the app's roots and index."""

    app: App
    _seen: dict[Path, Repo] = field(default_factory=dict)

    async def repo(self, place: str | None, project: Path | None, *, trusted: bool) -> Repo | None:
        """See the contract."""
        if place is None:
            return await self._see(project) if project is not None else None
        return await self._see(await self._folder(place, project, trusted=trusted))

    async def readable(self, project: Path | None, *, trusted: bool) -> Callable[[Path], bool]:
        """See the contract."""
        if trusted:
            return lambda path: True
        roots = await self.app.roots(project)
        return lambda path: path.is_absolute() and roots.root_of(path) is not None

    async def defining(self, root: Path, name: str) -> Sequence[str]:
        """Paths that, as the index remembers, define a name in the repository of a folder."""
        from sophia_mcp.index import views
        from sophia_mcp.types import LOCAL

        database = await self.app.database()
        view = await views.find(database, root)
        if view is None:
            return ()
        async with database.read(LOCAL) as tx:
            rows = await tx.rows(
                "SELECT DISTINCT p.path FROM symbols s JOIN placements p ON p.blob_id = s.blob_id"
                " WHERE s.folded = :folded AND p.repo_id = :repo AND p.workspace = :workspace"
                " ORDER BY p.path LIMIT 60",
                {"folded": name.casefold(), "repo": view.repo_id},
            )
        return [path for (path,) in rows]

    async def _folder(self, place: str, project: Path | None, *, trusted: bool) -> Path:
        from sophia_mcp.index import views

        roots = await self.app.roots(project)
        indexed = await views.repositories(await self.app.database())
        text, _ = views.split(indexed, place, project)
        if project is not None and text == project.name:
            return project
        for known in indexed:
            if text in (known.name, known.repo) and known.on_disk and known.root:
                return Path(known.root) if trusted else roots.resolve(known.root)
        path = views.as_path(text, project)
        if path is None:
            raise NotFound(
                f"no repository named {text!r}",
                why="neither an indexed repository nor a folder is called so",
                next="give a name from sophia://repos or the path of a folder",
            )
        folder = path if trusted else roots.resolve(path)
        if not await anyio.to_thread.run_sync(os.path.isdir, folder):
            raise NotFound(f"{folder} is not a folder", next="give the folder of a repository")
        return folder

    async def _see(self, root: Path) -> Repo:
        """The repository in a folder, looked at once: finding its first commit walks its history."""
        from sophia_mcp.memory.repos import see

        if root not in self._seen:
            self._seen[root] = await anyio.to_thread.run_sync(see, root)
        return self._seen[root]
