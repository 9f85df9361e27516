"""The body of `POST /v1/embeddings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields
from marshmallow.validate import OneOf, Range

from schemas.fields import Body, Count, Text

MAX_INPUTS = 2048
TOKEN_LIMIT = 1 << 31


class Inputs(fields.Field[list[str | list[int]]]):
    """A text, texts, token ids, or lists of token ids; as a list of 1 to 2048 inputs, none of them empty."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[str | list[int]]:
        if isinstance(value, str):
            return [self._one(value)]
        if not isinstance(value, list) or not value:
            raise ValidationError("must be a string, or a list of strings, of token ids or of lists of token ids.")
        if _token(value[0]):
            return [self._one(value)]
        if len(value) > MAX_INPUTS:
            raise ValidationError(f"holds {len(value)} inputs; at most {MAX_INPUTS} are taken at a time.")
        inputs = []
        for index, one in enumerate(value):
            try:
                inputs.append(self._one(one))
            except ValidationError as error:
                raise ValidationError({index: error.messages}) from error
        if len({isinstance(one, str) for one in inputs}) > 1:
            raise ValidationError("mixes texts and token ids; send them apart.")
        return inputs

    def _one(self, value: Any) -> str | list[int]:
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and value and all(_token(token) for token in value):
            return value
        raise ValidationError("must be a text or a list of token ids, and not empty.")


def _token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < TOKEN_LIMIT


class EmbeddingsSchema(Body):
    """Inputs to embed."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"user"})

    model = Text(required=True)
    input = Inputs(required=True)
    encoding_format = fields.String(validate=OneOf(("float", "base64")))
    dimensions = Count(validate=Range(min=1))
