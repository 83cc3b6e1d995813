"""What is configured, and where it came from. The only reader of environment and configuration files.

Precedence, first wins: flags given to `load`, `SOPHIA_*` variables (`__` for nesting), the project's
`.sophia/config.toml`, the user's `config.toml`, the default. A project's file is text from a
repository and may only set what cannot send code away or run anything (`PROJECT_MAY_SET`).
"""

from __future__ import annotations

import getpass
import json
import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import msgspec
import platformdirs
from msgspec import ValidationError

from sophia_mcp.errors import BadSetting
from sophia_mcp.sections import Settings, every
from sophia_mcp.security.keyrings import look_up
from sophia_mcp.security.paths import check_home, known_home, of_home
from sophia_mcp.security.tables import PROJECT_FILE, read_own, read_project, says

PROJECT_MAY_SET = {"index": {"include", "exclude", "watch"}}
"""Keys a project's own file may set, by section."""

_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)


def _user_config() -> Path:
    check_home()  # the platform's folders lie there
    return of_home(
        os.environ.get("SOPHIA_CONFIG") or platformdirs.user_config_path("sophia") / "config.toml"
    )


def load(project: Path | None = None, **flags: Any) -> Settings:
    """Settings for a project. `flags` are nested dicts; None values mean "not given".

    Raises BadSetting naming the setting, its value's fault and where to mend it.
    """
    own = _user_config()
    user = read_own(own)
    ours = read_project(project, PROJECT_MAY_SET, own) if project is not None else {}
    given = {key: value for key, value in flags.items() if value is not None}
    values: dict[str, Any] = {}
    for tables in (user, ours, _variables(), given):
        values = _over(tables, values)
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_at_home)
    except ValidationError as fault:
        why, _, place = str(fault).partition(" - at `$")
        name = place.strip(".`")
        if unknown := _UNKNOWN.fullmatch(why):
            name, why = f"{name}.{unknown[1]}".removeprefix("."), ""
        steps = name.partition("[")[0].split(
            "."
        )  # the library tells no name inside a table of any names
        where = _source(steps, given, (project or Path()) / PROJECT_FILE, ours, own)
        raise _explained(name, why, where) from fault


def misspelt() -> list[str]:
    """A warning for each variable that looks like a setting of ours and is none. (An unknown name inside a
    table is refused by `load`.)"""
    names = [f"SOPHIA_{name.replace('.', '__')}".upper() for name, _ in every(Settings)]
    said = []
    for name in sorted(os.environ):
        if name.upper().startswith("SOPHIA_") and name.upper().partition("__")[0] not in names:
            near = get_close_matches(name.upper(), names, 1, 0.8)
            said.append(f"there is no setting {name}" + (f"; the nearest is {near[0]}" if near else ""))
    return said


def _variables() -> dict[str, Any]:
    """What the variables say, as tables: a list or a table as JSON, anything else as it is written. One that is to
    hold a list and is no JSON is refused by its name like any other wrong value; an empty one says nothing."""
    found: dict[str, Any] = {}
    for name in sorted(os.environ, key=len):  # a whole table before what is set in it
        place = tuple(name.lower().removeprefix("sophia_").split("__"))
        value: Any = os.environ[name]
        if (
            not name.upper().startswith("SOPHIA_")
            or place[0] not in Settings.__struct_fields__
            or not value
        ):
            continue
        if value[0] in "[{":
            with suppress(ValueError):
                value = json.loads(value)
        for part in reversed(place):
            value = {part: value}
        found = _over(value, found)
    return found


