"""Granite 4 Vision: several layers of the tower are told to several layers of the language model."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, granite_vision, token

_PINPOINTS = granite_vision.TINY.config["image_grid_pinpoints"]
TINY = Tiny(
    config={
        "text_config": {
            "model_type": "granitemoehybrid",
            **TEXT,
            "num_hidden_layers": 3,
            "shared_intermediate_size": 64,
            "logits_scaling": 1.0,
        },
        "vision_config": {"model_type": "siglip_vision_model", **VISION, "hidden_size": 64},
        "image_token_index": token(0),
        "image_grid_pinpoints": _PINPOINTS,
        "downsample_rate": "2/4",
        "deepstack_layer_map": [[-1, 0], [-2, 1]],
        "spatial_target_layers": [0, 1, 2, 2],
    },
    files={
        "preprocessor_config.json": granite_vision.TINY.files["preprocessor_config.json"],
        "processor_config.json": {
            "patch_size": 8,
            "vision_feature_select_strategy": "full",
            "downsample_rate": "2/4",
        },
    },
    tokens=("<image>",),
)
