"""Multimodal models: chats about images, in the same running batch as text."""

from __future__ import annotations

from mlxq.entries.multimodal import MultimodalEntry
from mlxq.settings import Settings
from workers.engines.lm import TextEngine, served
from workers.engines.vision import loading


def load(entry: MultimodalEntry, settings: Settings) -> TextEngine:
    """The engine of an entry; call it in the thread that will own the model."""
    return served(loading.load(entry, settings))
