"""One architecture, tried through and through: what it takes, which way, and whether it says what mlx-vlm says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlxq.entries.multimodal import MultimodalEntry
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue
from tasks.values.job import Job
from tasks.values.requests import Tool, ToolChoice
from tests.workers.engines.rows import Batch, run
from tests.workers.engines.vision import tiny, zoo
from tests.workers.engines.vision.asking import Part, film, kept, look, noise, sound
from workers.engine import Unservable
from workers.engines.lm import TextEngine
from workers.engines.vision.mends import mend
from workers.media import audio
from workers.media.video import VideoLimits, open_video

from workers.engines import multimodal  # isort: skip

import io  # isort: skip
import json  # isort: skip

import mlx.core as mx  # isort: skip
from mlx_vlm.generate.ar import generate_step  # isort: skip
from mlx_vlm.utils import (  # isort: skip
    get_model_type,
    load_image_processor,
    load_model,
    load_processor,
    prepare_inputs,
    should_add_special_tokens,
)

STEPS = 8
IMAGES = [noise(1, 64, 48), noise(2, 48, 80)]
_TOOL = Tool("look", "", {"type": "object", "properties": {"at": {"type": "string", "maxLength": 4}}})


@dataclass(frozen=True)
class Trial:
    """What came of it: `way` is `family`, `together` or `in turns`, with the reason; what it takes; whether several
    images may stand in a prompt, and whether a call of a tool can be demanded. `apart` is how far a log probability is
    from mlx-vlm's own at most, and together from alone."""

    architecture: str
    way: str
    why: str
    takes: Sequence[str]
    several: bool
    tools: bool
    apart: float
    together: float


def load(folder: Path, home: Path, **keys: Any) -> TextEngine:
    """The engine of a model in a folder."""
    return multimodal.load(
        MultimodalEntry(model_path=str(folder), served_model_name="tiny", **keys), Settings(home=home)
    )


def asked(*parts: Part, vocabulary: int = zoo.VOCABULARY, **options: Any) -> Job:
    """What is asked of a model, so that its likeliest answer has no special tokens."""
    special = tuple((token, -100.0) for token in range(zoo.FIRST - 1, vocabulary))
    return look(*parts, **{"logprobs": 0, "max_tokens": STEPS, "logit_bias": special, **options})


def logprobs(batch: Batch, name: str = "0") -> list[float]:
    """Of an answer's tokens; raises what the job failed of."""
    for event in batch.heard[name]:
        if isinstance(event, events.Failed):
            raise RuntimeError(event.failure.message)
    deltas = [event for event in batch.heard[name] if isinstance(event, events.Delta)]
    return [float(one.logprob or 0) for delta in deltas for one in delta.logprobs or ()]


def text(engine: TextEngine, job: Job) -> str:
    """What the template makes of a job's turns."""
    return engine._prompts._rendered(job.payload, (), answer=True)  # type: ignore[arg-type]


def reference(folder: Path, prompt: str, **shown: Any) -> list[float]:
    """What mlx-vlm's own `generate_step` says to a prompt and what it shows; where the processor leaves out what the
    model looks for, with that, because else it says something else each time."""
    model: Any = load_model(folder)
    processor: Any = load_processor(folder, add_detokenizer=False, trust_remote_code=False)
    if (images := load_image_processor(folder)) is not None:
        processor.image_processor = images
    mend(get_model_type(json.loads((folder / "config.json").read_text())), processor)
    try:
        inputs: dict[str, Any] = prepare_inputs(
            processor,
            prompts=prompt,
            image_token_index=getattr(model.config, "image_token_index", None),
            add_special_tokens=should_add_special_tokens(model.config.model_type, processor),
            **shown,
        )
    except ValueError:  # it pads, which some processors of images refuse
        inputs = {name: mx.array(value) for name, value in processor(text=[prompt], **shown).items()}
    ids, pixels, mask = (inputs.pop(name, None) for name in ("input_ids", "pixel_values", "attention_mask"))
    more = {name: value for name, value in inputs.items() if value is not None}
    generated = partial(
        generate_step,
        ids,
        model,
        pixels,
        mask,
        max_tokens=STEPS,
        sampler=lambda found: mx.argmax(found[:, : zoo.FIRST - 1], axis=-1),
        **more,
    )
    try:
        return _said(generated())
    except TypeError:  # where it calls a prompt's pieces otherwise than that language model takes them
        return _said(generated(prefill_step_size=None))


