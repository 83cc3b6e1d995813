"""`sophia index`: brings a folder into the index, or up to date."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import click

from sophia_mcp.cli import output
from sophia_mcp.errors import BadArgument, NotFound, SophiaError
from sophia_mcp.security.text import call_of, counted, plain_line

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.app.runs import IndexRun
    from sophia_mcp.types import IndexReport


@click.command("index")
@click.argument("path", type=click.Path(), default=".")
@click.option("--ref", default="", help="A branch, tag or commit to index instead of the files on disk.")
@click.option("--watch", is_flag=True, help="Stay and follow changes until stopped.")
@click.option("--full", is_flag=True, help="Index every file again, whatever changed.")
@click.option(
    "--include",
    multiple=True,
    help='Index only files this glob matches, even past the default rules; "" takes all again.',
)
@click.option("--exclude", multiple=True, help='Glob not to index; "" leaves nothing out again.')
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def COMMAND(
    path: str,
    ref: str,
    watch: bool,
    full: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    as_json: bool,
) -> int:
    """Index the folder PATH (default: here) so that it can be searched. A git URL is cloned first, where
    the settings allow it.

    Only what changed is read again. A run that was cut off goes on where it stopped; Ctrl-C cancels it.

    Example: sophia index ~/code/shop --exclude "fixtures/**"
    """
    from sophia_mcp.cli.session import project_folder, with_app
    from sophia_mcp.index.disk.clone import is_url
    from sophia_mcp.index.views import split_ref
    from sophia_mcp.security.paths import of_home, of_uri

    cloned = is_url(path)
    if cloned and (ref or watch):
        raise BadArgument(
            f"{'--ref' if ref else '--watch'} is for a folder, not for a git URL",
            next="leave it out",
        )
    if ref and watch:
        raise BadArgument(
            "--watch is for the files of a folder, not for a branch, tag or commit",
            why="what --ref names is read from git, and files on disk do not change it",
            next="leave out one of them",
        )
    folder = project_folder() if cloned else of_home(of_uri(path) or path).resolve()
    if not os.path.isdir(folder):
        place, named = split_ref(path)
        following = call_of("index_repo", path=f"{place}@{named}") if named else "give its folder"
        raise BadArgument(
            f"{folder} is not a folder", why="only a folder can be indexed", next=following
        )

    async def work(app: App) -> IndexReport:
        chosen = {"full": full, "include": include or None, "exclude": exclude or None}
        run = (
            await app.begin(path, None, **chosen)  # type: ignore[arg-type]
            if cloned
            else await app.start_index(str(folder), ref=ref, trusted=True, **chosen)  # type: ignore[arg-type]
        )
        async with _stopping(app, run):
            with output.bar(f"Indexing {path if cloned else folder.name}") as update:
                while not await run.wait(0.2):
                    update(*run.progress)
        assert run.report is not None
        _print(run.report, as_json=as_json)
        if watch:
            output.say("watching; stop with Ctrl-C")
            await app.watch(folder)
            raise NotFound(
                f"{folder} is not watched any more",
                why="the folder is gone, or its index was forgotten",
                next="index it again",
            )
        return run.report

    report = with_app(work, folder)
    return output.FAILED if report.state == "failed" else output.DONE


@asynccontextmanager
async def _stopping(app: App, run: IndexRun) -> AsyncIterator[None]:
    """Ctrl-C in the block cancels the run: one that was merely cut off, the next server would go on with."""
    import anyio

    try:
        yield
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True), suppress(SophiaError):  # one that failed needs no stop
            await app.stop(run)
            await run.done.wait()
        raise


def _print(report: IndexReport, *, as_json: bool) -> None:
    if as_json:
        output.machine(report.facts())
        return
    where = f" {report.branch or ''}@{report.commit[:10]}" if report.commit else ""
    head = f"{report.repo}{where}: {report.state}, {report.files_indexed} of {counted(report.files_total, 'file')}"
    output.show(plain_line(head))
    output.show(
        f"{report.files_changed} changed, {report.files_removed} removed, {counted(report.chunks, 'chunk')}, "
        f"{counted(report.symbols, 'symbol')} in {report.seconds:.1f} s"
    )
    for skip in report.skipped:
        output.show(f"  skipped {skip.count}: {skip.reason}")
    for note in (report.reason, *report.notes):
        if note:
            output.show(f"  note: {plain_line(note)}")
