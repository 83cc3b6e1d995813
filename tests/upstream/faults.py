"""Which misbehaviour does a request meet? By header, by prompt, by script, or by seed.

A fault is written ``name`` or ``name key=value …``: in the header ``x-fault``, in a prompt as
``[[fault 429 retry-after=1 times=2]]`` (the first two attempts of that call), in an account's script
(one for each request to come, ``ok`` for none), or drawn by the account's seed and rates.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

STATUSES = ("400", "401", "403", "404", "408", "409", "413", "422", "429", "500", "502", "503", "529")

NAMES = (
    *STATUSES,  # refused before any work; not charged
    "spent500",  # the work was done and charged, the answer is a 500
    "drop",  # the connection ends before any answer; not charged
    "stall",  # no answer ever; charged
    "midstall",  # part of the answer, then nothing; charged
    "slow",  # the first byte comes late (`seconds=`)
    "cut",  # the connection ends in the middle of the answer; charged
    "clean-cut",  # a stream ends early but politely: no finish, no usage, no end mark; charged
    "bad-json",  # a body, or one event of a stream, that does not parse; charged
    "html",  # 200 and a web page; charged
    "wrong-type",  # the right answer with the content type of plain text
    "empty",  # 200 and nothing; charged
    "no-usage",  # a good answer without usage; charged
    "wrong-usage",  # a good answer with impossible usage (`kind=zero|negative|text|null|total`)
    "duplicate",  # closing events of a stream come twice; otherwise none
    "huge",  # two million characters, charged as all of max_tokens
    "length",  # the answer stops at the limit
    "filter",  # the vendor's filter stops the answer
    "bad-schema",  # an answer that does not satisfy the schema that was asked for
    "prose",  # the JSON asked for stands inside a fence and polite words
    "error-in-stream",  # 200, some text, then an error event; charged
    "redirect",  # 307 to `to=`
    "charge-max",  # all of max_tokens is charged and reported
)

_CALL = re.compile(r"\[\[call ([^\]\s]+)\]\]")
_FAULT = re.compile(r"\[\[fault ([^\]]+)\]\]")


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour and its options. An empty name is none."""

    name: str = ""
    options: dict[str, str] = field(default_factory=dict)

    def number(self, key: str, default: float) -> float:
        return float(self.options.get(key, default))


NONE = Fault()


def parse_fault(text: str) -> Fault:
    """A fault from how it is written. Unknown names are a mistake of the test."""
    name, *rest = text.split()
    if name == "ok":
        return NONE
    if name not in NAMES:
        raise ValueError(f"unknown fault {name!r}; known: {', '.join(NAMES)}")
    return Fault(name, dict(part.partition("=")[::2] for part in rest))


def call_id(prompt: str) -> str:
    """The id a prompt carries, or empty."""
    found = _CALL.search(prompt)
    return found.group(1) if found else ""


def asked_fault(prompt: str, attempt: int) -> Fault | None:
    """What a prompt asks for at this attempt (``ok``: no fault); None when it says nothing."""
    for found in _FAULT.finditer(prompt):
        fault = parse_fault(found.group(1))
        if attempt <= fault.number("times", 1_000_000):
            return fault
    return None


def drawn_fault(seed: int, rates: dict[str, float], call: str, attempt: int) -> Fault:
    """The fault that the seed gives to this attempt of this call: the same in every repetition."""
    dice = random.Random(f"{seed}/{call}/{attempt}")
    point = dice.random()
    for written, rate in rates.items():
        if point < rate:
            return parse_fault(written)
        point -= rate
    return NONE
