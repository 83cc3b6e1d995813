"""What is one line of the ledger, and what is asked of it?

An *attempt* is a call that was allowed and has not ended: a row with its reservation. When it ends it
becomes an *entry*, which is never changed. Whatever turns out differently later (a crash that was
settled, a new price, a log read again) is a further entry that corrects it: all measures add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import Any, Literal, Protocol

from sophia_mcp.cost.days import Period
from sophia_mcp.types import Basis, Labels, Processing, Usage

Outcome = Literal[
    "answered", "failed", "cancelled", "unsent", "cached", "uncertain", "imported", "correction"
]
"""How an attempt ended. ``failed`` and ``cancelled`` may have cost money; ``unsent`` never left this
machine; ``uncertain`` died with its process; a ``correction`` mends an earlier entry."""

BudgetScope = Literal["workspace", "user", "repo", "run"]

NO_LABELS = Labels()


class Priced(Protocol):
    """What a price answers: the amount (None: no price is known) and what it stands on."""

    @property
    def nano(self) -> int | None: ...
    @property
    def basis(self) -> Basis: ...
    @property
    def source(self) -> str: ...
    @property
    def version(self) -> str: ...


class Price(Protocol):
    """What these tokens cost at a moment. Never guesses: an unknown model has no amount.
    The answer also has ``unit_prices``, kept with the entry as they are."""

    def __call__(
        self, usage: Usage, *, provider: str, model: str, at_ns: int, processing: str = "standard"
    ) -> Priced: ...


class Ceiling(Protocol):
    """The most that a call can cost which sends and is answered at most so many tokens."""

    def __call__(
        self,
        input_tokens: int,
        output_tokens: int,
        *,
        provider: str,
        model: str,
        at_ns: int,
        processing: str = "standard",
    ) -> Priced: ...


@dataclass(frozen=True, slots=True)
class Measures:
    """Everything about entries that can be added. Amounts are nano-dollars.

    ``nano`` is what was spent as far as known; ``estimated_nano`` the part of it that is our estimate;
    ``uncertain_nano`` what may have been spent beyond it; ``saved_nano`` what cached answers would have
    cost; ``wasted_nano`` the part of ``nano`` that brought no answer. Calls without a price count in
    ``unpriced_calls`` and ``unpriced_tokens``, and add nothing to ``nano``.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    searches: int = 0
    nano: int = 0
    estimated_nano: int = 0
    uncertain_nano: int = 0
    saved_nano: int = 0
    wasted_nano: int = 0
    unpriced_calls: int = 0
    unpriced_tokens: int = 0

    def __add__(self, other: Measures) -> Measures:
        return Measures(*(getattr(self, n) + getattr(other, n) for n in MEASURES))

    def __sub__(self, other: Measures) -> Measures:
        return Measures(*(getattr(self, n) - getattr(other, n) for n in MEASURES))


NOTHING = Measures()
MEASURES = tuple(each.name for each in fields(Measures))
TOKENS = tuple(name for name in MEASURES if name.endswith("_tokens") and name != "unpriced_tokens")


