"""Engines with the starter models, loaded once a session."""

from __future__ import annotations

import pytest

from mlxq.entries.whisper import WhisperEntry, WhisperOptions
from mlxq.settings import Settings
from tests.support import starter
from workers.engines import whisper


@pytest.fixture(scope="session")
def speech_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose blobs lie in a folder of this session."""
    return Settings(home=tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="session")
def english(speech_settings: Settings) -> whisper.WhisperEngine:
    """Whisper tiny.en, for recordings of up to two minutes."""
    folder = str(starter.folder("whisper-tiny.en"))
    return whisper.load(WhisperEntry(model_path=folder, options=WhisperOptions(max_seconds=120)), speech_settings)
