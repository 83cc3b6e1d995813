"""`sophia memory`: what is remembered, for a person to see, add to, mend and take away."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sophia_mcp.memory.memory import Caller, Memory
    from sophia_mcp.swarm.patterns import Library
    from sophia_mcp.types import Memo

_KINDS = ("fact", "decision", "lesson", "preference")
_SCOPES = ("repo", "workspace", "user", "global")

T = TypeVar("T")

_repo = click.option("--repo", default=None, help="Name or path of a repository; * for all.")
_scope = click.option("--scope", type=click.Choice(_SCOPES), default=None, help="Only this scope.")
_kinds = click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only this kind; repeat for more."
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document.")


@click.group("memory")
def COMMAND() -> None:
    """See and change what assistants remember.

    Example: sophia memory search "how is money stored"
    """


@COMMAND.command("add")
@click.argument("text")
@click.option("--kind", type=click.Choice(_KINDS), default="fact", show_default=True, help="What it is.")
@click.option(
    "--scope", type=click.Choice(_SCOPES), default="repo", show_default=True, help="Where it holds."
)
@click.option("--anchor", "anchors", multiple=True, help="path, path:line or symbol; repeat for more.")
@click.option("--ttl-days", type=click.IntRange(1, 3650), default=None, help="Forget it after so long.")
@click.option("--pinned", is_flag=True, help="It never fades and ranks first in lists.")
@click.option("--repo", default=None, help="Name or path of a repository. Default: this one.")
@_json
def add(
    text: str,
    kind: str,
    scope: str,
    anchors: tuple[str, ...],
    ttl_days: int | None,
    pinned: bool,
    repo: str | None,
    as_json: bool,
) -> int:
    """Remember TEXT. A lesson that a person adds counts as confirmed.

    Example: sophia memory add "Money is integer cents" --kind decision --scope user
    """
    from sophia_mcp.memory.memory import Note

    note = Note(text, kind, scope, anchors, ttl_days, pinned, source="person")  # type: ignore[arg-type]
    done = _with_memory(repo, lambda memory, caller: memory.remember(note, caller))
    if as_json:
        output.machine({"state": done.state, "memory": done.memo, "notes": done.notes})
    else:
        output.show(f"{done.state} {done.memo.id}")
        for line in done.notes:
            output.say(f"note: {line}")
        for each in done.rivals:
            output.say(f"similar, but not the same: {each.id} {_line(each.text)}")
    return output.DONE


@COMMAND.command("search")
@click.argument("query")
@_repo
@_scope
@_kinds
@click.option("--limit", type=click.IntRange(1, 200), default=8, show_default=True, help="Most hits.")
@_json
def search(
    query: str, repo: str | None, scope: str | None, kinds: tuple[str, ...], limit: int, as_json: bool
) -> int:
    """Find what answers QUERY, by words and by meaning. An id shows that memory.

    Example: sophia memory search "why are cards charged once" --kind decision
    """
    return _found(query, repo, scope, kinds, limit, as_json)


@COMMAND.command("list")
@_repo
@_scope
@_kinds
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Most.")
@_json
def list_(repo: str | None, scope: str | None, kinds: tuple[str, ...], limit: int, as_json: bool) -> int:
    """List memories, pinned ones first, then the newest.

    Example: sophia memory list --repo '*' --json
    """
    return _found(None, repo, scope, kinds, limit, as_json)


@COMMAND.command("forget")
@click.argument("id")
@_json
def forget(id: str, as_json: bool) -> int:
    """Forget a memory. For 30 days `sophia memory undo ID` takes it back.

    Example: sophia memory forget m-1f2e3d4c5b6a
    """
    memo = _with_memory(None, lambda memory, _: memory.forget(id))
    return _said("forgotten", memo, as_json)


@COMMAND.command("undo")
@click.argument("id")
@_json
def undo(id: str, as_json: bool) -> int:
    """Remember again what was forgotten.

    Example: sophia memory undo m-1f2e3d4c5b6a
    """
    memo = _with_memory(None, lambda memory, _: memory.undo(id))
    return _said("remembered again", memo, as_json)


@COMMAND.command("confirm")
@click.argument("id")
@click.option("--no", "disagrees", is_flag=True, help="It is wrong: take standing away.")
@_json
def confirm(id: str, disagrees: bool, as_json: bool) -> int:
    """Say that a memory is right, or with --no that it is not. Your word counts as three runs' word.

    Example: sophia memory confirm m-1f2e3d4c5b6a
    """
    memo = _with_memory(None, lambda memory, _: memory.confirm(id, agrees=not disagrees))
    return _said(f"standing {memo.standing:+d}", memo, as_json)


@COMMAND.command("export")
@click.argument("file", default="-")
@_repo
@_scope
@_json
def export(file: str, repo: str | None, scope: str | None, as_json: bool) -> int:
    """Write memories as Markdown to FILE, or to standard output. Edit it and import it again.

    Example: sophia memory export memory.md --repo '*'
    """
    from sophia_mcp.memory import markdown
    from sophia_mcp.security.paths import of_home

    text = _with_memory(repo, lambda memory, caller: memory.export(caller, scope))  # type: ignore[arg-type]
    if file == "-":
        output.machine({"markdown": text}) if as_json else output.show(text)
        return output.DONE
    place, count = of_home(file), len(markdown.read(text))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise output.unwritable(place, error) from error
    if as_json:
        output.machine({"file": str(place), "memories": count})
    else:
        output.say(f"{count} memories written to {place}")
    return output.DONE


@COMMAND.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--repo", default=None, help="Repository of sections that name none. Default: this one.")
@_json
def import_(file: str, repo: str | None, as_json: bool) -> int:
    """Take in a file that `export` wrote, with what was changed or added by hand.

    Example: sophia memory import memory.md
    """
    text = _text(file)
    done = _with_memory(repo, lambda memory, caller: memory.import_markdown(text, caller))
    if as_json:
        output.machine(done)
    else:
        output.show(f"{done.added} added, {done.changed} changed, {done.same} as they were")
        for problem in done.problems:
            output.say(f"left out: {problem}")
    return output.FAILED if done.problems else output.DONE


@COMMAND.command("accept")
@click.argument("run_id")
@click.argument("findings", nargs=-1, required=True, metavar="FINDING...")
@_json
def accept(run_id: str, findings: tuple[str, ...], as_json: bool) -> int:
    """Say that findings of a run are right: their numbers, or path:line. Later runs are told so.

    Example: sophia memory accept swarm-1a2b3c 1 3
    """
    return _judged(run_id, dict.fromkeys(findings, True), as_json)


@COMMAND.command("reject")
@click.argument("run_id")
@click.argument("findings", nargs=-1, required=True, metavar="FINDING...")
@_json
def reject(run_id: str, findings: tuple[str, ...], as_json: bool) -> int:
    """Say that findings of a run are no defects here. Later runs are told not to report them.

    Example: sophia memory reject swarm-1a2b3c 2
    """
    return _judged(run_id, dict.fromkeys(findings, False), as_json)


@COMMAND.command("runs")
@click.argument("task")
@click.option("--repo", default=None, help="Name or path of a repository. Default: this one.")
@click.option("--limit", type=click.IntRange(1, 50), default=5, show_default=True, help="Most runs.")
@_json
def runs(task: str, repo: str | None, limit: int, as_json: bool) -> int:
    """Find past runs on tasks like TASK, with what came of them.

    Example: sophia memory runs "review the payment retries"
    """

    async def work(memory: Memory, caller: Caller) -> tuple[list[Memo], str]:
        found = await memory.similar_runs(task, caller, limit=limit)
        return found, memory.shown(found)

    found, text = _with_memory(repo, work)
    if as_json:
        output.machine({"runs": found})
    elif found:
        output.show(text)
    else:
        output.say("no past run on such a task")
    return output.DONE if found else output.NOTHING


@COMMAND.command("advise")
@click.argument("pattern")
@click.option("--task-kind", default="", help="Kind of task. Default: the pattern's own.")
@click.option(
    "--tier",
    type=click.Choice(("fast", "standard", "deep")),
    default="standard",
    show_default=True,
    help="Tier of the run you plan.",
)
@click.option("--model", default="", help="Compare single models.")
@_json
def advise(pattern: str, task_kind: str, tier: str, model: str, as_json: bool) -> int:
    """What past runs of PATTERN say about the next one: success, cost, time, and what did better.

    Example: sophia memory advise code_review --tier fast
    """
    advice = _with_memory(
        None,
        lambda memory, _: memory.advise(pattern, task_kind=task_kind, tier=tier, model=model),  # type: ignore[arg-type]
    )
    if advice.arm is None or not advice.arm.runs:
        _patterns().load(pattern)
    if as_json:
        output.machine(advice)
    else:
        output.show(advice.text)
    return output.DONE


def _patterns() -> Library:
    """The patterns that can be named here."""
    from sophia_mcp.cli.session import project_folder
    from sophia_mcp.settings import load, patterns_folder
    from sophia_mcp.swarm.patterns import Library

    here = project_folder()
    return Library(patterns_folder(load(here)), here / ".sophia" / "patterns")


def _text(file: str) -> str:
    """A file, or standard input. Raises BadArgument for one that is no text."""
    from sophia_mcp.errors import BadArgument

    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BadArgument(
            f"cannot read {file}", why=str(error), next="give a file that sophia memory export wrote"
        ) from error


def _judged(run_id: str, verdicts: dict[str, bool], as_json: bool) -> int:
    """Take down what a person thinks of findings, and print what is remembered of it."""
    from sophia_mcp.cli.session import project_folder, with_app
    from sophia_mcp.memory.memory import Caller

    here = project_folder()

    async def work(app: Any) -> list[Memo]:
        swarm = await app.swarm()
        outcome = (await swarm.report(run_id)).outcome
        repo = (await swarm.means.book.find(run_id)).order.repo
        caller = Caller(repo, here if repo is not None else None, trusted=True)
        memory: Memory = await app.memory()
        found = outcome.findings if outcome is not None else ()
        return await memory.judge(run_id, found, verdicts, caller)

    memos = with_app(work, here)
    if as_json:
        output.machine({"lessons": memos})
    else:
        for memo in memos:
            output.show(f"{memo.id} standing {memo.standing:+d}: {_line(memo.text)}")
    return output.DONE


def _with_memory(repo: str | None, work: Callable[[Memory, Caller], Awaitable[T]]) -> T:
    """Run some work on memory as the person at the keyboard."""
    from sophia_mcp.cli.session import project_folder, with_app
    from sophia_mcp.memory.memory import Caller

    here = project_folder()

    async def inside(app: Any) -> T:
        return await work(await app.memory(), Caller(repo or None, here, trusted=True))

    return with_app(inside, here)


def _found(
    query: str | None,
    repo: str | None,
    scope: str | None,
    kinds: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> int:
    async def work(memory: Memory, caller: Caller) -> tuple[tuple[Memo, ...], int, str]:
        _, found = await memory.recall(query, caller, scope=scope, kinds=kinds, limit=limit)  # type: ignore[arg-type]
        return found.memos, found.total, memory.shown(found.memos)

    memos, total, text = _with_memory(repo, work)
    if as_json:
        output.machine({"memories": memos, "total": total})
    elif memos:
        output.show(text)
        if total > len(memos):
            output.say(f"{total - len(memos)} more: raise --limit")
    else:
        output.say("nothing is remembered about that" if query else "nothing is remembered here yet")
    return output.DONE if memos else output.NOTHING


def _said(what: str, memo: Memo, as_json: bool) -> int:
    if as_json:
        output.machine({"state": what, "memory": memo})
    else:
        output.show(f"{what}: {memo.id} {_line(memo.text)}")
    return output.DONE


def _line(text: str) -> str:
    from sophia_mcp.security.text import plain_line

    return plain_line(text)[:100]
