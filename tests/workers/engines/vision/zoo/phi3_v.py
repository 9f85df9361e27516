"""Phi-3 Vision, whose places of images are ids below zero; the size of its tower is a constant of mlx-vlm's."""

from mlx_vlm.models.phi3_v import VisionModel

from tests.workers.engines.vision.zoo import TEXT, TEXTS, Tiny

TOWER = VisionModel.CLIP_VIT_LARGE_PATCH14_336_CONFIG
TOWER.num_hidden_layers, TOWER.intermediate_size = 2, 64  # of 24 and 4096, which are of no use to a random one

TINY = Tiny(
    config={**TEXT, "vision_config": {"model_type": "phi3_v"}},
    files={"preprocessor_config.json": {"num_crops": 1}},
    tokens=("<|image|>",),
    template=TEXTS,
)
