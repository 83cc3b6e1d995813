"""`sophia swarm`: several agents on one task, from the command line and in a build."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sophia_mcp.cli import output
from sophia_mcp.cli.wording import commands
from sophia_mcp.security.text import counted

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.swarm.swarm import Swarm
    from sophia_mcp.types import RunReport, Severity

_SEVERITIES = ("critical", "high", "medium", "low", "info", "never")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_WAIT_S = 3600.0
_STOP_S = 20.0
"""For the process of a run to heed a cancel. It looks several times a second, when the machine lets it."""

_TEMPLATE = """\
# A swarm pattern. docs/extend/swarm-patterns.md explains every key.
title = "{title}"
summary = "What this pattern is for, in one line"
takes = ["task", "paths"]
requires = ["task", "paths"]
gates = ["quotes"]

[context]
paths = 12000
search = 6000

[roles.reader]
title = "Reader"
prompt_text = "You look for what the task asks about, and report only what you can quote."

[[steps]]
key = "read"
kind = "read"
role = "reader"
schema = "findings"
max_tokens = 4000
prompt_text = "List what you found, worst first, each with path, line and a verbatim quote."
"""


def _sarif(context: click.Context, parameter: click.Parameter, file: Path | None) -> Path | None:
    """Refuse a place that cannot be written before a run has cost anything."""
    if file is not None and not os.path.isdir(file.resolve().parent):
        raise click.BadParameter(f"there is no folder {file.parent}", context, parameter)
    return file


_provider_option = click.option(
    "--provider", default="auto", show_default=True, help="Who answers: portkey, openai, host, scripted."
)
_tier_option = click.option(
    "--tier",
    type=click.Choice(("fast", "standard", "deep")),
    default="standard",
    show_default=True,
    help="How strong a model.",
)
_sarif_option = click.option(
    "--sarif",
    "sarif_file",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    callback=_sarif,
    help="Write the findings there.",
)
_fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(_SEVERITIES),
    default="high",
    show_default=True,
    help="Least severity that makes the exit code 1.",
)


@click.group("swarm")
def COMMAND() -> None:
    """Let several agents review, mend, document, test or research.

    Example: sophia swarm run code_review --diff HEAD
    """


@COMMAND.command("list")
@click.option("--runs", "recent", is_flag=True, help="Recent runs instead of patterns.")
@_json
def list_(recent: bool, as_json: bool) -> int:
    """List the patterns, or the recent runs.

    Example: sophia swarm list --runs
    """
    from sophia_mcp.cli.session import project_folder, with_app
    from sophia_mcp.errors import BadSetting
    from sophia_mcp.types import Order

    async def runs(app: App) -> list[RunReport]:
        return await (await app.swarm()).recent(50)

    async def patterns(app: App) -> list[Any]:
        from sophia_mcp.app.swarms import library

        found, known = [], library(app, Order("", repo=str(project_folder())))
        for name in known.names():
            try:
                found.append(known.load(name))
            except BadSetting as error:  # one file's fault hides no other pattern
                output.say(f"left out: {error}")
        return found

    if recent:
        from sophia_mcp.swarm.telling import reports

        found = with_app(runs)
        if as_json:
            output.machine([reports.row(each) for each in found])
        else:
            output.show("\n".join(reports.head(each) for each in found) or "no run yet")
        return output.DONE if found else output.NOTHING
    known = with_app(patterns)
    if as_json:
        output.machine([{"name": p.name, "summary": p.summary, "origin": p.origin} for p in known])
    else:
        output.table(("pattern", "what it does", "from"), [(p.name, p.summary, p.origin) for p in known])
    return output.DONE


@COMMAND.command("create")
@click.argument("name")
@click.option(
    "--project", is_flag=True, help="In this project's .sophia/patterns, not for all projects."
)
@_json
def create(name: str, project: bool, as_json: bool) -> int:
    """Write a pattern of your own to begin with.

    Example: sophia swarm create our_review
    """
    from sophia_mcp.cli.session import project_folder
    from sophia_mcp.errors import BadArgument
    from sophia_mcp.settings import load, patterns_folder
    from sophia_mcp.swarm.patterns import PATTERNS
    from sophia_mcp.swarm.patterns.reading import NAME, read_pattern

    if not NAME.match(name) or name in PATTERNS.names():
        raise BadArgument(
            f"{name!r} cannot be the name of a pattern of your own",
            why="it is shipped"
            if name in PATTERNS.names()
            else "it must be lower case letters, digits and _, at most 40",
            next="choose another name",
        )
    here = project_folder()
    folder = here / ".sophia" / "patterns" if project else patterns_folder(load(here))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.toml"
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(_TEMPLATE.format(title=name.replace("_", " ").capitalize()))
    except FileExistsError as error:
        raise BadArgument(f"{file} exists", next="edit it, or choose another name") from error
    read_pattern(file, "project" if project else "user")
    if as_json:
        output.machine({"pattern": name, "file": str(file)})
    else:
        output.show(f"{file}\nrun it with: sophia swarm run {name} --task '…'")
    return output.DONE


@COMMAND.command("run")
@click.argument("pattern", default="code_review")
@click.option("--task", default="", help="What is wanted; - reads standard input.")
@click.option("--repo", default=None, help="Name or path, either with @ref. Default: this one.")
@click.option("--path", "paths", multiple=True, help="A file or folder it is about; repeat for more.")
@click.option(
    "--diff",
    default=None,
    is_flag=False,
    flag_value="",
    help="Review changes: a revision to compare with, or a file (- for standard input). Default: the base.",
)
@click.option("--max-cost", default=None, help="Dollars this run may cost at most, for example 0.50.")
@_provider_option
@_tier_option
@click.option("--debate", type=click.IntRange(0, 2), default=0, help="Rounds of debate.")
@click.option("--estimate", is_flag=True, help="Say what it may take at most, and ask no model.")
@_sarif_option
@_fail_on_option
@_json
def run(
    pattern: str,
    task: str,
    repo: str | None,
    paths: tuple[str, ...],
    diff: str | None,
    max_cost: str | None,
    provider: str,
    tier: Any,
    debate: int,
    estimate: bool,
    sarif_file: Path | None,
    fail_on: str,
    as_json: bool,
) -> int:
    """Run a pattern and wait for it. Ctrl-C leaves it resumable.

    Example: sophia swarm run code_review --diff main --max-cost 0.50 --sarif review.sarif
    """
    from sophia_mcp.cli.session import project_folder, with_app
    from sophia_mcp.cost import usd
    from sophia_mcp.types import Order, RunReport

    order = Order(
        task=sys.stdin.read() if task == "-" else task,
        pattern=pattern,
        repo=repo or None,
        paths=paths,
        max_cost_nano=None if max_cost is None else usd.parse(max_cost, "--max-cost"),
        provider=provider,
        tier=tier,
        debate_rounds=debate,
    )

    async def work(app: App) -> Any:
        from dataclasses import replace

        placed = await app.placed(order, project_folder(), trusted=True)
        if diff is not None:
            changes = await _diff(app, placed, diff)
            if not changes.strip() and not (order.task.strip() or order.paths):
                note = "nothing has changed, so no model was asked"
                return RunReport("", pattern, "done", notes=(note,))
            placed = replace(placed, diff=changes)
        swarm = await app.swarm()
        if estimate:
            return await swarm.estimate(placed)
        return await _followed(swarm, await swarm.start(placed))

    found = with_app(work)
    if isinstance(found, RunReport):
        return _ended(found, sarif_file, fail_on, as_json=as_json)
    return _estimated(found, as_json=as_json)


@COMMAND.command("resume")
@click.argument("run_id")
@click.option(
    "--results",
    type=click.File(encoding="utf-8"),
    help="JSON object of answers to the steps that wait; - reads standard input.",
)
@click.option("--max-cost", default=None, help="Another limit in dollars; what it has cost counts too.")
@_sarif_option
@_fail_on_option
@_json
def resume(
    run_id: str,
    results: Any,
    max_cost: str | None,
    sarif_file: Path | None,
    fail_on: str,
    as_json: bool,
) -> int:
    """Go on with a run that was cut off, or hand in the answers its steps wait for.

    Example: sophia swarm resume swarm-1a2b3c --results answers.json
    """
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.cost import usd
    from sophia_mcp.errors import BadArgument

    if results is not None and max_cost is not None:
        raise click.UsageError("steps you answer yourself cost nothing: give --results or --max-cost")
    limit = None if max_cost is None else usd.parse(max_cost, "--max-cost")
    answers: Any = None
    if results is not None:
        try:
            answers = json.loads(results.read())
        except ValueError as error:
            raise BadArgument(
                "the results are not JSON", why=str(error), next='write {"KEY": ANSWER, …}'
            ) from error
        if not isinstance(answers, dict):
            raise BadArgument(
                "the results are no JSON object",
                why=f"they are a {type(answers).__name__}",
                next='write {"KEY": ANSWER, …}',
            )

    async def work(app: App) -> RunReport:
        swarm = await app.swarm()
        if answers is None:
            await swarm.resume(run_id, limit)
        else:
            await swarm.answer(run_id, answers)
        return await _followed(swarm, run_id)

    return _ended(with_app(work), sarif_file, fail_on, as_json=as_json)


@COMMAND.command("cancel")
@click.argument("run_id")
@_json
def cancel(run_id: str, as_json: bool) -> int:
    """End a run, wherever it lives. What it has paid for stays written down.

    Example: sophia swarm cancel swarm-1a2b3c
    """
    from sophia_mcp.cli.session import with_app

    async def work(app: App) -> RunReport:
        swarm = await app.swarm()
        await swarm.cancel(run_id)
        return await swarm.report(run_id, wait_s=_STOP_S)

    report = with_app(work)
    if report.status == "running":
        output.say("it was asked to stop, and its process has not yet: it may be halted")
    elif report.status != "cancelled":
        output.say(f"nothing was cancelled: it is {report.status}")
    return _ended(report, None, "never", as_json=as_json, wanted="cancelled")


@COMMAND.command("eval")
@click.argument("patterns", nargs=-1, required=True)
@click.option(
    "--cases",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of tasks, one TOML file each. Default: the shipped ones.",
)
@click.option("--max-cost", default=None, help="Dollars the whole comparison may cost at most.")
@_provider_option
@_tier_option
@_json
def evaluate(
    patterns: tuple[str, ...],
    folder: Path | None,
    max_cost: str | None,
    provider: str,
    tier: Any,
    as_json: bool,
) -> int:
    """Compare patterns with one agent alone, on tasks whose defects are known.

    Example: sophia swarm eval code_review --provider openai --max-cost 5
    """
    from sophia_mcp.cli.evaluation import compared
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.cost import usd

    limit = None if max_cost is None else usd.parse(max_cost, "--max-cost")
    found = with_app(lambda app: compared(app, patterns, folder, provider, tier, limit))
    useless = any(each.tasks in (each.failed, each.control_failed) for each in found)
    if as_json:
        output.machine(found)
        return output.FAILED if useless else output.DONE
    columns = ("pattern", "tasks", "quality", "solo", "lift (95 %)", "saving", "recommended")
    rows = [
        (
            each.pattern,
            each.tasks,
            f"{each.quality:.3f}",
            f"{each.control:.3f}",
            f"{each.lift.mean:+.3f} [{each.lift.low:+.3f}, {each.lift.high:+.3f}]",
            "unknown" if each.saving is None else f"{each.saving.mean:+.0%}",
            f"{'yes' if each.recommended else 'no'}: {each.reason}",
        )
        for each in found
    ]
    output.table(columns, rows)
    for each in found:
        if each.failed or each.control_failed:
            output.say(
                f"{each.pattern} failed on {each.failed} of {each.tasks} tasks, solo on"
                f" {each.control_failed}, for example: {commands(each.failure)}"
            )
    return output.FAILED if useless else output.DONE


async def _diff(app: App, order: Any, wanted: str) -> str:
    """The diff a person means: standard input, a file, or the changes against a revision, of the paths
    that were named."""
    import anyio.to_thread

    from sophia_mcp.index import views
    from sophia_mcp.search.view.changed import patch

    if wanted == "-":
        return sys.stdin.read()
    if await anyio.to_thread.run_sync(os.path.isfile, wanted):
        return await anyio.Path(wanted).read_text("utf-8", errors="replace")
    view = await views.resolve(await app.database(), order.repo)
    return await anyio.to_thread.run_sync(patch, view, wanted, order.paths)


async def _followed(swarm: Swarm, run_id: str) -> RunReport:
    """Wait until a run has ended or needs answers, with a bar for people."""
    output.say(run_id)
    with output.bar("swarm") as update:

        async def tell(done: int, total: int, text: str) -> None:
            update(done, total, text)

        return await swarm.report(run_id, wait_s=_WAIT_S, tell=tell, every_s=0.5)


def _estimated(found: Any, *, as_json: bool) -> int:
    from sophia_mcp.cost import usd

    price = "no known price" if found.nano is None else f"at most ${usd.text(found.nano)}"
    if as_json:
        dollars = None if found.nano is None else usd.text(found.nano)
        output.machine(
            {
                "pattern": found.pattern,
                "provider": found.provider,
                "free": found.free,
                "calls": found.calls,
                "input_tokens": found.input_tokens,
                "output_tokens": found.output_tokens,
                "usd": dollars,
                "notes": [commands(note) for note in found.notes],
            }
        )
    else:
        output.show(
            f"{found.pattern} with {found.provider}: {counted(found.calls, 'call')}, {found.input_tokens} tokens in,"
            f" {found.output_tokens} out, {'free' if found.free else price}"
        )
        for note in found.notes:
            output.say(f"note: {commands(note)}")
    return output.DONE


def _ended(
    report: RunReport, sarif_file: Path | None, fail_on: str, *, as_json: bool, wanted: str = "done"
) -> int:
    """Print a run; 1 when it did not end as wanted, or when a finding is severe enough."""
    from dataclasses import replace

    from sophia_mcp.swarm.telling import reports, sarif

    following = _following(report)
    report = replace(report, reason=commands(report.reason), notes=tuple(map(commands, report.notes)))
    if as_json:
        output.machine(reports.facts(report) | {"next": following})
    else:
        output.show(reports.words(report))
        if report.outcome is not None and report.outcome.findings:
            output.say(f"which are right? sophia memory accept {report.run_id} 1, or reject")
    if sarif_file is not None:
        try:
            sarif_file.write_text(json.dumps(sarif.sarif(report), indent=1), encoding="utf-8")
        except OSError as error:
            raise output.unwritable(sarif_file, error) from error
    if following is not None:
        output.say(f"next: {following}")
    if report.status != wanted:
        return output.FAILED
    least: Severity | None = None if fail_on == "never" else fail_on  # type: ignore[assignment]
    findings = report.outcome.findings if report.outcome is not None else ()
    return sarif.exit_code(findings, least)


def _following(report: RunReport) -> str | None:
    """The command that goes on with a run that has not ended well."""
    if report.status == "done":
        return None
    from sophia_mcp.swarm.telling import reports

    command = f"sophia swarm resume {report.run_id}"
    if report.status == "needs_steps":
        return f"{command} --results FILE"
    if reports.own_limit(report):
        return f"{command} --max-cost USD"
    raised = report.status == "over_budget"
    return f"raise the budget (sophia cost budget set), then {command}" if raised else command
