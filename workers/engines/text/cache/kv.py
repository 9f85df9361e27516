"""A model's KV caches: made, quantised, copied, and counted in bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import mlx.core as mx
import mlx_lm.models
import structlog
from mlx.utils import tree_flatten, tree_map
from mlx_lm.models.cache import (
    CacheList,
    QuantizedKVCache,
    RotatingKVCache,
    make_prompt_cache,
)

from workers.engine import Unservable
from workers.engines.text.cache import batched
from workers.engines.text.measured import turns

log = structlog.get_logger()


class Quantisation(NamedTuple):
    """Bits of a number, numbers that share a scale, and the length in tokens from which a cache is quantised."""

    bits: int
    group_size: int
    start: int


class UnsupportedQuantisation(Unservable):
    """This architecture's KV cache cannot be quantised; the message says why."""


class Kv:
    """The caches of one model; a row's are a list, one a layer. `obstacle` is why its rows take turns, if they do."""

    def __init__(self, model: Any, quantisation: Quantisation | None = None) -> None:
        self._model, self._quantisation = model, quantisation
        self._exact = getattr(model, "exact_caches", 0)  # the last ones hold positions, which are never quantised
        layers = make_prompt_cache(model)
        self.obstacle = self._obstacle(layers)
        self.mergeable = self.obstacle is None
        self.prefills_alone = not self.mergeable or getattr(model, "prefills_alone", False)
        if self.obstacle:
            log.info("rows take turns", reason=self.obstacle)
        self._trimmable_below = min(map(_trimmable_below, layers))
        if quantisation is not None:
            self._probe_quantisation()
        caches = self.settled(self.fresh())
        self._model(mx.zeros((1, 1), mx.int32), cache=caches)  # not computed: their sizes are known all the same
        measured = [_measured(layer) for layer in caches]
        self.bytes_per_token, self.fixed_bytes = (sum(part) for part in zip(*measured, strict=True))

    def _obstacle(self, layers: Sequence[Any]) -> str | None:
        """Why rows take turns; None where they can share a batch.

        Two go through the model to find out, without being computed: shapes tell.
        """
        package, _, architecture = type(self._model).__module__.rpartition(".")
        if package == mlx_lm.models.__name__ and (known := turns(architecture)):
            return known
        lacking = [type(layer).__name__ for layer in layers if not hasattr(layer, "merge")]
        if lacking:
            return f"a {lacking[0]} holds one row"
        batch = batched.merged([layers, make_prompt_cache(self._model)])
        try:
            for layer in batch:
                layer.prepare(lengths=[2, 1], right_padding=[0, 1])
            self._model(mx.zeros((2, 2), mx.int32), cache=batch)
            batched.finalise(batch)
            self._model(mx.zeros((2, 1), mx.int32), cache=batch)
        except Exception as error:  # whatever an architecture's code for one row says of two
            return f"its code is for one row ({error})"
        return None

    def _probe_quantisation(self) -> None:
        eager = self._quantisation._replace(start=0) if self._quantisation else None
        try:
            caches = self._quantised(list(make_prompt_cache(self._model)), eager)
            if not any(isinstance(layer, QuantizedKVCache) for layer in caches):
                raise UnsupportedQuantisation("kv_bits: no layer of this model has a cache that can be quantised")
            for _ in range(2):
                mx.eval(self._model(mx.zeros((1, 2), mx.int32), cache=caches))
        except UnsupportedQuantisation:
            raise
        except Exception as error:
            message = f"kv_bits: this model cannot attend to a quantised cache ({error}); serve it without kv_bits"
            raise UnsupportedQuantisation(message) from error

    def fresh(self) -> list[Any]:
        """Empty caches of one row."""
        return self.settled(list(make_prompt_cache(self._model)))

    def settled(self, caches: list[Any]) -> list[Any]:
        """A row's caches, quantised once they are long enough."""
        return self._quantised(caches, self._quantisation)

    def _quantised(self, caches: list[Any], how: Quantisation | None) -> list[Any]:
        exact = len(caches) - self._exact
        return [*_quantised(caches[:exact], how), *caches[exact:]]

    def trimmable(self, length: int) -> bool:
        """Whether tokens can be taken off the end of a row of `length`."""
        return length < self._trimmable_below

    def due(self, length: int) -> bool:
        """Whether a row of `length` tokens must have a quantised cache."""
        return self._quantisation is not None and length >= self._quantisation.start

    def due_from(self, done: int, total: int) -> int | None:
        """The length at which a row on its way from `done` to `total` tokens gets a quantised cache, if it does.

        A prompt is prefilled up to there and then on, so that what its tokens attend to depends on no neighbour.
        """
        start = None if self._quantisation is None else self._quantisation.start
        return start if start is not None and done < start < total else None

    def tokens_within(self, nbytes: float) -> int:
        """How many tokens one row may have in `nbytes`."""
        if math.isinf(nbytes) or not self.bytes_per_token:
            return 1 << 31
        return max(1, int((nbytes - self.fixed_bytes) / self.bytes_per_token))

    def size(self, tokens: int) -> float:
        """Bytes that the caches of a row of `tokens` may take, with what they allocate ahead."""
        tokens += batched.STEP
        return float(self.fixed_bytes + tokens * self.bytes_per_token)


