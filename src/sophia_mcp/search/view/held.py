"""What was read for one question and may be wanted for the next, within bounds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Held(Generic[K, T]):
    """A cache that forgets the least recently used beyond ``capacity`` units."""

    def __init__(self, capacity: int, weigh: Callable[[T], int]) -> None:
        self._capacity, self._weigh, self._weight = capacity, weigh, 0
        self._items: OrderedDict[K, T] = OrderedDict()

    def get(self, key: K) -> T | None:
        """The item, marked as used."""
        if key in self._items:
            self._items.move_to_end(key)
            return self._items[key]
        return None

    def put(self, key: K, item: T) -> None:
        """Keep an item; forget the oldest ones when there is no room."""
        if key not in self._items:
            self._weight += self._weigh(item)
        self._items[key] = item
        while self._weight > self._capacity and len(self._items) > 1:
            _, old = self._items.popitem(last=False)
            self._weight -= self._weigh(old)
