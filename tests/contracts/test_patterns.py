"""Patterns mean the same on every Python that the project runs on."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import sophia_mcp
from sophia_mcp.patterns import Later


def _patterns() -> Iterator[tuple[str, re.Pattern[Any] | Later]]:
    for found in pkgutil.walk_packages(sophia_mcp.__path__, "sophia_mcp."):
        if not found.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(found.name)).items():
                for each in value if isinstance(value, (tuple, list)) else (value,):
                    if isinstance(each, (re.Pattern, Later)):
                        yield f"{found.name}.{name}", each


def _repeated_groups(parsed: Any) -> Iterator[Any]:
    """What is repeated without giving back and is more than one character."""
    for operation, argument in parsed:
        if operation is _constants.POSSESSIVE_REPEAT and argument[2].getwidth()[1] > 1:
            yield argument[2]
        for part in argument if isinstance(argument, (tuple, list)) else (argument,):
            for inner in part if isinstance(part, list) else (part,):
                if isinstance(inner, _parser.SubPattern):
                    yield from _repeated_groups(inner)


def test_no_group_is_repeated_in_the_way_that_older_pythons_get_wrong() -> None:
    assert list(_repeated_groups(_parser.parse(r"a(?:(?:b|cd)++)|x(?:e?f)*+")))
    every = dict(_patterns())
    assert len(every) > 100
    wrong = [
        name
        for name, each in every.items()
        if [*_repeated_groups(_parser.parse(each.pattern, each.flags & ~re.DEBUG))]
    ]
    assert not wrong, (
        "write (?>(?:...)*) for (?:...)*+ : Python before 3.11.5 goes on behind half a match"
    )
