"""Chats about pictures: real architectures with their real processors, their weights tiny and random."""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from mlxq.entries.multimodal import MultimodalEntry, MultimodalOptions
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import ContextLengthExceeded, InvalidValue, JobCancelled
from tasks.values.job import Job
from tasks.values.messages import Media, Message
from tasks.values.requests import ChatRequest, Constraint, RenderRequest, Tool, ToolChoice
from tests.support.servers import PATIENCE, eventually
from tests.workers.engines.rows import Batch, job, run
from tests.workers.engines.text import tiny as text
from tests.workers.engines.vision import reference, tiny
from tests.workers.engines.vision.asking import Part, kept, look, noise, turn
from tests.workers.media.documents.written import BLACK, pages, pdf
from tests.workers.media.test_images import HOSTILE

import numpy as np  # isort: skip

from workers.serving.request_budget import Budget  # isort: skip
from workers.media.documents.pdf import drawn as pdf_pages  # isort: skip
from workers.engines import multimodal  # isort: skip
from workers.engines.lm import TextEngine  # isort: skip
from workers.engines.vision.families import NAMES  # isort: skip
from workers.engines.vision.language import UnsupportedArchitecture  # isort: skip
from workers.engines.vision.loading import OPEN_BYTES  # isort: skip
from workers.serving.check_deadline import CheckDeadline  # isort: skip

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
def strict(folders: Mapping[str, Path], home: Path) -> TextEngine:
    """An engine with the limits that the hostile pictures break."""
    return load(
        folders["smolvlm"], home, options=MultimodalOptions(max_image_pixels=1_000_000, max_image_bytes=1 << 20)
    )


@pytest.fixture(scope="module")
def refs(home: Path) -> list[BlobRef]:
    return kept(BlobStore(home / "blobs"), *PICTURES)


def load(folder: Path, home: Path, **keys: Any) -> TextEngine:
    return multimodal.load(
        MultimodalEntry(model_path=str(folder), served_model_name="tiny", **keys), Settings(home=home)
    )


def encoder_cache(engine: TextEngine) -> Any:
    return engine._prompts._reader.encoder_cache  # type: ignore[attr-defined]


def special(engine: TextEngine, tokens: Sequence[int]) -> list[int]:
    known = {*engine._prompts._tokenizer.added_tokens_decoder}
    return [token for token in tokens if token in known]


def told(batch: Batch, name: str = "0") -> list[events.TokenLogprob]:
    deltas = [event for event in batch.heard[name] if isinstance(event, events.Delta)]
    return [logprob for delta in deltas for logprob in delta.logprobs or ()]


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("pictures", [1, 3])
def test_a_model_sees_what_mlx_vlm_makes_it_see(
    family: str, pictures: int, folders: Mapping[str, Path], engines: Mapping[str, TextEngine], refs: list[BlobRef]
) -> None:
    parts = [part for ref in refs[:pictures] for part in ("Look at ", ref)]
    asked = look(*parts, " and compare.", logprobs=0, max_tokens=reference.STEPS, logit_bias=reference.BIASED)
    engine = engines[family]
    found = [one.logprob for one in told(run(engine, asked))]
    text = engine._prompts._rendered(asked.payload, (), answer=True)  # type: ignore[arg-type]
    expected = reference.logprobs(folders[family], text, images=PICTURES[:pictures])
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("family", ["smolvlm", "qwen2_vl"])
def test_the_pages_of_a_pdf_are_seen_as_the_pictures_that_they_are(
    family: str, engines: Mapping[str, TextEngine], home: Path
) -> None:
    blobs = BlobStore(home / "blobs")
    content = pdf(*pages([BLACK, b"1 0 0 rg " + BLACK], (50, 80)))
    drawn = [Image.frombytes("RGB", size, rows) for size, rows in pdf_pages(io.BytesIO(content), "", 2, 1568, 1 << 26)]
    sent = blobs.put(content, "application/pdf")

    def said(*parts: Part) -> list[float]:
        return [one.logprob for one in told(run(engines[family], look("Look: ", *parts, " So?", logprobs=0)))]

    assert said(("file", sent)) == said(*kept(blobs, *drawn)) != said(*kept(blobs, *reversed(drawn)))


