"""The body of `POST /v1/score`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from schemas.containers import short
from schemas.fields import Shapes
from schemas.vectors.rerank import MAX_DOCUMENTS, ScoringSchema

PAIRS = (("text_1", "text_2"), ("queries", "documents"), ("data_1", "data_2"))  # vLLM's names for the same


class Texts(fields.Field[tuple[str, ...]]):
    """A text or a list of texts, none of them empty."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[str, ...]:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not texts:
            raise ValidationError("must be a string or a list of strings, and not empty.")
        short(texts, MAX_DOCUMENTS)
        for index, text in enumerate(texts):
            if not isinstance(text, str) or not text:
                message = "must be a string, and not empty."
                raise ValidationError(message if texts is not value else {index: [message]})
        return tuple(texts)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """A string, or a list of strings."""
        text = {"type": "string", "minLength": 1}
        return {"anyOf": [text, {"type": "array", "items": text, "minItems": 1, "maxItems": MAX_DOCUMENTS}]}


class ScoreSchema(ScoringSchema):
    """Pairs of texts to score: the first text with each of the second ones, or each with the one in the same place.

    The fields are `text_1` and `text_2`, or `queries` and `documents`, or `data_1` and `data_2`.
    """

    text_1 = Texts()
    text_2 = Texts()
    queries = Texts()
    documents = Texts()
    data_1 = Texts()
    data_2 = Texts()

    @validates_schema
    def agree(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse anything but one pair of fields whose texts can be paired."""
        first, second = names(data)
        for name in (first, second):
            if name not in data:
                raise ValidationError("this field is required.", name)
        for name in (name for pair in PAIRS if pair != (first, second) for name in pair):
            if name in data:
                raise ValidationError(f"cannot stand beside '{first}' and '{second}'; send one pair of fields.", name)
        queries, documents = len(data[first]), len(data[second])
        if queries not in (1, documents):
            raise ValidationError(
                f"holds {queries} texts and '{second}' {documents}; it must hold one, or as many.", first
            )


def names(data: Mapping[str, Any]) -> tuple[str, str]:
    """The pair of fields that a body uses: the first of which it has any."""
    return next((pair for pair in PAIRS if not data.keys().isdisjoint(pair)), PAIRS[0])
