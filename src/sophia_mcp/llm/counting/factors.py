"""How many tokens will this model count where we count one?

Only one vocabulary is published with a licence to ship, so other families are estimated: our count
times a factor. It starts from the family and follows what settled calls report, as an exponentially
weighted mean of reported by counted. Limits that must hold use a bound above it, which also knows the
largest ratio seen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sophia_mcp.llm.counting import tokens
from sophia_mcp.types import Ask

UNKNOWN = 1.2
"""The factor of a model nothing is known about."""

MARGIN = 1.15
"""Of a bound over an estimate."""

LARGEST = 1.45
"""The largest ratio measured for any family. A reservation is never made of less, however tame the calls
so far were: tokenizers change without notice, and the next text may be of another kind."""

UNSEEN = 1.67
"""The least bound of a model that has not been seen often: the largest ratio with the margin."""

ENOUGH_CALLS = 20
"""After this many settled calls a model's own ratios are believed."""

_PER_MESSAGE = 6
_PER_CALL = 16
_TOOL_PROMPT = 500
"""Tokens a vendor adds around a message, around a call, and around a forced tool call, at most."""

_LEAST_COUNT = 200
"""Shorter questions say more about the vendor's wrapping than about its tokenizer."""

_SMOOTHING = 0.1


@dataclass(frozen=True, slots=True)
class Learned:
    """What settled calls of one model said: the smoothed ratio, the largest, and how many."""

    factor: float
    peak: float
    calls: int


class Factors:
    """Factors of all models. ``start`` gives what the catalogue says of a model's family; ``keep`` is
    told of each model that learned, to store it."""

    def __init__(
        self,
        known: Mapping[str, Learned] | None = None,
        keep: Callable[[str, Learned], None] = lambda model, learned: None,
        start: Callable[[str], float] = lambda model: UNKNOWN,
    ) -> None:
        self._learned = dict(known or {})
        self._start, self._keep = start, keep

    def estimate(self, ask: Ask) -> int:
        """About how many tokens the model will count for a question."""
        return math.ceil(measured(ask) * self.factor(ask.model))

    def bound(self, ask: Ask) -> int:
        """How many it will count at most; what a reservation is made of."""
        extra = _PER_CALL + (_TOOL_PROMPT if ask.schema is not None else 0)
        return math.ceil(measured(ask) * max(self.bound_factor(ask.model), LARGEST)) + extra

    def factor(self, model: str) -> float:
        """Reported tokens for one of ours, as a mean."""
        learned = self._learned.get(model)
        return learned.factor if learned is not None else self._start(model)

    def bound_factor(self, model: str) -> float:
        """The same, at most; what a window is kept with."""
        learned = self._learned.get(model)
        usual = self.factor(model) * MARGIN
        if learned is None or learned.calls < ENOUGH_CALLS:
            return max(usual, UNSEEN, learned.peak * MARGIN if learned else 0.0)
        return max(usual, learned.peak * 1.05)

    def learn(self, ask: Ask, reported: int) -> None:
        """A settled call: the provider counted ``reported`` input tokens."""
        counted = measured(ask)
        if counted < _LEAST_COUNT or reported <= 0:
            return
        ratio = min(max(reported / counted, 0.3), 5.0)
        old = self._learned.get(ask.model)
        if old is None:
            new = Learned(ratio, ratio, 1)
        else:
            weight = max(_SMOOTHING, 1 / (old.calls + 1))
            new = Learned(
                old.factor + weight * (ratio - old.factor), max(old.peak, ratio), old.calls + 1
            )
        self._learned[ask.model] = new
        self._keep(ask.model, new)


def measured(ask: Ask) -> int:
    """Our own count of everything a question sends."""
    texts = sum(_counted(message.text) + _PER_MESSAGE for message in ask.messages)
    schema = _counted(json.dumps(ask.schema)) if ask.schema is not None else 0
    return texts + schema


@lru_cache(64)
def _counted(text: str) -> int:
    """A question is counted by the budget, the meter and the window alike."""
    return tokens.count(text)
