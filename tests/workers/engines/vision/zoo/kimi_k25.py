"""Kimi K2.5."""

from tests.workers.engines.vision.zoo import Tiny, kimi_vl

TINY = Tiny(
    config={**kimi_vl.TINY.config, "text_config": {**kimi_vl.TINY.config["text_config"], "model_type": "kimi_k2"}},
    files={"preprocessor_config.json": {"media_proc_cfg": {"patch_size": 14, "in_patch_limit": 64}}},
    tokens=kimi_vl.TINY.tokens,
    markers=kimi_vl.TINY.markers,
)
