"""Regular expressions that are compiled when they are first used.

To compile all that are known of languages and questions is a sixteenth of a new process's first answer, which uses few.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def expression(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What ``re.compile`` gives, for use by its methods and attributes only. What is wrong with ``text`` is an error
    of its first use."""
    return cast(re.Pattern[AnyStr], Later(text, flags))


class Later:
    """A regular expression by its methods, each looked up once."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._said = text, flags

    def __getattr__(self, name: str) -> Any:
        # Python's own questions may come before `__init__`, when this is copied.
        if name.startswith("__"):
            raise AttributeError(name)
        compiled = self.__dict__.get("_compiled")
        if compiled is None:
            self._compiled = compiled = re.compile(*self._said)
        found = getattr(compiled, name)
        setattr(self, name, found)
        return found
