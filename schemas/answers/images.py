"""The answers of the image endpoints, whole and as streams."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from schemas.answers.base import Answer

Format: TypeAlias = Literal["png", "jpeg", "webp"]


class ImageTokensDetails(Answer, frozen=True):
    """What the prompt consists of."""

    image_tokens: int
    text_tokens: int


class ImagesUsage(Answer, frozen=True):
    """Tokens of the prompt, and of the images that were made."""

    input_tokens: int
    input_tokens_details: ImageTokensDetails
    output_tokens: int
    total_tokens: int


class Image(Answer, frozen=True):
    """An image, inside or behind a link, and the seed and steps that make it again."""

    seed: int
    steps: int
    b64_json: str | UnsetType = UNSET
    url: str | UnsetType = UNSET


class ImagesResponse(Answer, frozen=True):
    """The images that were made."""

    created: int
    background: Literal["opaque", "transparent"]
    data: list[Image]
    output_format: Format
    size: str
    usage: ImagesUsage
    quality: Literal["low", "medium", "high"] | UnsetType = UNSET


class _Event(Answer, frozen=True):
    b64_json: str
    background: Literal["opaque", "transparent"]
    created_at: int
    quality: Literal["auto", "low", "medium", "high"]
    size: str
    output_format: Format


class ImageGenPartialImageEvent(_Event, frozen=True):
    """How an image looks so far."""

    type: Literal["image_generation.partial_image"]
    partial_image_index: int


class ImageGenCompletedEvent(_Event, frozen=True):
    """An image is made."""

    type: Literal["image_generation.completed"]
    usage: ImagesUsage


class ImageEditPartialImageEvent(_Event, frozen=True):
    """How a changed image looks so far."""

    type: Literal["image_edit.partial_image"]
    partial_image_index: int


class ImageEditCompletedEvent(_Event, frozen=True):
    """An image is changed."""

    type: Literal["image_edit.completed"]
    usage: ImagesUsage
