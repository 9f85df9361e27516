"""Images that somebody sent: opened under limits, turned as their camera was held, and refused with a reason."""

from __future__ import annotations

import contextlib
import io
import math
import os
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from tasks.values.errors import InvalidValue

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_READABLE = "PNG, JPEG, WebP or a GIF of one frame"
_MPO = "MPO"  # how phones write a JPEG with a preview behind it; its first image is the one that is meant
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_OTHERS = (
    (b"<", "it begins like HTML, XML or SVG"),
    (b"BM", "it begins like a BMP"),
    (b"II*\0", "it begins like a TIFF"),
    (b"MM\0*", "it begins like a TIFF"),
    (b"%PDF", "it begins like a PDF"),
    (b"PK\x03\x04", "it begins like a ZIP archive"),
)
_HEAD = 64  # bytes that tell what a file is


@dataclass(frozen=True)
class ImageLimits:
    """The largest image that is opened: in pixels, however few bytes hold them, and in bytes as it was sent."""

    pixels: int = 64_000_000
    bytes: int = 64 << 20


def open_image(source: BinaryIO | bytes, param: str, limits: ImageLimits) -> Image.Image:
    """An image, decoded and upright, in its own mode; InvalidValue of `param` says why it is refused.

    Nothing is decoded before the image's size is known to be within the limits.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size > limits.bytes:
        raise InvalidValue(f"the image is larger than {limits.bytes} bytes", param=param)
    head = file.read(_HEAD)
    file.seek(0)
    try:
        return _upright(_decoded(file, param, limits))
    except InvalidValue:
        raise
    except UnidentifiedImageError:
        raise InvalidValue(
            f"this is not an image that can be read: {_why(head)}; send {_READABLE}", param=param
        ) from None
    except Image.DecompressionBombError:
        raise InvalidValue(_too_large(limits), param=param) from None
    except Exception as error:  # what the decoders raise for broken files is of every kind
        raise InvalidValue(f"the image cannot be decoded: {error}", param=param) from error


def pixels(file: BinaryIO) -> int:
    """The pixels that an image says it has, before it is decoded; 0 for anything else."""
    try:
        image = Image.open(file, formats=FORMATS)
    except Exception:  # why it is refused is told when it is opened
        return 0
    return image.width * image.height


def opaque(image: Image.Image) -> Image.Image:
    """The same image in RGB, what is transparent in it on white."""
    if image.mode in ("I", "I;16", "I;16B", "I;16L"):  # 16 bits of grey, which convert() would cut off at 255
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(layered, mask=layered.getchannel("A"))
    return ground


def shrunk(image: Image.Image, pixels: int) -> Image.Image:
    """The image with at most `pixels` pixels, its shape kept; one that has no more is returned as it is."""
    if image.width * image.height <= pixels:
        return image
    scale = math.sqrt(pixels / (image.width * image.height))
    size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def within(image: Image.Image, side: int | None) -> Image.Image:
    """The image with no side longer than `side` pixels, its shape kept; None leaves it as it is."""
    longest = max(image.size)
    if side is None or longest <= side:
        return image
    size = (max(1, round(image.width * side / longest)), max(1, round(image.height * side / longest)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _decoded(file: BinaryIO, param: str, limits: ImageLimits) -> Image.Image:
    image = Image.open(file, formats=FORMATS)
    if image.width * image.height > limits.pixels:
        raise InvalidValue(f"{_too_large(limits)}: {image.width} × {image.height}", param=param)
    if getattr(image, "is_animated", False) and image.format != _MPO:
        raise InvalidValue("the image is animated; send the frame that is meant", param=param)
    image.load()
    return image


def _upright(image: Image.Image) -> Image.Image:
    turn = None
    with contextlib.suppress(Exception):  # broken metadata cost the image nothing but its turn
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _too_large(limits: ImageLimits) -> str:
    return f"the image has more than {limits.pixels} pixels"


def _why(head: bytes) -> str:
    if not head:
        return "it is empty"
    if head[4:8] == b"ftyp":
        return "it begins like a HEIC, AVIF or video file"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((why for magic, why in _OTHERS if start.startswith(magic)), "its format is not known here")
