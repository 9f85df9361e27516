"""Image models that edit images: `model_type: image-edit`."""

from workers.engines.images.loading import load

__all__ = ["load"]
