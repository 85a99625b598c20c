"""An LRU cache of computed values, keyed by content, bounded in bytes, safe to share between threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from torch import Tensor

T = TypeVar("T")

_PLAIN_BYTES = 64
"""What a value without tensors counts as."""


def count_tensor_bytes(value: Any) -> int:
    """Bytes of the tensors in a value: a tensor, a dataclass of tensors, a tuple or list of these."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if is_dataclass(value) and not isinstance(value, type):
        return sum(count_tensor_bytes(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, (tuple, list)):
        return sum(count_tensor_bytes(item) for item in value)
    return _PLAIN_BYTES


class ContentCache:
    """An LRU cache: the least recently used values are evicted once more than `max_bytes` are held."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._bytes = 0
        # Held while a value is computed, so that two threads asking for one voice compute it once.
        self._lock = threading.RLock()

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The value under `key`, computed if it is not there. What `compute` raises is raised, and nothing kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            value = compute()
            self._store(key, value)
            return value

    def clear(self) -> None:
        """Evict everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0

    def _store(self, key: Hashable, value: Any) -> None:
        size = count_tensor_bytes(value)
        if size > self.max_bytes:
            return
        self._values[key] = value
        self._bytes += size
        while self._bytes > self.max_bytes:
            _, oldest = self._values.popitem(last=False)
            self._bytes -= count_tensor_bytes(oldest)
