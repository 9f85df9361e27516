"""What the models' file may say of a model: a struct for each `model_type`, in a file of its name.

The struct's fields are the model's keys. A field's type is what the key's value may be, its default what a file that is
silent means, and its description what documents, `mlxq launch --help` and editors say of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, get_args

from mlxq.entries.embeddings import EmbeddingsEntry
from mlxq.entries.fake import FakeEntry
from mlxq.entries.image_edit import ImageEditEntry
from mlxq.entries.image_generation import ImageGenerationEntry
from mlxq.entries.lm import LmEntry
from mlxq.entries.model_entry import ModelEntry
from mlxq.entries.multimodal import MultimodalEntry
from mlxq.entries.rerank import RerankEntry
from mlxq.entries.speech_to_text import SpeechToTextEntry
from mlxq.entries.text_to_speech import TextToSpeechEntry
from mlxq.entries.whisper import WhisperEntry

AnyModelEntry: TypeAlias = (
    LmEntry
    | MultimodalEntry
    | EmbeddingsEntry
    | RerankEntry
    | WhisperEntry
    | SpeechToTextEntry
    | TextToSpeechEntry
    | ImageGenerationEntry
    | ImageEditEntry
    | FakeEntry
)
ENTRIES: Mapping[str, type[ModelEntry]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyModelEntry)}
MODEL_TYPES = tuple(name for name in ENTRIES if name != "fake")  # that serve anybody
