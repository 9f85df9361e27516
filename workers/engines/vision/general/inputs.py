"""What a processor makes of a prompt, in arrays that any thread may hold.

MLX's arrays belong to the thread that made them, and prompts are processed in many; so they are NumPy's until the
engine's thread takes them.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np


class Held(NamedTuple):
    """An MLX array's numbers and its type, which NumPy may not have."""

    numbers: Any
    dtype: mx.Dtype


def held(value: Any) -> Any:
    """A processor's output without MLX's arrays, whatever it is made of."""
    if isinstance(value, mx.array):
        return Held(np.array(value.astype(mx.float32) if value.dtype == mx.bfloat16 else value), value.dtype)
    return _each(value, held)


def taken(value: Any) -> Any:
    """The same with MLX's arrays again."""
    if isinstance(value, Held):
        return mx.array(value.numbers).astype(value.dtype)
    return _each(value, taken)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same with each of its parts changed, where it has parts."""
    if isinstance(value, dict):
        return {name: change(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(*map(change, value)) if hasattr(value, "_fields") else type(value)(map(change, value))
    if not _records(value):
        return value
    changed = copy(value)
    for name, part in _parts(value).items():
        object.__setattr__(changed, name, change(part))
    return changed


def _records(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)


def _parts(value: Any) -> dict[str, Any]:
    """The fields of a dataclass's instance."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def nbytes(value: Any) -> int:
    """Bytes of all arrays in it."""
    if isinstance(value, Held):
        return int(value.numbers.nbytes)
    if isinstance(value, dict):
        return sum(map(nbytes, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(nbytes, value))
    if _records(value):
        return nbytes(_parts(value))
    return int(getattr(value, "nbytes", 0))


def digest(value: Any) -> bytes:
    """The same for the same input only."""
    found = sha256()
    _update(found, value)
    return found.digest()


def _update(found: Any, value: Any) -> None:
    if isinstance(value, Held):
        _update(found, value.numbers)
    elif isinstance(value, np.ndarray):
        found.update(f"{value.shape} {value.dtype}".encode())
        found.update(np.ascontiguousarray(value).data)
    elif isinstance(value, dict):
        for name, part in sorted(value.items()):
            found.update(f"{name}:".encode())
            _update(found, part)
    elif isinstance(value, list | tuple):
        found.update(f"{len(value)}[".encode())
        for part in value:
            _update(found, part)
    elif _records(value):
        found.update(f"{type(value).__name__}:".encode())
        _update(found, _parts(value))
    else:
        found.update(repr(value).encode())
