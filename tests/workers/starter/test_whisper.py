"""Whisper's folder: the real model hears real speech, and finds when each word is said."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest

from tests.support import recordings, starter
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mlx_whisper.audio import SAMPLE_RATE  # noqa: E402
from mlx_whisper.transcribe import ModelHolder, transcribe  # noqa: E402

from workers.starter import whisper  # noqa: E402


@pytest.fixture(scope="session")
def heard() -> tuple[dict[str, Any], str, float]:
    """What tiny.en hears in a short recording, what is said in it, and its length in seconds."""
    folder = starter.folder("whisper-tiny.en")
    path, said = next(pair for pair in recordings.librivox() if pair[0].stem.endswith("0930"))
    samples = np.frombuffer(path.read_bytes()[44:], np.int16).astype(np.float32) / 32768
    model = ModelHolder.get_model(str(folder), mx.float32)
    model.set_alignment_heads(np.array(json.loads((folder / "alignment_heads.json").read_text())))
    result = transcribe(samples, path_or_hf_repo=str(folder), fp16=False, temperature=0, word_timestamps=True)
    return result, said, len(samples) / SAMPLE_RATE


def test_real_speech_is_understood(heard: tuple[dict[str, Any], str, float]) -> None:
    text = re.sub(r"[^a-z ]", " ", heard[0]["text"].lower())
    assert jiwer.wer(heard[1], " ".join(text.split())) <= 0.15


def test_words_are_timed_in_order_and_within_the_recording(heard: tuple[dict[str, Any], str, float]) -> None:
    result, said, length = heard
    words = [word for segment in result["segments"] for word in segment["words"]]
    assert abs(len(words) - len(said.split())) <= 1
    times = [time for word in words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= length + 0.1


def text(value: str) -> bytes:
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


def test_a_model_bin_is_read_with_its_aliases() -> None:
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    variable = text("a/weight") + struct.pack("<BIIBI", 2, 2, 3, 4, array.nbytes) + array.tobytes()
    data = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, 1) + variable
    variables = whisper.read_variables(data + struct.pack("<I", 1) + text("b/weight") + text("a/weight"))
    assert variables["a/weight"].tolist() == array.tolist()
    assert variables["b/weight"] is variables["a/weight"]


def test_a_model_bin_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 5"):
        whisper.read_variables(struct.pack("<I", 5))


def test_the_folder_has_the_alignment_heads_of_the_original() -> None:
    folder: Path = starter.folder("whisper-tiny.en")
    config = json.loads((folder / "config.json").read_text())
    heads = json.loads((folder / "alignment_heads.json").read_text())
    assert heads
    assert all(layer < config["n_text_layer"] and head < config["n_text_head"] for layer, head in heads)
