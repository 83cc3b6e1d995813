"""What does the user's own `prices.toml` say? Prices, tiers and limits laid over the published ones.

The last row that matches a call wins. A row states unit prices (dollars for a million tokens, for
one request, for one search) or a ``factor`` on whatever is known without it.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sophia_mcp.errors import BadSetting
from sophia_mcp.llm.prices.rates import Rates
from sophia_mcp.types import Tier

_Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
_PRICES = (
    "input",
    "output",
    "cached",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "request",
    "search",
)


class PriceRow(BaseModel):
    """One ``[[price]]``. ``until`` is the first day on which it no longer holds; days are UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    model: str
    provider: str = "*"
    processing: str = "standard"
    since: date | None = Field(default=None, alias="from")
    until: date | None = None
    above: int = Field(default=0, ge=0)
    factor: _Dollars | None = None
    input: _Dollars | None = None
    output: _Dollars | None = None
    cached: _Dollars | None = None
    cache_write: _Dollars | None = None
    cache_write_1h: _Dollars | None = None
    reasoning: _Dollars | None = None
    request: _Dollars | None = None
    search: _Dollars | None = None
    note: str = ""

    @model_validator(mode="after")
    def _prices_or_factor(self) -> PriceRow:
        priced = any(getattr(self, name) is not None for name in _PRICES)
        if priced == (self.factor is not None):
            raise ValueError("give either unit prices or a factor")
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("it holds on no day: until is not after from")
        return self

    @property
    def rates(self) -> Rates:
        """The unit prices of the row."""
        return Rates(*(getattr(self, name) for name in _PRICES))

    def holds(self, provider: str, model: str, day: date, processing: str, input_tokens: int) -> bool:
        """Whether the row is about this call."""
        return (
            fnmatchcase(provider, self.provider.lower())
            and fnmatchcase(model, self.model.lower())
            and self.processing in (processing, "*")
            and (self.since is None or self.since <= day)
            and (self.until is None or day < self.until)
            and (input_tokens > self.above or not self.above)
        )


class ModelRow(BaseModel):
    """One ``[[model]]``: what a model the catalogue does not know can take and do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: str
    max_input: int = Field(gt=0)
    max_output: int = Field(gt=0)
    can: str = ""
    factor: _Dollars | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    price: tuple[PriceRow, ...] = ()
    model: tuple[ModelRow, ...] = ()
    tiers: dict[str, dict[Tier, str]] = {}


@dataclass(frozen=True, slots=True)
class Overrides:
    """A user's rows. ``version`` is a hash of the file they came from, empty when there is none."""

    prices: tuple[PriceRow, ...] = ()
    models: tuple[ModelRow, ...] = ()
    tiers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    version: str = ""

    def find(
        self,
        providers: Collection[str],
        models: Collection[str],
        *,
        at_ns: int,
        processing: str,
        input_tokens: int,
    ) -> tuple[PriceRow, ...]:
        """Every row about a call, under any of its provider's and model's names; the one that counts
        first."""
        day = datetime.fromtimestamp(at_ns / 1e9, UTC).date()
        names = {name for model in models for name in (model.lower(), model.lower().rpartition("/")[2])}
        return tuple(
            row
            for row in reversed(self.prices)
            if any(
                row.holds(provider, name, day, processing, input_tokens)
                for provider in providers
                for name in names
            )
        )


NONE = Overrides()
"""No file of one's own."""


def read(path: Path | None) -> Overrides:
    """The rows of a ``prices.toml``; none when there is no such file. Raises BadSetting naming the row."""
    if path is None:
        return NONE
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return NONE
    except OSError as error:
        raise BadSetting(
            f"cannot read {path}", why=error.strerror or "", next="mend its permissions"
        ) from error
    try:
        values: dict[str, Any] = tomllib.loads(raw.decode())
        file = _File.model_validate(values)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path} is not valid TOML", why=str(error), next="mend that line") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
        raise BadSetting(
            f"{path}: {place} is wrong",
            why=str(first["msg"]).removeprefix("Value error, "),
            next="docs/run/prices.md shows the rows",
        ) from error
    tiers = {
        seller: {str(tier): name for tier, name in own.items()} for seller, own in file.tiers.items()
    }
    return Overrides(file.price, file.model, tiers, hashlib.sha256(raw).hexdigest()[:12])
