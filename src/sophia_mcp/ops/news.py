"""Who waits for the next change of what? Nothing is kept of those who wait no more."""

from __future__ import annotations

from weakref import WeakValueDictionary

import anyio


class News:
    """Events by name, each set once: at the next change of what is called so."""

    def __init__(self) -> None:
        self._awaited: WeakValueDictionary[str, anyio.Event] = WeakValueDictionary()

    def next(self, name: str) -> anyio.Event:
        """Set at the next change. Take it before looking, and no change is missed; it lives as long as
        somebody has it."""
        event = self._awaited.get(name)
        if event is None:
            event = self._awaited[name] = anyio.Event()
        return event

    def tell(self, name: str) -> None:
        """Something has changed."""
        event = self._awaited.pop(name, None)
        if event is not None:
            event.set()

    def __len__(self) -> int:
        """How many names somebody waits for."""
        return len(self._awaited)
