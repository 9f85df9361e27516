"""What the models' file may say of a Whisper model."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from mlxq import ranges
from mlxq.entries.model_entry import ModelEntry, about
from mlxq.ranges import Positive, Seconds


class WhisperOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a recording."""

    max_seconds: Annotated[Seconds, about("seconds of a recording")] = 21600.0


class WhisperEntry(ModelEntry, frozen=True, kw_only=True, tag="whisper"):
    """A model that writes down speech."""

    batch_completion_size: Annotated[
        Positive, about("recordings, and windows of up to 30 seconds of them, that are transcribed at the same time")
    ] = 8
    default_temperature: Annotated[
        ranges.SpeechTemperature | None, about("the temperature of a request that says nothing, by default 0")
    ] = None
    options: WhisperOptions = WhisperOptions()
