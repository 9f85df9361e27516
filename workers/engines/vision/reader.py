"""A multimodal model's own processor: from a text with pictures, sounds and films to tokens, places and pixels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from mlx_vlm.utils import VideoMetadata

from tasks.values.errors import InvalidValue
from workers.engines.text.prompts import Prompt
from workers.engines.text.requester import ANYBODY, Requester
from workers.engines.text.special_tokens import Rendered, SpecialTokens
from workers.engines.vision.encoder_cache import EncoderCache
from workers.engines.vision.family import Family, Inputs, Kind, Places, positions
from workers.engines.vision.parts import Medium, Parts
from workers.engines.vision.prompt_media import MediaPiece, PieceMedia
from workers.serving.check_deadline import ENDLESS, CheckDeadline
from workers.serving.request_budget import Budget, Hold

# What processors call what they take, and what they make of it.
_TAKEN: Mapping[Kind, str] = {"image": "images", "audio": "audio", "video": "videos"}
Tokenise: TypeAlias = Callable[[Rendered], list[int]]


class ProcessedPrompt(NamedTuple):
    """A prompt with the places of what it shows, that in pieces, and every token's position, if it has one."""

    text: str
    tokens: list[int]
    parts: list[MediaPiece]
    positions: Places | None


class _Words:
    """The tokenizer as a processor calls it, with a prompt that has its special tokens already and is kept."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.prompt = Rendered("")
        self.tokens: Tokenise = lambda prompt: []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, text: Sequence[str], **_: Any) -> dict[str, Any]:
        (expanded,) = text
        self.prompt = self.prompt._replace(marked=expanded)
        return {"input_ids": [self.tokens(self.prompt)]}


class FamilyReader:
    """The processor of one model; any thread may ask, one at a time.

    `tokens` are the ids that keep the places of each kind that the model takes, `side` how many patches in a row share
    a token. `markers` are the texts that stand for each kind before the processor has made room for it.
    """

    reads_text = False

    def __init__(
        self,
        processor: Any,
        family: Family,
        tokens: Mapping[Kind, int],
        side: int,
        budget: Budget,
        encoder_cache: EncoderCache,
    ) -> None:
        self._processor, self._family, self._side = processor, family, side
        self.encoder_cache = encoder_cache
        self.kinds: Sequence[Kind] = tuple(tokens)
        self._budget, self.tokens = budget, tokens
        self._words = processor.tokenizer = _Words(deepcopy(processor.tokenizer))
        self._one_at_a_time = threading.Lock()
        own: dict[Kind, str] = {
            kind: str(processor.tokenizer.convert_ids_to_tokens(token)) for kind, token in tokens.items()
        }
        self.markers = own if family.marker is None else {**own, "image": getattr(processor, family.marker)}
        self.reserved = frozenset([*own.values(), *self.markers.values()])

    def content(self, parts: Parts) -> str:
        """A turn's content for a template that takes a string."""
        written: dict[Any, str] = self.markers
        return "".join(part.get("text") or written[part["type"]] for part in parts)

    def prompt(
        self,
        rendered: Rendered,
        media: Sequence[Medium],
        special_tokens: SpecialTokens,
        vocabulary: int,
        requester: Requester = ANYBODY,
    ) -> Prompt:
        """The prompt of a text with what it shows; raises InvalidValue, or JobCancelled while it waits."""
        read = self.read(rendered, media, special_tokens.tokens, requester.deadline)
        shown = PieceMedia(read.tokens, read.parts, read.positions, self.encoder_cache, vocabulary, requester.owner)
        return Prompt(read.text, read.tokens, shown)

    def read(
        self, prompt: Rendered, media: Sequence[Medium], tokenise: Tokenise, deadline: CheckDeadline = ENDLESS
    ) -> ProcessedPrompt:
        """Make room for each medium where its marker stands; raises InvalidValue, or JobCancelled while it waits."""
        for kind, marker in self.markers.items():
            wanted, count = sum(medium.kind == kind for medium in media), prompt.marked.count(marker)
            if count != wanted and wanted:
                message = f"the model's chat template shows {count} of the {wanted} {kind} parts in these messages"
                raise InvalidValue(message, param="messages")
        inputs, text, hold = self._held(prompt, media, tokenise, deadline)
        tokens = np.array(inputs["input_ids"][0])
        kinds = {medium.kind for medium in media}
        places = {kind: np.flatnonzero(tokens == self.tokens[kind]).astype(np.int32) for kind in kinds}
        parts = [part for kind in kinds for part in self._parts(kind, inputs, places[kind], hold)]
        parts.sort(key=lambda part: int(part.places[0]))
        return ProcessedPrompt(text, tokens.tolist(), parts, self._positions(len(tokens), inputs, places))

    def _held(
        self, prompt: Rendered, media: Sequence[Medium], tokenise: Tokenise, deadline: CheckDeadline
    ) -> tuple[dict[str, Any], str, Hold]:
        """What the processor makes of a prompt, its text with places, and the memory that it takes."""

        def make() -> tuple[dict[str, Any], str]:
            with deadline.holding(self._one_at_a_time):
                self._words.prompt, self._words.tokens = prompt, tokenise
                return self._processed(prompt.marked, media), self._words.prompt.text

        (inputs, text), hold = self._budget.made(make, lambda made: _nbytes(made[0]), deadline)
        return inputs, text, hold

    def _processed(self, text: str, media: Sequence[Medium]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for medium in media:
            given.setdefault(_TAKEN[medium.kind], []).append(medium.content)
        if videos := [medium for medium in media if medium.kind == "video"]:
            given["fps"] = [video.rate for video in videos]
            if self._family.moments:  # by which the last moment's time is right, also of an odd number of frames
                given["video_metadata"] = [_metadata(video) for video in videos]
        try:
            found = dict(self._processor(text=[text], **given).items())
            if "audio" in given:  # each by itself, so that none is padded to another's length
                found |= self._heard(given["audio"])
            return {name: _arrays(name, value) for name, value in found.items()}
        except Exception as error:  # a processor may refuse anything, as pictures that are too long for their width
            message = f"the model's processor refuses what these messages show: {error}"
            raise InvalidValue(message, param="messages") from error

    def _heard(self, sounds: Sequence[Any]) -> dict[str, Any]:
        extract = self._processor.feature_extractor
        found = [extract([sound], sampling_rate=extract.sampling_rate, return_attention_mask=True) for sound in sounds]
        return {name: [np.array(one[name]) for one in found] for name in ("input_features", "input_features_mask")}

    def _positions(self, length: int, inputs: Inputs, places: Mapping[Kind, Places]) -> Places | None:
        if not self._family.spatial:
            return None
        return positions(length, inputs, places, self._side, moments=self._family.moments)

    def _parts(self, kind: Kind, inputs: Inputs, places: Places, hold: object) -> list[MediaPiece]:
        parts, used = [], 0
        try:
            for cut in self._family.cuts[kind](inputs, places):
                parts.append(MediaPiece.of(self.tokens[kind], places[used : used + cut.tokens], cut.inputs, hold))
                used += cut.tokens
        except ValueError:  # more or fewer stretches of places than pieces
            used = -1
        if used != len(places):
            raise InvalidValue(f"the messages hold other places for {kind} parts than there are", param="messages")
        return parts


def _arrays(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_arrays(name, one) for one in value]
    found = np.array(value)
    return found.astype(bool) if name.endswith("_mask") else found


def _nbytes(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_nbytes, value.values()))
    return sum(map(_nbytes, value)) if isinstance(value, list) else int(value.nbytes)


def _metadata(video: Medium) -> VideoMetadata:
    count = len(video.content)
    return VideoMetadata(total_num_frames=count, fps=video.rate, frames_indices=list(range(count)))
