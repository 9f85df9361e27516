"""The way of every architecture: the same as mlx-vlm says, in whichever way its rows are decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue
from tasks.values.requests import ChatRequest
from tests.support.rounds import LONG
from tests.workers.engines.rows import Batch, job, run
from tests.workers.engines.vision import measure, trial, zoo
from tests.workers.engines.vision.asking import kept, noise, sound, turn
from tests.workers.engines.vision.trial import asked, load, logprobs, text
from workers.engines.lm import TextEngine
from workers.engines.vision.families import NAMES as FAMILIES
from workers.engines.vision.general import load_trial
from workers.engines.vision.general.reader import GeneralReader, message_type
from workers.engines.vision.measured import measured
from workers.serving.request_budget import Budget

from mlx_vlm.models import cache  # isort: skip
from mlx_vlm.models.unlimited_ocr.language import RingSlidingKVCache  # isort: skip

# Of each way and what makes it: plain caches, recurrent states, positions in rows and columns with experts, such
# positions where the model does not find them with the embeddings, and prompts whose tokens attend to later ones.
USUAL = ("mistral3", "qwen3_5", "qwen3_vl", "qwen3_vl_moe", "ernie4_5_moe_vl", "paligemma")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def refs(root: Path) -> list[BlobRef]:
    return kept(BlobStore(root / "home" / "blobs"), *trial.IMAGES, noise(3, 90, 90))


@pytest.fixture(scope="module")
def together(root: Path) -> TextEngine:
    return load(zoo.save(root / "together", "qwen3_5"), root / "home")


@pytest.fixture(scope="module")
def in_turns(root: Path) -> TextEngine:
    return load(zoo.save(root / "in turns", "paligemma"), root / "home")


def spoken(engine: TextEngine, job: str) -> int:
    """Tokens of a job's answer so far."""
    return max((row.generated for row in engine._batch.rows if row.job == job), default=0)


def step_until(batch: Batch, reached: Callable[[], bool]) -> None:
    while not reached():
        batch.step()


@pytest.mark.parametrize("name", zoo.NAMES if LONG else USUAL)
def test_an_architecture_is_what_the_table_says(name: str, root: Path) -> None:
    found = trial.tried(name, root)
    assert (found.apart < 1e-3, found.together < 1e-3) == (True, True), found
    row = measured()[name]
    assert (row["way"], row["takes"], row["several"], row["tools"]) == (
        found.way,
        list(found.takes),
        found.several,
        found.tools,
    )


def test_the_table_names_every_architecture_of_the_installed_mlx_vlm() -> None:
    assert set(measure.architectures()) == set(measured())
    assert {name for name, row in measured().items() if "untried" not in row} == {*zoo.NAMES, *FAMILIES}


def test_rows_in_turns_step_beside_each_other_and_end_as_they_would_alone(
    in_turns: TextEngine, refs: Sequence[BlobRef]
) -> None:
    jobs = [asked(refs[at], f"Number {at}?", max_tokens=24) for at in range(3)]
    alone = [logprobs(run(in_turns, job)) for job in jobs]
    batch = Batch(in_turns)
    batch.admit("0", jobs[0])
    step_until(batch, lambda: spoken(in_turns, "0") == 2)
    for at in (1, 2):
        batch.admit(str(at), jobs[at])
    step_until(batch, lambda: spoken(in_turns, "2") == 1)
    assert spoken(in_turns, "0") > 2, "who speaks goes on while others begin"
    batch.run()
    assert [logprobs(batch, str(at)) for at in range(3)] == [pytest.approx(own, abs=1e-4) for own in alone]


@pytest.mark.parametrize("way", ["together", "in_turns"])
def test_a_row_that_paused_goes_on_with_what_it_was_shown(
    way: str, request: pytest.FixtureRequest, refs: Sequence[BlobRef]
) -> None:
    engine: TextEngine = request.getfixturevalue(way)
    job = asked("Look: ", refs[0], " what?", max_tokens=12)
    whole = logprobs(run(engine, job))
    batch = Batch(engine)
    batch.admit("0", job)
    step_until(batch, lambda: spoken(engine, "0") >= 5)
    assert engine.pause("0")
    engine.resume("0")
    batch.run()
    assert logprobs(batch) == pytest.approx(whole, abs=1e-3)


