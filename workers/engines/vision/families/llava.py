"""LLaVA."""

from workers.engines.vision.family import Family, images

FAMILY = Family({"image": images})
