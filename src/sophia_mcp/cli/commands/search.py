"""`sophia search`: one question, answered in the terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from sophia_mcp.cli import output
from sophia_mcp.errors import SophiaError

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.types import Answer

_MODES = ("auto", "text", "symbol", "regex", "references", "callers", "similar", "outline")
_SCOPES = ("all", "changed", "code", "tests", "docs", "connectors")
_KINDS = ("function", "class", "method", "doc", "config")
_DETAILS = ("auto", "locations", "signatures", "snippets", "full")


@click.command("search")
@click.argument("query")
@click.option("--repo", default=None, help="Name or path of a repository, either with @ref; * for all.")
@click.option(
    "--mode", type=click.Choice(_MODES), default="auto", show_default=True, help="How to read the query."
)
@click.option("--path", "paths", multiple=True, help="Only this file, folder or glob; repeat for more.")
@click.option("--lang", "languages", multiple=True, help="Only this language; repeat for more.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only this kind; repeat for more."
)
@click.option(
    "--scope", type=click.Choice(_SCOPES), default="all", show_default=True, help="What to search."
)
@click.option(
    "--detail", type=click.Choice(_DETAILS), default="auto", show_default=True, help="How much to show."
)
@click.option("--limit", type=click.IntRange(1, 50), default=8, show_default=True, help="Most hits.")
@click.option(
    "--max-tokens",
    type=click.IntRange(200, 20_000),
    default=None,
    help="Most tokens. Default: no limit.",
)
@click.option("--cursor", default=None, help="The next page, as an answer named it.")
@click.option("--json", "as_json_wanted", is_flag=True, help="One JSON object.")
def COMMAND(
    query: str,
    repo: str | None,
    mode: str,
    paths: tuple[str, ...],
    languages: tuple[str, ...],
    kinds: tuple[str, ...],
    scope: str,
    detail: str,
    limit: int,
    max_tokens: int | None,
    cursor: str | None,
    as_json_wanted: bool,
) -> int:
    """Find QUERY: words, an identifier, a regular expression, an error text, a stack trace or a place.

    A folder that is not indexed yet is indexed first.

    Example: sophia search "where are retries limited" --path src --limit 5
    """
    from dataclasses import replace

    from sophia_mcp.cli.session import project_folder, with_app
    from sophia_mcp.cli.wording import calls
    from sophia_mcp.search.reply.render import as_json, as_text
    from sophia_mcp.types import Detail, Kind, Mode, Request, SearchScope

    def one(value: str, kind: object) -> str:
        assert value in get_args(kind)
        return value

    repo = repo or None  # an empty name, as a script's unset variable gives, names nothing
    request = Request(
        query,
        repo=repo,
        mode=one(mode, Mode),  # type: ignore[arg-type]
        paths=paths,
        languages=languages,
        kinds=tuple(one(kind, Kind) for kind in kinds),  # type: ignore[misc]
        scope=one(scope, SearchScope),  # type: ignore[arg-type]
        limit=limit,
        max_tokens=max_tokens,
        detail=one(detail, Detail),  # type: ignore[arg-type]
        cursor=cursor,
        format="json" if as_json_wanted else "text",
    )
    folder, ref = _folder(repo)
    here = folder or project_folder()

    async def work(app: App) -> Answer:
        asked = request
        if folder is not None and repo not in await app.names():  # a name is said of what is indexed
            asked = replace(request, repo=f"{folder}@{ref}" if ref else str(folder))
        if repo != "*":
            await app.view(asked.repo, here, trusted=True)
        await _ended(app)
        answer = await app.answer(asked, project=here)
        try:  # so much had changed that the answer did not wait for all of it
            return await app.answer(asked, project=here) if await _ended(app) else answer
        except SophiaError as failure:  # the answer says that it stands on what was there
            output.say(f"warning: not all of what changed could be read: {failure}")
            return answer

    answer = with_app(work, here)
    notes, omitted = (tuple(map(calls, said)) for said in (answer.notes, answer.omitted))
    answer = replace(answer, notes=notes, omitted=omitted)
    more = "sophia search <same> --cursor {}"
    output.show(as_json(answer) if as_json_wanted else as_text(answer, request, more))
    return output.NOTHING if answer.is_miss else output.DONE


async def _ended(app: App) -> bool:
    """Wait for the index runs that were begun; whether there were any. Raises a run's own error."""
    going = [run for run in app.runs.values() if not run.done.is_set()]
    for run in going:
        with output.bar(f"Indexing {Path(run.folder).name}") as update:
            while not await run.wait(0.2):
                update(*run.progress)
    return bool(going)


def _folder(repo: str | None) -> tuple[Path | None, str]:
    """The folder that is written, from the working one on, and its ref; None where it is no folder."""
    from sophia_mcp.index.views import split_ref
    from sophia_mcp.security.paths import of_home

    place, ref = split_ref(repo or "")
    folder = of_home(place)
    return (folder.resolve(), ref) if place and os.path.isdir(folder) else (None, "")
