"""`sophia embed`: vectors of texts, for people and scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sophia_mcp.cli import output
from sophia_mcp.security.text import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sophia_mcp.app import App
    from sophia_mcp.embed.refusals import Taken
    from sophia_mcp.errors import ProviderError

_INPUT = Path("-")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)


@click.group("embed")
def COMMAND() -> None:
    """Turn texts into vectors with the embedder that is set, and compare them.

    Vectors are kept by content: the same text is never embedded twice.

    Example: sophia embed similarity "retry with backoff" "try again after a pause"
    """


@COMMAND.command("create")
@click.argument("texts", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object with whole vectors.")
def create(texts: tuple[str, ...], as_json: bool) -> int:
    """Show the vector of each TEXT.

    Example: sophia embed create "open a file" --json
    """
    model, rows = _embed(texts)
    _told_empty(texts, rows)
    if as_json:
        output.machine({"model": model, "vectors": [row.tolist() for row in rows]})
    else:
        for text, row in zip(texts, rows, strict=True):
            shown = " ".join(f"{value:+.3f}" for value in row[:6])
            output.show(f"{text[:60]!r}: {len(row)} dimensions, {shown} ...")
    return output.DONE


@COMMAND.command("batch")
@click.argument("file", type=_FILE)
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Where to write; default: stdout."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Accepted for symmetry: the output is JSON lines anyway."
)
def batch(file: Path, out: Path | None, as_json: bool) -> int:
    """Embed every line of FILE and write one JSON object a line: text and vector.

    FILE may be -, which is standard input.

    A line that the endpoint refuses, as one that is too long, has null for a vector: it is named on
    standard error, and the exit code is 1.

    Example: sophia embed batch questions.txt --out vectors.jsonl
    """
    import json

    texts = _lines(file)
    rows, refused = _taken(list(texts.values()))

    _told_empty(list(texts.values()), rows, refused)

    def vector(at: int) -> list[float] | None:
        return None if at in refused else rows[at].astype("f8").round(6).tolist()

    # One at a time: as text, vectors are ten times as large.
    lines = (
        json.dumps({"text": text, "vector": vector(at)}, ensure_ascii=False)
        for at, text in enumerate(texts.values())
    )
    if out is None:
        for line in lines:
            output.show(line)
    else:
        try:
            with out.open("w", encoding="utf-8") as written:
                written.writelines(line + "\n" for line in lines)
        except OSError as error:
            raise output.unwritable(out, error) from error
        output.say(f"wrote {counted(len(texts) - len(refused), 'vector')} to {out}")
    return _told(texts, refused)


@COMMAND.command("search")
@click.argument("query")
@click.argument("file", type=_FILE)
@click.option("--limit", type=click.IntRange(1, 1000), default=5, show_default=True, help="Most lines.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def search(query: str, file: Path, limit: int, as_json: bool) -> int:
    """Rank the lines of FILE by how close they are to QUERY.

    FILE may be -, which is standard input. A line that the endpoint refuses is left out and named, as `batch` does.

    Example: sophia embed search "timeouts" notes.txt --limit 3
    """
    lines = _lines(file)
    _require_words(query)
    rows, refused = _taken([query, *lines.values()])
    if 0 in refused:
        raise refused[0]
    _told_empty([query], rows)
    cosines = rows @ rows[0]
    scores = {number: float(cosines[at]) for at, number in enumerate(lines, 1) if at not in refused}
    best = sorted(scores, key=lambda number: -scores[number])[:limit]
    found = [{"line": n, "score": round(scores[n], 4), "text": lines[n]} for n in best]
    if as_json:
        output.machine(found)
    else:
        output.table(("score", "line", "text"), [(f["score"], f["line"], f["text"]) for f in found])
    return _told(lines, {at - 1: why for at, why in refused.items()})


@COMMAND.command("similarity")
@click.argument("first")
@click.argument("second")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def similarity(first: str, second: str, as_json: bool) -> int:
    """Say how close two texts are: the cosine, 1 for the same direction.

    Example: sophia embed similarity "delete a row" "remove a record"
    """
    model, rows = _embed((first, second))
    _told_empty((first, second), rows)
    value = round(float(rows[0] @ rows[1]), 4)
    if as_json:
        output.machine({"model": model, "similarity": value})
    else:
        output.show(f"{value:.4f}")
    return output.DONE


def _lines(file: Path) -> dict[int, str]:
    """The lines that are not blank, by their numbers from 1 on."""
    import sys

    from sophia_mcp.errors import BadArgument

    named = "standard input" if file == _INPUT else file
    try:
        raw = sys.stdin.buffer.read() if file == _INPUT else file.read_bytes()
        lines = enumerate(raw.decode("utf-8-sig").replace("\r\n", "\n").split("\n"), 1)
        texts = {number: line for number, line in lines if line.strip()}
    except UnicodeDecodeError as error:
        raise BadArgument(
            f"{named} is not UTF-8 text", why=str(error), next="convert it first"
        ) from error
    if not texts:
        raise BadArgument(f"{named} has no lines", next="put one text on each line")
    return texts


def _embed(texts: Sequence[str]) -> tuple[str, Any]:
    """The model's id and one row for each text."""
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.types import Passage

    _require_words(*texts)

    async def work(app: App) -> tuple[str, Any]:
        embedder = await app.embedder()
        return embedder.model.id, await embedder.documents([Passage((), text) for text in texts])

    return with_app(work)


def _require_words(*texts: str) -> None:
    """Raises BadArgument for a text that is blank, as a variable of a script is that was never set."""
    from sophia_mcp.errors import BadArgument

    for text in texts:
        if not text.strip():
            raise BadArgument(
                f"{text!r} has no words", why="only a text has a vector", next="give a text"
            )


def _told_empty(texts: Sequence[str], rows: Any, refused: Collection[int] = ()) -> None:
    """Name the texts whose vectors are zero: their cosine with everything is 0, which looks like an answer."""
    for at, text in enumerate(texts):
        if at not in refused and not rows[at].any():
            output.say(f"warning: {text[:60]!r} says nothing to this model: its vector is zero")


def _told(lines: Mapping[int, str], refused: Mapping[int, ProviderError]) -> int:
    """Name the lines that have no vector, by their places among ``lines``; the exit code that is due to them."""
    numbers = list(lines)
    for at, problem in refused.items():
        output.say(f"error: line {numbers[at]} has no vector: {problem.why}")
    return output.FAILED if refused else output.DONE


def _taken(texts: Sequence[str]) -> Taken:
    """One row for each text, and why some were refused."""
    from sophia_mcp.cli.session import with_app
    from sophia_mcp.embed.refusals import taken
    from sophia_mcp.types import Passage

    async def work(app: App) -> Taken:
        return await taken(await app.embedder(), [Passage((), text) for text in texts])

    return with_app(work)
