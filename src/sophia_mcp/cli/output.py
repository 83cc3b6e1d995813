"""How the command line speaks: results on stdout, words for people on stderr, JSON for machines."""

from __future__ import annotations

import codecs
import dataclasses
import io
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sophia_mcp.cli.wording import commands
from sophia_mcp.errors import AgentError, DiskFull, NotFound, NotIndexed, SophiaError
from sophia_mcp.ops.streams import open_closed
from sophia_mcp.security.text import json_of, plain, plain_line

if TYPE_CHECKING:
    from collections.abc import Callable

_ESCAPED = "sophia.escaped"
_NARROW = 10
"""Characters for each column below which a table is no longer one: each cell gets a line."""

LINE_S = 20.0
"""How long whoever reads no terminal waits for a word on what goes on."""

DONE, FAILED, USAGE, NOTHING = 0, 1, 2, 3


def exit_code(error: SophiaError) -> int:
    """3 when the thing does not exist, 2 when the call was wrong, 1 for everything else."""
    if isinstance(error, NotFound | NotIndexed):
        return NOTHING
    return USAGE if isinstance(error, AgentError) else FAILED


def fail(error: SophiaError, *, as_json: bool) -> int:
    """Print what failed, why and what to do; returns the exit code."""
    what, why, following = map(commands, (error.what, error.why, error.next))
    if as_json:
        parts = {"code": error.code, "what": what, "why": why, "next": following}
        print(json_of({"error": parts}), file=sys.stderr)  # noqa: T201
    else:
        lines = [f"error: {what}"]
        lines += [f"  why:  {why}"] if why else []
        lines += [f"  next: {following}"] if following else []
        say("\n".join(lines))
    return exit_code(error)


def unwritable(place: object, error: OSError) -> DiskFull:
    """Why nothing could be written there."""
    return DiskFull(f"cannot write {place}", why=error.strerror or "", next="choose another place")


def open_streams() -> None:
    """Make the standard streams fit to be used whatever the shell gave: none at all, or an encoding
    without the characters of somebody's code. Those become escapes that JSON reads back."""
    codecs.register_error(_ESCAPED, _escaped)
    open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    written = json.dumps(error.object[error.start : error.end])
    return written[1:-1], error.end


def say(text: str) -> None:
    """A line for the person, on stderr."""
    print(plain(text), file=sys.stderr)  # noqa: T201


def show(text: str) -> None:
    """A result, on stdout. Raises DiskFull when it cannot be written, BrokenPipeError when nobody reads it."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is left in the buffer would be tried again at the end, and fail with Python's own words.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        raise unwritable("the answer to standard output", error) from error


def machine(value: Any) -> None:
    """One JSON document on stdout; dataclasses become objects."""
    show(json_of(value, default=_plain))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table for people; tab-separated lines when stdout is not a terminal."""
    if not sys.stdout.isatty():
        for row in rows:
            show("\t".join(plain_line(str(cell)) for cell in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    # Nothing is cut off: half an amount would be another amount.
    console = Console()
    if console.width < _NARROW * len(columns):
        for row in rows:
            lines = (f"{name}: {plain(str(cell))}" for name, cell in zip(columns, row, strict=True))
            show("\n".join(lines) + "\n")
        return
    drawn = Table(*(Column(name, overflow="fold") for name in columns), box=box.SIMPLE_HEAD)
    for row in rows:
        drawn.add_row(*(Text(plain(str(cell))) for cell in row))
    console.print(drawn)


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr, and where that is no terminal a line now and then; yields
    ``update(done, total, text)``."""
    if not sys.stderr.isatty():
        told = time.monotonic()

        def line(done: int, total: int, text: str) -> None:
            nonlocal told
            if total and time.monotonic() - told >= LINE_S:
                told = time.monotonic()
                say(f"{title}: {done:,} of {total:,}")

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total, text: progress.update(task, completed=done, total=total or None)
