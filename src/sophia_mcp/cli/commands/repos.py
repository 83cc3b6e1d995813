"""`sophia repos`: what is indexed on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sophia_mcp.cli import output
from sophia_mcp.cli.wording import commands
from sophia_mcp.security.text import plain_line

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.types import IndexReport


@click.command("repos")
@click.option("--forget", metavar="NAME", help="Drop the index of this one (a name or a folder).")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def COMMAND(forget: str | None, as_json: bool) -> int:
    """List every indexed repository with its state, or forget one.

    The files of what is forgotten stay; the folder of a clone goes with its index.

    Example: sophia repos --json
    """
    from sophia_mcp.cli.session import with_app

    if forget is not None:
        _forget(forget, as_json=as_json)
        return output.DONE

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
        for report in reports:
            if report.reason:
                output.say(f"{report.repo}: {commands(report.reason)}")
    else:
        output.say("nothing is indexed; begin with: sophia index .")
    return output.DONE if reports else output.NOTHING


def _forget(name: str, *, as_json: bool) -> None:
    from sophia_mcp.app import clones
    from sophia_mcp.cli.session import project_folder, with_app

    async def work(app: App) -> tuple[IndexReport, bool]:
        index = await app.index()
        view = await index.resolve(await clones.named(app, name), project_folder())
        report = await index.report(view)
        return report, await app.forget(view)

    report, cloned = with_app(work)
    if as_json:
        output.machine([report.facts()])
    else:
        output.show(plain_line(report.forgotten(cloned=cloned)))
