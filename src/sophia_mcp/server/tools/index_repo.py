"""The tool `index_repo`."""

from __future__ import annotations

from contextlib import suppress
from math import inf
from textwrap import shorten
from typing import Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from sophia_mcp.errors import BadArgument, SophiaError
from sophia_mcp.security.text import call_of, counted
from sophia_mcp.server.tools import ToolRecord
from sophia_mcp.types import IndexReport

PROGRESS_S = 2.0
LISTED = 40
"""Repositories that a list tells of; hundreds of them would fill an agent's window."""

NAMES_CHARS = 4000
"""Of the names of all others."""

Action = Literal["update", "status", "rebuild", "cancel", "forget"]


class IndexAnswer(BaseModel):
    """What a client receives, whole; published with top-level keys only."""

    repo: str | None
    root: str | None
    state: str | None
    reason: str | None
    commit: str | None
    branch: str | None
    files_total: int
    files_indexed: int
    files_changed: int
    files_removed: int
    skipped: list[dict[str, Any]]
    chunks: int
    symbols: int
    languages: dict[str, int]
    seconds: float
    repos: list[dict[str, Any]]
    next: str | None
    notes: list[str]


async def index_repo(
    ctx: Context[Any],
    path: Annotated[
        str | None,
        Field(
            description="Folder, repository name (either with @ref), or git URL where cloning is allowed. Default: this project; status: all"
        ),
    ] = None,
    action: Annotated[
        Action, Field(description="rebuild: read everything again; forget: drop its index")
    ] = "update",
    wait_s: Annotated[int, Field(ge=0, le=50, description="Then it goes on in the background")] = 40,
    include: Annotated[list[str] | None, Field(description="Globs to index")] = None,
    exclude: Annotated[list[str] | None, Field(description="Globs to leave out")] = None,
    watch: Annotated[bool, Field(description="Follow changes while the server runs")] = False,
) -> Annotated[CallToolResult, IndexAnswer]:
    """Index a folder, branch or worktree, or report, rebuild, cancel or forget its index.
    search_code indexes this project by itself: use this for other folders, and to see coverage and what was skipped.
    Never changes your files. Returns state, counts, skip reasons and the next call."""
    state = ctx.request_context.lifespan_context
    app, project = await state.open()
    if action == "status" and path is None:
        return _listed(await app.reports(project), str(project))
    if path is None and project is None:
        await state.project()  # raises, with what was tried
    if path is not None and path.startswith("conn://"):
        raise BadArgument(
            "connectors cannot be synced yet", why="none is configured", next="give a folder"
        )
    if action in ("status", "cancel", "forget"):
        answer = await _on_existing(app, path, project, action)
        if action == "forget" and answer.structured_content is not None:
            await state.changes.repository_changed(answer.structured_content["repo"])
        return answer
    run = await app.begin(
        path, project, full=action == "rebuild", include=include, exclude=exclude, watch=watch
    )
    state.follow(app)
    as_task = state.tasks.wanted(ctx)

    async def work(task: Any) -> CallToolResult:
        shown = -1.0

        async def tell(done: int, total: int, text: str) -> None:
            nonlocal shown
            task.report(f"{done} of {total} files, now {text}")
            if not as_task:
                # The protocol wants every number above the last, also while a stage begins anew.
                shown = max(shown + 0.001, float(done))
                await ctx.report_progress(shown, total if total > shown else None, text)

        try:
            finished = await run.wait(inf if as_task else wait_s, every=PROGRESS_S, tell=tell)
        finally:
            if task.scope.cancel_called:
                await _cancel(app, run)
        if finished and run.report is not None:
            return _answer(run.report, [], None, list(run.report.notes))
        return await _unfinished(app, run, path)

    result: CallToolResult = await state.tasks.run(ctx, work)
    return result


