"""Idefics 2."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        "text_config": {"model_type": "mistral", **TEXT},
        "vision_config": {"model_type": "idefics2", **VISION},
        "perceiver_config": {
            "model_type": "idefics2",
            "num_key_value_heads": 2,
            "resampler_depth": 2,
            "resampler_head_dim": 16,
            "resampler_n_heads": 4,
            "resampler_n_latents": 4,
        },
        "image_token_id": token(1),
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "Idefics2ImageProcessor",
            "size": {"shortest_edge": 32, "longest_edge": 32},
            "do_image_splitting": False,
        },
        "processor_config.json": {"processor_class": "Idefics2Processor", "image_seq_len": 4},
    },
    tokens=("<fake_token_around_image>", "<image>", "<end_of_utterance>"),
)
