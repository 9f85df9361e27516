"""The trial of a model when it is loaded: its rows are decoded together if they then say what they say alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np
import structlog
from mlx.utils import tree_flatten
from mlx_vlm.generate.diffusion import is_diffusion_model
from PIL import Image

from tasks.values.errors import InvalidValue
from workers.engines.text.cache import batched, kv
from workers.engines.vision.family import Kind
from workers.engines.vision.general.inputs import digest, held
from workers.engines.vision.general.language import BatchedLanguage, GeneralLanguage
from workers.engines.vision.general.prompt import Embedded, PromptPart
from workers.engines.vision.general.reader import GeneralReader
from workers.engines.vision.general.state import ROPE, Attributes, ModelState
from workers.engines.vision.general.turns import Turn, TurnsLanguage
from workers.engines.vision.language import UnsupportedArchitecture
from workers.engines.vision.parts import Medium

_STEPS = 4
_ALIKE = 0.1  # of the logits' spread: rounding in a batch, of few bits, stays below, another position or mask does not
_EXACTLY = 0.01  # of the spread, where being wrong costs little: a prompt goes through in larger pieces
_SIDE = 112  # pixels
_TEXTS = (list(range(1, 12)), list(range(3, 40)))
_SWITCHES = (
    "this model has other weights for each kind of media, which requests cannot share; "
    "mlx_vlm.convert with -q makes one of them that has all"
)
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

    `render` makes a text of a turn's parts. Only the engine thread may. Raises UnsupportedArchitecture for what does
    not answer token by token.
    """
    if is_diffusion_model(model):
        raise UnsupportedArchitecture("this model writes by diffusion, not token by token")
    turns = TurnsLanguage(model, state)
    state.settle(_made_once(model, turns, state))
    weights = _weights(model)
    shown = dict(_embedded(turns, reader, render))
    if any(weight is not weights[path] for path, weight in _weights(model).items()):
        raise UnsupportedArchitecture(_SWITCHES)
    reader.kinds = tuple(kind for kind in ("image", "audio", "video") if kind in shown)
    reader.several_images = "image" in shown and _sees_several(turns, reader, render)
    if any(name.startswith("decoder_") for prompt in shown.values() for name in prompt.arguments):
        raise UnsupportedArchitecture("this model has an encoder and a decoder of its own, and no chats")
    rows = [_Row(tokens) for tokens in _TEXTS]
    rows += [_Row(prompt.ids[0].tolist(), prompt) for prompt in shown.values()]
    answers = _answered(turns, rows)
    turns.cut_anywhere = not _cuts_matter(turns, rows, answers)
    if (reason := _alone(turns, rows, answers)) is None:
        together = BatchedLanguage(model, state)
        together.embeds_text = turns.embeds_text
        try:
            reason = _differs(together, rows, answers) or kv.Kv(together).obstacle
        except Exception as error:  # whatever an architecture does with rows that it did not expect
            reason = f"its rows cannot be decoded together: {type(error).__name__}: {error}"
        if reason is None:
            together.why = "a batch says what each of its rows says alone"
            return together
    turns.why, reader.reads_text = reason, True
    return turns


def _weights(model: Any) -> dict[str, Any]:
    return {path: weight for path, weight in tree_flatten(model.parameters()) if path.endswith(".weight")}


def _made_once(model: Any, language: TurnsLanguage, state: ModelState) -> Attributes:
    """What a second prompt leaves as a first one has set it, so that it is no prompt's."""
    seen = []
    try:
        for tokens in _TEXTS:
            ids = mx.array([tokens])
            model.get_input_embeddings(ids, None, mask=mx.ones_like(ids))
            mx.eval(model.language_model(ids, cache=language.make_cache()[:-1]).logits)
            seen.append(state.read())
    except Exception:  # which the trial meets, too, and tells
        return {}
    first, second = seen
    return {key: value for key, value in first.items() if second.get(key) is value and key[1] not in ROPE}


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


def _sees_several(language: TurnsLanguage, reader: GeneralReader, render: Any) -> bool:
    """Whether a second image in a prompt is taken, and is not left out in silence."""
    one, *others = (next(examples(seed)) for seed in range(3))
    parts = [{"type": "image"}, {"type": "text", "text": "And "}, {"type": "image"}, {"type": "text", "text": "?"}]
    try:
        prompts = [language.embed(reader.processed(render(parts), [one, other])) for other in others]
    except Exception as error:
        log.info("the model takes one image a prompt", reason=str(error)[:300])
        return False
    first, second = (digest(held([prompt.embeddings, dict(prompt.arguments)])) for prompt in prompts)
    return first != second


class _Row(NamedTuple):
    tokens: list[int]
    prompt: Embedded | None = None

    def fed(self, step: int) -> int:
        """What is decoded in a step: the prompt's last token, and then any."""
        return self.tokens[-1] if step == 0 else (7 * len(self.tokens) + step) % 50 + 1


