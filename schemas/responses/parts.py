"""The parts that the content of an item, and what a tool showed, are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import OneOf

from schemas.containers import ByType, kind
from schemas.fields import Body, Shapes, Text
from schemas.text.content import DETAILS, InputAudio, Part


class InputPart(Part):
    """Base of the parts of items; prompts are cached here without breakpoints."""

    ACCEPTED: ClassVar[frozenset[str]] = Part.ACCEPTED | {"prompt_cache_breakpoint"}


class InputTextPart(InputPart):
    """Text that a model reads."""

    type = kind("input_text")
    text = fields.String(required=True)


class OutputTextPart(InputPart):
    """Text that a model wrote."""

    ACCEPTED: ClassVar[frozenset[str]] = InputPart.ACCEPTED | {"annotations", "logprobs", "parsed"}

    type = kind("output_text")
    text = fields.String(required=True)


class RefusedPart(InputPart):
    """Text with which a model refused."""

    type = kind("refusal")
    refusal = fields.String(required=True)


class InputImagePart(InputPart):
    """An image, by a URL, a data URL, or the id of a file."""

    type = kind("input_image")
    image_url = Text()
    file_id = Text()
    detail = fields.String(validate=OneOf(DETAILS))

    @validates_schema
    def one(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a part that has none of these fields or several."""
        _one_of(data, "image_url", "file_id")


class InputFilePart(InputPart):
    """A file, by its id, a URL, or a data URL; a PDF's pages are images with `detail`, as others are."""

    type = kind("input_file")
    file_id = Text()
    file_data = Text()
    file_url = Text()
    filename = fields.String()
    detail = fields.String(validate=OneOf(DETAILS))

    @validates_schema
    def one(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a part that has none of these fields or several."""
        _one_of(data, "file_id", "file_data", "file_url")


class InputAudioPart(InputPart):
    """A sound."""

    type = kind("input_audio")
    input_audio = fields.Nested(InputAudio, required=True)


def _one_of(data: Mapping[str, Any], *names: str) -> None:
    if sum(name in data for name in names) != 1:
        raise ValidationError(f"send one of {' and '.join(map(repr, names))}.", names[0])


PARTS: Mapping[str, type[Body]] = {
    "input_text": InputTextPart,
    "output_text": OutputTextPart,
    "refusal": RefusedPart,
    "input_image": InputImagePart,
    "input_file": InputFilePart,
    "input_audio": InputAudioPart,
}
OUTPUT_PARTS = {name: PARTS[name] for name in ("input_text", "input_image", "input_file")}


class Contents(fields.Field[str | list[dict[str, Any]]]):
    """A text, or a list of parts."""

    def __init__(self, parts: Mapping[str, type[Body]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._part = ByType(parts)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str | list[dict[str, Any]]:
        if isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise ValidationError("must be a string or a list of parts.")
        return [_at(index, self._part, part) for index, part in enumerate(value)]

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A string, or a list of parts."""
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": shapes.field(self._part)}]}


def _at(index: int, field: fields.Field[Any], value: Any) -> Any:
    try:
        return field.deserialize(value)
    except ValidationError as error:
        raise ValidationError({index: error.messages}) from None
