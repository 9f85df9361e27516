"""What the bodies of the image endpoints have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from schemas.fields import Call, Flag, Shapes, Text, Upload, about
from schemas.text.sampling import adapter

MOST = 10  # images of a call
SENT = 16  # images in a call
SEEDS = 2**63
QUALITIES = {"auto": None, "low": "low", "medium": "medium", "high": "high", "standard": "medium", "hd": "high"}
_WORDS = {"true": True, "false": False}
_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")


class Size(fields.Field[tuple[int, int] | None]):
    """WIDTHxHEIGHT in pixels, or `auto`, which leaves it to the model."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[int, int] | None:
        if value == "auto":
            return None
        parsed = _SIZE.fullmatch(value) if isinstance(value, str) else None
        if parsed is None:
            raise ValidationError("must be 'auto' or WIDTHxHEIGHT in pixels, such as '1024x768'.")
        return int(parsed[1]), int(parsed[2])

    def shape(self, _: Shapes) -> dict[str, Any]:
        """Two numbers, or `auto`."""
        return {"type": "string", "pattern": f"^(auto|{_SIZE.pattern})$"}


class Quality(fields.Field[str | None]):
    """How much work an image is worth; `standard` and `hd` are older words for it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str | None:
        if not isinstance(value, str) or value not in QUALITIES:
            raise ValidationError(f"must be one of {', '.join(QUALITIES)}.")
        return QUALITIES[value]

    def shape(self, _: Shapes) -> dict[str, Any]:
        """A word."""
        return {"type": "string", "enum": list(QUALITIES)}


class Whole(fields.Integer):
    """A whole number, as JSON or as the digits that a form holds."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise self.make_error("invalid")
        return int(super()._validated(value))


class Real(fields.Float):
    """A finite number, as JSON or as the digits that a form holds."""

    def __init__(self, least: float, most: float, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(allow_nan=False, validate=Range(least, most), metadata=metadata)

    def _validated(self, value: Any) -> float:
        if isinstance(value, bool):
            raise self.make_error("invalid")
        return float(super()._validated(value))


class FormFlag(Flag):
    """true or false, as JSON or as the word that a form holds."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        word = _WORDS.get(value, value) if isinstance(value, str) else value
        return super()._deserialize(word, attr, data, **kwargs)


class Picture(Upload):
    """An upload of a form; in JSON a URL, a data URL or the id of a file or a blob, or an object with one of them."""

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """What stands in JSON."""
        text = super().shape(shapes)
        named = [{"required": [name], "properties": {name: text}} for name in ("image_url", "file_id")]
        return {"anyOf": [text, *({"type": "object", "additionalProperties": False, **one} for one in named)]}


class Pictures(fields.Field[list[Any]]):
    """One upload or several."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        parsed = value if isinstance(value, list) else [value]
        Length(1, SENT, error="must be one image or up to {max}.")(parsed)
        return parsed

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """An image or a list of them."""
        one = shapes.field(Picture())
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": SENT}]}


class ImagesSchema(Call):
    """Images to make; numbers may be strings, because a form knows nothing else."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"moderation", "safety_identifier", "user"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "complexity": (),
        "frame_count": (1,),
        "frame_duration_ms": (),
        "style": (),
        "svg": (),
    }

    adapter = adapter()
    negative_prompt = Text(metadata=about("What is not to be seen, where the model takes it."))
    n = Whole(validate=Range(1, MOST))
    size = Size()
    quality = Quality()
    steps = Whole(validate=Range(1, 1000), metadata=about("Denoising steps; the model's own number by default."))
    guidance_scale = Real(0, 100)
    seed = Whole(
        validate=Range(0, SEEDS - 1), metadata=about("Image i of a call has this seed + i; random unless given.")
    )
    response_format = fields.String(
        validate=OneOf(["b64_json", "url"]),
        metadata=about("The image itself, or a signed link that works as long as the result is kept."),
    )
    output_format = fields.String(validate=OneOf(["png", "jpeg", "webp"]))
    background = fields.String(
        validate=OneOf(["auto", "opaque", "transparent"]),
        metadata=about("`transparent` needs a model that can, and PNG or WebP; else it is opaque."),
    )
    output_compression = Whole(validate=Range(0, 100), metadata=about("The quality of JPEG and WebP in percent."))
    partial_images = Whole(validate=Range(0, 3), metadata=about("Previews of each image in a stream."))
    stream = FormFlag()

    @validates_schema
    def fits_together(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse what would have no effect beside another field."""
        if data.get("stream") and data.get("response_format") == "url":
            raise ValidationError("a stream holds the images themselves; leave it out.", "response_format")
        if data.get("background") == "transparent" and data.get("output_format") == "jpeg":
            raise ValidationError("a JPEG has no transparency; make it png or webp.", "output_format")
        if "output_compression" in data and data.get("output_format", "png") == "png":
            raise ValidationError("has an effect with an 'output_format' of jpeg or webp only.", "output_compression")
