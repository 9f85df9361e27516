"""Gemma 3."""

from workers.engines.vision.family import Family, images

FAMILY = Family({"image": images}, marker="boi_token")
