"""LoRA adapters of mflux over an image model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mflux.models.common.lora.mapping.lora_loader import LoRALoader

from workers.engines import adapters

_PARTS = ("transformer", "conditional_transformer", "unconditional_transformer")  # that an adapter is laid over


class Adapters(adapters.Adapters):
    """An image model with and without its adapters; `mapping` is mflux's class that knows where they belong."""

    LIBRARY = "mflux"

    def __init__(self, model: Any, folders: Mapping[str, Path], mapping: Any) -> None:
        self._mapping = mapping
        super().__init__(model, folders)

    def lay(self, folder: Path) -> None:
        for part in filter(None, (getattr(self.model, name, None) for name in _PARTS)):
            LoRALoader.load_and_apply_lora(
                lora_mapping=self._mapping.get_mapping(),
                transformer=part,
                lora_paths=[str(folder)],
                bake_lora=False,  # so that they can be exchanged
            )
