"""Llama 3.2 Vision: some layers attend to what images look like, and keep nothing of the text."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

TINY = Tiny(
    config={
        "text_config": {"model_type": "mllama", **TEXT, "num_hidden_layers": 4, "cross_attention_layers": [1, 3]},
        "vision_config": {
            "image_size": 28,
            "patch_size": 14,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_global_layers": 1,
            "num_attention_heads": 2,
            "intermediate_layers_indices": [0, 1],
            "vision_output_dim": 96,
        },
        "image_token_index": token(0),
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "MllamaImageProcessor",
            "size": {"height": 28, "width": 28},
            "max_image_tiles": 4,
        },
    },
    tokens=("<|image|>", "<|begin_of_text|>", "<|python_tag|>"),
    markers=("<|image|>",),
    tokenizer={"bos_token": "<|begin_of_text|>"},
)
