"""The program `sophia-mcp`: the stdio server an editor starts, and `sophia serve`.

The first lines decide how soon an editor sees the tools: garbage collection is off while the
protocol's many models are built, and nothing of the engine is imported before the first call.
"""

from __future__ import annotations

import gc

gc.disable()

import argparse
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.errors import SophiaError
    from sophia_mcp.sections import ServerSettings


def main() -> None:
    """Serve over stdio until the client goes."""
    parser = argparse.ArgumentParser(prog="sophia-mcp", description="Sophia's MCP server over stdio.")
    parser.add_argument("--root", type=Path, default=None, help="the project; default: the client's")
    parser.add_argument(
        "--http", default=None, metavar="HOST:PORT", help="serve HTTP on loopback instead"
    )
    parser.add_argument(
        "--toolsets", default="", metavar="A,B", help="publish only these toolsets or tools"
    )
    parser.add_argument(
        "--read-only", action="store_true", help="publish only tools that change nothing"
    )
    given = parser.parse_args()
    serve(http=given.http, root=given.root, toolsets=split(given.toolsets), read_only=given.read_only)


def serve(
    *, http: str | None, root: Path | None, toolsets: Sequence[str] = (), read_only: bool = False
) -> None:
    """Build the server and serve it until it is told to stop. Exits with words where it cannot: 2 for a
    tool or an address that was named here and is none, else 1."""
    # Rich is only for the command line; the SDK would import it to format its own log lines.
    sys.modules.setdefault("rich.console", None)  # type: ignore[arg-type]
    from sophia_mcp.ops.streams import open_closed
    from sophia_mcp.server.stdio import quiet_output

    open_closed()
    with quiet_output():
        import anyio

        from sophia_mcp.errors import BadArgument, SophiaError
        from sophia_mcp.server.build import build_server

        root, wanted = _chosen(root)
        try:
            server = build_server(
                _opener(root),
                root=root,
                environment=_variable,
                toolsets=toolsets or wanted.toolsets,
                read_only=read_only or wanted.read_only,
            )
            gc.freeze()
            gc.enable()
        except SophiaError as error:
            _end(error, usage=bool(toolsets))
    try:
        if http is None:
            from sophia_mcp.server.stdio import serve_stdio

            anyio.run(serve_stdio, server)
        else:
            from sophia_mcp.server.http import serve_http

            anyio.run(serve_http, server, http)
    except SophiaError as error:
        _end(error, usage=isinstance(error, BadArgument))
    except KeyboardInterrupt:
        sys.exit(0)


def _end(error: SophiaError, *, usage: bool) -> NoReturn:
    print(f"sophia: {error}", file=sys.stderr)  # noqa: T201 - nobody else would say why
    sys.exit(2 if usage else 1)


def split(toolsets: str) -> list[str]:
    """The names of a comma-separated list."""
    return [name.strip() for name in toolsets.split(",") if name.strip()]


def _chosen(root: Path | None) -> tuple[Path | None, ServerSettings]:
    """The project a person set, and which tools they want published: what must be known before the
    first call.

    A wrong setting is not reported here: an editor would show that the server failed, and hide why.
    Every call meets it again and says so, so nothing is published by mistake.
    """
    from sophia_mcp.errors import BadSetting
    from sophia_mcp.sections import ServerSettings
    from sophia_mcp.settings import load, misspelt

    for fault in misspelt():
        print(f"sophia: {fault}", file=sys.stderr)  # noqa: T201 - only who reads the server's log can mend it
    try:
        settings = load(root, root=root)
    except BadSetting:
        return root, ServerSettings()
    return settings.root, settings.server


def _variable(name: str) -> str | None:
    from sophia_mcp.settings import environment

    return environment(name)


def _opener(root: Path | None) -> Any:
    """Opens the app with the settings of a project, when the first call needs it."""

    @asynccontextmanager
    async def opened(project: Path | None) -> AsyncIterator[App]:
        from sophia_mcp.app import open_app
        from sophia_mcp.ops import logs
        from sophia_mcp.settings import load

        settings = load(project or root, root=root)
        logs.follow(settings.log.level, settings.log.file)
        async with open_app(settings) as app:
            yield app

    return opened


if __name__ == "__main__":
    main()
