"""How are the two store files opened? `index.db` can be made again, `state.db` is the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sophia_mcp.app.parts import Parts
from sophia_mcp.errors import BadSetting, DiskFull

if TYPE_CHECKING:
    from sophia_mcp.store.database import Database
    from sophia_mcp.store.jobs import Jobs


async def open_derived(parts: Parts) -> Database:
    """`index.db`: what sources say, with leases and the cache by content."""
    from sophia_mcp.index.schema import MIGRATIONS
    from sophia_mcp.store import cache, leases

    return await _opened(parts, "index.db", "derived", leases.MIGRATIONS, cache.MIGRATIONS, MIGRATIONS)


async def open_truth(parts: Parts) -> Database:
    """`state.db`: jobs, and everything that cannot be computed again."""
    from sophia_mcp.cost import reads
    from sophia_mcp.cost import schema as cost
    from sophia_mcp.memory import schema as memory
    from sophia_mcp.store import jobs
    from sophia_mcp.swarm import schema as swarm

    return await _opened(
        parts,
        "state.db",
        "truth",
        jobs.MIGRATIONS,
        cost.MIGRATIONS,
        reads.MIGRATIONS,
        memory.MIGRATIONS,
        swarm.MIGRATIONS,
    )


async def open_jobs(parts: Parts) -> Jobs:
    """The jobs of this process."""
    from sophia_mcp.ops.workers import enrol
    from sophia_mcp.store.jobs import Jobs

    return Jobs(await parts.truth(), enrol())


def without_room(home: Path, full: DiskFull) -> DiskFull:
    """What a person can do who wants to forget something on a full disk. Its largest step writes a thirtieth of
    the store, or some three megabytes."""
    store = home / "index.db"
    room = 4 + (store.stat().st_size >> 20) // 20
    return DiskFull(
        full.what,
        why=full.why,
        next=f"free {room} MB on that disk and forget it again; or delete {store} while no server runs: all of it"
        " can be indexed anew",
    )


async def _opened(parts: Parts, name: str, durability: Any, *packages: Any) -> Database:
    from sophia_mcp.store.engines import ENGINES

    home = parts.settings.home
    make_home(home)
    database = await ENGINES.load("sqlite").open(home / name, durability=durability)
    parts.stack.push_async_callback(database.close)
    await database.migrate(*packages)
    return database


def make_home(home: Path) -> None:
    """The data folder, its owner's alone where it is new. Raises BadSetting."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadSetting(
            f"cannot make the folder {home}",
            why=error.strerror or "",
            next="set SOPHIA_HOME to a folder you may write",
        ) from error
