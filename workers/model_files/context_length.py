"""How long a context a model's config promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WITHIN = ("text_config", "llm_config", "language_config", "thinker_config")  # where a language model's own may stand


def promised(config: Mapping[str, Any]) -> int | None:
    """Tokens of a config, or of its language model's; None where neither says."""
    own = config.get("max_position_embeddings")
    if isinstance(own, int) and own:
        return own
    parts = (config.get(name) for name in _WITHIN)
    return next((found for part in parts if isinstance(part, Mapping) and (found := promised(part))), None)
