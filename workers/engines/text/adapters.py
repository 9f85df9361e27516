"""LoRA and DoRA adapters of mlx-lm over a text model: one for all rows of a call, or one for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import structlog
from mlx import nn

from workers.engines import adapters
from workers.engines.adapters import PLAIN

if TYPE_CHECKING:  # its package is for training, and takes rich and optimisers along: not for models without adapters
    from mlx_lm.tuner.lora import LoRALinear

_MOST = 4  # times as many numbers as adapters have may lie side by side, filled up to the same rank
_PROBE = 2  # tokens of a row that shows whether rows can have adapters of their own
log = structlog.get_logger()


class Adapters(adapters.Adapters):
    """A text model with and without its adapters.

    Rows with different adapters share a forward pass where all of them are LoRA on linear layers that are given rows of
    tokens.
    """

    LIBRARY = "mlx-lm"

    def __init__(self, model: Any, folders: Mapping[str, Path]) -> None:
        """Load the adapters of these folders; raises ModelPathError."""
        super().__init__(model, folders)
        self._mixed: dict[str, LoraOfRows] | None = None
        self._mixed = self._mixing()

    def lay(self, folder: Path) -> None:
        from mlx_lm.tuner.utils import load_adapters

        load_adapters(self.model, str(folder))

    @property
    def mix(self) -> bool:
        """Whether rows with different ones may share a forward pass."""
        return self._mixed is not None

    def chosen(self, names: Sequence[str]) -> Adapted:
        """The model with an adapter for each row, by their names, or PLAIN."""
        return Adapted(self, names)

    def use_each(self, names: Sequence[str]) -> None:
        """Let the model be as it is with these adapters, one for each row, from its next call on."""
        if len(set(names)) == 1:
            self.use(names[0])
            return
        assert self._mixed is not None  # noqa: S101  (rows that may not share a pass are never together)
        numbers = {name: number for number, name in enumerate(self._laid)}
        rows = mx.array([numbers[name] for name in names])
        for layer in self._mixed.values():
            layer.rows = rows
        self._exchange(self._mixed)

    def _mixing(self) -> dict[str, LoraOfRows] | None:
        """The layers with an adapter for each row, if the model can be called with them."""
        from mlx_lm.tuner.lora import LoRALinear

        layers = [layer for laid in self._laid.values() for layer in laid.values()]
        if any(type(layer) is not LoRALinear for layer in layers) or len({layer.lora_a.dtype for layer in layers}) > 1:
            return None
        if self._side_by_side() > _MOST * sum(map(_size, layers)):
            return None
        self._mixed = {
            path: LoraOfRows(plain, [laid.get(path) for laid in self._laid.values()])
            for path, plain in self._plain.items()
        }
        try:
            self.use_each(list(self._laid))
            mx.eval(self.model(mx.zeros((len(self._laid), _PROBE), mx.int32)))
            return self._mixed
        except Exception as error:
            log.info("rows with different adapters are computed apart", reason=str(error))
            return None
        finally:
            self.use(PLAIN)

    def _side_by_side(self) -> int:
        """How many numbers the adapters are when each has as many as the largest, and no adapter as well."""
        laid = self._laid.values()
        largest = (max(_size(layers[path]) for layers in laid if path in layers) for path in self._plain)
        return len(self._laid) * sum(largest)


class LoraOfRows(nn.Module):
    """A linear layer with another low-rank update for each row of its input, or none; `rows` are their numbers.

    The updates lie side by side, filled up to the same rank, and those of the layers themselves become views of them.
    """

    def __init__(self, plain: Any, layers: Sequence[LoRALinear | None]) -> None:
        super().__init__()
        self.plain = plain
        there: list[Any] = [layer for layer in layers if layer is not None]
        rank = max(layer.lora_a.shape[1] for layer in there)
        like = there[0]

        def stacked(name: str, axis: int) -> Any:
            parts = [mx.zeros_like(like[name]) if layer is None else layer[name] for layer in layers]
            widths = [[(0, rank - part.shape[at]) if at == axis else (0, 0) for at in range(2)] for part in parts]
            return mx.stack([mx.pad(part, width) for part, width in zip(parts, widths, strict=True)])

        self._a, self._b = stacked("lora_a", 1), stacked("lora_b", 0)
        self._scales = mx.array([0.0 if layer is None else layer.scale for layer in layers], self._a.dtype)
        self.rows = mx.array([0])
        for number, layer in enumerate(layers):
            if layer is not None:
                own = layer.lora_a.shape[1]
                layer.lora_a, layer.lora_b = self._a[number, :, :own], self._b[number, :own]
        mx.eval(self._a, self._b, self._scales, [layer.parameters() for layer in there])

    def __call__(self, x: Any) -> Any:
        """(rows, tokens, in) to (rows, tokens, out)."""
        if x.ndim != 3 or x.shape[0] != self.rows.size:
            raise ValueError(f"an input of {x.shape} is not {self.rows.size} rows of tokens")
        change = (x @ self._a[self.rows]) @ self._b[self.rows]
        return self.plain(x) + (self._scales[self.rows][:, None, None] * change).astype(x.dtype)


def _size(layer: LoRALinear) -> int:
    return int(layer.lora_a.size + layer.lora_b.size)


class Adapted:
    """A model with an adapter for each row, called as the model is."""

    def __init__(self, adapters: Adapters, names: Sequence[str]) -> None:
        self._adapters, self._names = adapters, names

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._adapters.use_each(self._names)
        return self._adapters.model(*args, **kwargs)