class _Answer(NamedTuple):
    logits: list[Any]
    turn: Turn


def _answered(language: TurnsLanguage, rows: Sequence[_Row]) -> list[_Answer]:
    """What each row says alone; texts are embedded first if the model answers only then."""
    answers = []
    try:
        for row in rows:
            caches = language.make_cache()
            _prefill(language, caches, row)
            answers.append(_Answer(list(_said(language, row, caches)), caches[-1]))
            mx.eval(answers[-1].logits)
    except Exception as error:
        if not language.embeds_text:
            language.embeds_text = True
            return _answered(language, rows)
        reason = f"the installed mlx-vlm loads this model, which then does not answer: {type(error).__name__}: {error}"
        raise UnsupportedArchitecture(reason) from error
    return answers


def _cuts_matter(language: TurnsLanguage, rows: Sequence[_Row], answers: Sequence[_Answer]) -> bool:
    """Whether a prompt that is cut in its middle says something else."""
    for row, answer in zip(rows, answers, strict=True):
        caches, middle = language.make_cache(), len(row.tokens) // 2
        try:
            _prefill(language, caches, row, 0, middle)
            _prefill(language, caches, row, middle)
            pairs = zip(_said(language, row, caches), answer.logits, strict=True)
            differences = [_difference(logits, own) for logits, own in pairs]
        except Exception:  # of an architecture that only knows a prompt from its beginning
            return True
        if not max(differences) < _EXACTLY:
            return True
    return False


def _said(language: TurnsLanguage, row: _Row, caches: list[Any]) -> Iterator[Any]:
    for step in range(_STEPS):
        yield language(mx.array([[row.fed(step)]]), cache=caches)[0, -1].astype(mx.float32)


def _alone(language: TurnsLanguage, rows: Sequence[_Row], answers: Sequence[_Answer]) -> str | None:
    """Why rows cannot be decoded together, as far as that shows in what each has said alone."""
    layers = language.make_cache()[:-1]
    if lacking := sorted({type(layer).__name__ for layer in layers if not has_batch(type(layer))}):
        return f"its layers keep a {' and a '.join(lacking)}, which no batch has"
    for prompt in (row.prompt for row in rows if row.prompt is not None):
        if prompt.ids.shape[1] != prompt.embeddings.shape[1]:
            return "what it is shown takes more places than the prompt has tokens for it"
        if not language.in_pieces(prompt, layers):
            return "a prompt must go through the model in one piece, because its tokens attend to later ones"
    if any(answer.turn.arguments for answer in answers):
        return "its language model is told something of the prompt with every token"
    kept = {name for row, answer in zip(rows, answers, strict=True) for name in _changed(row, answer)} - {*ROPE}
    return f"it keeps {', '.join(sorted(kept))} between its calls" if kept else None


def has_batch(kind: type) -> bool:
    """Whether caches of a kind can be merged; one that keeps tokens in a way of its own cannot as its base class."""
    return hasattr(kind, "merge") and issubclass(_owner(kind, "merge"), _owner(kind, "update_and_fetch"))


def _owner(kind: type, name: str) -> type:
    return next((base for base in kind.__mro__ if name in vars(base)), object)


def _changed(row: _Row, answer: _Answer) -> Iterator[str]:
    """The attributes that the language model's calls have set, and not the embedding of the row's prompt."""
    embedded = {} if row.prompt is None else row.prompt.state
    for key, value in answer.turn.attributes.items():
        if value is not embedded.get(key):
            yield key[1]


def _differs(language: BatchedLanguage, rows: Sequence[_Row], answers: Sequence[_Answer]) -> str | None:
    """Why rows that are decoded together say something else than alone; None if they do not."""
    single = [language.make_cache() for _ in rows]
    for caches, row in zip(single, rows, strict=True):
        _prefill(language, caches, row)
    batch = batched.merged(single)
    for step in range(_STEPS):
        logits = language(mx.array([[row.fed(step)] for row in rows]), cache=batch)[:, -1].astype(mx.float32)
        pairs = zip(logits, answers, strict=True)
        worst = max(_difference(together, answer.logits[step]) for together, answer in pairs)
        if not worst < _ALIKE:
            return f"together its rows do not say what they say alone (they differ by {worst:.2f})"
    return None


def _prefill(language: Any, caches: list[Any], row: _Row, start: int = 0, end: int | None = None) -> None:
    """All tokens but the last, or some of them."""
    end = len(row.tokens) - 1 if end is None else end
    media = None if row.prompt is None else [PromptPart(row.prompt, start, end)]
    mx.eval(language(mx.array([row.tokens[start:end]]), cache=caches, media=media))


def _difference(found: Any, expected: Any) -> float:
    """How far logits, (vocabulary,), are from others, of how far those are from their mean."""
    spread = mx.linalg.norm(expected - expected.mean())
    return float(mx.linalg.norm(found - expected) / mx.maximum(spread, 1e-9))
