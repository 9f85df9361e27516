"""What a model's own processor makes of messages and what they show."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tasks.stored.blobs import BlobStore
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue
from tasks.values.messages import Message
from tasks.values.requests import ChatRequest
from tests.workers.engines.rows import job, run
from tests.workers.engines.vision import trial, zoo
from tests.workers.engines.vision.asking import kept, noise, turn
from workers.engines.lm import TextEngine
from workers.engines.vision.general.reader import GeneralReader
from workers.engines.vision.parts import Medium
from workers.serving.request_budget import Budget


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose markers of images are numbered."""
    return zoo.save(tmp_path_factory.mktemp("models") / "phi3_v", "phi3_v")


@pytest.fixture(scope="module")
def numbering(folder: Path) -> TextEngine:
    return trial.load(folder, folder.parent / "home")


@pytest.fixture(scope="module")
def refs(folder: Path) -> list[BlobRef]:
    return kept(BlobStore(folder.parent / "home" / "blobs"), *trial.IMAGES)


def conversation(*turns: Message) -> ChatRequest:
    special = tuple((token, -100.0) for token in range(zoo.FIRST - 1, zoo.VOCABULARY))
    return ChatRequest(turns, temperature=0.0, max_tokens=trial.STEPS, logprobs=0, logit_bias=special)


def test_markers_are_numbered_through_a_conversation(folder: Path, numbering: TextEngine, refs: list[BlobRef]) -> None:
    turns = (turn("First: ", refs[0]), turn("I see.", role="assistant"), turn(refs[1], "And this, like ", refs[0]))
    chat = conversation(*turns)
    prompt = numbering._prompts.chat(chat).text
    assert [prompt.count(f"<|image_{number}|>") for number in range(1, 5)] == [1, 1, 1, 0]
    shown = [trial.IMAGES[0], trial.IMAGES[1], trial.IMAGES[0]]
    assert trial.apart(trial.logprobs(run(numbering, job(chat))), trial.reference(folder, prompt, images=shown)) < 1e-3


@pytest.mark.parametrize("written", ["<|image_1|>", "Look at <|image_2|>.", "<|audio_1|>"])
def test_what_users_write_is_no_marker(written: str, numbering: TextEngine, refs: list[BlobRef]) -> None:
    with pytest.raises(InvalidValue, match="stands for what is shown") as refusal:
        numbering.prepare(job(conversation(turn(written), turn(refs[0]))))
    assert refusal.value.failure.param == "messages[0].content"


def test_a_processor_that_makes_a_prompt_of_each_image_refuses_several() -> None:
    class Processor:
        tokenizer = SimpleNamespace(pad_token="</s>")

        def __call__(self, text: Any, images: Any, padding: Any, return_tensors: Any) -> dict[str, Any]:
            return {"input_ids": np.ones((len(images), 3), int), "pixel_values": np.ones((len(images), 2, 2, 3))}

    reader = GeneralReader(Processor(), SimpleNamespace(config=SimpleNamespace()), "molmo", Budget(1 << 20))
    one, two = (Medium("image", noise(seed)) for seed in range(2))
    assert reader.processed("Look", [one])["input_ids"].numbers.shape == (1, 3)
    with pytest.raises(InvalidValue, match="several prompts"):
        reader.processed("Look", [one, two])
