"""What the models' file may say of a model that speaks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct, field

from mlxq.entries.model_entry import ModelEntry, Name, about
from mlxq.ranges import Positive, Text


class TextToSpeechOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a text to speak."""

    max_characters: Annotated[Positive, about("characters of a text")] = 4096


class TextToSpeechEntry(ModelEntry, frozen=True, kw_only=True, tag="text-to-speech"):
    """A model that speaks."""

    voices: Annotated[
        dict[Name, Text],
        about(
            "further voices: names such as `alloy`, and for each a voice of the model, or the path of a recording "
            "whose voice is imitated; what is said in it stands in a `.txt` beside it"
        ),
    ] = field(default_factory=dict)
    batch_completion_size: Annotated[Positive, about("texts that are spoken in turns; the others wait")] = 8
    options: TextToSpeechOptions = TextToSpeechOptions()
