"""A multimodal model's language model whose rows take turns, each with the model's own state as it left it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import mlx.core as mx
from mlx_vlm.generate.common import DEFAULT_PREFILL_STEP_SIZE, _chunked_prefill_enabled
from mlx_vlm.models.cache import make_prompt_cache

from workers.engines.vision.general.language import IDS, GeneralLanguage
from workers.engines.vision.general.prompt import Embedded, PromptPart


class Turn:
    """What a row in turns has beside its layers' caches: the model's own state, what its language model is told at
    the next call, logits behind a prompt that was put through to its end, and how much of it was `done`, in tokens."""

    def __init__(self) -> None:
        self.attributes: dict[Any, Any] = {}
        self.arguments: dict[str, Any] = {}
        self.logits: Any = None
        self.done = 0

    @property
    def state(self) -> Any:
        """All of it."""
        return self.attributes, self.arguments, self.logits, self.done

    @classmethod
    def from_state(cls, state: Any) -> Turn:
        """Another one with the same."""
        turn = cls()
        attributes, arguments, turn.logits, turn.done = state
        turn.attributes, turn.arguments = dict(attributes), dict(arguments)
        return turn

    @property
    def nbytes(self) -> int:
        """Bytes that only this row holds."""
        return 0 if self.logits is None else int(self.logits.nbytes)

    def is_trimmable(self) -> bool:
        """Never: what the model keeps has no past."""
        return False

    def empty(self) -> bool:
        """Whether nothing was put through yet."""
        return self.done == 0 and not self.attributes


class TurnsLanguage(GeneralLanguage):
    """Rows are decoded one after the other, each with the model's state as it was after its own last call.

    A prompt is put through to its very end before its row is decoded, because its last token, too, may be embedded as
    none of an answer is, and may attend to or be attended by all others.
    """

    way = "in turns"
    exact_caches = 1
    cut_anywhere = True  # unless the trial has found that a prompt says something else where it is cut elsewhere

    def make_cache(self) -> list[Any]:
        """Empty caches of one row."""
        return [*make_prompt_cache(self._language), Turn()]

    def __call__(
        self, tokens: Any, cache: list[Any] | None = None, media: Sequence[PromptPart | None] | None = None
    ) -> Any:
        """Logits of (1, tokens) ids, float (1, tokens, vocabulary)."""
        *layers, turn = self.make_cache() if cache is None else cache
        part = media[0] if media else None
        if part is None and turn.logits is not None:
            logits, turn.logits = turn.logits, None
            return logits
        if part is None and self.embeds_text and turn.empty():
            return self._embedded(tokens, layers, turn)
        if part is None:
            return self._call(turn, lambda: self._language(tokens, cache=layers, **turn.arguments))
        self._prefill(part, layers, turn)
        # Behind the prompt stands what was answered before the row paused, which was decoded a token at a time.
        for token in tokens[0, max(part.prompt.length - part.start, 0) :]:
            self._call(turn, lambda token=token: self._language(token.reshape(1, 1), cache=layers, **turn.arguments))
        return mx.zeros((1, 1, 1))

    def _embedded(self, tokens: Any, layers: list[Any], turn: Turn) -> Any:
        """Logits of the first tokens of a row, embedded here."""
        prompt = self.embed({IDS: tokens})
        turn.attributes = dict(prompt.state)
        return self._call(turn, lambda: self.put(PromptPart(prompt, 0, prompt.length), layers))

    def _prefill(self, part: PromptPart, layers: list[Any], turn: Turn) -> None:
        """Put the prompt through up to the part's end, or to its own where only the last token is left.

        Its last logits wait for that token to be asked for.
        """
        prompt, length = part.prompt, part.prompt.length
        whole = not self.in_pieces(prompt, layers)
        if turn.done == 0:
            turn.attributes = dict(prompt.state)
        for end in (length,) if whole else (*self._cuts(part.end, length - 1), length):
            if turn.done < end and (whole or end < length or part.end >= length - 1):
                piece = PromptPart(prompt, turn.done, end)
                logits = self._call(turn, lambda piece=piece: self.put(piece, layers))[:, -1:]
                turn.done, turn.logits = end, logits if end == length else None
        if part.end >= length:  # a row that paused goes on behind it
            turn.logits = None

    def _cuts(self, end: int, last: int) -> Iterator[int]:
        """Where the pieces up to `end` end: there, or where mlx-vlm cuts a prompt, up to the next cut."""
        step = DEFAULT_PREFILL_STEP_SIZE
        for cut in (end,) if self.cut_anywhere else range(step, end + step, step):
            yield min(cut, last)

    def in_pieces(self, prompt: Embedded, layers: list[Any]) -> bool:
        """Whether a prompt may go through the model a stretch at a time, as mlx-vlm says."""
        return prompt.ids.shape[1] == prompt.embeddings.shape[1] and bool(
            _chunked_prefill_enabled(
                self._model,
                input_ids=prompt.ids,
                inputs_embeds=prompt.embeddings,
                prompt_cache=layers,
                prefill_kwargs=dict(prompt.arguments),
            )
        )

    def _call(self, turn: Turn, call: Any) -> Any:
        """The logits of a call with the row's own state, which is kept for the next."""
        self._state.write(turn.attributes)
        output = call()
        turn.attributes = dict(self._state.read())
        turn.arguments = _next_arguments(output)
        return output.logits


def _next_arguments(output: Any) -> dict[str, Any]:
    """What the next call is told of this one's output, as mlx-vlm's `generate_step` has it."""
    for name in ("cross_attention_states", "encoder_outputs"):
        if (value := getattr(output, name, None)) is not None:
            return {name: value}
    return {}
