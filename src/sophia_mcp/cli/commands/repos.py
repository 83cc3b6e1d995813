"""`sophia repos`: what is indexed on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.types import IndexReport


@click.command("repos")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def COMMAND(as_json: bool) -> int:
    """List every indexed repository with its state.

    Example: sophia repos --json
    """
    from sophia_mcp.cli.session import with_app

    async def work(app: App) -> list[IndexReport]:
        return await app.reports(everything=True)

    reports = with_app(work)
    if as_json:
        output.machine([report.facts() for report in reports])
    elif reports:
        rows = [
            (r.repo, r.state, f"{r.files_indexed}/{r.files_total}", r.chunks, r.branch, r.root)
            for r in reports
        ]
        output.table(("repository", "state", "files", "chunks", "branch", "root"), rows)
    else:
        output.say("nothing is indexed; begin with: sophia index .")
    return output.DONE if reports else output.NOTHING
