"""Qwen3-Omni: its talker writes frames of codes, of which its vocoder makes samples.

The talker reads what users said and the answer: texts by their embeddings, what is shown by the states of one of the
language model's layers. mlx-vlm's own `generate_stream` does the same in one go, behind an answer that it writes alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import mlx.core as mx
import numpy as np

from workers.engines.vision.general.language import GeneralLanguage
from workers.engines.vision.general.prompt import Embedded
from workers.engines.vision.speakers import Speakable
from workers.media.downmix import Samples

_FRAMES = 4096  # of 80 ms, the most of an answer, as mlx-vlm has it
_CHUNK = _CONTEXT = 25  # frames that are made samples of at a time, and those before them that are looked at again
_STRETCH = 512  # tokens of a prompt that are read at a time
_SAMPLING = {"temperature": 0.9, "top_p": 1.0}  # mlx-vlm's
_SEEDS = 2**32


class Talker:
    """The talker of one loaded model."""

    rate = 24_000

    def __init__(self, model: Any, language: GeneralLanguage, sampling: Mapping[str, float] = _SAMPLING) -> None:
        self._model, self._language, self._sampling = model, language, sampling
        self._config, self._talker = model.config, model.talker
        self._embed = model.thinker.language_model.model.embed_tokens
        self.voices = tuple(self._config.talker_config.speaker_id)

    def speak(self, speakable: Speakable) -> Iterator[Samples | None]:
        """The answer's audio, a frame's work at a time."""
        prompt = speakable.embedded
        if prompt is None:
            prompt = self._language.embed({"input_ids": mx.array([speakable.prompt])})
        ids = mx.concatenate([prompt.ids, mx.array([speakable.answer], prompt.ids.dtype)], axis=1)
        embeddings = mx.concatenate([prompt.embeddings, self._embed(ids[:, prompt.length :])], axis=1)
        shown = self._shown(ids)
        states = embeddings  # which stand for nothing where nothing is shown
        if mx.any(shown).item():
            read = []
            for read_states in self._states(prompt):
                read.append(read_states)
                yield None
            states = mx.concatenate([*read, embeddings[:, prompt.length :]], axis=1)
        voice = self._config.talker_config.speaker_id[speakable.voice or self.voices[0]]
        heard = self._heard(ids, embeddings, shown, states, voice)
        yield from self._samples(self._frames(heard, speakable.seed))

    def _shown(self, ids: Any) -> Any:
        """Which tokens, bool (1, tokens), stand for something shown."""
        thinker = self._config.thinker_config
        return (ids == thinker.audio_token_id) | (ids == thinker.image_token_id) | (ids == thinker.video_token_id)

    def _states(self, prompt: Embedded) -> Iterator[Any]:
        """What the layer that the talker reads makes of a prompt, (1, tokens, width), a stretch at a time."""
        layer = self._config.talker_config.accept_hidden_layer + 1
        for output in self._language.outputs(prompt, _STRETCH, output_hidden_state_idx=layer):
            mx.eval(output.hidden_states)
            yield output.hidden_states

    def _heard(self, ids: Any, embeddings: Any, shown: Any, states: Any, voice: int) -> dict[str, Any]:
        """What the talker's `generate_stream` is given: users' turns, and the beginning of the answer."""
        config, tokens = self._config, ids[0].tolist()
        marks = mx.array([[config.tts_bos_token_id, config.tts_eos_token_id, config.tts_pad_token_id]])
        begin, end, pad = mx.split(self._talker.text_projection(self._embed(marks)), 3, axis=1)
        starts = [at for at, token in enumerate(tokens) if token == config.im_start_token_id]
        turns, their_ids = [], []
        for start, stop in itertools.pairwise([*starts, len(tokens)]):
            role = tokens[start + 1]
            if role == config.user_token_id:
                turns.append(self._model._get_talker_user_parts(start, stop, shown, states, embeddings))
                their_ids.append(ids[:, start:stop])
            elif role == config.assistant_token_id and stop == len(tokens):
                own, own_ids, trailing = self._model._get_talker_assistant_parts(
                    start, stop, voice, embeddings, pad, begin, end
                )
                return {
                    "inputs_embeds": mx.concatenate([*turns, own], axis=1),
                    "trailing_text_hidden": trailing,
                    "tts_pad_embed": pad,
                    "talker_input_ids": mx.concatenate([*their_ids, own_ids], axis=1),
                }
        raise ValueError("the prompt does not end with an assistant's turn, which alone can be spoken")

    def _frames(self, heard: Mapping[str, Any], seed: int) -> Iterator[Any]:
        """Frames of codes, (1, groups); each is drawn with its own seed, because others are drawn between two."""
        frames = self._talker.generate_stream(**heard, max_new_tokens=_FRAMES, **self._sampling)
        for number in itertools.count():
            mx.random.seed((seed + number) % _SEEDS)
            if (frame := next(frames, None)) is None:
                return
            mx.eval(frame)
            yield frame

    def _samples(self, frames: Iterator[Any]) -> Iterator[Samples | None]:
        codes: list[Any] = []
        decoded = 0
        for frame in frames:
            codes.append(frame)
            if len(codes) - decoded < _CHUNK:
                yield None
                continue
            yield self._decoded(codes, decoded)
            decoded = len(codes)
        if decoded < len(codes):
            yield self._decoded(codes, decoded)

    def _decoded(self, codes: list[Any], decoded: int) -> Samples:
        """The samples of the frames behind those that are `decoded`."""
        first = max(0, decoded - _CONTEXT)
        frames = mx.stack(codes[first:], axis=1).transpose(0, 2, 1)
        wave = self._model.code2wav.flush_decode(frames, _CONTEXT, decoded - first)
        # A model that computes nonsense must not break an encoder.
        samples: Samples = np.nan_to_num(np.array(wave.astype(mx.float32)).reshape(-1))
        return samples


def load(model: Any, language: GeneralLanguage) -> Talker | None:
    """The talker of a model; its weights may have come without one, as the Thinking ones do."""
    return Talker(model, language) if model.has_talker else None
