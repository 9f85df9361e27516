"""Images as files: in their format, with what made them inside, and small ones to look at while it goes on."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import Any, Literal

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from workers.engines.images.canvases.base import PREVIEW
from workers.media.images import opaque

TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_PREVIEW_QUALITY = 70  # percent
_COMMENT = 0x9286  # EXIF's UserComment
_EXIF = 0x8769


def encode(
    picture: Image.Image, format: Literal["png", "jpeg", "webp"], compression: int, metadata: Mapping[str, Any]
) -> bytes:
    """An image as a file; `metadata` is written into it as JSON: PNG's text "mlxq", elsewhere EXIF's comment."""
    file, text = io.BytesIO(), json.dumps(metadata, ensure_ascii=False)
    if format == "png":
        info = PngInfo()
        info.add_itxt("mlxq", text)
        picture.save(file, "PNG", pnginfo=info)
        return file.getvalue()
    exif = Image.Exif()
    exif.get_ifd(_EXIF)[_COMMENT] = b"ASCII\0\0\0" + json.dumps(metadata).encode()
    picture.save(file, format.upper(), quality=max(1, compression), exif=exif)
    return file.getvalue()


def preview(picture: Image.Image) -> str:
    """A small JPEG in base64."""
    small = opaque(picture)
    small.thumbnail((PREVIEW, PREVIEW))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=_PREVIEW_QUALITY)
    return base64.b64encode(file.getvalue()).decode()
