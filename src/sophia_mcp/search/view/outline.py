"""Which definitions does a file hold, and which one is a line in?"""

from __future__ import annotations

from sophia_mcp.search.view.content import Text
from sophia_mcp.security.secrets import mask
from sophia_mcp.types import Symbol

_OUTLINE_LINES = 80


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
