"""`sophia backup`: copies of what cannot be made anew, checked, and brought back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sophia_mcp.store.backup import Backup

_NEXT = "sophia backup list"

_folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where backups are; default: the folder backups beside the store.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group("backup")
def COMMAND() -> None:
    """Copy the memory, the runs and the money (state.db), check copies and bring one back.

    The index is not copied: it is made anew from your files. Servers may run meanwhile.

    Example: sophia backup create
    """


@COMMAND.command("create")
@_folder_option
@_json_option
def create(folder: Path | None, as_json: bool) -> int:
    """Copy state.db as it is now, check the copy and say where it is.

    Example: sophia backup create --folder /mnt/safe
    """
    from sophia_mcp.store import backup

    made = _run(lambda: backup.create(_store(), _place(folder)))
    if as_json:
        output.machine(_facts(made))
    else:
        output.show(f"made and checked {made.path}, {made.size:,} bytes")
    return output.DONE


@COMMAND.command("list")
@_folder_option
@_json_option
def listing(folder: Path | None, as_json: bool) -> int:
    """List the backups, newest first.

    Example: sophia backup list
    """
    from sophia_mcp.store import backup

    place = _place(folder)
    made = backup.listed(place)
    if as_json:
        output.machine({"folder": str(place), "backups": [_facts(each) for each in made]})
    elif made:
        output.table(("name", "made", "bytes"), [(b.path.name, _when(b), b.size) for b in made])
    else:
        output.say(f"no backup is in {place}; begin with: sophia backup create")
    return output.DONE if made else output.NOTHING


@COMMAND.command("verify")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_folder_option
@_json_option
def verify(names: tuple[str, ...], folder: Path | None, as_json: bool) -> int:
    """Check every page of the backups named, or of all of them.

    Example: sophia backup verify
    """
    from sophia_mcp.errors import StoreDamaged
    from sophia_mcp.store import backup

    place = _place(folder)
    paths = [_named(name, place) for name in names] or [each.path for each in backup.listed(place)]

    async def states() -> dict[Path, str]:
        found = {}
        for path in paths:
            try:
                await backup.verify(path)
                found[path] = "sound"
            except StoreDamaged as damaged:
                found[path] = f"damaged: {damaged.why}"
        return found

    said = _run(states)
    sound = all(state == "sound" for state in said.values())
    if as_json:
        checks = [{"path": str(path), "state": state} for path, state in said.items()]
        output.machine({"ok": sound, "backups": checks})
    elif said:
        for path, state in said.items():
            output.show(f"{path.name}: {state}")
    else:
        output.say(f"no backup is in {place}")
    return (output.DONE if sound else output.FAILED) if said else output.NOTHING


@COMMAND.command("restore")
@click.argument("name")
@_folder_option
@_json_option
def restore(name: str, folder: Path | None, as_json: bool) -> int:
    """Bring a backup back in place of what state.db holds now.

    What it holds now is copied first, so that this can be undone; a state.db that is damaged is set aside.

    Example: sophia backup restore state-20260101T120000.000000000.backup.db
    """
    from sophia_mcp.errors import NotFound, StoreDamaged
    from sophia_mcp.store import backup

    place, store = _place(folder), _store()
    chosen = _named(name, place)

    async def work() -> Path | None:
        await backup.verify(chosen)
        try:
            kept = (await backup.create(store, place)).path
        except (NotFound, StoreDamaged):
            kept = None
        return await backup.restore(chosen, store) or kept

    kept = _run(work)
    if as_json:
        output.machine({"restored": str(chosen), "before": str(kept) if kept else None})
    else:
        output.show(f"restored {chosen.name}" + (f"; what was there before is {kept}" if kept else ""))
    return output.DONE


def _run(work: Callable[[], Awaitable[Any]]) -> Any:
    import anyio

    return anyio.run(work)


def _store() -> Path:
    from sophia_mcp.settings import load

    return load().home / "state.db"


def _place(folder: Path | None) -> Path:
    return folder or _store().with_name("backups")


def _named(name: str, folder: Path) -> Path:
    """A backup by its name in the folder, or by its path. Raises NotFound, BadArgument for the store itself."""
    import os

    from sophia_mcp.errors import BadArgument, NotFound

    for path in (folder / name, Path(name)):
        if os.path.isfile(path):
            store = _store()
            if os.path.exists(store) and os.path.samefile(path, store):
                raise BadArgument(f"{name!r} is the store, and no copy of it", next=_NEXT)
            return path
    raise NotFound(f"there is no backup {name!r}", why=f"it is no file, nor one in {folder}", next=_NEXT)


def _when(made: Backup) -> str:
    return datetime.fromtimestamp(made.created_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _facts(made: Backup) -> dict[str, Any]:
    return {"path": str(made.path), "name": made.path.name, "created": _when(made), "bytes": made.size}
