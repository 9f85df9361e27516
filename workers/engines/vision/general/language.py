"""A multimodal model's language model, called as the text engine calls its models: in a batch, or a row at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import KVCache, RotatingKVCache
from mlx_vlm.models.cache import make_prompt_cache

from workers.engines.vision.general.inputs import taken
from workers.engines.vision.general.prompt import Embedded, PromptPart
from workers.engines.vision.general.state import ROPE, ModelState

# What a processor makes that is no model's business once the prompt is embedded.
IDS, _PIXELS, _MASK = "input_ids", "pixel_values", "attention_mask"
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
        ids, pixels, mask = arguments.pop(IDS), arguments.pop(_PIXELS, None), arguments.pop(_MASK, None)
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
        """What the language model makes of a prompt by itself, `stretch` tokens at a time, `asked` for more."""
        layers = make_prompt_cache(self._language)
        for start in range(0, prompt.length, stretch):
            self._state.write(prompt.state)
            yield self.put(PromptPart(prompt, start, min(start + stretch, prompt.length)), layers, **asked)

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

    def put(self, part: PromptPart, layers: list[Any], **asked: Any) -> Any:
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
            part = PromptPart(self.embed({IDS: tokens}), 0, tokens.shape[1])
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
        return self.put(part, layers).logits

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
