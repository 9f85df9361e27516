"""Chats about pictures: real architectures with their real processors, their weights tiny and random."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlxq.catalogue import ModelEntry
from mlxq.settings import Settings
from tasks import events
from tasks.blobs import BlobStore
from tasks.errors import InvalidValue
from tasks.requests import BlobRef, ChatRequest, Constraint, Media, Message, RenderRequest, Tool, ToolChoice
from tests.workers.engines.rows import Batch, job, run
from tests.workers.engines.vision import tiny
from tests.workers.engines.vision.asking import encoded, kept, look, noise, turn

import mlx.core as mx  # isort: skip
import numpy as np  # isort: skip
from mlx_vlm.utils import load_model  # isort: skip
from transformers import AutoProcessor  # isort: skip

from workers.engines import multimodal  # isort: skip
from workers.engines.lm import TextEngine  # isort: skip
from workers.engines.vision.families import FAMILIES  # isort: skip
from workers.engines.vision.language import UnsupportedArchitecture  # isort: skip

PICTURES = [noise(1), noise(2, 30, 64), noise(3, 90, 90)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {family: tiny.save(root / family, family) for family in tiny.FAMILIES}


@pytest.fixture(scope="module")
def engines(folders: Mapping[str, Path], home: Path) -> Mapping[str, TextEngine]:
    return {family: load(folder, home) for family, folder in folders.items()}


@pytest.fixture
def engine(request: pytest.FixtureRequest, folders: Mapping[str, Path], home: Path) -> TextEngine:
    """An engine that has seen nothing yet, of the family that the test is asked with, else of one with tiles."""
    return load(folders[getattr(request, "param", "smolvlm")], home)


@pytest.fixture(scope="module")
def refs(home: Path) -> list[BlobRef]:
    return kept(BlobStore(home / "blobs"), *PICTURES)


def load(folder: Path, home: Path, **keys: Any) -> TextEngine:
    return multimodal.load(ModelEntry("tiny", str(folder), **keys), Settings(home=home))


def eyes(engine: TextEngine) -> Any:
    return engine._prompts._eyes  # type: ignore[attr-defined]


def reference(folder: Path, text: str, pictures: int) -> list[float]:
    """Log probabilities of the likeliest answer of eight tokens, every step by mlx-vlm alone and from the beginning."""
    model, processor = load_model(folder), AutoProcessor.from_pretrained(folder, trust_remote_code=False)
    given = processor(text=[text], images=PICTURES[:pictures])
    more = {name: array for name, array in given.items() if name not in ("input_ids", "attention_mask")}
    pixels, tokens, said = more.pop("pixel_values"), given["input_ids"], []
    mask = mx.ones_like(tokens)
    begun = model.get_input_embeddings(tokens, pixels, mask=mask, **more).inputs_embeds
    while len(said) < 8:
        rest = tokens[:, begun.shape[1] :]
        embeddings = mx.concatenate([begun, model.get_input_embeddings(rest).inputs_embeds], axis=1)
        told = {}
        if hasattr(model.language_model, "get_rope_index"):
            told["position_ids"], _ = model.language_model.get_rope_index(tokens, more["image_grid_thw"])
        logits = model.language_model(tokens, inputs_embeds=embeddings, **told).logits[0, -1].astype(mx.float32)
        token = int(mx.argmax(logits[:516]))
        said.append(float(logits[token] - mx.logsumexp(logits)))
        tokens = mx.concatenate([tokens, mx.array([[token]])], axis=1)
    return said


def told(batch: Batch, name: str = "0") -> list[events.TokenLogprob]:
    deltas = [event for event in batch.heard[name] if isinstance(event, events.Delta)]
    return [logprob for delta in deltas for logprob in delta.logprobs or ()]


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("pictures", [1, 3])
def test_a_model_sees_what_mlx_vlm_makes_it_see(
    family: str, pictures: int, folders: Mapping[str, Path], engines: Mapping[str, TextEngine], refs: list[BlobRef]
) -> None:
    parts = [part for ref in refs[:pictures] for part in ("Look at ", ref)]
    biased = tuple((token, -100.0) for token in range(516, 544))  # neither the end nor a picture's places
    asked = look(*parts, " and compare.", logprobs=0, max_tokens=8, logit_bias=biased)
    engine = engines[family]
    found = [one.logprob for one in told(run(engine, asked))]
    text = engine._prompts._rendered(asked.payload, (), answer=True)  # type: ignore[arg-type]
    assert found == pytest.approx(reference(folders[family], text, pictures), abs=1e-3)