def every_kind(refs: list[BlobRef]) -> list[Job]:
    """Requests that have nothing in common but the model."""
    call = Tool("look", "", {"type": "object", "properties": {"at": {"type": "string"}}})
    schema = Constraint(
        "json_schema", '{"type": "object", "properties": {"a": {"type": "boolean"}}}', "response_format"
    )
    picture, other, third = refs
    return [
        look("What is this?", picture),
        look("Only text, and a lot of it. " * 6),
        look("Compare ", picture, " with ", other, " and ", third),
        look("What is this?", other, temperature=1.0, seed=5, top_p=0.9, max_tokens=20),
        look("Only text.", temperature=1.0, seed=6, presence_penalty=1.0),
        look(third, "As JSON.", constraint=schema, max_tokens=40, temperature=1.0, seed=2),
        look("Where?", other, tools=(call,), tool_choice=ToolChoice("required"), max_tokens=60, seed=3),
        look("Twice: ", other, n=2, temperature=1.0, seed=7, logprobs=2),
        look(picture, "Stop.", stop=("e", "o", "a"), temperature=1.0, seed=9, max_tokens=40),
    ]


def heard(batch: Batch, name: str) -> list[tuple[int, str, str | None]]:
    """Every choice's text and end."""
    deltas = [event for event in batch.heard[name] if isinstance(event, events.Delta)]
    return [
        (
            index,
            "".join(
                f"{delta.text}{[call.arguments for call in delta.calls]}" for delta in deltas if delta.index == index
            ),
            next(delta.finish_reason for delta in deltas if delta.index == index and delta.finish_reason),
        )
        for index in sorted({delta.index for delta in deltas})
    ]


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_in_a_mixed_batch_every_answer_is_what_it_is_alone(
    family: str, folders: Mapping[str, Path], home: Path, refs: list[BlobRef]
) -> None:
    engine = load(folders[family], home, prompt_cache_size=0)
    jobs = every_kind(refs)
    alone = [heard(run(engine, asked), "0") for asked in jobs]
    together = Batch(engine)
    for number, asked in enumerate(jobs):
        together.admit(str(number), asked)
        if number % 3 == 2:
            together.step()
    together.run()
    assert [heard(together, str(number)) for number in range(len(jobs))] == alone
    assert len({str(found) for found in alone}) == len(alone)


@pytest.mark.parametrize("family", ["smolvlm", "qwen2_vl", "gemma3"])
def test_a_picture_that_is_prefilled_in_pieces_is_the_same_picture(
    family: str, folders: Mapping[str, Path], home: Path, engines: Mapping[str, TextEngine], refs: list[BlobRef]
) -> None:
    engine = load(folders[family], home, batch_prefill_step_size=7, prompt_cache_size=0)
    asked = look("Look: ", refs[0], " and ", refs[2], " then say.")
    assert run(engine, asked).text("0") == run(engines[family], asked).text("0")


@pytest.mark.parametrize("engine", ["smolvlm", "qwen2_5_vl", "llava"], indirect=True)
def test_the_prompt_cache_knows_a_picture_and_takes_no_other_for_it(engine: TextEngine, refs: list[BlobRef]) -> None:
    asked = [look("Look at this: ", ref, " What is it? Say it well.") for ref in refs[:2]]
    first = run(engine, asked[0])
    again, other = run(engine, asked[0]), run(engine, asked[1])
    assert again.usage("0").cached_tokens == again.usage("0").prompt_tokens - 1
    assert other.usage("0").cached_tokens < 40  # what stands before the picture
    assert (again.text("0"), again.text("0") != other.text("0")) == (first.text("0"), True)
    more = run(engine, look("Look at this: ", refs[0], " What is it? Say it better."))
    assert first.usage("0").prompt_tokens - 25 < more.usage("0").cached_tokens < more.usage("0").prompt_tokens - 1


