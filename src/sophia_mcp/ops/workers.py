"""Which process works on something, and does it surely not live any more?

What is written down as being worked on names its worker. Another process of the same machine can then
take it over at once when that worker has died, instead of waiting until nobody believes in it.
"""

from __future__ import annotations

import os
import platform
import secrets
from pathlib import Path

_OURS: set[str] = set()
"""Every name this process has worked under: its number may be given to another process later."""
_ENDED, _HALTED = frozenset("ZX"), frozenset("Tt")


def enrol() -> str:
    """A new name for this process, unique to it: ``machine:number:token``."""
    name = f"{platform.node()}:{os.getpid()}:{secrets.token_hex(4)}"
    _OURS.add(name)
    return name


def is_dead(name: str) -> bool:
    """Whether the worker of that name surely does not live: a process of this machine that is gone, or that has
    ended though its parent does not care. One whose number another process has now is found out when the time
    given to its work is over."""
    number = _number(name)
    if not number:
        return False
    if int(number) == os.getpid():
        return name not in _OURS  # our number, not our name: a process before this one
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # it lives and is not ours, or no process ever had such a number
        return False
    return _state(number) in _ENDED


def is_halted(name: str) -> bool:
    """Whether the worker of that name does nothing until somebody lets it go on, as after Ctrl-Z. Systems
    that do not tell so in ``/proc`` say no."""
    return _state(_number(name)) in _HALTED


def _state(number: str) -> str:
    """The letter that ``/proc`` has for the state of a process; empty where it tells none."""
    try:
        told = Path(f"/proc/{number}/stat").read_text()
    except (OSError, ValueError):
        return ""
    return told.rpartition(")")[2].split()[0]


def _number(name: str) -> str:
    """The number of a worker's process where it is one of this machine, and can be asked about; else nothing."""
    machine, _, number = name.rpartition(":")[0].rpartition(":")
    here = os.name != "nt" and machine == platform.node() and number.isdecimal()
    return number if here else ""
