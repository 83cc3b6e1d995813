"""The entry point of `sophia`: finds the command, runs it, turns errors into words and exit codes.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing found.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

try:
    # What a command imports are some hundred thousand values that stay: to look for garbage among them every 700
    # new ones would be a twentieth of a question's time, and twice a fortieth. (The server's own entry and
    # `open_engine` do likewise.)
    gc.set_threshold(200_000)
    import click
    from click.exceptions import Exit, NoArgsIsHelpError

    from sophia_mcp import __version__
    from sophia_mcp.cli import output
    from sophia_mcp.cli.commands import COMMANDS
    from sophia_mcp.errors import BadArgument, Bug, NotFound, SophiaError
except KeyboardInterrupt:  # as `main` does with one that comes later
    sys.exit("stopped")


class Commands(click.Group):
    """A group whose members are the files of `cli/commands`, imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS.names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        try:
            return COMMANDS.load(cmd_name)
        except NotFound:
            return None

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        """What was written, parsed; its help and version are said here."""
        with _enough_seen():
            return super().make_context(*given, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """The command's exit code."""
        with _enough_seen():
            return super().invoke(ctx)


@contextmanager
def _enough_seen() -> Iterator[None]:
    """A reader that has seen enough ends the program and is no failure, which click would make it."""
    try:
        yield
    except BrokenPipeError:
        # What is left in the buffer would be tried again at the end, and fail with Python's own words.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        raise Exit(output.DONE) from None


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="sophia")
def sophia() -> None:
    """Code search and more for coding assistants, on your own machine.

    Start with `sophia init` in a project, then ask: sophia search "where is the retry policy".
    """


def main(arguments: list[str] | None = None) -> None:
    """Run `sophia` and exit."""
    given = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in given
    output.open_streams()
    try:
        code = sophia.main(args=given, prog_name="sophia", standalone_mode=False)
    except click.ClickException as error:
        code = _misused(error, given, as_json=as_json)
    except click.Abort:
        output.say("stopped")
        code = 1
    except SophiaError as error:
        code = output.fail(error, as_json=as_json)
    except KeyboardInterrupt:
        output.say("stopped")
        code = 1
    except Exception as error:  # noqa: BLE001 - the door: a bug gets an id and a log line, not a traceback
        code = output.fail(_logged(error), as_json=as_json)
    gc.freeze()  # what is left goes with the process: its end looks through none of it
    sys.exit(code if isinstance(code, int) else 0)


def _misused(error: click.ClickException, given: list[str], *, as_json: bool) -> int:
    """What is wrong with how a command was written: for a person with its usage, or with its whole help where
    nothing but the name was."""
    from sophia_mcp.cli.usage import context_of, explained

    if isinstance(error, NoArgsIsHelpError) and not as_json:
        error.show()
        return output.USAGE
    context = context_of(error, sophia, given)
    if not as_json:
        output.say(context.get_usage())
    return output.fail(explained(error, context, given), as_json=as_json)


def _logged(error: Exception) -> SophiaError:
    """A bug with an id, its traceback in the log. Errors that cross a task group come out of it."""
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            found = _logged(inner)
            if not isinstance(found, Bug):
                return found
    if isinstance(error, SophiaError):
        return error
    if isinstance(error, FileNotFoundError) and _lost():
        return BadArgument(
            "the working folder is gone", why="it was removed", next="cd to one that exists"
        )
    from sophia_mcp.ops.logs import get_logger

    bug = Bug()
    get_logger("cli").error("bug", id=bug.id, exc_info=error)
    return bug


def _lost() -> bool:
    """Whether the folder this was started in is no more."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


if __name__ == "__main__":
    main()
