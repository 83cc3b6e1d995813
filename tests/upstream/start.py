"""A model service on loopback: three dialects, its own bill, and every misbehaviour on demand.

`started` runs it as a process; each test opens an `Account` there with a key, a bill
and a temper of its own. The service shares no code with what it tests but the o200k count, which is
what "our estimate" means. Prices, token counts, caches and rounding are its own.

What it may do to a caller is what vendors do:

- it counts up to ``stretch`` times our estimate, and with ``charge="max"`` it charges all of
  ``max_tokens`` (as reasoning), never more;
- writing to its prompt cache costs more than plain input (1.25 and 2 times);
- it charges for answers that never arrive: stalls, cut answers, unreadable answers, a 500 after the
  work (``spent500``), and for answers without usage;
- it refuses what vendors refuse: unknown keys and models, prompts over the window, ``max_tokens``
  for reasoning models, strict schemas that are not strict, an Anthropic call without a version.
"""

from __future__ import annotations

import itertools
import json
import secrets
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.e2e.processes import serving
from tests.upstream.bill import TARIFFS, Spent

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of the bill; see `tests.upstream.bill.Line`."""

    number: int
    at_ns: int
    dialect: str
    path: str
    model: str
    call: str
    attempt: int
    stream: bool
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    fault: str
    status: int
    usd: Decimal
    spent: Spent
    reported: bool
    finished: bool

    @property
    def nano(self) -> int:
        """The price in whole nano-dollars; every tariff allows it."""
        value = self.usd * NANO
        assert value == int(value)
        return int(value)


class Account:
    """A customer of the running service. ``key`` opens all three doors."""

    def __init__(self, origin: str, name: str, key: str, options: Mapping[str, Any]) -> None:
        self.origin, self.name, self.key = origin, name, key
        self._post({"key": key, **options})

    @property
    def url(self) -> str:
        """The base URL of the OpenAI door, and of the Anthropic one."""
        return f"{self.origin}/{self.name}/v1"

    @property
    def root(self) -> str:
        """Without a version, as the gateway wants its custom host for Gemini."""
        return f"{self.origin}/{self.name}"

    @property
    def gemini_url(self) -> str:
        return f"{self.origin}/{self.name}/v1beta"

    def script(self, *faults: str) -> None:
        """What the next requests meet, one each; ``ok`` for none."""
        self._post({"script": faults})

    def answer(self, when: str, text: str) -> None:
        """Prompts that contain ``when``, or whose schema does, are answered with ``text``. The last
        one given goes first."""
        self._post({"answers": [(when, text)]})

    def change(self, **options: Any) -> None:
        """``seed``, ``stretch`` (low, high), ``charge`` (used, max), ``rates`` (fault: share), ``pace_s``;
        ``together``: no call is answered before so many are open at once, or a minute is over."""
        self._post(options)

    def release(self) -> None:
        """End every stall."""
        self._post({"release": True})

    def bill(self, *, bodies: bool = False) -> list[Charge]:
        """Every attempt that arrived, in order."""
        rows = self._get(f"bill?bodies={int(bodies)}")
        return [
            Charge(**{**row, "usd": Decimal(row["usd"]), "spent": Spent(**row["spent"])}) for row in rows
        ]

    def total(self) -> Decimal:
        """What is owed."""
        return sum((charge.usd for charge in self.bill()), Decimal(0))

    def most_at_once(self) -> int:
        """The largest number of calls that were open at the same time."""
        return int(self._get("most_at_once"))

    def _post(self, wanted: Mapping[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.origin}/_/{self.name}", json.dumps(wanted).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()

    def _get(self, what: str) -> Any:
        with urllib.request.urlopen(f"{self.origin}/_/{self.name}/{what}", timeout=60) as answer:
            return json.load(answer)


class Upstream:
    """The running service."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._numbers = itertools.count(1)

    def account(self, **options: Any) -> Account:
        """A new customer with its own key and bill; options as in `Account.change`, and ``script``."""
        number = next(self._numbers)
        key = f"sk-stand-in-{number}-{secrets.token_hex(16)}"
        return Account(self.origin, f"account-{number}-{secrets.token_hex(4)}", key, options)

    def another_host(self) -> str:
        """The same service under another name, for what may not follow a caller there."""
        return self.origin.replace("127.0.0.1", "localhost")


@contextmanager
def started() -> Iterator[Upstream]:
    """The service as a process of its own on loopback."""
    with serving([sys.executable, "-m", "tests.upstream.server"]) as served:
        yield Upstream(served.url)


def prices_toml() -> str:
    """The service's tariffs as a user writes them into ``prices.toml``."""
    lines = []
    for name, tariff in TARIFFS.items():
        lines += [
            "[[price]]",
            f'model = "{name}"',
            f"input = {tariff.input}",
            f"output = {tariff.output}",
            f"cached = {tariff.cached}",
            f"cache_write = {tariff.write}",
            f"cache_write_1h = {tariff.write_1h}",
            "",
            "[[model]]",
            f'match = "{name}"',
            f"max_input = {tariff.window - tariff.window // 4}",
            f"max_output = {tariff.window // 4}",
            "",
        ]
    return "\n".join(lines)
