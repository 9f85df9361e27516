"""Molmo with a pointer: behind an image its logits have places of it, too."""

from tests.workers.engines.vision.zoo import Tiny, token
from tests.workers.engines.vision.zoo.molmo2 import ADAPTER, LANGUAGE, PLACES, TOKENS, TOWER

TINY = Tiny(
    config={
        "text_config": {"model_type": "molmo2_text", **LANGUAGE},
        "vision_config": TOWER,
        "adapter_config": ADAPTER,
        **PLACES,
        "image_high_res_id": token(2),
        "image_non_indexable_patch_id": token(6),
        "patch_token_id": token(9),
        "subpatch_token_id": token(10),
        "location_token_id": token(11),
        "patch_embed_dim": 32,
    },
    tokens=(*TOKENS, "<patch>", "<subpatch>", "<location>"),
    markers=("<|image|>",),
)
