"""The transformer that BERT and its kin share, normalised behind every sum; a Shape says what they differ in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from workers.engines import elementwise

_FARTHEST = 128  # tokens; what is farther away shares the last bucket, as T5 and MPNet have it
_ACTIVATIONS: Mapping[str, Callable[[mx.array], mx.array]] = {
    "gelu": elementwise.gelu,
    "gelu_fast": elementwise.gelu_approx,
    "gelu_new": elementwise.gelu_approx,
    "gelu_pytorch_tanh": elementwise.gelu_approx,
    "relu": nn.relu,
    "silu": elementwise.silu,
    "swish": elementwise.silu,
    "tanh": elementwise.tanh,
}


@dataclass(frozen=True)
class Rotary:
    """Rotary positions of a `base`, which NTK stretches by `factor` (https://kexue.fm/archives/9706, equation 6)."""

    base: float
    factor: float = 1.0

    def wavelengths(self, size: int) -> mx.array:
        """The period of each pair of a head's numbers over 2 pi, in tokens; (size / 2) float32."""
        exponents = mx.arange(0, size, 2, dtype=mx.float32) / size
        return (self.base * self.factor) ** exponents * self.factor ** (2 / size)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of a transformer and what its kind has beside BERT's or lacks.

    `longest` is the most tokens of a text; `positions` the rows of the learned positions, of which `first` is that of a
    text's first token; `types` the kinds of segments; `buckets` those of distances that attention is biased by; with
    `gated` the inner layer is multiplied by its activated second half; `unbiased` names the linear layers without bias.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    longest: int
    eps: float = 1e-12
    activation: str = "gelu"
    positions: int = 0
    first: int = 0
    types: int = 0
    rotary: Rotary | None = None
    buckets: int = 0
    gated: bool = False
    unbiased: frozenset[str] = frozenset()


def activation(name: str) -> Callable[[mx.array], mx.array]:
    """The activation that config.json calls so; raises ValueError for one that is not known."""
    if name not in _ACTIVATIONS:
        raise ValueError(f"the activation '{name}' is not known")
    return _ACTIVATIONS[name]


class Layer(nn.Module):
    """Attention and a feed-forward network; each is added to what it read and the sum normalised."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()

        def linear(name: str, inputs: int, outputs: int) -> nn.Linear:
            return nn.Linear(inputs, outputs, bias=name not in shape.unbiased)

        self._shape = shape
        self._activation = activation(shape.activation)
        self._wavelengths = None if shape.rotary is None else shape.rotary.wavelengths(shape.width // shape.heads)
        self.qkv = linear("qkv", shape.width, 3 * shape.width)
        self.out = linear("out", shape.width, shape.width)
        self.attention_norm = nn.LayerNorm(shape.width, eps=shape.eps)
        self.up = linear("up", shape.width, shape.inner * (1 + shape.gated))
        self.down = linear("down", shape.inner, shape.width)
        self.output_norm = nn.LayerNorm(shape.width, eps=shape.eps)

    def __call__(self, states: mx.array, mask: mx.array | None) -> mx.array:
        states = self.attention_norm(states + self._attention(states, mask))
        return self.output_norm(states + self._feed_forward(states))

    def _attention(self, states: mx.array, mask: mx.array | None) -> mx.array:
        texts, tokens, width = states.shape
        size = width // self._shape.heads
        heads = self.qkv(states).reshape(texts, tokens, 3, self._shape.heads, size).transpose(2, 0, 3, 1, 4)
        queries, keys, values = (self._turned(heads[0]), self._turned(heads[1]), heads[2])
        seen = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=size**-0.5, mask=mask)
        return self.out(seen.transpose(0, 2, 1, 3).reshape(texts, tokens, width))

    def _turned(self, heads: mx.array) -> mx.array:
        if self._wavelengths is None:
            return heads
        size = heads.shape[-1]
        return mx.fast.rope(heads, size, traditional=False, base=None, scale=1.0, offset=0, freqs=self._wavelengths)

    def _feed_forward(self, states: mx.array) -> mx.array:
        inner = self.up(states)
        if not self._shape.gated:
            return self.down(self._activation(inner))
        values, gates = mx.split(inner, 2, axis=-1)
        return self.down(values * self._activation(gates))


class Transformer(nn.Module):
    """A vector a token out of token ids."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape
        self.longest = shape.longest
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        if shape.positions:
            self.positions = nn.Embedding(shape.positions, shape.width)
        if shape.types:
            self.types = nn.Embedding(shape.types, shape.width)
        if shape.buckets:
            self.distances = nn.Embedding(shape.buckets, shape.heads)
        self.norm = nn.LayerNorm(shape.width, eps=shape.eps)
        self.layers = [Layer(shape) for _ in range(shape.layers)]

    def __call__(self, ids: mx.array, mask: mx.array | None = None, types: mx.array | None = None) -> mx.array:
        """States (texts, tokens, width) of ids (texts, tokens); `mask` is false for padding, and None where none is."""
        states = self.words(ids)
        if self._shape.positions:
            states = states + self.positions(self._places(ids))
        if self._shape.types:
            states = states + self.types(mx.zeros_like(ids) if types is None else types)
        states = self.norm(states)
        seen = self._seen(ids.shape[1], mask, states.dtype)
        for layer in self.layers:
            states = layer(states, seen)
        return states

    def _places(self, ids: mx.array) -> mx.array:
        if not self._shape.first:
            return mx.arange(ids.shape[1])[None]
        # RoBERTa's rows before the first are for padding tokens, which do not count wherever they stand.
        padding = self._shape.first - 1
        counted = (ids != padding).astype(mx.int32)
        return mx.cumsum(counted, axis=1) * counted + padding

    def _seen(self, tokens: int, mask: mx.array | None, dtype: Any) -> mx.array | None:
        keys = None if mask is None else mask[:, None, None, :]
        if not self._shape.buckets:
            return keys
        bias = self.distances(_buckets(tokens, self._shape.buckets)).transpose(2, 0, 1)[None].astype(dtype)
        return bias if keys is None else mx.where(keys, bias, mx.array(-mx.inf, dtype))


def _buckets(tokens: int, buckets: int) -> mx.array:
    """Which bucket the distance from each token (row) to each other (column) is in; near ones have one each."""
    at = np.arange(tokens)
    distance = at[:, None] - at[None, :]
    half = buckets // 2
    exact = half // 2
    away = np.abs(distance)
    grown = np.log(np.maximum(away, 1).astype(np.float32) / np.float32(exact)) / np.float32(math.log(_FARTHEST / exact))
    far = np.minimum(exact + (grown * (half - exact)).astype(np.int64), half - 1)
    return mx.array((distance < 0) * half + np.where(away < exact, away, far))