def kind(caches: Sequence[Any]) -> tuple[str, ...]:
    """What must be the same for rows to share a batch."""
    return tuple(type(layer).__name__ for layer in caches)


def quantised(kind: Sequence[str]) -> bool:
    """Whether caches of this kind are quantised."""
    return QuantizedKVCache.__name__ in kind


def copied(caches: Sequence[Any]) -> list[Any]:
    """The same caches once more, sharing their numbers until one of the two is written to."""
    return [_copied(layer) for layer in caches]


def _copied(layer: Any) -> Any:
    if not hasattr(layer, "from_state"):
        return remade(type(layer), tree_map(_alias, vars(layer)))  # an architecture's own kind
    if hasattr(layer, "meta_state"):  # mlx-vlm's own keep more than they tell as their state
        return deepcopy(layer)
    return type(layer).from_state(tree_map(_alias, layer.state))


def remade(kind: Any, attributes: Mapping[str, Any]) -> Any:
    """A cache of an architecture's own kind, which mlx-lm knows no state of that it could be made of again."""
    made = kind.__new__(kind)
    vars(made).update(attributes)
    return made


def nbytes(caches: Sequence[Any]) -> int:
    """Bytes that caches hold."""
    return sum(_nbytes(layer) for layer in caches)


def _nbytes(layer: Any) -> int:
    if isinstance(layer, QuantizedKVCache) and layer.empty():
        return 0  # mlx-lm's counts the bytes of keys that it does not have yet, and fails
    if hasattr(layer, "nbytes"):
        return int(layer.nbytes)
    return sum(leaf.nbytes for _, leaf in tree_flatten(layer.state) if isinstance(leaf, mx.array))


def _measured(layer: Any) -> tuple[float, float]:
    """Bytes a token and bytes whatever the length, of a layer that has seen a token."""
    if isinstance(layer, CacheList):
        per_token, fixed = zip(*(_measured(part) for part in layer.caches), strict=True)
        return sum(per_token), sum(fixed)
    keys = getattr(layer, "keys", None)
    if not isinstance(keys, mx.array | tuple):
        return 0.0, float(_nbytes(layer))
    return layer.nbytes / (keys[0] if isinstance(keys, tuple) else keys).shape[-2], 0.0


def _trimmable_below(layer: Any) -> float:
    """Tokens from which a layer cannot forget its last ones: a window that has moved on has lost what was before."""
    if isinstance(layer, CacheList):
        return min(map(_trimmable_below, layer.caches))
    if not layer.is_trimmable():
        return 0
    return float(getattr(layer, "max_size", None) or math.inf)


def _alias(leaf: Any) -> Any:
    return leaf[...] if isinstance(leaf, mx.array) else leaf


def _quantised(caches: list[Any], how: Quantisation | None) -> list[Any]:
    """Windows stay as they are: their size is bounded anyway."""
    if how is None:
        return caches
    return [
        layer.to_quantized(how.group_size, how.bits)
        if hasattr(layer, "to_quantized") and not isinstance(layer, RotatingKVCache) and layer.offset >= how.start
        else layer
        for layer in caches
    ]
