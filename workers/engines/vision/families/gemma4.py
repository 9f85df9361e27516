"""Gemma 4."""

from workers.engines.vision.family import Family, frames, images_of_any_size, sounds

FAMILY = Family({"image": images_of_any_size, "audio": sounds, "video": frames})