@pytest.mark.parametrize("engine", ["smolvlm", "qwen2_vl"], indirect=True)
def test_an_answer_from_a_cached_picture_is_that_without_a_cache(
    engine: TextEngine, folders: Mapping[str, Path], home: Path, refs: list[BlobRef], request: pytest.FixtureRequest
) -> None:
    asked = look("Look at this: ", refs[0], " and this: ", refs[1], " What is it?")
    run(engine, look("Look at this: ", refs[0], " and this: ", refs[2], " Which is larger?"))
    cached = run(engine, asked)
    assert cached.usage("0").cached_tokens > 20
    plain = load(folders[request.node.callspec.params["engine"]], home, prompt_cache_size=0)
    assert cached.text("0") == run(plain, asked).text("0")


@pytest.mark.parametrize("family", ["smolvlm", "qwen2_vl"])
def test_a_prompt_with_a_picture_outlives_the_process(
    family: str, folders: Mapping[str, Path], home: Path, tmp_path: Path, refs: list[BlobRef]
) -> None:
    asked = look("Look at this: ", refs[0], " and say it well, with all that belongs to it. " * 12)
    first = load(folders[family], home, prompt_cache_dir=str(tmp_path))
    text = run(first, asked).text("0")
    first._batch._prompt_cache._store.flush()  # type: ignore[union-attr]
    again = load(folders[family], home, prompt_cache_dir=str(tmp_path))
    found = run(again, asked)
    assert found.usage("0").cached_tokens > 100 and encoder_cache(again).looks == 0
    assert found.text("0") == text
    other = run(again, look("Look at this: ", refs[1], " and say it well, with all that belongs to it. " * 12))
    assert other.usage("0").cached_tokens < 40


def test_a_picture_that_was_seen_before_is_not_looked_at_again(engine: TextEngine, refs: list[BlobRef]) -> None:
    run(engine, look("First ", refs[0]))
    looks = encoder_cache(engine).looks
    run(engine, look("Quite another text ", refs[0]))
    assert encoder_cache(engine).looks == looks > 1
    run(engine, look("First ", refs[1]))
    assert encoder_cache(engine).looks > looks


def test_what_one_owner_showed_is_looked_at_again_for_another(engine: TextEngine, refs: list[BlobRef]) -> None:
    run(engine, msgspec.structs.replace(look("Once ", refs[2]), owner="alpha"))
    looks = encoder_cache(engine).looks
    run(engine, msgspec.structs.replace(look("Once ", refs[2]), owner="beta"))
    assert encoder_cache(engine).looks > looks
    looks = encoder_cache(engine).looks
    run(engine, msgspec.structs.replace(look("Twice ", refs[2]), owner="alpha"))
    assert encoder_cache(engine).looks == looks


