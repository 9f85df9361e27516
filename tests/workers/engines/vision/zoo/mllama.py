"""Llama 3.2 Vision: images are attended to across, and stand in no place of the prompt."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "mllama_text_model",
            **TEXT,
            "num_hidden_layers": 4,
            "num_key_value_heads": 4,
            "cross_attention_layers": [1, 3],
        },
        "vision_config": {
            "model_type": "mllama_vision_model",
            **VISION,
            "attention_heads": 2,
            "max_num_tiles": 2,
            "num_global_layers": 1,
            "vision_output_dim": 64,
            "intermediate_layers_indices": [1],
            "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
        },
        "image_token_index": token(0),
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "MllamaImageProcessor",
            "size": {"height": 32, "width": 32},
            "max_image_tiles": 2,
        },
        "processor_config.json": {"processor_class": "MllamaProcessor"},
    },
    tokens=("<|image|>", "<|begin_of_text|>", "<|python_tag|>"),
    markers=("<|image|>",),
    tokenizer={"bos_token": "<|begin_of_text|>"},
)
