"""How much of a long list fits a frame of 64 KiB."""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

_T = TypeVar("_T")
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Room:
    """Bytes of JSON that are left for lists."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, item: _T) -> _T:
        """`item`, which is small, and goes in whole."""
        self.left -= _size(item)
        return item

    def take(self, items: Iterable[_T], at_most: int | None = None) -> list[_T]:
        """The first of `items` that fit into what is left, or into `at_most` bytes of it; looks at no more than those."""
        room = limit = self.left if at_most is None else max(0, min(self.left, at_most))
        taken: list[_T] = []
        for item in items:
            size = _size(item)
            if size > room:
                break
            room -= size
            taken.append(item)
        self.left -= limit - room
        return taken


def _size(item: Any) -> int:
    return len(_write(item).encode()) + 1
