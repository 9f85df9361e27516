"""Texts and token ids as bodies hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from marshmallow import ValidationError, fields

from schemas.containers import short
from schemas.fields import Shapes

MAX_INPUTS = 2048  # as OpenAI has it
MAX_TOKENS = 2**20  # token ids in a list
LIMIT = 2**31  # of token ids, and of numbers of tokens

Input: TypeAlias = str | tuple[int, ...]
_TOKEN = {"type": "integer", "minimum": 0, "maximum": LIMIT - 1}
_TOKENS = {"type": "array", "items": _TOKEN, "minItems": 1, "maxItems": MAX_TOKENS}


def is_token(value: Any) -> bool:
    """Whether this can be a token's id."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LIMIT


class Inputs(fields.Field[tuple[Input, ...]]):
    """A text, texts, token ids, or lists of token ids; as 1 to 2048 inputs, none of them empty."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[Input, ...]:
        if isinstance(value, str):
            return (self._one(value),)
        if not isinstance(value, list) or not value:
            raise ValidationError("must be a string, or a list of strings, of token ids or of lists of token ids.")
        if is_token(value[0]):
            short(value, MAX_TOKENS)
            return (self._one(value),)
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
        return tuple(inputs)

    def _one(self, value: Any) -> Input:
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and value and all(is_token(token) for token in value):
            return tuple(value)
        raise ValidationError("must be a text or a list of token ids, and not empty.")

    def shape(self, _: Shapes) -> dict[str, Any]:
        """A string, or one of three kinds of list."""
        text = {"type": "string", "minLength": 1}
        several = ({"type": "array", "items": one, "minItems": 1, "maxItems": MAX_INPUTS} for one in (text, _TOKENS))
        return {"anyOf": [text, _TOKENS, *several]}


class TokenIds(fields.Field[tuple[int, ...]]):
    """A list of at most `most` token ids."""

    def __init__(self, most: int = MAX_TOKENS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._most = most

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[int, ...]:
        if not isinstance(value, list):
            raise ValidationError("must be a list of token ids.")
        short(value, self._most)
        for index, token in enumerate(value):
            if not is_token(token):
                raise ValidationError({index: ["must be a token id."]})
        return tuple(value)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """A list of integers, which may be empty."""
        return {"type": "array", "items": _TOKEN, "maxItems": self._most}
