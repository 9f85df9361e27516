"""How a prompt goes through a language model whose rows take turns."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import pytest
from mlx_lm.models.cache import KVCache

from workers.engines.vision.general.prompt import PromptPart
from workers.engines.vision.general.state import ModelState
from workers.engines.vision.general.turns import DEFAULT_PREFILL_STEP_SIZE as PIECE
from workers.engines.vision.general.turns import TurnsLanguage


class Words(nn.Module):  # type: ignore[misc]
    """A language model that knows its tokens under a name of its own, as ZAYA1-VL's."""

    def __init__(self) -> None:
        super().__init__()
        self._lengths: list[int] = []
        self.layers: list[Any] = []

    def make_cache(self) -> list[KVCache]:
        return [KVCache()]

    def __call__(self, words: Any, inputs_embeds: Any = None, cache: Any = None, **told: Any) -> Any:
        self._lengths.append(words.shape[1])
        return SimpleNamespace(logits=mx.zeros((1, words.shape[1], 4)))


class Model(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.language_model = Words()

    def get_input_embeddings(self, ids: Any, pixels: Any, **told: Any) -> Any:
        return SimpleNamespace(inputs_embeds=mx.zeros((*ids.shape, 4)), to_dict=dict)


LENGTH = 2 * PIECE + 905
LAST = LENGTH - 1


@pytest.mark.parametrize(
    ("cut_anywhere", "ends", "lengths"),
    [
        (True, [LAST], [LAST, 1]),
        (True, [1000, 2500, LAST], [1000, 1500, LAST - 2500, 1]),
        (False, [LAST], [PIECE, PIECE, 904, 1]),
        (False, [1000, 2500, 4000, LAST], [PIECE, PIECE, 904, 1]),
        (False, [LENGTH], [PIECE, PIECE, 904, 1]),
    ],
)
def test_a_prompt_is_read_in_the_pieces_of_mlx_vlm_where_it_says_something_else_in_others(
    cut_anywhere: bool, ends: Sequence[int], lengths: Sequence[int]
) -> None:
    model = Model()
    language = TurnsLanguage(model, ModelState(model))
    language.cut_anywhere = cut_anywhere
    ids = mx.zeros((1, LENGTH), mx.int32)
    prompt, caches, start = language.embed({"input_ids": ids}), language.make_cache(), 0
    for end in ends:
        language(ids[:, start:end], cache=caches, media=[PromptPart(prompt, start, end)])
        start = end
    assert model.language_model._lengths == lengths
