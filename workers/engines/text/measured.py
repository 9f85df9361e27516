"""What was measured of mlx-lm's architectures, by `python -m tests.workers.engines.text.architecture_check`. No MLX.

Two of these compute a padded row without complaint, and wrongly, so nothing but a measurement tells; the others are
known by looking too (`cache/kv.py`), and stand here for those who ask before a model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping

# Architectures whose rows take turns instead of sharing a batch, and why.
TURNS: Mapping[str, str] = {
    "afm7": "the layers that share keys count a row's padding as positions",
    "deepseek_v41": "a LayerCache holds one row",
    "gemma2": "its mask is for one row",
    "gpt_bigcode": "its positions are for one row",
    "llama4": "a ChunkedKVCache holds one row",
    "minimax_m3_vl": "its sparse attention cuts blocks from the beginning of a row's padding",
}


def way(architecture: str) -> str:
    """How the rows of a model of an architecture are decoded, and why, as `mlxq models inspect` says it."""
    return f"in turns: {TURNS[architecture]}" if architecture in TURNS else "together"
