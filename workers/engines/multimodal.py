"""Multimodal models: chats about images, sounds and videos, in the same running batch as text."""

from __future__ import annotations

from functools import partial

from mlxq.entries.multimodal import MultimodalEntry
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from workers.engines.lm import TextEngine, served
from workers.engines.vision import loading
from workers.engines.vision.speaking import SpeakingEngine


def load(entry: MultimodalEntry, settings: Settings) -> TextEngine:
    """The engine of an entry; call it in the thread that will own the model."""
    model, speaker = loading.load(entry, settings)
    if speaker is None:
        return served(model)
    return served(model, partial(SpeakingEngine, speaker=speaker, blobs=BlobStore(settings.home / "blobs")))
