"""What config.json says of rotary positions: transformers 5 nests it in `rope_parameters`, others do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def base(config: Mapping[str, Any], name: str, usual: float) -> float:
    """The base of the rotation, under the `name` that the architecture's own files have for it."""
    nested = config.get("rope_parameters") or {}
    return float(nested.get("rope_theta") or config.get(name) or usual)


def factor(config: Mapping[str, Any]) -> float:
    """What NTK stretches the rotation by; raises ValueError for another kind of scaling."""
    scaling = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = scaling.get("rope_type") or scaling.get("type") or "default"
    if kind == "default":
        return 1.0
    if kind != "ntk" or scaling.get("mixed_b") is not None:
        raise ValueError(f"its rotary positions are scaled as '{kind}', and only 'ntk' is known for this architecture")
    return float(scaling["factor"])


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with `rope_theta` and `rope_scaling` beside the rest, as mlx-lm reads them."""
    nested = config.get("rope_parameters")
    if not isinstance(nested, Mapping) or "rope_theta" not in nested:
        return dict(config)
    scaled = nested.get("rope_type", "default") != "default"
    return {"rope_theta": nested["rope_theta"], **({"rope_scaling": dict(nested)} if scaled else {}), **config}
