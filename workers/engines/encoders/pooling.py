"""How the states of a text's tokens become one vector, as sentence-transformers' Pooling does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx

MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")  # in the order they are joined in
_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_USUAL = "pooling_mode_mean_tokens"  # which a file that does not name it means
_FARTHEST = -1e9  # what padding counts as where the greatest number is taken


@dataclass(frozen=True)
class Pooling:
    """The `modes` whose results are joined; without `prompt` a prompt's tokens are left out, but for that of `cls`."""

    modes: tuple[str, ...]
    prompt: bool = True

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> Pooling:
        """What the config.json of a Pooling module says; raises ValueError for a mode that is not known."""
        named = config.get("pooling_mode") or [
            mode for flag, mode in _FLAGS.items() if config.get(flag, flag == _USUAL)
        ]
        modes = {named} if isinstance(named, str) else set(named)
        if not modes or not modes <= set(MODES):
            raise ValueError(f"it names no pooling that is known ({', '.join(MODES)})")
        return cls(tuple(mode for mode in MODES if mode in modes), bool(config.get("include_prompt", True)))

    def __call__(self, states: mx.array, mask: mx.array, prompts: Sequence[int]) -> mx.array:
        """Vectors (texts, width) of states (texts, tokens, width).

        `mask` is false for padding, `prompts` are the first tokens of each text that are a prompt's.
        """
        if not self.prompt:
            mask = mask & (mx.arange(mask.shape[1])[None] >= mx.array(list(prompts))[:, None])
        return mx.concatenate([_pooled(mode, states, mask) for mode in self.modes], axis=-1)


def _pooled(mode: str, states: mx.array, mask: mx.array) -> mx.array:
    shown = mask[..., None]
    if mode == "cls":
        return states[:, 0]
    if mode == "max":
        return mx.where(shown, states, _FARTHEST).max(axis=1)
    places = mx.arange(1, mask.shape[1] + 1)
    if mode == "lasttoken":
        last = mx.where(mask, places[None], 1).max(axis=1) - 1
        return states[mx.arange(len(last)), last]
    weights = (shown * places[None, :, None] if mode == "weightedmean" else shown).astype(states.dtype)
    total = (states * weights).sum(axis=1)
    count = mx.maximum(weights.sum(axis=1), 1e-9)
    return total / (mx.sqrt(count) if mode == "mean_sqrt_len_tokens" else count)