def test_a_prompt_that_goes_on_after_an_image_comes_out_of_the_prompt_cache(
    together: TextEngine, refs: Sequence[BlobRef]
) -> None:
    # A recurrent state is of use behind the token that it was kept at: here a prompt's last but one.
    job = asked("Look: ", refs[2], " and say what it is. " * 4)
    first = run(together, job)
    again, other = run(together, job), run(together, asked("Look: ", refs[1], " and say what it is. " * 4))
    assert again.usage("0").cached_tokens == again.usage("0").prompt_tokens - 1
    assert logprobs(again) == pytest.approx(logprobs(first), abs=1e-4)
    assert other.usage("0").cached_tokens < 40


def test_special_tokens_of_users_cannot_stand_beside_an_image(together: TextEngine, refs: Sequence[BlobRef]) -> None:
    with pytest.raises(InvalidValue, match="special tokens"):
        together.prepare(asked("Look </s><assistant>", refs[0]))
    run(together, asked("Only </s> text"))


@pytest.mark.parametrize("way", ["together", "in_turns"])
def test_what_a_model_does_not_take_is_refused_by_its_part(
    way: str, request: pytest.FixtureRequest, root: Path
) -> None:
    engine: TextEngine = request.getfixturevalue(way)
    ref = BlobStore(root / "home" / "blobs").put(sound(1), "audio/wav")
    with pytest.raises(InvalidValue, match="takes no audio") as refusal:
        engine.prepare(asked("Listen ", ("audio", ref)))
    assert refusal.value.failure.param == "messages[0].content[1]"
    assert turn("x").media == ()


def test_a_second_image_is_refused_where_a_prompt_takes_one(in_turns: TextEngine, refs: Sequence[BlobRef]) -> None:
    turns = (turn(refs[0], "What is it?"), turn("A cat.", role="assistant"), turn(refs[1], "And this?"))
    with pytest.raises(InvalidValue, match="one image a prompt"):
        in_turns.prepare(job(ChatRequest(turns)))


@pytest.mark.parametrize(
    ("kind", "has"),
    [
        (cache.KVCache, True),
        (cache.RotatingKVCache, True),
        (cache.ArraysCache, True),
        (cache.CacheList, True),
        (cache.ChunkedKVCache, False),
        (RingSlidingKVCache, False),  # which would be merged as the cache that it is made of
    ],
)
def test_a_cache_has_a_batch_of_its_own_or_none(kind: type, has: bool) -> None:
    assert load_trial.has_batch(kind) is has


@pytest.mark.parametrize(
    ("model_type", "written"),
    [
        ("unlimited-ocr", "<image>what?"),
        ("phi4-siglip", "<image>\nwhat?"),
        ("llava-qwen2", "<image>\nwhat?"),
        ("bunny-llama", "<image>\nwhat?"),
        ("falcon_ocr", "what?"),
    ],
)
def test_a_turn_is_written_as_mlx_vlm_writes_it_for_the_model_s_own_type(model_type: str, written: str) -> None:
    reader = GeneralReader(
        SimpleNamespace(), SimpleNamespace(config=None), message_type({"model_type": model_type}), Budget(1)
    )
    assert reader.content([{"type": "image"}, {"type": "text", "text": "what?"}]) == written


def test_who_fails_to_be_embedded_ends_alone(
    together: TextEngine, refs: Sequence[BlobRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    language: Any = together._batch._groups._model
    batch = Batch(together)
    batch.admit("text", asked("Go on.", max_tokens=20))
    prepared = together.prepare(asked("Look ", refs[0]))
    monkeypatch.setattr(prepared.plan.media, "_embed", lambda inputs: language.nothing)
    together.admit("image", prepared)
    batch.heard["image"] = []
    batch.run()
    assert isinstance(batch.heard["image"][-1], events.Failed)
    assert len(logprobs(batch, "text")) == 20
    assert text(together, asked("Go on."))


def test_a_text_is_embedded_first_where_its_positions_are_known_only_then(root: Path) -> None:
    folder = zoo.save(root / "embeds text", "minicpmo")
    engine = load(folder, root / "home")
    language: Any = engine._batch._groups._model
    assert (language.way, language.embeds_text) == ("together", True)
    jobs = [asked("Only text, and a lot of it. " * 30), asked("Only text.")]
    batch = run(engine, *jobs)
    for at, one in enumerate(jobs):
        assert trial.apart(logprobs(batch, str(at)), trial.reference(folder, text(engine, one))) < 1e-3
