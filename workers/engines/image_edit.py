"""Image models that edit pictures: `model_type: image-edit`."""

from workers.engines.images.loading import load

__all__ = ["load"]
