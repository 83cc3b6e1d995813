"""How is a table of settings declared, and which values fit it?

A table is a class below `Section`. Each of its annotated names is a setting, with its default or an `option`. Only
what somebody set is looked at, so that a process in which all is as usual checks nothing: a library that builds a
validator of all tables first would take a tenth of a search in a new process.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, dataclass_transform, get_args, get_origin, get_type_hints

_TRUTHS = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}


class Unfit(ValueError):
    """A value that is none for its setting, at its ``place`` below the table: no setting has that name, a list was
    meant, or what the message says."""

    def __init__(
        self,
        why: str,
        place: tuple[str | int, ...] = (),
        kind: Literal["name", "list", "value"] = "value",
    ) -> None:
        super().__init__(why)
        self.place, self.kind = place, kind

    def below(self, part: str | int) -> Unfit:
        """The same, seen from one table further up."""
        return Unfit(str(self), (part, *self.place), self.kind)


class Option(NamedTuple):
    """What there is to know of a setting. See `option`."""

    default: Any
    default_factory: Callable[[], Any] | None = None
    description: str = ""
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    read: Callable[[Any], Any] | None = None

    def usual(self) -> Any:
        """The value of what nobody set, with lists and tables of its own."""
        if self.default_factory is not None:
            return self.default_factory()
        return type(self.default)() if isinstance(self.default, Section) else copy(self.default)


def option(
    *,
    default: Any = None,
    default_factory: Callable[[], Any] | None = None,
    description: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    read: Callable[[Any], Any] | None = None,
) -> Any:
    """A setting with its default, what it is for, and its bounds. ``read`` makes its value of what was written, and
    raises ValueError for what does not fit."""
    return Option(default, default_factory, description, ge, gt, le, read)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(option,))
class Section:
    """One table of settings, frozen. Raises Unfit."""

    def __init__(self, /, **given: Any) -> None:
        options = options_of(type(self))
        for name in given:
            if name not in options:
                raise Unfit("there is no such setting", (name,), "name")
        hints = get_type_hints(type(self)) if given else {}
        for name, known in options.items():
            try:
                value = _read(given[name], hints[name], known) if name in given else known.usual()
            except Unfit as fault:
                raise fault.below(name) from None
            vars(self)[name] = value

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings are frozen: {name}")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.changed().items())})"

    def changed(self) -> dict[str, Any]:
        """What is not as usual."""
        known = options_of(type(self))
        return {name: value for name, value in vars(self).items() if value != known[name].default}


def options_of(table: type[Section]) -> dict[str, Option]:
    """The settings and tables of a table, by name."""
    values = {name: getattr(table, name) for name in table.__annotations__}
    return {
        name: value if isinstance(value, Option) else Option(value) for name, value in values.items()
    }


def every(table: type[Section], above: str = "") -> Iterator[tuple[str, Option]]:
    """Every setting and table below a table, as ``embed.key``."""
    for name, known in options_of(table).items():
        yield above + name, known
        if isinstance(known.default, Section):
            yield from every(type(known.default), f"{above}{name}.")


def names_of(table: type[Section]) -> list[str]:
    """The names of all of them."""
    return [name for name, _ in every(table)]


def holds_several(table: type[Section], place: tuple[str, ...]) -> bool:
    """Whether a list or a table stands at a place below a table."""
    hint: Any = table
    for part in place:
        if _is_section(hint):
            hint = get_type_hints(hint).get(part)
        else:
            hint = get_args(hint)[1] if get_origin(hint) is dict else None
    return _is_section(hint) or get_origin(hint) in (list, dict)


def _is_section(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Section)


def _read(value: Any, hint: Any, known: Option) -> Any:
    found = _fitted(value, hint)
    for bound, fits, said in (
        (known.ge, operator.ge, "at least"),
        (known.gt, operator.gt, "more than"),
        (known.le, operator.le, "at most"),
    ):
        if bound is not None and not fits(found, bound):
            raise Unfit(f"it must be {said} {bound:,}")
    if known.read is None or found is None:
        return found
    try:
        return known.read(found)
    except ValueError as problem:
        raise Unfit(str(problem)) from problem


def _fitted(value: Any, hint: Any) -> Any:
    """A value as the type that is asked for: as a file has it, or as the text of a variable. Raises Unfit."""
    kind = get_origin(hint) or hint
    if kind is UnionType:
        return None if value is None else _fitted(value, get_args(hint)[0])
    if kind is Literal:
        if value in get_args(hint):
            return value
        raise Unfit(f"it must be one of {', '.join(get_args(hint))}")
    if _is_section(kind):
        if isinstance(value, Mapping):
            return kind(**value)
        if isinstance(value, kind):
            return value
        raise Unfit("it must be a table")
    if kind is list:
        return _list(value, get_args(hint)[0])
    if kind is dict:
        return _table(value, get_args(hint)[1])
    return _single(value, kind)


def _list(value: Any, inner: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise Unfit("it must be a list", kind="list")
    found = []
    for place, each in enumerate(value):
        try:
            found.append(_fitted(each, inner))
        except Unfit as fault:
            raise fault.below(place) from None
    return found


def _table(value: Any, inner: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Unfit("it must be a table")
    found = {}
    for name, each in value.items():
        try:
            found[name] = _fitted(each, inner)
        except Unfit as fault:
            raise fault.below(name) from None
    return found


def _single(value: Any, kind: type) -> Any:
    """A truth, a number, a text or a path."""
    if kind is bool:
        truth = _TRUTHS.get(str(value).lower())
        if truth is None or not isinstance(value, bool | int | str):
            raise Unfit("it must be true or false")
        return truth
    if kind is int or kind is float:
        named = "a whole number" if kind is int else "a number"
        try:
            number = float(value) if kind is float else int(value)
        except (TypeError, ValueError, OverflowError):
            raise Unfit(f"it must be {named}") from None
        if isinstance(value, bool) or (isinstance(value, float) and number != value):
            raise Unfit(f"it must be {named}")
        return number
    if not isinstance(value, str | Path if kind is Path else str):
        raise Unfit("it must be a path" if kind is Path else "it must be text")
    return kind(value)
