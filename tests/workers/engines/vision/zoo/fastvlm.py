"""FastVLM, whose images take the place of one token; the size of its tower is a constant of mlx-vlm's."""

from mlx_vlm.models.fastvlm import VisionConfig

from tests.workers.engines.vision.zoo import TEXT, TEXTS, Tiny

VisionConfig.layers = [1, 1, 1, 1, 1]
VisionConfig.embed_dims = [8, 16, 16, 32, 32]

TINY = Tiny(
    config={
        "model_type": "llava_qwen2",
        "text_config": {"model_type": "qwen2", **TEXT},
        "vision_config": {"model_type": "llava_qwen2", "projection_dim": 32},
        "mm_hidden_size": 64,
    },
    files={
        "preprocessor_config.json": {
            "size": {"shortest_edge": 128},
            "crop_size": {"height": 128, "width": 128},
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [1e-4, 1e-4, 1e-4],  # so that a random tower sees anything
        },
    },
    template=TEXTS,
)
