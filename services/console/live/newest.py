"""Keep the newest of many, in whatever order they come."""

from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar

ItemT = TypeVar("ItemT")
KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Newest(Generic[ItemT]):
    """The `size` greatest items by `order`; the same item again is not kept twice.

    Args:
        size: how many.
        order: what they are ordered by; items of the same order are the same.
    """

    def __init__(self, size: int, order: Callable[[ItemT], Any]) -> None:
        self._size: Final = size
        self._order: Final = order
        self._items: list[ItemT] = []
        self._orders: set[Any] = set()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[ItemT]:
        """The newest first."""
        return reversed(self._items)

    def add(self, item: ItemT) -> ItemT | None:
        """Keep an item; answers what is not kept for it: an older one, the item itself, or None."""
        order = self._order(item)
        if order in self._orders:
            return item
        insort(self._items, item, key=self._order)
        self._orders.add(order)
        if len(self._items) <= self._size:
            return None
        dropped = self._items.pop(0)
        self._orders.discard(self._order(dropped))
        return dropped

    def latest(self) -> ItemT | None:
        """The newest one."""
        return self._items[-1] if self._items else None


class Recent(Generic[KeyT, ValueT]):
    """Values by key; of more than `size` keys the ones that were touched longest ago are forgotten.

    Args:
        size: how many keys.
        make: a value for a new key.
    """

    def __init__(self, size: int, make: Callable[[], ValueT]) -> None:
        self._size: Final = size
        self._make: Final = make
        self._held: OrderedDict[KeyT, ValueT] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[KeyT]:
        return iter(self._held)

    def get(self, key: KeyT) -> ValueT | None:
        """The value of a key, if it is held."""
        return self._held.get(key)

    def touch(self, key: KeyT) -> ValueT:
        """The value of a key, made where there is none."""
        if key not in self._held:
            self._held[key] = self._make()
            if len(self._held) > self._size:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]

    def put(self, key: KeyT, value: ValueT) -> None:
        """Hold a value."""
        self._held[key] = value
        self._held.move_to_end(key)
        if len(self._held) > self._size:
            self._held.popitem(last=False)

    def items(self) -> list[tuple[KeyT, ValueT]]:
        """All, the ones touched longest ago first."""
        return list(self._held.items())
