"""Molmo: its processor puts an image before the text, and its special tokens have embeddings but no logits."""

from tests.workers.engines.vision.zoo import FIRST, TEXTS, Tiny

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "molmo",
            "d_model": 64,
            "n_heads": 4,
            "n_kv_heads": 2,
            "n_layers": 2,
            "mlp_hidden_size": 128,
            "vocab_size": FIRST,
            "embedding_size": FIRST,
            "additional_vocab_size": 128,
            "max_position_embeddings": 2048,
        },
        "vision_config": {
            "model_type": "molmo",
            "image_default_input_size": [112, 112],
            "image_emb_dim": 32,
            "image_num_heads": 2,
            "image_num_key_value_heads": 2,
            "image_num_layers": 2,
            "image_head_dim": 16,
            "image_mlp_dim": 64,
            "image_num_pos": 65,
            "hidden_size": 64,
            "d_model": 64,
            "vit_layers": [-1, -2],
        },
    },
    files={
        "preprocessor_config.json": {
            "max_crops": 4,
            "overlap_margins": [2, 2],
            "base_image_input_size": [112, 112],
            "image_token_length_w": 4,
            "image_token_length_h": 4,
        },
    },
    tokens=("<im_patch>", "<im_col>", "<im_start>", "<im_end>"),
    template=TEXTS,
)
