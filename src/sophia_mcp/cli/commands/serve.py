"""`sophia serve`: the MCP server, over stdio or HTTP on loopback."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("serve")
@click.option(
    "--http", default=None, metavar="HOST:PORT", help="Serve streamable HTTP on this loopback address."
)
@click.option(
    "--root", type=click.Path(path_type=Path), default=None, help="The project. Default: the client's."
)
@click.option("--toolsets", default="", metavar="A,B", help="Publish only these toolsets or tools.")
@click.option("--read-only", is_flag=True, help="Publish only tools that change nothing.")
def COMMAND(http: str | None, root: Path | None, toolsets: str, read_only: bool) -> None:
    """Serve MCP. Without --http it speaks over stdin and stdout, which is what editors start.

    Example: sophia serve --http 127.0.0.1:8321
    """
    from sophia_mcp.server.entry import serve, split

    serve(http=http, root=root, toolsets=split(toolsets), read_only=read_only)
