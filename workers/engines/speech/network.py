"""Whisper's encoder and decoder over mlx-whisper's weights, for windows of any length and rows of any age together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workers import blas
from workers.engines.speech import kernels

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
import mlx.nn as nn  # noqa: E402

_GROWTH = 64  # tokens by which a cache that is full grows


class Cache:
    """What the decoder keeps of a batch of rows: keys and values of their tokens, and of the windows that they hear.

    Rows end at the same place, so that a step appends one column: who joined later has `padding` before its tokens.
    Shapes are (rows, heads, tokens or positions, head size), one array a layer.
    """

    def __init__(self, cross: Sequence[tuple[mx.array, mx.array]]) -> None:
        self.cross = list(cross)
        self.length = 0
        self.padding = [0] * cross[0][0].shape[0]
        self._keys: list[mx.array] = []
        self._values: list[mx.array] = []

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.padding)

    def append(self, layer: int, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Add the newest tokens' keys and values in a layer, and return all; `advance` follows the last layer."""
        end = self.length + keys.shape[2]
        if layer == len(self._keys):
            self._keys.append(keys)
            self._values.append(values)
            return keys, values
        if end > self._keys[layer].shape[2]:
            room = (*keys.shape[:2], _GROWTH + keys.shape[2], keys.shape[3])
            self._keys[layer] = mx.concatenate([self._keys[layer][:, :, : self.length], mx.zeros(room, keys.dtype)], 2)
            self._values[layer] = mx.concatenate(
                [self._values[layer][:, :, : self.length], mx.zeros(room, values.dtype)], 2
            )
        self._keys[layer][:, :, self.length : end] = keys
        self._values[layer][:, :, self.length : end] = values
        return self._keys[layer][:, :, :end], self._values[layer][:, :, :end]

    def advance(self, count: int) -> None:
        """So many tokens were appended to every layer."""
        self.length += count

    def keep(self, rows: Sequence[int]) -> None:
        """Forget all rows but these, and what nobody's tokens reach any more."""
        index = mx.array(list(rows))
        self.padding = [self.padding[row] for row in rows]
        spare = min(self.padding)
        self.padding = [padding - spare for padding in self.padding]
        self._keys = [keys[:, :, spare : self.length][index] for keys in self._keys]
        self._values = [values[:, :, spare : self.length][index] for values in self._values]
        self.cross = [(keys[index], values[index]) for keys, values in self.cross]
        self.length -= spare

    def join(self, other: Cache) -> None:
        """Take in the rows of another batch, behind those that are here."""
        length = max(self.length, other.length)
        ours, theirs = length - self.length, length - other.length
        self._keys = [
            mx.concatenate([_aligned(one, self.length, ours), _aligned(two, other.length, theirs)])
            for one, two in zip(self._keys, other._keys, strict=True)
        ]
        self._values = [
            mx.concatenate([_aligned(one, self.length, ours), _aligned(two, other.length, theirs)])
            for one, two in zip(self._values, other._values, strict=True)
        ]
        self.cross = [
            (mx.concatenate([one[0], two[0]]), mx.concatenate([one[1], two[1]]))
            for one, two in zip(self.cross, other.cross, strict=True)
        ]
        self.padding = [padding + ours for padding in self.padding] + [padding + theirs for padding in other.padding]
        self.length = length

    def arrays(self) -> list[mx.array]:
        """All that it holds."""
        return [*self._keys, *self._values, *(array for pair in self.cross for array in pair)]


def _aligned(array: mx.array, length: int, padding: int) -> mx.array:
    return mx.pad(array[:, :, :length], [(0, 0), (0, 0), (padding, 0), (0, 0)])


class Network:
    """The forward passes of a model that mlx-whisper loaded."""

    def __init__(self, model: Any) -> None:
        self._encoder, self._decoder = model.encoder, model.decoder

    def encode(self, mel: mx.array) -> mx.array:
        """Features (windows, frames / 2, state) of log-mel spectrograms (windows, frames, bands)."""
        x = kernels.gelu(self._encoder.conv1(mel))
        x = kernels.gelu(self._encoder.conv2(x))
        x = x + self._encoder._positional_embedding[: x.shape[1]]
        for block in self._encoder.blocks:
            normed = block.attn_ln(x)
            keys, values = _keys_and_values(block.attn, normed)
            attended = kernels.attend(_heads(block.attn, block.attn.query(normed)), keys, values)
            x = x + block.attn.out(_joined(attended))
            x = x + block.mlp2(kernels.gelu(block.mlp1(block.mlp_ln(x))))
        features: mx.array = self._encoder.ln_post(x)
        return features

    def listen(self, features: mx.array) -> Cache:
        """The cache of rows that have said nothing yet, one for each window of features."""
        pairs = (_keys_and_values(block.cross_attn, features) for block in self._decoder.blocks)
        # As every step reads them, they lie in the order in which it does.
        return Cache([(mx.contiguous(keys), mx.contiguous(values)) for keys, values in pairs])

    def decode(self, tokens: mx.array, cache: Cache) -> mx.array:
        """The states (rows, tokens, state) behind the next tokens (rows, tokens) of every row of a cache."""
        count = tokens.shape[1]
        padding = mx.array(cache.padding)[:, None]
        places = mx.maximum(mx.arange(cache.length, cache.length + count)[None] - padding, 0)
        x = self._decoder.token_embedding(tokens) + self._decoder.positional_embedding[places]
        mask = _mask(cache, count, x.dtype)
        for layer, block in enumerate(self._decoder.blocks):
            normed = block.attn_ln(x)
            keys, values = cache.append(layer, *_keys_and_values(block.attn, normed))
            x = x + _attend(block.attn, normed, keys, values, mask)
            x = x + _attend(block.cross_attn, block.cross_attn_ln(x), *cache.cross[layer])
            x = x + block.mlp2(nn.gelu(block.mlp1(block.mlp_ln(x))))
        cache.advance(count)
        states: mx.array = self._decoder.ln(x)
        return states

    def logits(self, states: mx.array) -> mx.array:
        """The logits of every token behind states, float32."""
        logits: mx.array = self._decoder.token_embedding.as_linear(states)
        return logits.astype(mx.float32)


def _mask(cache: Cache, count: int, dtype: mx.Dtype) -> mx.array | None:
    if count == 1 and not any(cache.padding):
        return None
    keys = mx.arange(cache.length + count)[None, None]
    queries = mx.arange(cache.length, cache.length + count)[None, :, None]
    seen = (keys <= queries) & (keys >= mx.array(cache.padding)[:, None, None])
    return mx.where(seen, mx.array(0, dtype), mx.array(-1e4, dtype))[:, None]


def _keys_and_values(attention: Any, x: mx.array) -> tuple[mx.array, mx.array]:
    return _heads(attention, attention.key(x)), _heads(attention, attention.value(x))


def _attend(attention: Any, x: mx.array, keys: mx.array, values: mx.array, mask: mx.array | None = None) -> mx.array:
    queries = _heads(attention, attention.query(x))
    attended = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=queries.shape[-1] ** -0.5, mask=mask)
    projected: mx.array = attention.out(_joined(attended))
    return projected


def _joined(heads: mx.array) -> mx.array:
    return heads.transpose(0, 2, 1, 3).flatten(2)


def _heads(attention: Any, x: mx.array) -> mx.array:
    return x.reshape(*x.shape[:2], attention.n_head, -1).transpose(0, 2, 1, 3)
