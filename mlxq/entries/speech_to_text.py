"""What the models' file may say of other models that write down speech."""

from __future__ import annotations

from typing import Annotated

from mlxq.entries.model_entry import ModelEntry, about
from mlxq.entries.whisper import WhisperOptions
from mlxq.ranges import Positive


class SpeechToTextEntry(ModelEntry, frozen=True, kw_only=True, tag="speech-to-text"):
    """A model other than Whisper that writes down speech."""

    batch_completion_size: Annotated[
        Positive, about("recordings that are transcribed in turns, a window of up to 30 seconds at a time")
    ] = 8
    options: WhisperOptions = WhisperOptions()