@dataclass(frozen=True, slots=True)
class Limit:
    """One budget. ``name`` is the user, repository or run it is for; empty: each has it for itself.
    A hard limit refuses calls, a soft one only warns."""

    scope: BudgetScope
    period: Period
    nano: int
    name: str = ""
    hard: bool = True

    def subject(self, labels: Labels) -> str | None:
        """Whose spending this limit counts for a call with these labels; None: it does not apply."""
        if self.scope == "workspace":
            return ""
        own: str = getattr(labels, self.scope)
        return own if own and self.name in ("", own) else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a budget stands: what its subject spent and may have spent (``uncertain_nano``) in the period
    from ``start`` to before ``end``, and what calls in flight hold."""

    limit: Limit
    subject: str
    start: int
    end: int
    spent_nano: int
    uncertain_nano: int
    reserved_nano: int

    @property
    def used_nano(self) -> int:
        """What surely counts: spent, and perhaps spent."""
        return self.spent_nano + self.uncertain_nano


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call that was allowed. ``reserved_nano`` is the most it can cost, ``reserved_tokens`` the most
    tokens of a call without a price; ``until_ns`` is when it must have ended. ``fingerprint`` marks the
    whole question and ``shared`` its part that other questions begin with too, of ``shared_tokens``
    tokens. ``limits`` are those that came with the call beside the stored ones."""

    id: int
    at_ns: int
    provider: str
    model: str
    labels: Labels = NO_LABELS
    processing: Processing = "standard"
    reserved_nano: int = 0
    reserved_tokens: int = 0
    until_ns: int = 0
    fingerprint: int = 0
    shared: int = 0
    shared_tokens: int = 0
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """How an attempt ended. ``usage`` None: nothing was used. ``uncertain_nano`` may have been spent
    beyond the priced amount. ``provider`` and ``model`` are those that answered; empty: as asked."""

    outcome: Outcome
    usage: Usage | None = None
    priced: Priced | None = None
    uncertain_nano: int = 0
    provider: str = ""
    model: str = ""
    error: str = ""

    def measures(self) -> Measures:
        """What this adds to every sum."""
        used = self.usage or Usage()
        tokens = {
            "calls": int(self.outcome != "unsent"),
            "input_tokens": used.input_tokens,
            "output_tokens": used.output_tokens,
            "cached_tokens": used.cached_tokens,
            "cache_write_tokens": used.cache_write_tokens,
            "cache_write_1h_tokens": used.cache_write_1h_tokens,
            "reasoning_tokens": used.reasoning_tokens,
            "searches": used.searches,
            "uncertain_nano": self.uncertain_nano,
        }
        priced = self.priced
        if priced is None or self.usage is None:
            return Measures(**tokens)
        if priced.nano is None:
            total = used.input_tokens + used.output_tokens
            return Measures(**tokens, unpriced_calls=1, unpriced_tokens=total)
        if self.outcome == "cached":
            return Measures(calls=1, saved_nano=priced.nano)
        nano = priced.nano
        estimated = nano if self.basis == "estimated" else 0
        wasted = nano if self.outcome in ("failed", "cancelled") else 0
        return Measures(**tokens, nano=nano, estimated_nano=estimated, wasted_nano=wasted)

    @property
    def basis(self) -> Basis:
        """What the amount stands on: an estimate of tokens makes the amount one, too."""
        if self.usage is None or self.priced is None:
            return "estimated" if self.uncertain_nano else "computed"
        if self.priced.basis == "computed" and self.usage.estimated:
            return "estimated"
        return self.priced.basis


@dataclass(frozen=True, slots=True)
class Record:
    """A call that this program did not make itself, as its own log tells it, or an answer from the
    cache. ``origin`` is unique to the call (empty: it cannot come twice). Of a call that ``grows`` while
    its log is written, a telling with fewer tokens than a known one is an older one."""

    at_ns: int
    provider: str
    model: str
    settled: Settled
    labels: Labels = NO_LABELS
    processing: Processing = "standard"
    origin: str = ""
    grows: bool = False

    def is_older(self, known: Measures) -> bool:
        """Whether this tells no more tokens of any kind than is known, and fewer of some."""
        here = self.settled.measures()
        pairs = [(getattr(here, name), getattr(known, name)) for name in TOKENS]
        return self.grows and all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger, as it was written. ``corrects`` is the id of the entry it mends, or 0."""

    id: int
    at_ns: int
    recorded_ns: int
    provider: str
    model: str
    labels: Labels
    processing: Processing
    outcome: Outcome
    basis: Basis
    measures: Measures
    reserved_nano: int = 0
    error: str = ""
    corrects: int = 0
    origin: str = ""
    price_source: str = ""
    price_version: str = ""
    unit_prices: Mapping[str, Any] = field(default_factory=dict)


def mark(text: str) -> int:
    """63 bits that stand for a text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big") >> 1
