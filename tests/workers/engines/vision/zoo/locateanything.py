"""LocateAnything: images are counted in the prompt."""

from tests.workers.engines.vision.zoo import PARTS, TEXT, Tiny, token

_COUNTED = "{% set shown = namespace(count=0) %}" + PARTS.replace(
    "IMAGE", "{% set shown.count = shown.count + 1 %}<image-{{ shown.count }}>"
)
TINY = Tiny(
    config={
        "text_config": {"model_type": "qwen2", **TEXT, "tie_word_embeddings": True},
        "vision_config": {
            "model_type": "moonvit",
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "init_pos_emb_height": 8,
            "init_pos_emb_width": 8,
        },
        "image_token_index": token(0),
    },
    tokens=("<IMG_CONTEXT>", "<img>", "</img>"),
    template=_COUNTED,
)
