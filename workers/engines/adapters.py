"""Adapters that a request may choose: the model as it is with one of them, and without."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxq.model_path import ModelPathError

PLAIN = ""  # the name of no adapter


class _Place(NamedTuple):
    """Where a layer hangs in the model: in a module, or in a list of one."""

    parent: Any
    key: Any


class Adapters(ABC):
    """A model whose layers are exchanged for those with an adapter; only the engine thread may call it.

    Layers that an adapter leaves alone are shared, and so are the weights below those that it does not.
    """

    LIBRARY: ClassVar[str]  # whose adapters they are

    def __init__(self, model: Any, folders: Mapping[str, Path]) -> None:
        """Load the adapters of these folders or files; raises ModelPathError."""
        self.model, self.folders = model, folders
        self._places: dict[str, _Place] = {}
        self._plain: dict[str, Any] = {}
        self._laid: dict[str, dict[str, Any]] = {PLAIN: {}}
        self._now: Mapping[str, Any] = self._laid[PLAIN]
        for name, folder in folders.items():
            self._laid[name] = self._load(name, folder)

    @abstractmethod
    def lay(self, folder: Path) -> None:
        """Put layers with an adapter in the place of the model's own, whose weights stay as they are."""

    @property
    def names(self) -> frozenset[str]:
        """The adapters that may be chosen."""
        return frozenset(self.folders)

    def use(self, name: str) -> None:
        """Let the model be as it is with this adapter, or with PLAIN, from its next call on."""
        self._exchange(self._laid[name])

    def _exchange(self, layers: Mapping[str, Any]) -> None:
        """Put these layers in the places that were exchanged, and the model's own in the others."""
        if layers is self._now:
            return
        for path in self._now.keys() - layers.keys():
            self._put(path, self._plain[path])
        for path, layer in layers.items():
            self._put(path, layer)
        self._now = layers

    def _load(self, name: str, folder: Path) -> dict[str, Any]:
        before, weights = dict(self.model.named_modules()), dict(tree_flatten(self.model.parameters()))
        try:
            self.lay(folder)
        except Exception as error:
            raise ModelPathError(f"adapters.{name}: {folder} holds no adapter of {self.LIBRARY}: {error}") from error
        self.model.eval()
        laid = {path: layer for path, layer in self.model.named_modules() if before.get(path, layer) is not layer}
        mx.eval([layer.parameters() for layer in laid.values()])
        for path in laid:
            self._plain.setdefault(path, before[path])
            self._places.setdefault(path, _place(self.model, path))
            self._put(path, self._plain[path])
        if any(weights.get(path) is not array for path, array in tree_flatten(self.model.parameters())):
            raise ModelPathError(f"adapters.{name}: {folder} changes weights of the model, which requests share")
        if not laid:
            raise ModelPathError(f"adapters.{name}: {folder} lays no adapter over a layer of this model")
        return laid

    def _put(self, path: str, layer: Any) -> None:
        parent, key = self._places[path]
        parent[key] = layer


def _place(model: Any, path: str) -> _Place:
    *above, last = path.split(".")
    parent = model
    for part in above:
        parent = parent[int(part)] if isinstance(parent, list) else parent[part]
    return _Place(parent, int(last) if isinstance(parent, list) else last)