def _listed(reports: list[IndexReport], project: str) -> CallToolResult:
    """Every repository: the project, then what is not whole, then the others, by name alone where there are many."""
    ordered = sorted(reports, key=lambda each: (each.root != project, each.state == "ready"))
    names = ", ".join(each.repo for each in ordered[LISTED:])
    notes = [] if reports else ["nothing is indexed yet"]
    if names:
        notes.append(
            f"{len(reports) - LISTED} more are indexed: {shorten(names, NAMES_CHARS, placeholder=' ...')};"
            ' what is known of one: index_repo(path="NAME", action="status")'
        )
    # What is under way is joined by the same call.
    unfinished = next((each.root for each in ordered[:LISTED] if each.state != "ready"), None)
    return _answer(None, ordered[:LISTED], None if unfinished is None else _update_of(unfinished), notes)


async def _unfinished(app: Any, run: Any, path: str | None) -> CallToolResult:
    report = await app.report(run)
    done, total, text = run.progress
    note = f"still indexing: {f'{done} of {total} files, ' if total else ''}now {text}"
    if report.files_indexed:
        note += "; search_code already answers from what is there"
    if run.url:  # what is being cloned has no status yet: the same call waits for it
        following = _update_of(run.url)
    else:
        place = report.root if path is None else path
        following = call_of("index_repo", path=place, action="status")
    return _answer(report, [], following, [note])


async def _cancel(app: Any, run: Any) -> None:
    """A client gave up the task it asked for: stop the run, too."""
    with anyio.CancelScope(shield=True), suppress(SophiaError):  # a run that failed needs no stop
        await app.stop(run)


async def _on_existing(app: Any, path: str | None, project: Any, action: Action) -> CallToolResult:
    if action == "cancel":
        report, asked = await app.cancel(path, project)
        note = (
            "the run stops after its current batch; what is committed stays, and questions do not begin it again"
            if asked
            else "no run was active"
        )
        return _answer(report, [], None, [note])
    view = await app.existing(path, project)
    index = await app.index()
    if action == "forget":
        report = await index.report(view)
        cloned = await app.forget(view)
        again = None if cloned else _update_of(view.place)
        return _answer(report, [], again, [report.forgotten(cloned=cloned)])
    report = await index.report(view)
    following = None if report.state == "ready" else _update_of(view.place)
    return _answer(report, [], following, list(report.notes))


def _update_of(place: str) -> str:
    return call_of("index_repo", path=place)


def _answer(
    report: IndexReport | None, repos: list[IndexReport], following: str | None, notes: list[str]
) -> CallToolResult:
    facts = _facts(report) if report is not None else _facts(IndexReport("", "", "ready"))
    if report is None:
        facts |= dict.fromkeys(("repo", "root", "state", "reason", "commit", "branch"))
    listed = [_facts(each) for each in repos]
    whole = IndexAnswer(**facts, repos=listed, next=following, notes=notes).model_dump()
    return CallToolResult(
        content=[TextContent(type="text", text=_text(report, repos, following, notes))],
        structured_content=whole,
    )


def _facts(report: IndexReport) -> dict[str, Any]:
    facts = report.facts()
    del facts["notes"]  # the answer has its own
    return facts


def _text(
    report: IndexReport | None, repos: list[IndexReport], following: str | None, notes: list[str]
) -> str:
    lines = [_line(report)] if report is not None else []
    lines += [_line(each) + (f": {each.reason}" if each.reason else "") for each in repos]
    if report is not None:
        lines.append(
            f"{report.files_changed} changed, {report.files_removed} removed; {counted(report.chunks, 'chunk')}, "
            f"{counted(report.symbols, 'symbol')}, {report.seconds:.1f} s"
        )
        lines += [f"skipped {skip.count}: {skip.reason}" for skip in report.skipped]
        if report.languages:
            lines.append(
                "languages: " + ", ".join(f"{name} {count}" for name, count in report.languages)
            )
        lines += [f"reason: {report.reason}"] if report.reason else []
    lines += [f"note: {note}" for note in notes]
    lines.append(f"next: {following or 'none needed'}")
    return "\n".join(lines)


def _line(report: IndexReport) -> str:
    where = f" {report.branch}@{report.commit[:10]}" if report.commit else ""
    return f"{report.repo}{where}: {report.state}, {report.files_indexed} of {counted(report.files_total, 'file')} ({report.root})"


TOOL = ToolRecord(
    index_repo,
    read_only=False,
    idempotent=True,
    destructive=False,
    open_world=False,
    structured=True,
    toolset="code",
)
