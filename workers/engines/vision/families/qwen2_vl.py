"""Qwen2-VL."""

from workers.engines.vision.family import PATCHED, Family

FAMILY = Family(PATCHED, spatial=True)
