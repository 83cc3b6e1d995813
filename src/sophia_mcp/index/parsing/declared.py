"""What does one declaration of a file say, and where do declarations stand?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tree_sitter import Node

from sophia_mcp.index.languages.record import Language
from sophia_mcp.index.parsing.scopes import Scopes
from sophia_mcp.index.parsing.signs import ELEMENT, ENTERED
from sophia_mcp.index.parsing.written import is_followed, is_whole, plain_type

DECLARATION_BYTES = 240
"""So much of one is read."""
_PARAMETER = re.compile(r"[A-Z]\d?")
"""A type parameter says nothing about its methods."""
_WORD = re.compile(r"\w+")
_MATCHED = re.compile(r"\binstanceof\s+(?:final\s+)?([\w.]+(?:\s*<.*>)?\s+\w+)$", re.DOTALL)
"""A pattern of Java that names what is of a type."""
_BOUND = r"\b%s\s*(?:extends|:)\s*([A-Za-z_][\w.]*)(?![\w.]|\s*(?:<[^()]*>\s*)?(?:\?|\|(?!\s*(?:null|undefined)\b)))"
"""What a type parameter stands for, where that is no choice."""
_PARAMETERS = re.compile(r"(?<![\w>])(\w*)<([^()]*)>")
"""Declares type parameters: behind the name of what has them, or behind nothing."""
_IN_MACRO = (
    re.compile(
        rb"[|,]\s*+((?:mut\s++)?\w++\s*+:\s*+[^|,;:{}()=\"]++(?>(?:::[^|,;:{}()=\"]++)*))(?=\||,[^|;{}\"]{0,240}\|)"
    ),
    re.compile(rb"(let(?<!\wlet)\s++(?:mut\s++)?\w++\s*+[:=][^;]{0,400});"),
)
"""A parameter of a function without a name, and a variable, in the text of a macro of Rust. Each begins with what is
found fast, and gives nothing back: white space without end would be looked at from each of its places."""


def pattern_of(start: int, text: str) -> tuple[int, str]:
    """A declaration at a place; of a pattern of Java without what is looked at."""
    found = _MATCHED.search(text)
    return (
        (start + len(text[: found.start(1)].encode()), found[1]) if found is not None else (start, text)
    )


def declared(groups: Mapping[str, str | None], scopes: Scopes, start: int, language: str) -> str:
    """The type that a declaration at a place is written with, or empty. ``groups``: those of its match."""
    text = groups.get("type") or groups.get("literal")
    stated = plain_type(text, language) if text else ""
    if stated.startswith(ENTERED) and "*" in (groups.get("pointer") or ""):
        return f"{ENTERED}{stated}"
    if stated and len(stated) < 3 and _PARAMETER.fullmatch(stated):
        return _bound(stated, scopes, start, language)
    return stated


def _bound(parameter: str, scopes: Scopes, place: int, language: str) -> str:
    """The first type that the definitions around say a type parameter extends, or empty; a class of the file that
    is called like one is itself."""
    if parameter in scopes.classes:
        return parameter
    scope = scopes.at(place)
    while scope >= 0:
        each = scopes.found[scope]
        extended = re.search(_BOUND % parameter, each.signature)
        if extended is not None:
            return plain_type(extended[1], language)
        for name, parameters in _PARAMETERS.findall(each.signature.partition("(")[0]):
            if name in ("", each.name) and parameter in _WORD.findall(parameters):
                return ""
        scope = scopes.up(scope)
    return ""


def declarations(captures: Mapping[str, Sequence[Node]], source: bytes) -> list[tuple[int, int]]:
    """Where the declarations of a file begin and end, in order; those in the text of a macro are known by what
    they are written with."""
    found = [node.byte_range for node in captures.get("bind", ())]
    for start, end in (node.byte_range for node in captures.get("tokens", ())):
        found += [each.span(1) for pattern in _IN_MACRO for each in pattern.finditer(source, start, end)]
    return sorted(found)


def written(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "ignore")


def giving(
    match: re.Match[str], groups: Mapping[str, str | None], source: bytes, start: int, language: Language
) -> str:
    """The call that gives what a declaration at a place names, or empty. ``groups``: those of the match."""
    if arguments := groups.get("arguments"):
        # Else something is called on what is made.
        return "" if is_whole(arguments) else f"{groups['made']}{arguments}"
    for group in ("made", "held", "called"):
        if groups.get(group) and is_followed(match.string, match.end(group)):
            return match.string.partition("=")[2].strip().rstrip(";")
    if entered := groups.get("entered"):
        line = source[source.rfind(b"\n", 0, start) + 1 : start]
        return f"{entered}.__aenter__()" if b"async with " in line else f"{entered}.__enter__()"
    if ranged := groups.get("ranged"):
        return f"{ranged}.{ELEMENT}"
    if groups.get("some") and (given := groups.get("given")):
        return f"{given}?"
    if groups.get("called") and (not language.calls_make or groups.get("type") == "auto"):
        line = source[start : start + DECLARATION_BYTES].partition(b";")[0]
        return line.partition(b"=")[2].decode("utf-8", "ignore").strip()
    return groups.get("given") or ""


def made(groups: Mapping[str, str | None], language: Language) -> str:
    """The type of what a declaration makes, or empty. ``groups``: those of its match."""
    if held := groups.get("held"):
        return f"{ENTERED}{held}"  # a pointer to it
    for group in ("made", "called") if language.calls_make else ("made",):
        name = groups.get(group)
        if name and name.rpartition(".")[2].rpartition(":")[2].lstrip("_")[:1].isupper():
            return name
    return ""
