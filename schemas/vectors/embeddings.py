"""The body of `POST /v1/embeddings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import OneOf, Range

from schemas.fields import Call, Count, Shapes, Text, about
from schemas.inputs import LIMIT, Inputs

AS_MANY_AS_FIT = -1  # as a value of `truncate_prompt_tokens`


class TruncatePromptTokens(Count):
    """A number of tokens, or -1 for as many as the model takes."""

    def _validated(self, value: Any) -> int:
        tokens = super()._validated(value)
        if tokens == 0:
            raise ValidationError("must be a number of tokens, or -1 for as many as the model takes.")
        return tokens

    def shape(self, _: Shapes) -> dict[str, Any]:
        """Any of them but 0."""
        return {"not": {"const": 0}}


class EmbeddingsSchema(Call):
    """Inputs to embed."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"user"})

    input = Inputs(required=True)
    encoding_format = fields.String(validate=OneOf(("float", "base64")))
    dimensions = Count(validate=Range(min=1), metadata=about("A smaller size for the vectors than the model's own."))
    prompt_name = Text(
        metadata=about("Which of the model's prompts stands before every text; `GET /v1/models` lists them by name.")
    )
    input_type = fields.String(
        validate=OneOf(("query", "document")),
        metadata=about("Takes the model's prompt for questions or for what is searched, where it has one."),
    )
    truncate = fields.String(
        validate=OneOf(("NONE", "END", "START")),
        metadata=about("Where an input that is too long is cut; with `NONE` it is refused, which is the default."),
    )
    truncate_prompt_tokens = TruncatePromptTokens(
        validate=Range(min=AS_MANY_AS_FIT, max=LIMIT),
        metadata=about("Cuts every input to this many tokens, at its end unless `truncate` says otherwise."),
    )

    @validates_schema
    def agree(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse fields that contradict each other."""
        if "prompt_name" in data and "input_type" in data:
            raise ValidationError("contradicts 'prompt_name'; send one of the two.", "input_type")
        if "truncate_prompt_tokens" in data and data.get("truncate") == "NONE":
            raise ValidationError("contradicts 'truncate_prompt_tokens'; send one of the two.", "truncate")