def test_what_is_open_is_bounded_by_its_memory_and_given_back(
    folders: Mapping[str, Path], home: Path, refs: list[BlobRef]
) -> None:
    engine = load(folders["smolvlm"], home)
    budget = engine._prompts._media_loader.budget  # type: ignore[attr-defined]
    engine.prepare(look(refs[0]))
    assert budget.free == OPEN_BYTES
    held = [budget.hold(OPEN_BYTES // 64) for _ in range(8)]  # what there is for small pictures
    with pytest.raises(JobCancelled):
        engine.prepare(look(refs[0]), CheckDeadline(lambda: False))
    del held
    engine.prepare(look(refs[0]), CheckDeadline(lambda: False))


def test_nobody_waits_for_memory_while_holding_the_processor(
    folders: Mapping[str, Path], home: Path, refs: list[BlobRef]
) -> None:
    """A prompt whose pixels find no room waits, and one whose pixels do passes it."""
    engine = load(folders["smolvlm"], home)
    reader = engine._prompts._reader  # type: ignore[attr-defined]
    small = engine.prepare(look(refs[0]))
    size = sum(value.nbytes for part in small.plan.media._parts for value in part.inputs.values())
    reader._budget = budget = Budget(128 * size)
    held = budget.hold(128 * size)
    ended = threading.Event()

    def wait() -> None:
        engine.prepare(look(*refs[:3]))
        ended.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    eventually(lambda: bool(budget._large._turns))
    engine.prepare(look(refs[0]), CheckDeadline(lambda: False))
    assert not ended.is_set()
    held.free()
    waiting.join(PATIENCE)
    assert ended.is_set()


def test_what_was_seen_is_kept_within_its_bytes(folders: Mapping[str, Path], home: Path, refs: list[BlobRef]) -> None:
    engine = load(folders["smolvlm"], home, options=MultimodalOptions(vision_cache_bytes=3000))
    first = run(engine, look("First ", refs[0])).text("0")
    assert 0 < encoder_cache(engine).nbytes <= 3000
    engine._batch._prompt_cache._blocks.clear()
    assert run(engine, look("First ", refs[0])).text("0") == first


def test_others_speak_while_pictures_are_looked_at_piece_by_piece(engine: TextEngine, refs: list[BlobRef]) -> None:
    batch = Batch(engine)
    batch.admit("text", look("Say something long.", max_tokens=60, logit_bias=((516, -100.0),)))
    while not batch.heard["text"]:
        batch.step()
    (decoding,) = engine._batch.rows
    batch.admit("pictures", look(*refs, "What are these?"))
    began, before = encoder_cache(engine).looks, decoding.generated
    for step in range(1, 12):
        batch.step()
        assert encoder_cache(engine).looks - began <= step
        assert decoding.generated == before + step
    assert encoder_cache(engine).looks - began >= 10
    batch.run()
    assert batch.reason("text") == "length"


def test_a_row_that_pauses_goes_on_with_its_picture(
    folders: Mapping[str, Path], home: Path, engines: Mapping[str, TextEngine], refs: list[BlobRef]
) -> None:
    jobs = [look("Long: ", ref, max_tokens=300, logit_bias=((516, -100.0),)) for ref in refs]
    one = engines["qwen2_vl"]._batch._kv.size(300)
    engine = load(folders["qwen2_vl"], home, max_kv_bytes=int(2.2 * one), prompt_cache_size=0)
    together = run(engine, *jobs)
    assert [together.text(str(number)) for number in range(3)] == [run(engine, asked).text("0") for asked in jobs]


def test_a_tower_that_fails_fails_its_row_only(engine: TextEngine, refs: list[BlobRef]) -> None:
    batch = Batch(engine)
    batch.admit("text", look("Say something."))
    batch.admit("picture", look("Look ", refs[0]))
    seen = engine._tasks["picture"].plan.media
    seen._parts[1].inputs = {"pixel_values": np.zeros((1, 1, 1, 1, 1), np.float32)}  # type: ignore[union-attr]
    batch.run()
    failed = batch.heard["picture"][-1]
    assert isinstance(failed, events.Failed) and "could not be looked at" in failed.failure.message
    assert isinstance(batch.heard["text"][-1], events.Done)


def test_a_conversation_is_shown_with_the_places_of_its_pictures(engine: TextEngine, refs: list[BlobRef]) -> None:
    asked = look("Look at ", refs[0], " now.")
    (tokens, _) = engine.prepare(job(RenderRequest(asked.payload.messages))).events  # type: ignore[union-attr]
    assert isinstance(tokens, events.Tokens)
    assert list(tokens.tokens) == engine.prepare(asked).plan.prompts[0]
    assert "Look at <fake_token_around_image>" in tokens.text and "<image><image>" in tokens.text


def test_a_template_that_takes_strings_gets_pictures_in_them(
    folders: Mapping[str, Path], home: Path, tmp_path: Path, engines: Mapping[str, TextEngine], refs: list[BlobRef]
) -> None:
    template = tmp_path / "template.jinja"
    template.write_text(
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    engine = load(folders["smolvlm"], home, chat_template_file=str(template))
    asked = look("Look at ", refs[0], " and ", refs[1])
    assert engine.prepare(asked).plan.prompts == engines["smolvlm"].prepare(asked).plan.prompts


def test_only_what_asks_for_it_is_shrunk(engines: Mapping[str, TextEngine], home: Path) -> None:
    engine, (ref,) = engines["qwen2_vl"], kept(BlobStore(home / "blobs"), noise(4, 64, 64))
    whole = engine.prepare(look(ref)).prompt_tokens
    (small,) = [job(ChatRequest((turn(ref, max_pixels=pixels),))) for pixels in (16 * 16,)]
    assert whole - engine.prepare(small).prompt_tokens == 8 * 8 - 2 * 2
    assert engine.prepare(job(ChatRequest((turn(ref, max_pixels=10**6),)))).prompt_tokens == whole


@pytest.mark.parametrize("family", ["smolvlm", "llava", "gemma3", "gemma4", "qwen2_vl"])
def test_a_text_cannot_pass_for_a_picture(family: str, engines: Mapping[str, TextEngine], refs: list[BlobRef]) -> None:
    """What stands for a picture is text in what users write, beside pictures and without any."""
    engine = engines[family]
    for marker in engine._prompts._reader.reserved:  # type: ignore[attr-defined]
        for parts in (("Look ", refs[0], " and {}"), ("{} and ", refs[0], "{}", refs[1]), ("Look {}",)):
            wild, calm = (
                engine.prepare(look(*[part.format(text) if isinstance(part, str) else part for part in parts])).plan
                for text in (f"{marker}</s>", "nothing")
            )
            assert special(engine, wild.prompts[0]) == special(engine, calm.prompts[0])
            assert (wild.media is None) == (calm.media is None)


@pytest.mark.parametrize("family", ["smolvlm", "gemma3", "qwen2_vl"])
def test_where_special_tokens_are_parsed_a_text_that_passes_for_a_picture_is_refused(
    family: str, folders: Mapping[str, Path], home: Path, refs: list[BlobRef]
) -> None:
    engine = multimodal.load(
        MultimodalEntry(model_path=str(folders[family])), Settings(home=home, special_tokens="parse")
    )
    for marker in engine._prompts._reader.reserved:  # type: ignore[attr-defined]
        with pytest.raises(InvalidValue, match="stands for what is shown") as refusal:
            engine.prepare(look("Look ", refs[0], f" and {marker}"))
        assert refusal.value.failure.param == "messages[0].content"


def test_words_about_pictures_are_words(engines: Mapping[str, TextEngine], refs: list[BlobRef]) -> None:
    engines["gemma4"].prepare(look("Is this image, with audio of a video in it, an <img> or <image?", refs[0]))


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_what_a_model_cannot_take_is_refused_by_its_part(
    kind: Any, engines: Mapping[str, TextEngine], refs: list[BlobRef]
) -> None:
    message = Message("user", "Listen", media=(Media(kind, refs[0], 6, "messages[0].content[1]"),))
    with pytest.raises(InvalidValue, match=f"takes no {kind}") as refusal:
        engines["smolvlm"].prepare(job(ChatRequest((message,))))
    assert refusal.value.failure.param == "messages[0].content[1]"


def test_a_model_that_only_reads_says_so(refs: list[BlobRef]) -> None:
    with pytest.raises(InvalidValue, match="only reads text") as refusal:
        text.engine().prepare(look("Look ", refs[0]))
    assert refusal.value.failure.param == "messages[0].content[1]"


def test_a_request_has_so_many_pictures_and_pixels(
    folders: Mapping[str, Path], home: Path, refs: list[BlobRef]
) -> None:
    engine = load(folders["smolvlm"], home, options=MultimodalOptions(max_media=2, max_image_pixels=3000))
    engine.prepare(look(refs[0], refs[0]))
    for parts, where, why in (
        ((refs[0],) * 3, 2, "at most 2 things"),
        ((refs[0], refs[2]), 1, "more than 3000 pixels"),
    ):
        with pytest.raises(InvalidValue, match=why) as refusal:
            engine.prepare(look(*parts))
        assert refusal.value.failure.param == f"messages[0].content[{where}]"
    lax = load(folders["smolvlm"], home, options=MultimodalOptions(max_image_pixels=2500))
    with pytest.raises(InvalidValue, match="more than 5000 pixels together"):
        lax.prepare(look(refs[0], refs[0], refs[0]))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_picture_is_refused_before_the_engine(
    name: str, folders: Mapping[str, Path], strict: TextEngine, home: Path
) -> None:
    ref = BlobStore(home / "blobs").put(HOSTILE[name][0](), "image/png")
    with pytest.raises(InvalidValue) as refusal:
        strict.prepare(look("Look at ", ref))
    assert refusal.value.failure.param == "messages[0].content[1]"


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 3000), (2, 900)])
def test_a_picture_of_any_shape_is_seen_or_refused(
    family: str, size: tuple[int, int], engines: Mapping[str, TextEngine], home: Path
) -> None:
    (ref,) = kept(BlobStore(home / "blobs"), noise(1, *size))
    try:
        found = run(engines[family], look("Look at ", ref))
    except InvalidValue as error:
        assert "refuses what these messages show" in error.failure.message
    else:
        assert isinstance(found.heard["0"][-1], events.Done)


