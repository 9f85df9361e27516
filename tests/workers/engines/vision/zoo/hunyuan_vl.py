"""Hunyuan VL: its processor knows tokens by the ids of the published vocabulary, so that this one is as large."""

from tests.workers.engines.vision.zoo import FIRST, TEXT, Tiny

_IDS = {
    "<pad>": 120002,
    "<image_start>": 120118,
    "<image_end>": 120119,
    "<image>": 120120,
    "<image_newline>": 120121,
    "<placeholder>": 120122,
}
_UNUSED = {f"<unused{number}>": number for number in {*range(FIRST, 120_122)} - {*_IDS.values()}}
TINY = Tiny(
    config={
        **{name: value for name, value in TEXT.items() if name != "vocab_size"},
        "attention_head_dim": 16,
        "vocab_size": 120128,
        "org_vocab_size": 120128,
        "tie_word_embeddings": True,
        "min_pixels": 1024,
        "max_pixels": 16_384,
        "rope_scaling": {
            "type": "xdrope",
            "alpha": 1000.0,
            "beta_fast": 32,
            "beta_slow": 1,
            "factor": 1.0,
            "mscale": 1.0,
            "mscale_all_dim": 1.0,
            "xdrope_section": [2, 2, 2, 2],
        },
        "vision_config": {
            "model_type": "hunyuan_vl",
            "hidden_size": 32,
            "out_hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "patch_size": 16,
            "max_image_size": 128,
        },
    },
    tokens=tuple(_IDS),
    ids={**_UNUSED, **_IDS},
    markers=("<image_start><image><image_end>",),
)
