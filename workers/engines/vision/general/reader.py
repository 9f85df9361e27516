"""A prompt by a model's own processor, as mlx-vlm calls it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

from mlx_vlm.prompt_utils import MODEL_CONFIG, MessageFormat, get_message_json
from mlx_vlm.utils import get_model_type, prepare_inputs, should_add_special_tokens

from tasks.values.errors import InvalidValue
from workers.engines.text.prompts import Prompt
from workers.engines.text.requester import ANYBODY, Requester
from workers.engines.text.special_tokens import Rendered, SpecialTokens
from workers.engines.vision.family import Kind
from workers.engines.vision.general import inputs as numbers
from workers.engines.vision.general.prompt import Embedded, WholePrompt
from workers.engines.vision.parts import Content, Medium, Parts
from workers.serving.check_deadline import CheckDeadline
from workers.serving.request_budget import Budget, Hold

_TAKEN: Mapping[Kind, str] = {"image": "images", "audio": "audio", "video": "videos"}
# What a processor tells of the text's tokens, which the same images may have others of.
_OF_TOKENS = (
    "input_ids",
    "attention_mask",
    "token_type_ids",
    "mm_token_type_ids",
    "position_ids",
    "images_seq_mask",
    "labels",
    "seq_lens",
    "sft_format",
)
_NUMBERED = re.compile(r"<\|(image|audio)_\d+\|>")
_NUMBERED_BEGIN = ("<|image_", "<|audio_")
Embed = Callable[..., Embedded]


def message_type(config: Mapping[str, Any]) -> str:
    """The architecture of a model's config as mlx-vlm's table of messages spells it, or as its folders do."""
    spelled = str(config.get("model_type") or "").lower()
    return spelled if spelled in MODEL_CONFIG else get_model_type(dict(config)) or ""


class GeneralReader:
    """The processor of one model, which nothing else uses; any thread may ask, one at a time.

    `model_type` is its architecture's `message_type`. `kinds` are what the processor takes, and `several_images` is
    whether a prompt may show more than one, once that was tried. `reserved` are the texts that stand for something
    shown. The processor may be what `writes_turns`, of parts.
    """

    def __init__(
        self, processor: Any, model: Any, model_type: str, budget: Budget, *, writes_turns: bool = False
    ) -> None:
        self._writes_turns = writes_turns
        self._processor, self._model_type, self._budget = processor, model_type, budget
        self._tokenizer = getattr(self._processor, "tokenizer", self._processor)
        self._image_token = getattr(model.config, "image_token_index", None)
        self._special = should_add_special_tokens(model_type, processor)
        self._places = _places(model.config, self._processor, self._tokenizer)
        self._one_at_a_time = threading.Lock()
        self.kinds: Sequence[Kind] = ()
        self.several_images = True
        self.reads_text = False
        self.embed: Embed = _untried
        self._numbered = MODEL_CONFIG.get(model_type) is MessageFormat.NUMBERED_IMAGE_TOKENS
        markers = {self._marker(kind) for kind in _TAKEN}
        markers.update(_NUMBERED_BEGIN if self._numbered else ())
        self.reserved = frozenset(marker for marker in markers if marker)

    def content(self, parts: Parts) -> Content:
        """A turn's content for a template that takes a string, as mlx-vlm writes it for this architecture."""
        count = {kind: sum(part["type"] == kind for part in parts) for kind in _TAKEN}
        if not any(count.values()):
            return "".join(part["text"] for part in parts)
        if self._model_type in MODEL_CONFIG and not count["video"]:
            written = get_message_json(
                self._model_type,
                [part for part in parts if part["type"] != "audio"],
                "user",
                num_images=count["image"],
                num_audios=count["audio"],
                skip_audio_token=not count["audio"],
                skip_image_token=not count["image"],
            )
            content = written["content"] if isinstance(written, dict) else written
            if isinstance(content, str):
                return content
            if self._writes_turns:
                return parts
        return "".join(part.get("text") or self._marker(part["type"]) for part in parts)

    def _marker(self, kind: Any) -> str:
        for holder in (self._processor, self._tokenizer):
            if isinstance(token := getattr(holder, f"{kind}_token", None), str):
                return token
            if (token := getattr(token, "content", None)) is not None:
                return str(token)
        return f"<{kind}>"

    def prompt(
        self,
        rendered: Rendered,
        media: Sequence[Medium],
        special_tokens: SpecialTokens,
        vocabulary: int,
        requester: Requester = ANYBODY,
    ) -> Prompt:
        """The tokens of a text with what it shows; raises InvalidValue, or JobCancelled while it waits."""
        if special_tokens.hidden(rendered):
            message = "these messages hold text of this model's special tokens, which cannot stand beside media here"
            raise InvalidValue(message, param="messages")
        if not self.several_images and sum(medium.kind == "image" for medium in media) > 1:
            raise InvalidValue("this model takes one image a prompt", param="messages")
        text = _numbered(rendered.text) if self._numbered else rendered.text
        made, hold = self._held(text, media, requester.deadline)
        ids: list[int] = made["input_ids"].numbers[0].tolist()
        first = self._first(ids, vocabulary)
        # Some keep places with ids that no token has.
        tokens = [token if 0 <= token < vocabulary else 0 for token in ids]
        digest = self.digest(made) if media else b""
        embed = partial(self.embed, first=first)
        whole = WholePrompt(tokens, made, embed, digest=digest, first=first, vocabulary=vocabulary, hold=hold)
        return Prompt(text, tokens, whole)

    def digest(self, made: Mapping[str, Any]) -> bytes:
        """Of what a processor made of all that is shown: the same for the same only."""
        return numbers.digest({name: value for name, value in made.items() if name not in _OF_TOKENS})

    def _first(self, tokens: Sequence[int], vocabulary: int) -> int:
        """The first token that is not text, as far as that is known."""
        known = range(vocabulary)
        return next((at for at, token in enumerate(tokens) if token in self._places or token not in known), 0)

    def _held(self, text: str, media: Sequence[Medium], deadline: CheckDeadline) -> tuple[dict[str, Any], Hold]:
        def make() -> dict[str, Any]:
            with deadline.holding(self._one_at_a_time):
                return self.processed(text, media)

        return self._budget.made(make, numbers.nbytes, deadline)

    def processed(self, text: str, media: Sequence[Medium]) -> dict[str, Any]:
        """What the processor makes of a text and what it shows; raises InvalidValue."""
        given: dict[str, Any] = {}
        for medium in media:
            given.setdefault(_TAKEN[medium.kind], []).append(medium.content)
        if rates := [medium.rate for medium in media if medium.kind == "video"]:
            given["fps"] = rates
        try:
            made = prepare_inputs(
                self._processor,
                prompts=self._bare(text),
                image_token_index=self._image_token,
                add_special_tokens=self._special,
                **given,
            )
            made = numbers.held({name: value for name, value in made.items() if value is not None})
            if len(made["input_ids"].numbers) != 1:
                raise ValueError("it makes several prompts of them")
        except Exception as error:  # a processor may refuse anything, as more images than it can take
            message = f"the model's processor refuses what these messages show: {error}"
            raise InvalidValue(message, param="messages") from error
        return made  # type: ignore[no-any-return]

    def _bare(self, text: str) -> str:
        """A text without the beginning that the tokenizer writes itself."""
        begin = getattr(self._tokenizer, "bos_token", None)
        if not begin or not text.startswith(begin):
            return text
        ids = self._tokenizer.encode("a")
        return text.removeprefix(begin) if ids and ids[0] == self._tokenizer.bos_token_id else text


def _numbered(text: str) -> str:
    """A text whose numbered markers are counted through, because mlx-vlm counts those of each turn from 1."""
    counts = {kind: count(1) for kind in ("image", "audio")}
    return _NUMBERED.sub(lambda marker: f"<|{marker[1]}_{next(counts[marker[1]])}|>", text)


def _untried(inputs: Mapping[str, Any], first: int = 0) -> Embedded:
    raise RuntimeError("the model was not tried yet, so nobody knows how it embeds")


def _places(config: Any, processor: Any, tokenizer: Any) -> frozenset[int]:
    """The ids of tokens that stand for something shown, as far as they are named."""
    named = [f"{kind}_token{end}" for kind in _TAKEN for end in ("", "_id", "_index")]
    found: set[int] = set()
    for name in (*named, "boi_token", "media_placeholder_token_id"):
        for holder in (config, processor, tokenizer):
            value = getattr(holder, name, None)
            if isinstance(value, str):
                value = tokenizer.convert_tokens_to_ids(value)
            if isinstance(value, int):
                found.add(value)
    return frozenset(found)
