"""What mlx-vlm says by itself: no cache, no batch, every step computed anew from the whole prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx_vlm.utils import load_model  # noqa: E402
from transformers import AutoProcessor  # noqa: E402

STEPS = 8
BIASED = tuple((token, -100.0) for token in range(516, 544))  # the end, and what keeps places
# What of a processor's output belongs to the language model, and to nobody.
_ASIDE = ("input_ids", "attention_mask", "mm_token_type_ids")


def logprobs(folder: Path, text: str, **shown: Any) -> list[float]:
    """Of the likeliest answer to a prompt and what it shows, as its processor takes that."""
    model = load_model(folder)
    processor: Any = AutoProcessor.from_pretrained(folder, trust_remote_code=False)  # type: ignore[no-untyped-call]
    given = processor(text=[text], **shown)
    more = {name: value for name, value in given.items() if name not in _ASIDE}
    tokens, said = given["input_ids"], []
    made = model.get_input_embeddings(tokens, mask=mx.ones_like(tokens), **more)
    begun = made.inputs_embeds
    while len(said) < STEPS:
        rest = tokens[:, begun.shape[1] :]
        embeddings = mx.concatenate([begun, model.get_input_embeddings(rest).inputs_embeds], axis=1)
        told = {}
        if hasattr(model.language_model, "get_rope_index"):
            grids = more.get("image_grid_thw"), more.get("video_grid_thw")
            told["position_ids"], _ = model.language_model.get_rope_index(tokens, *grids)
        if made.deepstack_visual_embeds is not None:
            spoken = mx.zeros((1, len(said)), mx.bool_)
            told["visual_pos_masks"] = mx.concatenate([made.visual_pos_masks, spoken], axis=1)
            told["deepstack_visual_embeds"] = made.deepstack_visual_embeds
        if (layers := model.get_input_embeddings(tokens).per_layer_inputs) is not None:
            told["per_layer_inputs"] = layers
        logits = model.language_model(tokens, inputs_embeds=embeddings, **told).logits[0, -1].astype(mx.float32)
        token = int(mx.argmax(logits[: BIASED[0][0]]))
        said.append(float(logits[token] - mx.logsumexp(logits)))
        tokens = mx.concatenate([tokens, mx.array([[token]])], axis=1)
    return said
