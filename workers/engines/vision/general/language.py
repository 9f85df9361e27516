"""A multimodal model's language model, called as the text engine calls its models: in a batch, or a row at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import KVCache, RotatingKVCache
from mlx_vlm.generate.common import DEFAULT_PREFILL_STEP_SIZE, _chunked_prefill_enabled
from mlx_vlm.models.cache import make_prompt_cache

from workers.engines.vision.general.inputs import taken
from workers.engines.vision.general.prompt import Embedded, PromptPart
from workers.engines.vision.general.state import ROPE, ModelState

# What a processor makes that is no model's business once the prompt is embedded.
_IDS, _PIXELS, _MASK = "input_ids", "pixel_values", "attention_mask"
_GRIDS = ("image_grid_thw", "video_grid_thw")


class GeneralLanguage:
    """Tokens in, logits out; `media` holds at most one part of a prompt, because prompts are prefilled one by one.

    A prompt goes through as mlx-vlm's own `generate_step` puts it through: its embeddings with all that the embedding
    told, a stretch of tokens at a time.
    With `embeds_text` a text that begins a row without having been embedded is embedded then, because some models know
    its positions only so.
    """

    prefills_alone = True
    way: str
    why = "it was not tried"
    embeds_text = False

    def __init__(self, model: Any, state: ModelState) -> None:
        self._model, self._language, self._state = model, model.language_model, state

    @property
    def layers(self) -> Any:
        """The language model's layers."""
        return self._language.layers

    def parameters(self) -> Any:
        """All weights, the towers' too."""
        return self._model.parameters()

    def embed(self, inputs: Mapping[str, Any], first: int = 0) -> Embedded:
        """The embeddings of what a processor made of a prompt; what is shown is encoded here."""
        arguments = dict(taken(dict(inputs)))
        ids, pixels, mask = arguments.pop(_IDS), arguments.pop(_PIXELS, None), arguments.pop(_MASK, None)
        self._state.write({})
        made = self._model.get_input_embeddings(ids, pixels, mask=mask, **arguments)
        told = {name: value for name, value in made.to_dict().items() if name != "inputs_embeds" and value is not None}
        arguments |= told
        arguments |= self._located(ids, arguments)
        state = self._state.read()
        kept = {name: value for (_, name), value in state.items() if name in ROPE}
        positions = arguments.get("position_ids", kept.get(ROPE[0]))
        deltas = arguments.get("rope_deltas", kept.get(ROPE[1]))
        if positions is not None and ids.shape[1] not in positions.shape[-2:]:
            positions = None
        mx.eval(made.inputs_embeds)
        mx.clear_cache()
        delta = 0 if deltas is None else int(mx.array(deltas).reshape(-1)[0])
        return Embedded(ids, made.inputs_embeds, arguments, state, positions, delta, first)

    def outputs(self, prompt: Embedded, stretch: int, **asked: Any) -> Iterator[Any]:
        """What the language model makes of a prompt by itself, so many tokens at a time, when it is asked for more."""
        layers = make_prompt_cache(self._language)
        for start in range(0, prompt.length, stretch):
            self._state.write(prompt.state)
            yield self._put(PromptPart(prompt, start, min(start + stretch, prompt.length)), layers, **asked)

    def _located(self, ids: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Where a prompt's tokens stand, of a model that does not find it with the embeddings: it would look into each
        part of the prompt, as if nothing stood before."""
        known = {"position_ids", "rope_deltas"} & arguments.keys() or any(
            name in ROPE for _, name in self._state.read()
        )
        grids = {name: arguments[name] for name in _GRIDS if arguments.get(name) is not None}
        find = getattr(self._language, "get_rope_index", None)
        if known or find is None or not grids:
            return {}
        positions, self._language._rope_deltas = find(ids, **grids)
        return {"position_ids": positions}

    def _put(self, part: PromptPart, layers: list[Any], **asked: Any) -> Any:
        """The output for the tokens of a part, all of the prompt's."""
        prompt, start, end = part
        arguments = dict(prompt.arguments)
        if prompt.positions is not None:
            # Of a later part of a prompt some models take what its positions would be behind it.
            arguments["position_ids"] = _between(prompt.positions, prompt.length, start, end)
        return self._language(
            prompt.ids[:, start:end],  # which architectures have different names for
            # Which may be more than tokens: an image's take the place of one.
            inputs_embeds=prompt.embeddings[:, start : None if end == prompt.length else end],
            cache=layers,
            n_to_process=end - start,
            **arguments,
            **asked,
        )


class BatchedLanguage(GeneralLanguage):
    """Rows are decoded together, in caches that are merged.

    How far a row's positions are from its length is one more cache, because it, too, is merged, cut and kept with the
    row; of architectures that have such positions (M-RoPE).
    """

    way = "together"

    def __init__(self, model: Any, state: ModelState) -> None:
        super().__init__(model, state)
        self._shifted = hasattr(self._language, "_rope_deltas")
        self.exact_caches = int(self._shifted)

    def make_cache(self) -> list[Any]:
        """Empty caches of one row."""
        layers = [_ours(layer) for layer in make_prompt_cache(self._language)]
        return [*layers, KVCache()] if self._shifted else layers

    def __call__(
        self, tokens: Any, cache: list[Any] | None = None, media: Sequence[PromptPart | None] | None = None
    ) -> Any:
        """Logits of (rows, tokens) ids, float (rows, tokens, vocabulary)."""
        layers = self.make_cache() if cache is None else cache
        part = media[0] if media else None
        if part is None and self.embeds_text and self._shifted and not _begun(layers[-1]):
            part = PromptPart(self.embed({_IDS: tokens}), 0, tokens.shape[1])
        if part is None or part.start >= part.prompt.length:
            return self._go_on(tokens, layers)
        known = min(part.end, part.prompt.length)
        logits = self._prefill(part._replace(end=known), layers)
        return logits if known == part.end else self._go_on(tokens[:, known - part.start :], layers)

    def _prefill(self, part: PromptPart, layers: list[Any]) -> Any:
        self._state.write(part.prompt.state)
        if self._shifted:
            *layers, shifts = layers
            behind = mx.arange(part.start, part.end) >= part.prompt.first
            delta = mx.where(behind, part.prompt.delta, 0).astype(mx.int32)
            _append(shifts, mx.broadcast_to(delta, (len(part.prompt.ids), len(delta))))
        return self._put(part, layers).logits

    def _go_on(self, tokens: Any, layers: list[Any]) -> Any:
        if not self._shifted:
            self._state.write({})
            return self._language(tokens, cache=layers).logits
        *layers, shifts = layers
        rows, length = tokens.shape
        last = mx.zeros((rows, 1), mx.int32)
        begun = _begun(shifts)
        if begun:
            last = shifts.keys_and_values()[0][:, 0, -1]
        _append(shifts, mx.broadcast_to(last, (rows, length)))
        # Who begins has no positions yet, and lets the model find them.
        keys = [key for key in self._state.pristine if key[1] == "_rope_deltas"] if begun else []
        self._state.write(dict.fromkeys(keys, last))
        return self._language(tokens, cache=layers, **({"rope_deltas": last} if begun else {})).logits


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
        prompt = self.embed({_IDS: tokens})
        turn.attributes = dict(prompt.state)
        return self._call(turn, lambda: self._put(PromptPart(prompt, 0, prompt.length), layers))

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
                logits = self._call(turn, lambda piece=piece: self._put(piece, layers))[:, -1:]
                turn.done, turn.logits = end, logits if end == length else None
        if part.end >= length:  # a row that paused goes on behind it
            turn.logits = None

    def _cuts(self, end: int, last: int) -> Iterator[int]:
        """Where pieces end, of which so much was asked for: there, or where mlx-vlm cuts a prompt, up to the next."""
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


def _between(positions: Any, length: int, start: int, end: int) -> Any:
    """The positions of the tokens from `start` to `end`, which are the last axis, or that before the three of each."""
    return positions[..., start:end] if positions.shape[-1] == length else positions[:, start:end]


def _begun(shifts: KVCache) -> bool:
    return not shifts.empty() and shifts.keys_and_values()[0].shape[2] > 0


def _append(shifts: KVCache, values: Any) -> None:
    column = values[:, None, :, None]
    shifts.update_and_fetch(column, mx.zeros(column.shape, mx.int32))


def _ours(layer: Any) -> Any:
    """The text engine's cache of the same kind, where it has one: only those are cut and kept by the token."""
    kind = type(layer).__name__
    if kind == KVCache.__name__:
        return KVCache()
    if kind == RotatingKVCache.__name__:
        return RotatingKVCache(max_size=layer.max_size, keep=layer.keep)
    return layer
