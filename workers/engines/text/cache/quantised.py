"""A batch of quantised KV caches: mlx-vlm's, made of mlx-lm's rows and giving them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import QuantizedKVCache
from mlx_vlm.models.cache import BatchQuantizedKVCache


class BatchQuantizedCache(BatchQuantizedKVCache):
    """Keys and values of several rows, each a triple of packed numbers, scales and biases, padded on the left."""

    @classmethod
    def merge(cls, rows: Sequence[Any]) -> BatchQuantizedCache:
        """One batch of single rows; copies them."""
        longest = max(row.offset for row in rows)
        paddings = [longest - row.offset for row in rows]
        batch: Any = cls(paddings, rows[0].group_size, rows[0].bits)
        if longest:
            batch.keys = _stacked([row.keys for row in rows], longest, paddings)
            batch.values = _stacked([row.values for row in rows], longest, paddings)
            batch.offset = batch.offset + longest
            batch._idx = longest
        return batch  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        """Bytes held, padding included."""
        held: list[Any] = [*(self.keys or ()), *(self.values or ())]
        return sum(int(part.nbytes) for part in held)

    def extract(self, idx: int) -> QuantizedKVCache:
        """One row by itself; shares the batch's numbers until it is written to."""
        row = QuantizedKVCache(self.group_size, self.bits)
        if self.keys is not None:
            start, end = self.left_padding.tolist()[idx], self._idx
            row.keys, row.values = (
                tuple(part[idx : idx + 1, :, start:end] for part in parts) for parts in (self.keys, self.values)
            )
            row.offset = end - start
        return row


def _stacked(rows: Sequence[Any], longest: int, paddings: Sequence[int]) -> tuple[Any, ...]:
    """Triples of (1, heads, length, n), or None for an empty row, to a triple of (rows, heads, longest, n)."""
    triple = next(row for row in rows if row is not None)
    parts = []
    for number, like in enumerate(triple):
        padded = []
        for row, padding in zip(rows, paddings, strict=True):
            empty = mx.zeros((1, like.shape[1], padding, like.shape[3]), like.dtype)
            kept = [] if row is None else [row[number][..., : longest - padding, :]]
            padded.append(mx.concatenate([empty, *kept], axis=2))
        parts.append(mx.concatenate(padded))
    return tuple(parts)
