"""What do people ask about a name in a sentence? Who uses it, what extends it, where it is defined or tested."""

from __future__ import annotations

import re
from typing import Literal

from sophia_mcp.patterns import expression

Asks = Literal["callers", "references", "bases", "definition", "value"]
"""What of a name is asked for: who calls it, uses it or extends it, where it is defined, where it gets its value."""

_SORT = r"(?:the )?(?:(?:function|method|class|struct|interface|trait|type|constant|variable|macro|option|flag) )?"
_ASKED = rf"{_SORT}(?P<name>`[^`]+`|\S+?)"
_SHOW = r"(?:(?:find|show|list|show me) )?(?:all )?(?:the )?"


def _sentences(*forms: str) -> tuple[re.Pattern[str], ...]:
    return tuple(expression(rf"{form}\s*\??", re.IGNORECASE) for form in forms)


_OF_NAMES: dict[Asks, tuple[re.Pattern[str], ...]] = {
    "callers": _sentences(
        rf"(?:who|what|which \w+) (?:calls?|invokes?) {_ASKED}",
        rf"{_SHOW}callers (?:of|to) {_ASKED}",
        rf"where (?:is|are) {_ASKED} (?:called|invoked)",
    ),
    "references": _sentences(
        rf"(?:who|what|which \w+) (?:uses?|references?) {_ASKED}",
        rf"{_SHOW}(?:usages?|uses|references?) (?:of|to) {_ASKED}",
        rf"where (?:is|are) {_ASKED} (?:used|referenced)",
    ),
    "bases": _sentences(
        rf"(?:who|what|which \w+) (?:extends?|implements?|subclass(?:es)?|(?:inherits?|derives?) from) {_ASKED}",
        rf"{_SHOW}(?:subclasses|subtypes|derived classes|implement(?:ations|ers|ors)) of {_ASKED}",
    ),
    "definition": _sentences(
        rf"where (?:is|are) {_ASKED} (?:defined|declared)",
        rf"{_SHOW}(?:definition|declaration) (?:of|for) {_ASKED}",
    ),
    "value": _sentences(
        rf"where (?:is|are) {_ASKED} (?:set|assigned|configured|enabled|documented|handled|parsed|read)",
    ),
}

_TESTED = _sentences(
    r"(?:where|how) (?:is|are|do we) (?P<what>.+) tested",
    r"where is it tested (?:that|if|whether|how) (?P<what>.+)",
    r"(?:which|what) (?:unit )?tests? (?:covers?|checks?|exercises?|tests?|is for|are for) (?P<what>.+)",
    rf"{_SHOW}(?:unit tests?|tests) (?:for|of|that cover|covering) (?P<what>.+)",  # "test for" may be to check
)


def of_name(text: str) -> tuple[Asks, str] | None:
    """What a sentence asks about a name, and the name as it writes it; None for any other text."""
    for asks, forms in _OF_NAMES.items():
        for form in forms:
            if found := form.fullmatch(text):
                return asks, found["name"]
    return None


def of_tests(text: str) -> str | None:
    """What a sentence asks the tests of; None for any other text."""
    found = next(filter(None, (form.fullmatch(text) for form in _TESTED)), None)
    return found["what"] if found else None