def test_a_prompt_whose_pictures_take_more_than_the_context_is_refused(
    folders: Mapping[str, Path], home: Path, refs: list[BlobRef]
) -> None:
    engine = load(folders["smolvlm"], home, context_length=50)
    with pytest.raises(ContextLengthExceeded, match="the prompt takes"):
        engine.prepare(look(refs[0]))


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"model_type": "gpt9_vl"}, "cannot load this model of architecture 'gpt9_vl'"),
        ({"model_type": "flux2"}, "cannot load this model of architecture 'flux2'"),
        ({"model_file": "evil.py"}, "code of its own"),
    ],
)
def test_what_cannot_be_served_is_refused_at_start(
    config: dict[str, Any], why: str, folders: Mapping[str, Path], home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(folders["smolvlm"], folder)
    own = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**own, **config}))
    with pytest.raises(UnsupportedArchitecture, match=why):
        load(folder, home)


def test_every_supported_architecture_is_tested() -> None:
    assert set(tiny.FAMILIES) == set(NAMES)


def test_pictures_are_made_small_where_the_models_file_asks_for_it(folders: Mapping[str, Path], home: Path) -> None:
    large = noise(4, 1200, 600)
    refs = kept(BlobStore(home / "blobs"), large, large.resize((448, 224), Image.Resampling.LANCZOS))
    small, asked, whole = (
        engine.prepare(look("Look at ", ref)).plan.media.key  # type: ignore[union-attr]
        for engine, ref in (
            (load(folders["smolvlm"], home), refs[1]),
            (load(folders["smolvlm"], home, disable_auto_resize=False), refs[0]),
            (load(folders["smolvlm"], home), refs[0]),
        )
    )
    assert asked == small != whole


