"""Encoders that end the process they run in, importable from a worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sophia_mcp.types import Passage


def unopenable() -> None:
    """Ends the process that opens it."""
    os.kill(os.getpid(), signal.SIGKILL)


class Faulty:
    """Fails whatever it is asked."""

    def encode(self, passages: Sequence[Passage]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        raise IndexError("token 78 has no row")


class Deadly:
    """Ends its process, never returns, or asks for too much memory, when a text says so."""

    def encode(self, passages: Sequence[Passage]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        if any("DEADLY" in passage.text for passage in passages):
            os.kill(os.getpid(), signal.SIGKILL)
        while any("ENDLESS" in passage.text for passage in passages):
            pass
        if any("HUGE" in passage.text for passage in passages):
            bytearray(2 << 30)
        return np.zeros((len(passages), 4), np.int8), np.zeros(len(passages), np.float32)


class Large(Deadly):
    """Holds more memory than one file may take."""

    def __init__(self) -> None:
        self._table = bytearray(300 << 20)


class Hoarding(Deadly):
    """Keeps 30 MB of each batch, and can keep no more than seven."""

    def __init__(self) -> None:
        self._kept: list[bytearray] = []

    def encode(self, passages: Sequence[Passage]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        if len(self._kept) == 7:
            raise IndexError("no room is left")
        self._kept.append(bytearray(30 << 20))
        return super().encode(passages)


class Interrupted(Deadly):
    """Runs out of memory over several passages, and is of no use from then on."""

    def __init__(self) -> None:
        self._whole = True

    def encode(self, passages: Sequence[Passage]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        if not self._whole:
            raise IndexError("half of a word is known")
        if len(passages) > 1:
            self._whole = False
            raise MemoryError
        return super().encode(passages)
