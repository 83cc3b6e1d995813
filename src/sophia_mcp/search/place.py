"""What stands at this place? A path, or lines of a path, answered as a read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from sophia_mcp.index.parse import language_of
from sophia_mcp.search import filters, renamed, skipped, symbols
from sophia_mcp.search.content import Text
from sophia_mcp.search.engine import Candidate, Outcome, Question
from sophia_mcp.search.proof import OWN
from sophia_mcp.search.query import Place, Query, QueryKind, said_page, said_place
from sophia_mcp.search.render import call
from sophia_mcp.search.trace import match_path
from sophia_mcp.security.secrets import mask
from sophia_mcp.security.text import call_of, counted
from sophia_mcp.store.database import Transaction
from sophia_mcp.types import Kind, Symbol

_OUTLINE_LINES = 80
_SHOWN_WHOLE = 40
"""Files up to this many lines are shown instead of outlined."""

_NAMED = 3
"""Files that are named as left out by the filters."""

_SEPARATOR = re.compile(r"::|[./\\]")
_PART = re.compile(r"[\w-]+")
_WRITTEN = re.compile(r"[^\s*]*[^\s*/]\.\w{1,10}")
"""The path of a file, or the end of one."""

_FOLDER_ITSELF = frozenset({"__init__", "index", "mod"})
"""Files that stand for the folder they are in."""


def locate(question: Question, path: str) -> list[int]:
    """Files a written path means, best first: itself, else those that end with it."""
    atlas = question.atlas
    path = filters.inside(question.view.root, path)
    if path in atlas.position:
        return [atlas.position[path]]
    if "*" in path:
        for written in filters.spellings(path):
            glob = filters.pattern(written).fullmatch
            if found := [i for i, held in enumerate(atlas.paths) if glob(held)]:
                return found
        return []
    wanted = path.strip("/")
    ending = [i for i, held in enumerate(atlas.paths) if held.endswith("/" + wanted)]
    if not ending and language_of(wanted, b"") is not None:  # some systems take any case
        folded = f"/{wanted}".casefold()
        ending = [i for i, held in enumerate(atlas.paths) if f"/{held}".casefold().endswith(folded)]
    return sorted(ending, key=lambda i: (atlas.has("test", i), len(atlas.paths[i]), atlas.paths[i]))


def folder(question: Question, path: str) -> str | None:
    """The folder a written path means, or None."""
    wanted = filters.inside(question.view.root, path).strip("/")
    if not wanted:
        return None
    prefix = wanted + "/"
    if any(held.startswith(prefix) for held in question.atlas.paths):
        return wanted
    inner = f"/{prefix}"
    for held in question.atlas.paths:
        at = held.find(inner)
        if at >= 0:
            return held[: at + len(inner) - 1]
    return None


def is_folder(question: Question, path: str) -> bool:
    """Whether a path, as it is written from the root on, is that of a folder and of no file without its ending."""
    prefix = filters.inside(question.view.root, path).rstrip("/")
    held = [one for one in question.atlas.paths if one.startswith(prefix)] if "/" in prefix else []
    return any(one.startswith(f"{prefix}/") for one in held) and not any(
        one.startswith(f"{prefix}.") for one in held
    )


async def lines(question: Question, tx: Transaction) -> Outcome:
    """``path:10-80``: those lines; ``path:10``: the definition around line 10."""
    query = question.query
    there = locate(question, query.path)
    files = passing(question, there)
    if not files:
        return filtered(question, there) if there else await missing(question, tx)
    content, atlas = question.engine.content, question.atlas
    found: list[Candidate] = []
    notes = unfiltered(question)
    for file in files[: question.reach + 1]:  # one more, so that the answer can go on
        blob = int(atlas.blobs[file])
        text = (await content.texts(tx, [blob]))[blob]
        symbols = (await content.symbols(tx, [blob]))[blob]
        length = len(text.lines)
        start = min(query.start, length)
        if query.start > length:
            notes.append(f"{atlas.paths[file]} has {counted(length, 'line')}; showing the last")
        home = enclosing(symbols, start)
        if query.end:
            begin, end = start, min(query.end, length)
        elif home and home.end_line - home.start_line < 120:
            begin, end = home.start_line, home.end_line
        else:
            begin, end = max(start - 12, 1), min(start + 24, length)
        found.append(
            Candidate(
                file,
                begin,
                end,
                qualified(home) if home else "",
                home.kind if home else _kind(question, file),
                1.0,
                "the place asked for",
                (begin, end),
                start,
            )
        )
    if len(files) > 1:
        notes.append(f"{len(files)} files end with {query.path!r}")
    return Outcome(tuple(found), len(files), tuple(notes))


async def said(question: Question, tx: Transaction) -> Query | None:
    """The query of a text that is the path of a file or folder with spaces, in quotes, as a link or a URI, or
    with lines as people write them; None where there is no such file, or where the query says it already."""
    query, atlas, root = question.query, question.atlas, question.view.root
    found = said_place(query.written)
    if found is not None and query.kind == "path" and query.path == found.path:
        return None
    if found is not None and not await _is_elsewhere(question, tx, found):
        found = replace(found, path=filters.inside(root, found.path))
        kind: QueryKind = "lines" if found.start else "path"
        if await _is_there(question, tx, found):
            return Query(query.text, kind, found.path, found.start, found.end)
        folder = found.path.rstrip("/") + "/"
        is_folder = "/" in found.path and not found.start and found.path != query.text
        if is_folder and any(path.startswith(folder) for path in atlas.paths):
            return Query(folder, "path", folder)
        if found.repository and is_file(found.path):
            return Query(found.path + found.lines, kind, found.path, found.start, found.end)
    written = filters.inside(root, query.written)
    return Query(query.written, "path", written) if written in atlas.position else None


async def _is_elsewhere(question: Question, tx: Transaction, found: Place) -> bool:
    """Whether a link to another repository says it: one of another name than this, of which it is no clone."""
    view, named = question.view, found.repository.rpartition("/")[2].casefold()
    names = {name.rpartition("/")[2].casefold() for name in (view.repo, view.name)}
    return named != "" and named not in names and view.repo not in await _cloned(tx, found)


async def _cloned(tx: Transaction, found: Place) -> list[str]:
    """The indexed repositories that are clones of the one that a link names."""
    rows = await tx.rows(
        "SELECT name FROM repos WHERE workspace = :workspace AND lower(origin) = :origin ORDER BY id",
        {"origin": found.repository.casefold()},
    )
    return [str(name) for (name,) in rows]


async def linked(question: Question, tx: Transaction) -> Outcome | None:
    """The miss of a link to a file of another repository, or to a page about a change, with the call that comes
    near; None for any other text."""
    written = question.query.written
    if page := said_page(written):
        return _page(question, *page)
    found = said_place(written)
    if found is None or not await _is_elsewhere(question, tx, found):
        return None
    place = found.path + found.lines
    if repositories := await _cloned(tx, found):
        following = call(question.request, place, repo=repositories[0])
    elif found.path in question.atlas.position:
        following = call(question.request, place)
    else:
        following = call_of("index_repo", path=f"https://{found.repository}")
    too = ", which has such a file, too" if found.path in question.atlas.position else ""
    said = f"not here: the link is to {found.repository}, not to {question.view.label}{too}"
    return Outcome((), 0, (said, f"next: {following}"))


def _page(question: Question, repository: str, page: str, what: str) -> Outcome:
    """The miss of a page, with the call for what is written of its number: comments and changelogs name them."""
    said = f"not here: {page} of {repository} is a page at its host, and no file of {question.view.label} has the link"
    numbered = what.isdigit()
    query, mode = (rf"#{what}\b", "regex") if numbered else (".", "outline")
    return Outcome((), 0, (said, f"next: {call(question.request, query, mode=mode)}"))


async def _is_there(question: Question, tx: Transaction, found: Place) -> bool:
    """Whether there is such a file: of that very path where a link says it or it holds spaces; and spelt so, with
    such a line, where the number may be a version (``Node.js 18``)."""
    atlas = question.atlas
    if found.path in atlas.position:
        files = [atlas.position[found.path]]
    else:
        is_part = not found.repository and _WRITTEN.fullmatch(found.path) is not None
        files = locate(question, found.path) if is_part else []
    if not files or not found.is_bare:
        return bool(files)
    blob = int(atlas.blobs[files[0]])
    text = (await question.engine.content.texts(tx, [blob]))[blob]
    spelt = f"/{atlas.paths[files[0]]}".endswith(f"/{found.path}")
    return spelt and 1 <= found.start <= len(text.lines)


async def module(question: Question, tx: Transaction) -> Outcome | None:
    """The files that a name means as a module: ``_winapi``, ``app.router``, ``net::retry``."""
    wanted = [part for part in _SEPARATOR.split(question.query.text.strip()) if part]
    if not wanted or not all(_PART.fullmatch(part) for part in wanted):
        return None
    files = passing(question, _modules(question, wanted))
    return await _outlines(question, tx, files) if files else None


def _modules(question: Question, wanted: list[str]) -> list[int]:
    held = "/".join(wanted)
    return [
        i
        for i, path in enumerate(question.atlas.paths)
        if held in path and _module(path)[-len(wanted) :] == wanted
    ]


def _module(path: str) -> list[str]:
    *folders, name = path.split("/")
    stem = name.split(".")[0]
    return folders if folders and stem in _FOLDER_ITSELF else [*folders, stem]


async def whole(question: Question, tx: Transaction) -> Outcome | None:
    """A path, as an import writes it perhaps (``../core/util``): its outline, or with ``detail="full"`` the
    file itself. None when no file is meant, so that the text may still be a name."""
    files = await _files(question, tx)
    return await _outlines(question, tx, files) if files else None


async def _files(question: Question, tx: Transaction) -> list[int]:
    return locate(question, question.query.path) or await _imported(question, tx)


async def meant(question: Question, tx: Transaction) -> list[int]:
    """The files that the text of a question can only mean: a path, or a module with its folders."""
    text = question.query.text.strip()
    if not re.search(r"[./\\]", text) or question.query.kind == "lines":
        return []
    return await _files(replace(question, query=Query(text, "path", path=text)), tx)


async def _imported(question: Question, tx: Transaction) -> list[int]:
    """The files that a path means as an import writes it, unless it is the name of a member."""
    path, atlas = question.query.path, question.atlas
    steps = filters.inside(question.view.root, path).strip("/").split("/")
    if len(steps) == 1:
        *within, name = steps = path.split(".")
        defined = await symbols.definitions(tx, atlas, name, "".join(within[-1:])) if within else ()
        if any(item.named_container and item.symbol.container for item in defined):
            return []
    steps = [step for step in steps if step not in ("", ".", "..", "@", "~")]
    return _modules(question, steps) if len(steps) > 1 else []


async def _outlines(question: Question, tx: Transaction, there: list[int]) -> Outcome:
    files = passing(question, there)
    if not files:
        return filtered(question, there)
    found: list[Candidate] = []
    content, atlas = question.engine.content, question.atlas
    for file in files[: question.reach + 1]:  # one more, so that the answer can go on
        blob = int(atlas.blobs[file])
        text = (await content.texts(tx, [blob]))[blob]
        symbols = (await content.symbols(tx, [blob]))[blob]
        length = len(text.lines)
        shown = None
        outlined = length > _SHOWN_WHOLE or question.request.mode == "outline"
        if question.request.detail != "full" and outlined and symbols:
            shown = outline_of(symbols, text)
        found.append(
            Candidate(
                file, 1, length, "", _kind(question, file), 1.0, "path match", (1, length), 1, text=shown
            )
        )
    return Outcome(tuple(found), len(files), tuple(unfiltered(question)))


def passing(question: Question, files: Sequence[int]) -> list[int]:
    """Those files that the filters let answer."""
    allowed = question.filter.allowed
    return [file for file in files if allowed is None or allowed[file]]


def filtered(question: Question, files: Sequence[int]) -> Outcome:
    """The place that was asked for is there, and no file of it passes the filters."""
    request, paths = question.request, question.atlas.paths
    named = ", ".join(paths[file] for file in files[:_NAMED])
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    kept = {"mode": request.mode, "detail": request.detail}
    following = {name: value for name, value in kept.items() if value != "auto"}
    return Outcome(
        (),
        0,
        (
            f"not here: {named}{more} is indexed, but left out by {filters.said(request)}",
            f"next: {call(request, question.query.text, **following)}",
        ),
    )


def unfiltered(question: Question, what: str = "a place") -> list[str]:
    """A place is shown whole, whatever kinds are asked for, and so is what else kinds do not narrow."""
    kinds = question.request.kinds
    return [f"kinds={', '.join(kinds)} does not narrow {what}"] if kinds else []


def outline_of(symbols: tuple[Symbol, ...], text: Text, most: int = _OUTLINE_LINES) -> str:
    """Definitions of a file as numbered signatures, indented by depth; the outer ones when many."""
    ordered = sorted(symbols, key=lambda symbol: (symbol.start_line, -symbol.end_line))
    while len(ordered) > most:
        deepest = max(symbol.container.count(".") + bool(symbol.container) for symbol in ordered)
        if not deepest:
            break
        ordered = [
            symbol
            for symbol in ordered
            if symbol.container.count(".") + bool(symbol.container) < deepest
        ]
    rows = []
    for symbol in ordered[:most]:
        depth = symbol.container.count(".") + bool(symbol.container)
        signature = (symbol.signature or text.span(symbol.start_line, symbol.start_line)).strip()
        # Masked whole, before it is cut: half a secret is no longer recognised.
        shown = mask(signature.splitlines()[0]).text[:160]
        rows.append(f"{symbol.start_line}-{symbol.end_line} {'  ' * depth}{shown}")
    if len(ordered) > most:
        rows.append(f"… {len(ordered) - most} more definitions")
    return "\n".join(rows)


def enclosing(symbols: tuple[Symbol, ...], line: int) -> Symbol | None:
    """The innermost definition around a line."""
    around = [symbol for symbol in symbols if symbol.start_line <= line <= symbol.end_line]
    return min(around, key=lambda symbol: symbol.end_line - symbol.start_line, default=None)


def qualified(symbol: Symbol) -> str:
    """``container.name``."""
    return f"{symbol.container}.{symbol.name}" if symbol.container else symbol.name


def _kind(question: Question, file: int) -> Kind:
    if question.atlas.has("document", file):
        return "doc"
    return "config" if question.atlas.has("config", file) else "text"


def is_file(path: str) -> bool:
    """Whether a text can only mean files: a glob, a folder, or a file in one."""
    folder, _, name = path.rpartition("/")
    return (
        "*" in path
        or not name
        or (bool(folder) and "://" not in path and language_of(name, b"") is not None)
    )


def is_bare(path: str) -> bool:
    """Whether a text may be the name of a file, without the folder it is in: ``app.py``, but ``self.py``, too."""
    return not re.search(r"[/*]", path) and language_of(path, b"") is not None


async def is_member(question: Question, tx: Transaction, path: str) -> bool:
    """Whether what looks like the ending of a file is the name of what something here has that is called so: a
    definition, the file or folder that it is in, or whatever holds it (``self.log``)."""
    atlas = question.atlas
    *_, holder, name = ("", *path.split("."))
    found = await symbols.definitions(tx, atlas, name, holder)
    if any(item.named_container or symbols.is_of(holder, atlas.paths[item.file]) for item in found):
        return True
    return bool(found) and (holder in OWN or bool(await symbols.definitions(tx, atlas, holder)))


async def missing(question: Question, tx: Transaction) -> Outcome:
    """No indexed file is meant: the nearest ones, or why it is left out, and the call for it."""
    query = question.query
    asked = query.path
    lines = query.text[len(asked) :] if query.kind == "lines" and query.text.startswith(asked) else ""
    if out := await skipped.find(question, tx, asked):
        said = f"not here: no indexed file is {asked!r}; {out.said}"
        return Outcome((), 0, (said, out.following(question, (out.within or ".") + lines)))
    return await moved(question, tx) or nowhere(question)


def nowhere(question: Question) -> Outcome:
    """The miss of a file of which there is nothing to say but what it is called like."""
    query, request, paths = question.query, question.request, question.atlas.paths
    asked = query.path
    lines = query.text[len(asked) :] if query.kind == "lines" and query.text.startswith(asked) else ""
    what = "file or folder" if request.mode == "outline" or asked.endswith("/") else "file"
    near = [] if "*" in asked else _nearest(asked, paths)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    following = call(request, near[0] + lines) if near else call(request, ".", mode="outline")
    return Outcome((), 0, (f"not here: no indexed {what} is {asked!r}{hint}", f"next: {following}"))


async def moved(question: Question, tx: Transaction) -> Outcome | None:
    """The miss of a file, or lines of it, that is called otherwise now."""
    query, request = question.query, question.request
    now = await renamed.find(question, tx, query.path)
    if now is None:
        return None
    place = now.path
    if query.kind == "lines":
        first, *last = [
            await renamed.line_now(question, tx, now, line) for line in (query.start, query.end) if line
        ]
        place += f":{first}" + "".join(f"-{line}" for line in last)
    mode = {} if request.mode == "auto" else {"mode": request.mode}
    return Outcome(
        (),
        0,
        (
            f"not here: no indexed file is {query.path!r}; it was renamed to {now.path}",
            f"next: {call(request, place, **mode)}",
        ),
    )


def _nearest(asked: str, paths: Sequence[str]) -> list[str]:
    if same := match_path(asked, paths):
        return same[:3]
    names = {path.rpartition("/")[2]: path for path in reversed(paths)}
    alike = [names[name] for name in get_close_matches(asked.rpartition("/")[2], names, 3, 0.6)]
    if "/" not in asked and alike:  # where it is was not said
        return alike
    return get_close_matches(asked, paths, 3, 0.5) or alike
