"""What a model keeps between calls besides its caches, as attributes of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import mlx.nn as nn

Attributes: TypeAlias = Mapping[tuple[int, str], Any]
ROPE = ("_position_ids", "_rope_deltas")  # what mlx-vlm itself tells apart by row
_MODULES = ("_no_grad", "_training")  # of every module


class ModelState:
    """The private attributes of a model and its language model; `pristine` is how they were before any call."""

    def __init__(self, model: Any) -> None:
        language = model.language_model
        inner = getattr(language, "model", None)
        self._modules = [model, language, *([inner] if isinstance(inner, nn.Module) else [])]
        self.pristine = dict(self._all())

    def _all(self) -> Iterator[tuple[tuple[int, str], Any]]:
        for at, module in enumerate(self._modules):
            for name in {*vars(module), *module}:
                value = getattr(module, name, None)
                if name.startswith("_") and name not in _MODULES and not isinstance(value, nn.Module):
                    yield (at, name), value

    def read(self) -> Attributes:
        """The attributes that are not as they were in the beginning."""
        return {key: value for key, value in self._all() if value is not self.pristine.get(key)}

    def settle(self, attributes: Attributes) -> None:
        """Take these as they are in the beginning: what a model makes once, of its weights, and then has."""
        self.pristine |= attributes

    def write(self, attributes: Attributes) -> None:
        """Let the attributes be these, and all others as they were in the beginning."""
        for key in {**dict(self._all()), **self.pristine, **attributes}:
            at, name = key
            wanted = attributes[key] if key in attributes else self.pristine.get(key)
            if getattr(self._modules[at], name, None) is not wanted:
                setattr(self._modules[at], name, wanted)
