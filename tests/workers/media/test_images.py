"""Pictures are opened under limits, and every one that is refused hears why."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tasks.values.errors import InvalidValue
from workers.media.images import ImageLimits, opaque, open_image, shrunk, within

LIMITS = ImageLimits(pixels=1_000_000, bytes=1 << 20)


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: Any) -> bytes:
    """A picture that is red on the left and blue on the right."""
    image = Image.new(mode, size, "red")
    ImageDraw.Draw(image).rectangle((size[0] // 2, 0, *size), fill="blue")
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *more: bytes, depth: int = 8, data: bytes | None = None) -> bytes:
    """A PNG that says to be so large, whatever is in it."""
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * (1 << 16)) if data is None else data
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(more) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def broken(data: bytes, at: int, by: bytes) -> bytes:
    return data[:at] + by + data[at + len(by) :]


def progressive() -> bytes:
    return picture("JPEG", (200, 200), progressive=True)


TEXT_BOMB = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"A" * (64 << 20)))

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "one byte": (lambda: b"\x89", "not known"),
    "zeros": (lambda: b"\0" * 4096, "not known"),
    "text": (lambda: b"hello, this is a picture", "not known"),
    "HTML": (lambda: b"<!DOCTYPE html><html><body>not found</body></html>", "HTML"),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "SVG"),
    "SVG with entities": (lambda: b'\xef\xbb\xbf<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "a">]><svg/>', "SVG"),
    "PDF": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "PDF"),
    "ZIP": (lambda: b"PK\x03\x04" + b"\0" * 100, "ZIP"),
    "EPS": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not known"),
    "BMP": (lambda: picture("BMP"), "BMP"),
    "TIFF": (lambda: picture("TIFF"), "TIFF"),
    "ICO": (lambda: picture("ICO", (16, 16)), "not known"),
    "HEIC": (lambda: b"\0\0\0\x18ftypheic" + b"\0" * 64, "HEIC"),
    "too many bytes": (lambda: picture() + b"\0" * (1 << 20), "larger than 1048576 bytes"),
    "bomb": (lambda: png(60_000, 60_000), "more than 1000000 pixels"),
    "bomb just above": (lambda: picture(size=(1001, 1000)), "more than 1000000 pixels: 1001 × 1000"),
    "bomb, one line": (lambda: png(2_000_000, 1), "more than 1000000 pixels"),
    "bomb in a GIF's header": (lambda: broken(picture("GIF"), 6, b"\xff\xff\xff\xff"), "more than 1000000 pixels"),
    "bomb in a JPEG": (lambda: picture("JPEG", (8000, 8000), quality=1), "more than 1000000 pixels"),
    "bomb in a WebP": (lambda: picture("WEBP", (4000, 4000)), "more than 1000000 pixels"),
    "bomb in a PNG's text": (lambda: png(8, 8, TEXT_BOMB), "decoded"),
    "PNG without pixels": (lambda: png(0, 0), ""),
    "PNG cut off": (lambda: picture(size=(300, 300))[:-200], "decoded"),
    "PNG that ends in its header": (lambda: picture()[:20], ""),
    "PNG with garbage for pixels": (lambda: png(64, 64, data=b"garbage"), "decoded"),
    "PNG whose checksum is wrong": (lambda: broken(picture(), 18, b"\x01"), ""),
    "PNG of a depth that there is not": (lambda: png(8, 8, depth=3), ""),
    "JPEG cut off": (lambda: picture("JPEG", (300, 300))[:-100], "truncated"),
    "progressive JPEG cut off": (lambda: progressive()[: len(progressive()) // 2], "truncated"),
    "JPEG of its first bytes": (lambda: picture("JPEG")[:4], ""),
    "GIF cut off": (lambda: picture("GIF", (300, 300))[:40], ""),
    "WebP cut off": (lambda: picture("WEBP", (300, 300))[:60], ""),
    "WebP of its header": (lambda: b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0", ""),
    "animated GIF": (lambda: animated("GIF"), "animated"),
    "animated PNG": (lambda: animated("PNG"), "animated"),
    "animated WebP": (lambda: animated("WEBP"), "animated"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_or_broken_is_refused_with_a_reason(name: str) -> None:
    make, why = HOSTILE[name]
    data = make()
    with pytest.raises(InvalidValue, match=why or "image") as refusal:
        open_image(data, "messages[0].content[1]", LIMITS)
    assert refusal.value.failure.param == "messages[0].content[1]"


def test_refusing_takes_no_memory() -> None:
    made = [make() for make, _ in HOSTILE.values()]
    tracemalloc.start()
    for data in made:
        with pytest.raises(InvalidValue):
            open_image(data, "image", LIMITS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_the_usual_formats_are_read(kind: str) -> None:
    image = opaque(open_image(picture(kind), "image", LIMITS))
    assert (image.mode, image.size) == ("RGB", (40, 20))
    red, _, blue = image.getpixel((5, 10))  # type: ignore[misc]
    assert red > 200 > 60 > blue


def test_a_file_is_read_as_bytes_are() -> None:
    assert open_image(io.BytesIO(picture()), "image", LIMITS).tobytes() == (
        open_image(picture(), "image", LIMITS).tobytes()
    )


@pytest.mark.parametrize(("orientation", "size", "corner"), [(1, (40, 20), "red"), (3, (40, 20), "blue")])
def test_a_picture_is_upright(orientation: int, size: tuple[int, int], corner: str) -> None:
    image = open_image(picture("PNG", exif=exif(orientation)), "image", LIMITS)
    assert image.size == size
    assert image.getpixel((0, 0)) == Image.new("RGB", (1, 1), corner).getpixel((0, 0))


@pytest.mark.parametrize(("orientation", "top"), [(6, "red"), (8, "blue")])
def test_a_picture_from_a_camera_on_its_side_is_turned(orientation: int, top: str) -> None:
    image = open_image(picture("PNG", exif=exif(orientation)), "image", LIMITS)
    assert image.size == (20, 40)
    assert image.getpixel((10, 0)) == Image.new("RGB", (1, 1), top).getpixel((0, 0))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_metadata_cost_a_picture_nothing() -> None:
    data = picture("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert open_image(data, "image", LIMITS).size == (40, 20)


def test_what_is_transparent_is_shown_on_white() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(file, "PNG")
    assert opaque(open_image(file.getvalue(), "image", LIMITS)).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_of_grey_keep_their_shades() -> None:
    file = io.BytesIO()
    Image.new("I;16", (4, 4), 0x8000).save(file, "PNG")
    assert opaque(open_image(file.getvalue(), "image", LIMITS)).getpixel((0, 0)) == (128, 128, 128)


def test_a_picture_of_a_phone_is_its_first_one() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (2, 2), "blue")])
    assert open_image(file.getvalue(), "image", LIMITS).size == (8, 8)


def test_a_picture_is_brought_within_a_side_and_keeps_its_shape() -> None:
    image = Image.new("RGB", (400, 200))
    assert within(image, 100).size == (100, 50)
    assert within(image.transpose(Image.Transpose.ROTATE_90), 100).size == (50, 100)
    assert within(image, 400) is image and within(image, None) is image
    assert within(Image.new("RGB", (10_000, 1)), 448).size == (448, 1)


def test_a_picture_is_shrunk_to_so_many_pixels_and_keeps_its_shape() -> None:
    image = Image.new("RGB", (400, 200))
    assert shrunk(image, 20_000).size == (200, 100)
    assert shrunk(image, 80_000) is image
    assert shrunk(Image.new("RGB", (10_000, 1)), 10).size == (316, 1)
