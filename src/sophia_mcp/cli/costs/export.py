"""`sophia cost export`: every entry of the ledger, for spreadsheets and programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from sophia_mcp.cli import output

if TYPE_CHECKING:
    from sophia_mcp.app import App
    from sophia_mcp.cost.reports.export import Format


@click.command("export")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("csv", "json", "jsonl", "markdown")),
    default="csv",
    show_default=True,
    help="Markdown shows the main columns only.",
)
@click.option("--since", default="-30d", show_default=True, help="First day: -7d, 2026-11-01, today.")
@click.option("--until", default=None, help="Last day. Default: today.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Where to write; default: stdout."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def COMMAND(format_: str, since: str, until: str | None, out: Path | None, as_json: bool) -> int:
    """Write every entry, one row each, with exact decimals and the unit prices it stands on.

    Rows add up to the report: a correction is a row of its own. A text that a spreadsheet would run as
    a formula begins with an apostrophe.

    Example: sophia cost export --since 2026-11-01 --format csv --out november.csv
    """
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.cost.days import day_of, parse
    from sophia_mcp.cost.reports.export import written

    chosen = cast("Format", "json" if as_json else format_)

    async def work(app: App) -> int:
        ledger = (await app.money()).ledger
        today = day_of(ledger.clock())
        first = parse(since, today)
        last = today if until is None else parse(until, today, "until")
        pieces = written(ledger.entries(first, last + 1), chosen)
        written_rows = 0
        file = None if out is None else out.open("w", encoding="utf-8", newline="")
        try:
            async for piece in pieces:
                written_rows += 1
                if file is None:
                    click.echo(piece, nl=False)
                else:
                    file.write(piece)
        finally:
            if file is not None:
                file.close()
        return written_rows

    try:
        with_app(work)
    except BrokenPipeError:
        raise  # whoever reads has seen enough
    except OSError as error:
        raise output.unwritable(out or "the output", error) from error
    if out is not None:
        output.say(f"wrote {out}")
    return output.DONE
