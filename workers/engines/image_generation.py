"""Image models that make images of words, and vary images: `model_type: image-generation`."""

from workers.engines.images.loading import load

__all__ = ["load"]
