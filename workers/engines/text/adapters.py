"""LoRA and DoRA adapters of mlx-lm over a text model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlx_lm.tuner.utils import load_adapters

from workers.engines import adapters


class Adapters(adapters.Adapters):
    """A text model with and without its adapters."""

    LIBRARY = "mlx-lm"

    def lay(self, folder: Path) -> None:
        load_adapters(self.model, str(folder))

    def chosen(self, name: str) -> Adapted:
        """The model with an adapter, by its name, or PLAIN."""
        return Adapted(self, name)


class Adapted:
    """A model with one adapter, called as the model is."""

    def __init__(self, adapters: Adapters, name: str) -> None:
        self._adapters, self.name = adapters, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._adapters.use(self.name)
        return self._adapters.model(*args, **kwargs)
