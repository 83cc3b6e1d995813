"""Where is a document cut? Prose at its headings, a notebook at its cells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from sophia_mcp.index.languages import LANGUAGES
from sophia_mcp.index.parsing.chunk import MOST, SMALL, TARGET, Lines, blocks
from sophia_mcp.index.parsing.grammars import reader
from sophia_mcp.index.schema import CHUNKS_PER_BLOB
from sophia_mcp.types import Chunk, Kind, Parsed, Symbol

SEPARATOR = " > "
"""Between headings; a dot would be torn from titles such as ``2.1 Setup``."""

_TITLE_CHARS = 100
_ATX = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_ADOC = re.compile(r"^(={1,6})[ \t]+(\S.*)$")
_RULE = re.compile(r"^([=\-~^\"'`#*+.:_<>])\1{2,}[ \t]*$")
_UNDERLINE = re.compile(r"([=\-~^*#_+])\1{2,}[ \t]*$")
"""What titles of plain text are underlined with: few of the signs that documents use."""
_RULED = ("---", "===", "***", "###", "___", "~~~")
_FRAME = " \t=-*#:[]"
"""What stands around a title."""
_DATED = (
    r"\S*\d\S*|[-–*]+|[(\[<]\S*|\S*[)\]>;=]\S*|(?-i:[A-Z]{2,4})|(?:mon|tue|wed|thu|fri|sat|sun)\w*,?"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*[.,]?|un(?:released|stable)|stable|released?|on|of|final"
)
_RELEASE = re.compile(
    r"(?:[a-z][\w.+'-]*[ \t]+){0,5}"  # Changes with, What's new in version, the name of the project
    r"(?:[a-z][\w+]*[-_])?\(?v?\d++(?>(?:\.\d++)+)[\w.+~-]*+\)?[:;,]?"
    rf"(?:[ \t]++(?>(?:{_DATED})(?!\S))){{0,8}}",  # each word is read once: the line is a stranger's
    re.IGNORECASE,
)
"""A line that names a version and when it came: a sentence about one goes on otherwise."""
_RELEASES_LEAST = 2
"""One such line alone is no history: it may as well name what is asked for."""
_MAGIC = re.compile(r"^\s*[%!?]")
_LANGUAGE = re.compile(r'"language"\s*:\s*"(\w+)"')


@dataclass(frozen=True, slots=True)
class _Heading:
    row: int
    level: int
    title: str


@dataclass(slots=True)
class _Part:
    """Rows under a chain of headings, outermost first; ``titles`` begin inside."""

    start: int
    end: int
    chain: tuple[str, ...]
    titles: tuple[str, ...]
    level: int


def prose(text: str, language: str) -> Parsed:
    """A document of headings: sections whole where they fit, at paragraphs where not."""
    lines = Lines(text)
    headings = list(_HEADINGS.get(language, _plain)(lines.text))
    parts = _joined(list(_sections(headings, lines)), lines)
    chunks = tuple(
        Chunk(
            i,
            part.start + 1,
            part.end + 1,
            "doc",
            SEPARATOR.join(part.chain),
            part.chain[:-1] if part.titles else part.chain,
            part.titles,
            part.titles[0] if part.titles else "",
        )
        for i, part in enumerate(_limited(parts))
    )
    return Parsed(language, chunks, _outline(headings, lines))


def notebook(text: str, parse: Callable[[str, str], Parsed]) -> Parsed | None:
    """A Jupyter notebook by cell: only what people wrote, not its outputs. Lines are those of the
    file. ``parse`` reads (code, language). None when the text is no notebook with cells on lines
    of their own."""
    cells = list(_cells(text))
    if not cells or cells[-1][2][0] == 0:
        return None
    match = _LANGUAGE.search(text)
    language = match[1].lower() if match else "python"
    code: list[str] = []
    rows: list[int] = []
    for kind, _, _, source in cells:
        if kind == "code":
            for row, line in source:
                code.append("#" if _MAGIC.match(line) else line)
                rows.append(row)
    inner = parse("\n".join(code), language if language in LANGUAGES else "python")
    symbols = tuple(
        Symbol(
            s.name,
            s.kind,
            rows[s.start_line - 1] + 1,
            rows[s.end_line - 1] + 1,
            s.container,
            s.signature,
        )
        for s in inner.symbols
    )
    return Parsed("notebook", _cell_chunks(cells, symbols, Lines(text)), symbols)


_Cell = tuple[str, int, tuple[int, int], list[tuple[int, str]]]
"""Type, number, first and last row of the source, and the source as (row, line)."""


def _cells(text: str) -> Iterator[_Cell]:
    loaded = reader(LANGUAGES["json"])
    source = text.encode("utf-8", "replace")
    root = loaded.tree(source).root_node
    top = root.named_child(0) if root.named_child_count else None
    array = _member(top, "cells", source)
    for number, cell in enumerate(array.named_children if array is not None else ()):
        kind, lines = _member(cell, "cell_type", source), _member(cell, "source", source)
        if kind is None or lines is None:
            continue
        written: list[tuple[int, str]] = []
        for element in lines.named_children if lines.type == "array" else [lines]:
            row = element.start_point[0]
            written += [(row, line) for line in _string(element, source).splitlines() or [""]]
        span = (lines.start_point[0], lines.end_point[0])
        yield _string(kind, source), number, span, written


def _member(node: Node | None, key: str, source: bytes) -> Node | None:
    if node is None or node.type != "object":
        return None
    for pair in node.named_children:
        name = pair.child_by_field_name("key")
        if name is not None and source[name.start_byte + 1 : name.end_byte - 1] == key.encode():
            return pair.child_by_field_name("value")
    return None


def _string(node: Node, source: bytes) -> str:
    try:
        value = json.loads(source[node.start_byte : node.end_byte])
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""


def _cell_chunks(cells: Sequence[_Cell], symbols: Sequence[Symbol], lines: Lines) -> tuple[Chunk, ...]:
    found: list[Chunk] = []
    heading: tuple[str, ...] = ()
    for kind, _, (first, last), source in cells:
        titles = (
            tuple(h.title for h in _markdown([line for _, line in source])) if kind != "code" else ()
        )
        heading = titles[-1:] or heading
        spans = [(first, last)] if lines.size(first, last) <= MOST else blocks(lines, first, last)
        for start, end in spans:
            inside = [s for s in symbols if start < s.start_line <= end + 1]
            chunk_kind: Kind = (
                "doc" if kind != "code" else inside[0].kind if len(inside) == 1 else "text"
            )
            names = (*titles, *(s.name for s in inside))
            signature = inside[0].signature if inside else (titles[0] if titles else "")
            found.append(
                Chunk(
                    len(found),
                    start + 1,
                    end + 1,
                    chunk_kind,
                    "",
                    heading if not titles else (),
                    names,
                    signature,
                )
            )
    return tuple(found[:CHUNKS_PER_BLOB])


def _sections(headings: Sequence[_Heading], lines: Lines) -> Iterator[_Part]:
    last = len(lines.text) - 1
    chain: list[_Heading] = []
    if not headings or headings[0].row > 0:
        end = headings[0].row - 1 if headings else last
        yield from _pieces(0, end, (), (), 0, lines)
    for i, heading in enumerate(headings):
        while chain and chain[-1].level >= heading.level:
            chain.pop()
        chain.append(heading)
        end = headings[i + 1].row - 1 if i + 1 < len(headings) else last
        titles = tuple(h.title for h in chain[-16:])
        yield from _pieces(heading.row, end, titles, (heading.title,), heading.level, lines)


def _pieces(
    start: int, end: int, chain: tuple[str, ...], titles: tuple[str, ...], level: int, lines: Lines
) -> Iterator[_Part]:
    whole = lines.size(start, end) <= MOST
    for first, last in [(start, end)] if whole else blocks(lines, start, end):
        first, last = lines.trim(first, last)
        if first <= last and not lines.blank(first):
            yield _Part(first, last, chain, titles, level)
            titles = ()


def _joined(parts: Sequence[_Part], lines: Lines) -> list[_Part]:
    """A section takes in its short subsections; anything takes in what is very short."""
    joined: list[_Part] = []
    for part in parts:
        if joined:
            last = joined[-1]
            small = min(lines.size(last.start, last.end), lines.size(part.start, part.end)) < SMALL
            below = part.level > last.level or (part.chain == last.chain and not part.titles)
            if (small or below) and lines.size(last.start, part.end) <= TARGET:
                joined[-1] = _Part(
                    last.start, part.end, last.chain, last.titles + part.titles, last.level
                )
                continue
        joined.append(part)
    return joined


def _limited(parts: list[_Part]) -> list[_Part]:
    group = -(-len(parts) // CHUNKS_PER_BLOB)
    if group <= 1:
        return parts
    rows = (parts[i : i + group] for i in range(0, len(parts), group))
    return [_Part(row[0].start, row[-1].end, row[0].chain, row[0].titles, 0) for row in rows]


def _outline(headings: Sequence[_Heading], lines: Lines) -> tuple[Symbol, ...]:
    """Headings as symbols that end where the next heading of their level or above begins."""
    ends = [len(lines.text)] * len(headings)
    chain: list[int] = []
    found: list[Symbol] = []
    containers: list[str] = []
    for i, heading in enumerate(headings):
        while chain and headings[chain[-1]].level >= heading.level:
            ends[chain.pop()] = heading.row
        containers.append(SEPARATOR.join(headings[k].title for k in chain[-16:]))
        chain.append(i)
    for heading, end, container in zip(headings, ends, containers, strict=True):
        last = lines.trim(heading.row, max(end - 1, heading.row))[1]
        found.append(Symbol(heading.title, "doc", heading.row + 1, last + 1, container))
    return tuple(found)


def _markdown(lines: Sequence[str]) -> Iterator[_Heading]:
    fence = ""
    closing = _closing(lines)
    for row, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line.strip(" `~"):
                fence = ""
            continue
        if mark and len(mark[1]) <= closing[mark[1][0]].get(row, 0):
            fence = mark[1]
            continue
        atx = _ATX.match(line[:400]) if "#" in line[:4] else None
        if atx:
            yield _Heading(row, len(atx[1]), _title(atx[2] or ""))
        elif line[:4].strip()[:1] in ("=", "-") and row and _SETEXT.match(line[:400]):
            above = lines[row - 1].strip()
            if (
                above
                and not above.startswith(("#", "-", "*", ">", "|", "<", "`"))
                and len(line.strip()) > 1
            ):
                yield _Heading(row - 1, 1 if "=" in line else 2, _title(above))


def _closing(lines: Sequence[str]) -> dict[str, dict[int, int]]:
    """How long the longest fence of each sign is that may close one which opens in a row: what nothing closes is none,
    or all that follows would be code."""
    found: dict[str, dict[int, int]] = {"`": {}, "~": {}}
    longest = dict.fromkeys(found, 0)
    for row in range(len(lines) - 1, -1, -1):
        if "`" not in lines[row] and "~" not in lines[row]:
            continue
        if mark := _FENCE.match(lines[row]):
            sign = mark[1][0]
            found[sign][row] = longest[sign]
            if not lines[row].strip(" `~"):
                longest[sign] = max(longest[sign], len(mark[1]))
    return found


def _rst(lines: Sequence[str], rules: re.Pattern[str] = _RULE) -> Iterator[_Heading]:
    """Titles are underlined, some overlined too; levels count in the order of first use."""
    levels: dict[tuple[str, bool], int] = {}
    for row in range(1, len(lines)):
        rule = rules.match(lines[row][:400])
        title = lines[row - 1].rstrip()
        if rule is None or not title or rules.match(title[:400]):
            continue
        over = row >= 2 and lines[row - 2].rstrip() == lines[row].rstrip()
        if len(lines[row].rstrip()) < len(title) or (title[0].isspace() and not over):
            continue
        level = levels.setdefault((rule[1], over), len(levels) + 1)
        yield _Heading(row - 2 if over else row - 1, level, _title(title))


def _plain(lines: Sequence[str]) -> Iterator[_Heading]:
    """Of text without markup: titles that are underlined, and below them lines that begin what a version is told."""
    titled = {  # by the row of the title, which may be overlined
        heading.row + (_UNDERLINE.match(lines[heading.row][:400]) is not None): heading
        for heading in _rst(lines, _UNDERLINE)
    }
    depth = max((heading.level for heading in titled.values()), default=0) + 1
    releases = [row for row in range(len(lines)) if row not in titled and _is_release(lines, row)]
    if len(releases) < _RELEASES_LEAST:
        releases = []
    told = [_Heading(row, depth, _title(lines[row].strip(_FRAME))) for row in releases]
    yield from sorted((*titled.values(), *told), key=lambda heading: heading.row)


def _is_release(lines: Sequence[str], row: int) -> bool:
    """Whether a line stands by itself and says no more than which version it is, and when that came."""
    line = lines[row]
    if "." not in line or len(line) > _TITLE_CHARS or line[0].isspace():
        return False
    if not _RELEASE.fullmatch(line.strip(_FRAME)):
        return False
    above = lines[row - 1].strip() if row else ""
    below = lines[row + 1] if row + 1 < len(lines) else ""
    return above[:3] in ("", *_RULED) and not below[:1].isalnum()


def _asciidoc(lines: Sequence[str]) -> Iterator[_Heading]:
    for row, line in enumerate(lines):
        if line.startswith("=") and (match := _ADOC.match(line[:400])):
            yield _Heading(row, len(match[1]), _title(match[2]))


def _title(text: str) -> str:
    return " ".join(text.split())[:_TITLE_CHARS]


_HEADINGS: dict[str, Callable[[Sequence[str]], Iterator[_Heading]]] = {
    "markdown": _markdown,
    "rst": _rst,
    "asciidoc": _asciidoc,
    "text": _plain,
}
