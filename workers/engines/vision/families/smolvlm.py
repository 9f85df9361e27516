"""SmolVLM."""

from workers.engines.vision.family import Family, tiles

FAMILY = Family({"image": tiles})