def _said(steps: Iterable[tuple[Any, Any]]) -> list[float]:
    """The log probabilities of the first tokens."""
    found = []
    for token, said in steps:
        found.append(float(said[int(token)]))
        if len(found) == STEPS:
            break
    return found


def apart(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The largest difference."""
    assert len(ours) == len(theirs), (ours, theirs)
    return max(abs(one - other) for one, other in zip(ours, theirs, strict=True))


def mixed(ask: Callable[..., Job], refs: Sequence[BlobRef], *, images: bool) -> list[Job]:
    """Requests that have little in common."""
    texts = [ask("Only text, and a lot of it. " * 4), ask("Only text.")]
    return [ask("Look: ", refs[0], " what?"), *texts, ask(refs[1], "And this?")] if images else texts


def tried(name: str, root: Path) -> Trial:
    """Build it, and try it; raises whatever is in the way."""
    build = zoo if name in zoo.NAMES else tiny
    folder, home = build.save(root / name, name), root / "home"
    engine = load(folder, home)
    takes = engine.details.modalities[1:]
    ask = partial(asked, vocabulary=engine._prompts.vocabulary)
    worst = max(_apart(ask, engine, folder, home, takes))
    refs = kept(BlobStore(home / "blobs"), *IMAGES)
    jobs = mixed(ask, refs, images="image" in takes)
    alone = [logprobs(run(engine, job)) for job in jobs]
    together = run(engine, *jobs)
    batched = max(apart(logprobs(together, str(at)), own) for at, own in enumerate(alone))
    language: Any = engine._batch._groups._model
    several = "image" in takes and _several(ask, engine, folder, refs)
    return Trial(name, language.way, language.why, takes, several, _calls(engine), worst, batched)


def _apart(
    ask: Callable[..., Job], engine: TextEngine, folder: Path, home: Path, takes: Sequence[str]
) -> Iterator[float]:
    """How far the log probabilities of a prompt with each kind of media are from mlx-vlm's, or of one without."""
    blobs = BlobStore(home / "blobs")
    refs = kept(blobs, *IMAGES)
    if not takes:
        job = ask("Only text.")
        yield apart(logprobs(run(engine, job)), reference(folder, text(engine, job)))
    if "image" in takes:
        job, other = (ask("Look: ", ref, " what?") for ref in refs[:2])
        ours = logprobs(run(engine, job))
        assert apart(ours, logprobs(run(engine, other))) > 1e-3, "another image makes no difference"
        yield apart(ours, reference(folder, text(engine, job), images=[IMAGES[0]]))
    if "audio" in takes:
        data = sound(1)
        job = ask("Listen: ", ("audio", blobs.put(data, "audio/wav")), " what?")
        samples = audio.decode(io.BytesIO(data), 5)
        yield apart(logprobs(run(engine, job)), reference(folder, text(engine, job), audio=[samples]))
    if "video" in takes:
        data = film(3)
        job = ask("Watch: ", ("video", blobs.put(data, "video/mp4")), " what?")
        opened = open_video(io.BytesIO(data), "", VideoLimits())
        shown = {"videos": [opened.frames], "fps": [opened.rate]}
        yield apart(logprobs(run(engine, job)), reference(folder, text(engine, job), **shown))


def _several(ask: Callable[..., Job], engine: TextEngine, folder: Path, refs: Sequence[BlobRef]) -> bool:
    """Whether two images in a prompt both make a difference, and are what they are to mlx-vlm."""
    job, same = (ask("One: ", refs[0], " two: ", refs[second], " which?") for second in (1, 0))
    try:
        ours = logprobs(run(engine, job))
        theirs = reference(folder, text(engine, job), images=list(IMAGES))
        return apart(ours, theirs) < 1e-3 and ours != logprobs(run(engine, same))
    except Exception:  # a refusal, by its processor or by ours
        return False


def _calls(engine: TextEngine) -> bool:
    """Whether a call of a tool can be demanded of it."""
    at_once = {"template_options": {"enable_thinking": False, "thinking": False}}
    demanded = {"tools": (_TOOL,), "tool_choice": ToolChoice("required"), **at_once}
    job = look("Call.", **demanded, max_tokens=200, temperature=1.0, seed=1)
    try:
        deltas = [event for event in run(engine, job).heard["0"] if isinstance(event, events.Delta)]
    except InvalidValue:  # as of a tokenizer that no answer can be held to a form with
        return False
    return any(delta.calls for delta in deltas)


def outcome(name: str, root: Path) -> Trial | str:
    """What came of it, or why it could not be tried."""
    try:
        return tried(name, root)
    except Unservable as error:
        return f"refused at start: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
