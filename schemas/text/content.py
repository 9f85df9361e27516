"""What a message says: a text, or parts of it with images, sounds and videos between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from mimetypes import guess_type
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import OneOf, Range

from schemas.containers import ByType, kind
from schemas.fields import Body, Count, Shapes, Text, about, loaded

DETAILS = ("auto", "low", "high", "original")
LOW = 512 * 512  # pixels that `detail: low` leaves an image
_DATA_URL = re.compile(r"\s*data:", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")


class Media(NamedTuple):
    """A part that is not text: `source` is a URL, a file's or a blob's id, and stands in the part's `field`.

    An image is shrunk to `max_pixels`, if that is given. What a file holds is known when it is read; its `title` is
    what the model reads before it. `param` is where the part stands in the body, unless that is where messages say.
    """

    kind: Literal["image", "audio", "video", "file"]
    source: Any
    field: str
    max_pixels: int | None = None
    param: str = ""
    title: str = ""


Parts: TypeAlias = tuple[str | Media, ...]


class Part(Body):
    """Base of all parts; prompts are cached here without being told which."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"cache_control"})


class TextPart(Part):
    """Some words."""

    type = kind("text")
    text = fields.String(required=True)


class RefusalPart(Part):
    """Words with which an assistant refused."""

    type = kind("refusal")
    refusal = fields.String(required=True)


class ImageUrl(Body):
    """Where an image is, and how much of it is wanted; only `low` and `max_pixels` change it."""

    IGNORED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"min_pixels": ()}

    url = Text(required=True)
    detail = fields.String(validate=OneOf(DETAILS))
    max_pixels = Count(validate=Range(min=1))


class VideoUrl(Body):
    """Where a video is."""

    url = Text(required=True)


class Address(fields.Field[str | dict[str, Any]]):
    """Where something is: an object with its `url`, or the URL itself."""

    def __init__(self, body: type[Body]) -> None:
        super().__init__(required=True)
        self._body = body

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str | dict[str, Any]:
        if isinstance(value, str):
            return Text().deserialize(value, attr, data)
        if not isinstance(value, Mapping):
            raise ValidationError("must be a URL, or an object with a 'url'.")
        return loaded(self._body, value)

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A string or the object."""
        return {"anyOf": [{"type": "string", "minLength": 1}, shapes.body(self._body)]}


class ImagePart(Part):
    """An image."""

    type = kind("image_url")
    image_url = Address(ImageUrl)


class VideoPart(Part):
    """A video."""

    type = kind("video_url")
    video_url = Address(VideoUrl)


class InputAudio(Body):
    """A sound in base64."""

    data = Text(required=True)
    format = fields.String(required=True, validate=OneOf(("wav", "mp3")))


class AudioPart(Part):
    """A sound."""

    type = kind("input_audio")
    input_audio = fields.Nested(InputAudio, required=True)


class FileRef(Body):
    """A file that was uploaded before, or one in a data URL or base64."""

    file_id = Text()
    file_data = Text()
    filename = fields.String(metadata=about("Stands before what a PDF or a text holds."))

    @validates_schema
    def one(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse none and two."""
        if ("file_id" in data) == ("file_data" in data):
            raise ValidationError("send one of 'file_id' and 'file_data'.", "file_id")


class FilePart(Part):
    """A PDF, a text, or an image, sound or video."""

    type = kind("file")
    file = fields.Nested(FileRef, required=True)


class Content(fields.Field[str | Parts]):
    """A message's text: a string, or parts; parts that are all text are joined."""

    _PART = ByType(
        {
            "text": TextPart,
            "refusal": RefusalPart,
            "image_url": ImagePart,
            "input_audio": AudioPart,
            "video_url": VideoPart,
            "file": FilePart,
        }
    )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str | Parts:
        if isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise ValidationError("must be a string or a list of parts.")
        parts = tuple(self._part(index, part) for index, part in enumerate(value))
        return parts if any(isinstance(part, Media) for part in parts) else "".join(map(str, parts))

    def _part(self, index: int, value: Any) -> str | Media:
        try:
            part = self._PART.deserialize(value)
        except ValidationError as error:
            raise ValidationError({index: error.messages}) from None
        return str(part[part["type"]]) if part["type"] in ("text", "refusal") else _media(part)

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A string, or a list of parts."""
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": shapes.field(self._PART)}]}


def _media(part: Mapping[str, Any]) -> Media:
    name = part["type"]
    if name in ("image_url", "video_url"):
        media: Literal["image", "video"] = "image" if name == "image_url" else "video"
        if isinstance(part[name], str):
            return Media(media, part[name], name)
        fields_ = part[name]
        asked = [LOW if fields_.get("detail") == "low" else None, fields_.get("max_pixels")]
        return Media(media, fields_["url"], f"{name}.url", min((most for most in asked if most), default=None))
    if name == "input_audio":
        return Media("audio", sound(**part[name]), "input_audio.data")
    return file(**part["file"], within="file.")


def file(
    *,
    file_id: str = "",
    file_data: str = "",
    file_url: str = "",
    filename: str = "",
    within: str = "",
    param: str = "",
    max_pixels: int | None = None,
) -> Media:
    """A file by its id, its bytes or its address, whichever is given; `within` is what its fields stand in."""
    if _BASE64.fullmatch(file_data):
        file_data = base64_url(guess_type(filename)[0] or "application/octet-stream", file_data)
    given = {"file_id": file_id, "file_data": file_data, "file_url": file_url}
    field, source = next((name, value) for name, value in given.items() if value)
    return Media("file", source, f"{within}{field}", max_pixels, param, filename)


def sound(data: str, format: str) -> str:
    """A sound in base64 as a data URL, which is what some clients send in the first place."""
    return data if _DATA_URL.match(data) else base64_url(f"audio/{format}", data)


def base64_url(media_type: str, data: str) -> str:
    """A data URL of base64."""
    escaped = data.replace("%", "%25").replace("#", "%23")  # which mean something in a URL, and nothing in base64
    return f"data:{media_type};base64,{escaped}"