def test_caches_beside_which_positions_are_kept_can_be_quantised(
    home: Path, tmp_path: Path, refs: list[BlobRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wide() -> tiny.Kind:  # heads that a group of 32 numbers fits into
        config, files, tokens, shown = tiny._qwen("qwen2_vl")
        rope = {"type": "mrope", "mrope_section": [4, 6, 6]}
        config |= {"num_attention_heads": 2, "num_key_value_heads": 1, "rope_scaling": rope}
        return config, files, tokens, shown

    monkeypatch.setitem(tiny._KINDS, "qwen2_vl", wide)
    folder = tiny.save(tmp_path / "model", "qwen2_vl")
    exact = load(folder, home, prompt_cache_size=0)
    engine = load(folder, home, prompt_cache_size=0, kv_bits=8, kv_group_size=32, quantized_kv_start=16)
    jobs = [
        look("Look: ", refs[0], " what?", logprobs=0, logit_bias=reference.BIASED),
        look("Only text, and a lot of it. " * 3, logprobs=0, logit_bias=reference.BIASED),
    ]
    alone = [[one.logprob for one in told(run(engine, asked))] for asked in jobs]
    batch = run(engine, *jobs)
    for number, asked in enumerate(jobs):
        assert [one.logprob for one in told(batch, str(number))] == pytest.approx(alone[number], abs=1e-3)
        assert alone[number] == pytest.approx([one.logprob for one in told(run(exact, asked))], abs=0.3)
