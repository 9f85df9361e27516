"""The KV caches of several rows as one batch: merged, padded, joined by others, and taken out of it again.

mlx-lm has batch caches of every kind but the quantised one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import BatchKVCache, CacheList, KVCache, QuantizedKVCache

STEP = 256  # tokens by which caches grow
_ROOM = 64  # tokens that a batch has room for at least, behind those that it begins with


def merged(rows: Sequence[Sequence[Any]]) -> list[Any]:
    """One batch of several rows' caches; copies them."""
    return [_merged(layer) for layer in zip(*rows, strict=True)]


def _merged(rows: Sequence[Any]) -> Any:
    if type(rows[0]) is KVCache and any(row.offset for row in rows):
        return _side_by_side(rows)
    if not isinstance(rows[0], QuantizedKVCache):
        return rows[0].merge(list(rows))
    # Only who quantises waits for the import of mlx-vlm, which takes seconds.
    from workers.engines.text.cache.quantised import BatchQuantizedCache

    return BatchQuantizedCache.merge(rows)


def _side_by_side(rows: Sequence[KVCache]) -> BatchKVCache:
    """As `BatchKVCache.merge`, but with room for the next tokens, for which all of it would be copied again."""
    lengths = [row.offset for row in rows]
    longest = max(lengths)
    padding = [longest - length for length in lengths]
    like = next(row for row in rows if row.keys is not None)
    batch = BatchKVCache(padding)
    batch.keys, batch.values = (_empty(array, len(rows), longest) for array in (like.keys, like.values))
    for at, (row, pad, length) in enumerate(zip(rows, padding, lengths, strict=True)):
        if length:
            batch.keys[at, :, pad:longest] = row.keys[0, :, :length]
            batch.values[at, :, pad:longest] = row.values[0, :, :length]
    batch.offset += longest
    batch._idx = longest
    return batch


def _empty(like: Any, rows: int, length: int) -> Any:
    """Zeros for the keys or values of `rows` rows, with room for `length` tokens and as many again, within bounds."""
    return mx.zeros((rows, like.shape[1], length + max(_ROOM, min(length, STEP)), like.shape[3]), like.dtype)


def finalise(batch: Sequence[Any]) -> None:
    """Move the padding behind what the rows of a batch were given to their beginnings."""
    for layer in batch:
        if layer.empty():  # of a layer that remembers nothing
            continue
        if type(layer) is BatchKVCache:
            _pad_left(layer)
        else:
            layer.finalize()


def _pad_left(layer: BatchKVCache) -> None:
    """As `BatchKVCache.finalize`, which looks every number up; only what is used is copied, a row at a time."""
    if layer._right_padding is None:
        return
    padding, end = layer._right_padding, layer._idx
    layer.keys, layer.values = (_moved(array, padding.tolist(), end) for array in (layer.keys, layer.values))
    layer.offset, layer.left_padding = layer.offset - padding, layer.left_padding + padding
    layer._right_padding = None


def _moved(array: Any, by: Sequence[int], end: int) -> Any:
    moved = _empty(array, len(by), end)
    for at, pad in enumerate(by):
        moved[at, :, pad:end] = array[at, :, : end - pad]
    return moved


def extend(batch: Sequence[Any], other: Sequence[Any]) -> None:
    """Let the rows of another batch join this one."""
    for ours, theirs in zip(batch, other, strict=True):
        if type(ours) is BatchKVCache and not ours.empty() and not theirs.empty():
            _extend(ours, theirs)
        else:
            ours.extend(theirs)


def _extend(ours: BatchKVCache, theirs: BatchKVCache) -> None:
    """As `BatchKVCache.extend`, but only what is used is copied."""
    end, both = max(ours._idx, theirs._idx), (ours, theirs)
    left = [end - one._idx for one in both]
    ours.keys, ours.values = (
        _stacked([(array, one._idx) for array, one in zip(arrays, both, strict=True)], end)
        for arrays in ((ours.keys, theirs.keys), (ours.values, theirs.values))
    )
    ours.offset = mx.concatenate([one.offset for one in both])
    ours.left_padding = mx.concatenate([one.left_padding + more for one, more in zip(both, left, strict=True)])
    ours._idx = end


def _stacked(parts: Sequence[tuple[Any, int]], end: int) -> Any:
    """Rows of several arrays, of each the tokens up to its own length, which all end at `end`."""
    rows = [len(array) for array, _ in parts]
    stacked, at = _empty(parts[0][0], sum(rows), end), 0
    for (array, length), count in zip(parts, rows, strict=True):
        stacked[at : at + count, :, end - length : end] = array[:, :, :length]
        at += count
    return stacked


def shareable(batch: Sequence[Any]) -> bool:
    """Whether rows taken out of a batch share its numbers, so that whoever takes all of them may take the batch."""
    return all(type(layer) is BatchKVCache for layer in batch)


def extracted(batch: Sequence[Any], row: int) -> list[Any]:
    """A row's own caches; attention's share the batch's numbers until they are written to."""
    return [_extracted(layer, row) for layer in batch]


def _extracted(layer: Any, row: int) -> Any:
    if isinstance(layer, CacheList):
        return CacheList(*(_extracted(part, row) for part in layer.caches))
    if not isinstance(layer, BatchKVCache):
        return layer.extract(row)
    # Who takes a row copies it anyway, to join others or to grow; or needs no more than its last tokens.
    if layer.empty():  # of a layer that remembers nothing
        return KVCache()
    start, end = layer.left_padding.tolist()[row], layer._idx
    keys, values = (array[row : row + 1, :, start:end] for array in (layer.keys, layer.values))
    return KVCache.from_state((keys, values, end - start))
