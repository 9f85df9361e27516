"""Flint: it only reads text, which mlx-lm does not load."""

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, TEXTS, Tiny

TINY = Tiny(
    config={
        **TEXT,
        **EXPERTS,
        "shared_expert_intermediate_size": 32,
        "layer_types": ["sliding_attention", "full_attention"],
        "no_rope_layer_indices": [1],
        "sliding_window": 48,
    },
    template=TEXTS,
)
