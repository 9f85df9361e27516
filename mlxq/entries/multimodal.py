"""What the models' file may say of a multimodal model."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from mlxq.entries.model_entry import about
from mlxq.entries.text import TextEntry
from mlxq.ranges import Natural, Positive, Seconds


class MultimodalOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of what a request shows a multimodal model."""

    max_media: Annotated[Natural, about("images, pages of PDFs, sounds and videos of a request")] = 32
    max_image_pixels: Annotated[Positive, about("pixels of an image")] = 64_000_000
    max_image_bytes: Annotated[Positive, about("bytes of an image as it was sent")] = 64 << 20
    max_audio_seconds: Annotated[Seconds, about("seconds of a sound")] = 30.0
    max_video_seconds: Annotated[Seconds, about("seconds of a video")] = 120.0
    max_video_frames: Annotated[Positive, about("frames that are taken of a video")] = 32
    vision_cache_bytes: Annotated[Natural, about("bytes of encoded media that are kept")] = 256 << 20


class MultimodalEntry(TextEntry, frozen=True, kw_only=True, tag="multimodal"):
    """A model that writes text about images, videos and sounds."""

    options: MultimodalOptions = MultimodalOptions()
