"""Which literal texts must a match of this pattern contain?

A small reader of regular expressions that only looks for literals: alternatives become a
disjunction, sequences a conjunction. Whatever it does not understand contributes nothing, which
widens the candidates and never loses a match.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST = 3
"""Shorter literals narrow nothing."""

_MOST = 16
"""More alternatives than this are not worth asking for."""

Plan = list[list[str]]
"""Any of these conjunctions; a conjunction is a list of literals that all must occur."""


@dataclass(slots=True)
class _Reader:
    pattern: str
    at: int = 0

    def peek(self) -> str:
        return self.pattern[self.at] if self.at < len(self.pattern) else ""

    def take(self) -> str:
        char = self.peek()
        self.at += 1
        return char


_SPLIT = ""
"""A piece that ends a literal run."""


def required(pattern: str) -> Plan | None:
    """The plan of a pattern, or None when no literal must occur."""
    reader = _Reader(pattern)
    plan = _alternatives(reader, 0)
    if reader.at < len(pattern):
        return None
    return _useful(plan)


def _useful(plan: Plan | None) -> Plan | None:
    if plan is None or len(plan) > _MOST:
        return None
    kept = [[literal for literal in both if len(literal) >= LEAST] for both in plan]
    return kept if kept and all(kept) else None


def _alternatives(reader: _Reader, depth: int) -> Plan | None:
    """``a|b|c``: the union; None (anything) as soon as one alternative demands nothing."""
    plans = [_sequence(reader, depth)]
    while reader.peek() == "|":
        reader.take()
        plans.append(_sequence(reader, depth))
    if any(plan is None for plan in plans):
        return None
    return [both for plan in plans if plan is not None for both in plan]


def _sequence(reader: _Reader, depth: int) -> Plan | None:
    """A run of pieces: literals join, groups multiply."""
    conjunction: list[str] = []
    options: Plan = [[]]
    run = ""

    def flush() -> None:
        nonlocal run
        if len(run) >= LEAST:
            conjunction.append(run)
        run = ""

    while reader.at < len(reader.pattern) and reader.peek() not in "|)":
        literal, group = _piece(reader, depth)
        least, exact = _count(reader)
        if group is not None and least:
            flush()
            options = [[*one, *other] for one in options for other in group][: _MOST + 1]
        elif literal and least:
            run += literal
            if not exact:
                flush()
                # One more occurrence may follow: the next literal run may begin with this character too.
                run = ""
        else:
            flush()
    flush()
    whole = [[*one, *conjunction] for one in options]
    kept = [[literal for literal in both if len(literal) >= LEAST] for both in whole]
    return kept if all(kept) and len(kept) <= _MOST else None


def _piece(reader: _Reader, depth: int) -> tuple[str, Plan | None]:
    """The next piece as (literal character or "", plan of a group or None)."""
    char = reader.take()
    if char == "\\":
        return _escape(reader), None
    if char == "[":
        _skip_class(reader)
        return _SPLIT, None
    if char == "(":
        return _SPLIT, _group(reader, depth)
    if char in ".^$":
        return _SPLIT, None
    return char, None


def _escape(reader: _Reader) -> str:
    char = reader.take()
    if char == "Q":
        end = reader.pattern.find("\\E", reader.at)
        end = len(reader.pattern) if end < 0 else end
        literal = reader.pattern[reader.at : end]
        reader.at = min(end + 2, len(reader.pattern))
        return literal
    if char in "pP" and reader.peek() == "{":
        while reader.at < len(reader.pattern) and reader.take() != "}":
            pass
        return _SPLIT
    if char in "x01234567":
        while reader.peek() and reader.peek() in "0123456789abcdefABCDEF{}":
            reader.take()
        return _SPLIT
    return _SPLIT if char.isalnum() else char


def _skip_class(reader: _Reader) -> None:
    if reader.peek() == "^":
        reader.take()
    if reader.peek() == "]":
        reader.take()
    while reader.at < len(reader.pattern):
        char = reader.take()
        if char == "\\":
            reader.take()
        elif char == "[" and reader.peek() == ":":
            end = reader.pattern.find(":]", reader.at)
            reader.at = end + 2 if end >= 0 else len(reader.pattern)
        elif char == "]":
            return


def _group(reader: _Reader, depth: int) -> Plan | None:
    """A group's plan; flags such as ``(?i)`` demand nothing (trigrams ignore case anyway)."""
    if depth > 20:
        reader.at = len(reader.pattern) + 1
        return None
    if reader.peek() == "?":
        reader.take()
        if reader.peek() in "P<":
            while reader.peek() and reader.take() != ">":
                pass
        else:
            while reader.peek() and reader.peek() not in ":)":
                reader.take()
            if reader.peek() == ")":
                reader.take()
                return None
            reader.take()
    plan = _alternatives(reader, depth + 1)
    if reader.peek() == ")":
        reader.take()
    return plan


def _count(reader: _Reader) -> tuple[bool, bool]:
    """A quantifier as (at least once, exactly once)."""
    char = reader.peek()
    if char in "*?" and char:
        reader.take()
        _lazy(reader)
        return False, False
    if char == "+":
        reader.take()
        _lazy(reader)
        return True, False
    if char == "{":
        end = reader.pattern.find("}", reader.at)
        inner = reader.pattern[reader.at + 1 : end] if end > 0 else ""
        if inner and inner.replace(",", "", 1).isdigit():
            reader.at = end + 1
            _lazy(reader)
            return not inner.startswith(("0", ",")), False
    return True, True


def _lazy(reader: _Reader) -> None:
    if reader.peek() == "?":
        reader.take()
