"""What in a script does its grammar not know? Declarations of what is disposed of at the end of its block."""

from __future__ import annotations

import re

_USING = re.compile(rb"^([ \t]*)(await[ \t]+)?using(?=[ \t]+[\w$]+[ \t]*(?::[^=\n]+)?=)", re.MULTILINE)


def plain(source: bytes) -> bytes:
    """``source`` with ``const`` for ``using`` and ``await using``, at the same length."""
    if b"using " not in source:
        return source
    return _USING.sub(lambda found: found[1] + b"const".ljust(len(found[0]) - len(found[1])), source)
