"""LoRA adapters that a request may choose: the model as it is with one of them, and without."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import mlx.core as mx
from mlx_lm.tuner.utils import load_adapters

from mlxq.model_path import ModelPathError

PLAIN = ""  # the name of no adapter


class _Place(NamedTuple):
    """Where a layer hangs in the model: in a module, or in a list of one."""

    parent: Any
    key: Any


class Adapters:
    """A model whose layers are exchanged for those with an adapter; only the engine thread may call it.

    Layers that an adapter leaves alone are shared, and so are the weights below those that it does not.
    """

    def __init__(self, model: Any, folders: Mapping[str, Path]) -> None:
        """Load the adapters of these folders; raises ModelPathError."""
        self.model, self.folders = model, folders
        self._places: dict[str, _Place] = {}
        self._plain: dict[str, Any] = {}
        self._laid: dict[str, dict[str, Any]] = {PLAIN: {}}
        self._now = PLAIN
        for name, folder in folders.items():
            self._laid[name] = self._load(name, folder)

    @property
    def names(self) -> frozenset[str]:
        """The adapters that may be chosen."""
        return frozenset(self.folders)

    def chosen(self, name: str) -> Adapted:
        """The model with an adapter, by its name, or PLAIN."""
        return Adapted(self, name)

    def use(self, name: str) -> None:
        """Let the model be as it is with this adapter, from its next call on."""
        if name == self._now:
            return
        for path in self._laid[self._now].keys() - self._laid[name].keys():
            self._put(path, self._plain[path])
        for path, layer in self._laid[name].items():
            self._put(path, layer)
        self._now = name

    def _load(self, name: str, folder: Path) -> dict[str, Any]:
        before = dict(self.model.named_modules())
        try:
            load_adapters(self.model, str(folder))
        except Exception as error:
            raise ModelPathError(f"adapters.{name}: {folder} holds no adapter of mlx-lm: {error}") from error
        self.model.eval()
        laid = {path: layer for path, layer in self.model.named_modules() if before.get(path, layer) is not layer}
        if not laid:
            raise ModelPathError(f"adapters.{name}: {folder} lays no adapter over a layer of this model")
        mx.eval([layer.parameters() for layer in laid.values()])
        for path in laid:
            self._plain.setdefault(path, before[path])
            self._places.setdefault(path, _place(self.model, path))
            self._put(path, self._plain[path])
        return laid

    def _put(self, path: str, layer: Any) -> None:
        parent, key = self._places[path]
        parent[key] = layer


class Adapted:
    """A model with one adapter, called as the model is."""

    def __init__(self, adapters: Adapters, name: str) -> None:
        self._adapters, self.name = adapters, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._adapters.use(self.name)
        return self._adapters.model(*args, **kwargs)


def _place(model: Any, path: str) -> _Place:
    *above, last = path.split(".")
    parent = model
    for part in above:
        parent = parent[int(part)] if isinstance(parent, list) else parent[part]
    return _Place(parent, int(last) if isinstance(parent, list) else last)