def _over(tables: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """Both, where they speak of the same setting the first."""
    merged = others | tables
    for name in tables.keys() & others.keys():
        if isinstance(tables[name], dict) and isinstance(others[name], dict):
            merged[name] = _over(tables[name], others[name])
    return merged


def _at_home(kind: type, value: Any) -> Any:
    """A path of its type, with its ``~``. Raises ValueError."""
    if not isinstance(value, str | Path):
        raise ValueError("Expected a path")
    return kind(known_home(value)) if value else kind()


def _source(place: Sequence[str], flags: Any, file: Path, project: dict[str, Any], own: Path) -> str:
    """Where the value of a setting came from, in words."""
    if says(flags, place):
        return "the flag"
    named = f"SOPHIA_{'__'.join(place).upper()}__"
    marks = {f"{name.upper()}__": name for name in os.environ}
    if found := [mark for mark in marks if mark.startswith(named) or named.startswith(mark)]:
        return f"the variable {marks[max(found, key=len)]}"
    return str(file if says(project, place) else own)


def _explained(name: str, why: str, where: str) -> BadSetting:
    """The error of a setting; without a reason of one that does not exist."""
    known = dict(every(Settings))
    if not why:
        near = get_close_matches(name, known, 1, 0.8)
        meant = f"write {near[0]} if that is meant, else take it out" if near else "take it out"
        return BadSetting(
            f"there is no setting {name}",
            why=f"{where} names it",
            next=f"{meant}; docs/reference/settings.md lists all settings",
        )
    how = f"mend it in {where}"
    if why.startswith("Expected `array`") and where.startswith("the variable"):
        how = f"""write {where} as a JSON list, for example '["docs/**"]'"""
    if why.startswith("Invalid enum value") and name in known:
        why = f"Expected one of {', '.join(get_args(get_args(known[name].type)[0]))}"
    return BadSetting(
        f"setting {name} is wrong",
        why=f"{why} ({where})",
        next=f"{how}; docs/reference/settings.md lists all settings",
    )


def secret(reference: str) -> str:
    """The value behind a secret reference, for the one caller that needs it. Empty stays empty.

    Raises BadSetting without ever repeating the value.
    """
    if not reference:
        return ""
    scheme, _, rest = reference.partition(":")
    if scheme == "env":
        value = os.environ.get(rest, "")
        if not value:
            raise BadSetting(f"the variable {rest} is not set", next=f"export {rest}")
        return value
    if scheme == "file":
        try:
            return of_home(rest).read_text().strip()
        except OSError as error:
            raise BadSetting(f"cannot read the secret file {rest}", why=error.strerror or "") from error
    if scheme == "cmd":
        ran = subprocess.run(  # noqa: S603 - the person's own command, from the person's own file, no shell
            shlex.split(rest), capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL
        )
        if ran.returncode != 0:
            raise BadSetting(
                f"the secret command failed with exit code {ran.returncode}", next="run it by hand"
            )
        return ran.stdout.decode(errors="replace").strip()
    if scheme == "keyring":
        return look_up(rest)
    raise BadSetting(
        "a setting that must refer to a secret does not begin with env:, file:, keyring: or cmd:",
        why="a secret is a reference, never a value",
        next="use env:NAME, file:PATH, keyring:SERVICE/NAME or cmd:COMMAND",
    )


def is_reference(text: str) -> bool:
    """Whether a setting that may also be a plain value refers to a secret."""
    return text.partition(":")[0] in ("env", "file", "keyring", "cmd")


def prices_file(settings: Settings) -> Path:
    """Where the user's own prices are, whether or not the file exists."""
    own = settings.cost.prices
    return Path(own) if own else (settings.config or _user_config()).parent / "prices.toml"


def patterns_folder(settings: Settings) -> Path:
    """Where a person's own swarm patterns are, whether or not the folder exists."""
    return (settings.config or _user_config()).parent / "patterns"


def login() -> str:
    """The login name of this process; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def environment(name: str) -> str | None:
    """One variable another program sets for us (for example CLAUDE_PROJECT_DIR)."""
    return os.environ.get(name)


def calm_libraries() -> None:
    """Ask matrix libraries for one thread each. They read this when they are first imported; their
    threads gain nothing on the small arrays of one question, and spin on the cores that others need."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
