"""Which way a loaded model takes, found out by trying: its rows together, if they then say what they say alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import mlx.core as mx
import numpy as np
import structlog
from PIL import Image

from tasks.values.errors import InvalidValue
from workers.engines.text.cache import kv
from workers.engines.vision.family import Kind
from workers.engines.vision.general.language import BatchedLanguage, GeneralLanguage, TurnsLanguage
from workers.engines.vision.general.prompt import Embedded, PromptPart
from workers.engines.vision.general.reader import GeneralReader
from workers.engines.vision.general.state import ROPE, ModelState
from workers.engines.vision.parts import Medium

_STEPS = 3
_ALIKE = 0.1  # of the logits' spread: rounding in a batch, of few bits, stays below, another position or mask does not
_SIDE = 112  # pixels
log = structlog.get_logger()


def examples(seed: int) -> Iterator[Medium]:
    """Something of each kind, small and like nothing."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 255, (4, 3, _SIDE, _SIDE), np.uint8)
    yield Medium("image", Image.fromarray(np.ascontiguousarray(noise[0].transpose(1, 2, 0))))
    yield Medium("video", noise, 2.0)
    yield Medium("audio", random.normal(0, 0.1, 16_000).astype(np.float32))


def choose(model: Any, state: ModelState, reader: GeneralReader, render: Any) -> GeneralLanguage:
    """The model's language model, once it was tried what it takes, which the reader then knows, and whether its rows
    can be decoded together.

    `render` makes a text of a turn's parts. Only the engine thread may.
    """
    turns = TurnsLanguage(model, state)
    shown = dict(_embedded(turns, reader, render))
    reader.kinds = tuple(kind for kind in ("image", "audio", "video") if kind in shown)
    if (reason := _alone(model, turns, shown)) is None:
        together = BatchedLanguage(model, state)
        try:
            reason = _differs(turns, together, state, list(shown.values()))
        except Exception as error:  # whatever an architecture does with rows that it did not expect
            reason = f"its rows cannot be decoded together: {type(error).__name__}: {error}"
        if reason is None:
            together.why = "a batch says what each of its rows says alone"
            return together
    turns.why, reader.reads_text = reason, True
    return turns


def _embedded(language: TurnsLanguage, reader: GeneralReader, render: Any) -> Iterator[tuple[Kind, Embedded]]:
    for medium, other in zip(examples(0), examples(1), strict=True):
        try:
            text = render([{"type": medium.kind}, {"type": "text", "text": "What is it?"}])
            made = reader.processed(text, [medium])
            if reader.digest(made) == reader.digest(reader.processed(text, [other])):
                raise InvalidValue("its processor leaves it out", param="messages")
            yield medium.kind, language.embed(made)
        except Exception as error:
            log.info("the model does not take this", kind=medium.kind, reason=str(error)[:300])


def _alone(model: Any, language: TurnsLanguage, shown: Any) -> str | None:
    """Why rows cannot be decoded together, as far as the model itself says."""
    layers = language.make_cache()[:-1]
    if lacking := sorted({type(layer).__name__ for layer in layers if not hasattr(layer, "merge")}):
        return f"its layers keep a {' and a '.join(lacking)}, which no batch has"
    for prompt in shown.values():
        if prompt.ids.shape[1] != prompt.embeddings.shape[1]:
            return "what it is shown takes more places than the prompt has tokens for it"
        if not language.in_pieces(prompt, layers):
            return "a prompt must go through the model in one piece, because its tokens attend to later ones"
    return None


def _differs(
    alone: TurnsLanguage, together: BatchedLanguage, state: ModelState, shown: Sequence[Embedded]
) -> str | None:
    """Why rows that are decoded together say something else than alone; None if they do not."""
    rows: list[tuple[list[int], Embedded | None]] = [(list(range(1, 12)), None), (list(range(3, 40)), None)]
    rows += [(prompt.ids[0].tolist(), prompt) for prompt in shown]
    answers = [[(7 * row + step) % 50 + 1 for step in range(_STEPS)] for row in range(len(rows))]
    expected = []
    for (tokens, prompt), answer in zip(rows, answers, strict=True):
        caches = alone.make_cache()
        _prefill(alone, caches, tokens, prompt)
        fed = [tokens[-1], *answer]
        expected.append([alone(mx.array([[token]]), cache=caches)[0, -1].astype(mx.float32) for token in fed])
        mx.eval(expected[-1])
    if caches[-1].arguments:
        return "its language model is told something of the prompt with every token"
    kept = {name for _, name in state.read()} - {*ROPE}
    if kept:
        return f"it keeps {', '.join(sorted(kept))} between its calls"
    single = []
    for tokens, prompt in rows:
        caches = together.make_cache()
        _prefill(together, caches, tokens, prompt)
        single.append(caches)
    batch = kv.merged(single)
    feeds = [[tokens[-1], *answer] for (tokens, _), answer in zip(rows, answers, strict=True)]
    for step in range(_STEPS + 1):
        logits = together(mx.array([[answer[step]] for answer in feeds]), cache=batch)[:, -1].astype(mx.float32)
        worst = max(_difference(found, expected[row][step]) for row, found in enumerate(logits))
        if not worst < _ALIKE:
            return f"together its rows do not say what they say alone (they differ by {worst:.2f})"
    return None


def _prefill(language: Any, caches: list[Any], tokens: Sequence[int], prompt: Embedded | None) -> None:
    """All tokens but the last."""
    media = None if prompt is None else [PromptPart(prompt, 0, len(tokens) - 1)]
    mx.eval(language(mx.array([tokens[:-1]]), cache=caches, media=media))


def _difference(found: Any, expected: Any) -> float:
    """How far logits, (vocabulary,), are from others, of how far those are from their mean."""
    spread = mx.linalg.norm(expected - expected.mean())
    return float(mx.linalg.norm(found - expected) / mx.maximum(spread, 1e-9))
