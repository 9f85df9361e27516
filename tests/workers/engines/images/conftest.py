"""The tiny image models, each loaded once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.stored.blobs import BlobStore
from tests.workers.engines.images import drawing
from workers.engines.images.engine import ImageEngine


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="session")
def blobs(home: Path) -> BlobStore:
    return BlobStore(home / "blobs")


@pytest.fixture(scope="session")
def flux2(home: Path) -> ImageEngine:
    return drawing.engine("flux2", home, batch_completion_size=2)


@pytest.fixture(scope="session")
def flux2_edit(home: Path) -> ImageEngine:
    return drawing.engine("flux2-edit", home)


@pytest.fixture(scope="session")
def qwen_edit(home: Path) -> ImageEngine:
    return drawing.engine("qwen-edit", home)


@pytest.fixture(scope="session")
def qwen_control(home: Path) -> ImageEngine:
    return drawing.engine("qwen-control", home)
