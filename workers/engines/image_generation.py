"""Image models that make pictures of words, and vary pictures: `model_type: image-generation`."""

from workers.engines.images.loading import load

__all__ = ["load"]
