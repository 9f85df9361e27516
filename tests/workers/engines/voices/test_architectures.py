"""The table of voices names what mlx-audio has, and nothing that its models do not take."""

from __future__ import annotations

import pytest

from schemas.speech.audio_speech import FORMATS
from tests.support import signatures
from web.render.speech.audio_speech import TYPES
from workers.engines.voices import encoder
from workers.engines.voices.architectures import ARCHITECTURES

SAME = {"moss_tts_delay", "moss_tts_local"}  # whose model is that of `moss_tts`
NO_MODEL = {"dense"}  # which `bailingmm` is made of


def test_every_family_is_there() -> None:
    assert set(ARCHITECTURES) == set(signatures.families("tts")) - SAME - NO_MODEL


@pytest.mark.parametrize("family", ARCHITECTURES)
def test_what_the_table_promises_is_a_parameter(family: str) -> None:
    one, parameters = ARCHITECTURES[family], signatures.parameters("tts", family, "text")
    assert parameters
    assert one.named == "none" or "voice" in parameters
    assert one.imitates == "never" or "ref_audio" in parameters
    assert not one.instructions or "instruct" in parameters
    assert not one.streams or {"stream", "streaming_interval"} & parameters


def test_formats_are_the_same_everywhere() -> None:
    assert set(FORMATS) == set(TYPES) == set(encoder.FORMATS)
    assert {name: one.type for name, one in encoder.FORMATS.items()} == TYPES
