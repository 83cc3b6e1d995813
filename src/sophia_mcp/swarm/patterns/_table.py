"""How is one table of a pattern file read, so that every fault names the file and the key?"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sophia_mcp.errors import BadSetting

SHARED = Path(__file__).parent / "_shared"
"""Prompts and answer schemas that several patterns use."""

_FILE_BYTES = 64 * 1024


def content(file: Path) -> str:
    """The text of a pattern file or a prompt. Raises BadSetting."""
    try:
        if file.stat().st_size > _FILE_BYTES:
            raise BadSetting(f"{file} is larger than {_FILE_BYTES // 1024} kB", next="make it shorter")
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadSetting(f"cannot read {file}", why=why or "", next="mend the file") from error


@dataclass(frozen=True, slots=True)
class Table:
    """One table of ``file``; ``where`` is its key from the top, empty for the top itself.

    ``beside`` is the folder in which prompts are looked for first; ``own`` is False for a file that
    came with a repository, which reads nothing outside that folder.
    """

    file: Path
    values: Mapping[str, Any]
    beside: Path
    own: bool = True
    where: str = ""

    def below(self, key: str, values: Any) -> Table:
        """A table under this one."""
        if not isinstance(values, Mapping):
            self.fault(key, "it is a table", f"write [{key}]")
        return Table(self.file, values, self.beside, self.own, self._named(key))

    def known(self, names: Collection[str]) -> None:
        """Refuse keys that mean nothing."""
        for key in self.values:
            if key not in names:
                known = f"there is no such key; known: {', '.join(sorted(names))}"
                self.fault(key, known, "remove or rename it")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            self.fault(key, "it is missing or not text", "write it")
        return value.strip()

    def number(self, key: str, span: tuple[int, int], default: int | None = None) -> int:
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not span[0] <= value <= span[1]:
            self.fault(key, f"it is a whole number of {span[0]} to {span[1]}", "mend it")
        return value

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            self.fault(key, "it is true or false", "mend it")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of names; a single one may stand without brackets."""
        value = self.values.get(key, [])
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.fault(key, "it is a list of names", "mend it")
        if len(set(value)) != len(value):
            self.fault(key, "a name stands there twice", "keep one")
        return tuple(value)

    def choice(self, key: str, known: Collection[str]) -> Any:
        value = self.values.get(key)
        if value not in known:
            self.fault(key, f"it is one of {', '.join(known)}", "choose one")
        return value

    def choices(self, key: str, known: Collection[str]) -> Any:
        values = self.strings(key)
        for value in values:
            if value not in known:
                self.fault(key, f"each is one of {', '.join(known)}", f"mend {value!r}")
        return values

    def prompt(self, key: str, default: str | None = None) -> str:
        """``key_text`` as it stands, or the file that ``key`` names beside this one, or shared."""
        inline, name = self.values.get(f"{key}_text"), self.values.get(key)
        if name is None and isinstance(inline, str) and inline.strip():
            return inline.strip()
        if name is None and inline is None:
            name = default
        if inline is not None or not isinstance(name, str) or not re.fullmatch(r"[\w-]+\.md", name):
            self.fault(
                key,
                "it is neither a file name ending in .md nor the text itself",
                f'write {key} = "NAME.md" with the file in {self.beside.name}/, or {key}_text = "..."',
            )
        for folder in (self.beside, SHARED):
            file = folder / name
            if file.is_file() and (self.own or file.resolve().parent == folder.resolve()):
                return content(file).strip()
        return self.fault(key, f"there is no {self.beside.name}/{name}", "write that file")

    def fault(self, key: str, why: str, next: str) -> NoReturn:
        """Raise BadSetting for this key."""
        raise BadSetting(f"{self.file}: {self._named(key)} is wrong", why=why, next=next)

    def _named(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key
