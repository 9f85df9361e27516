"""The body of `POST /v1/rerank` and `POST /v2/rerank`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, Range

from schemas.containers import Items, shallow
from schemas.fields import Call, Count, Flag, Shapes, Text, about
from schemas.inputs import LIMIT

MAX_DOCUMENTS = 10_000  # as Cohere has it

Document: TypeAlias = str | dict[str, Any]


class DocumentField(fields.Field[Document]):
    """A text, or an object that holds one in `text`; its other fields come back with it and change no score."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Document:
        text = value.get("text") if isinstance(value, Mapping) else value
        if not isinstance(text, str) or not text:
            raise ValidationError("must be a text, or an object with one in 'text', and not empty.")
        if isinstance(value, str):
            return value
        shallow(value)
        return dict(value)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """A string or an object."""
        text = {"type": "string", "minLength": 1}
        return {
            "anyOf": [
                text,
                {"type": "object", "properties": {"text": text}, "required": ["text"], "additionalProperties": True},
            ]
        }


class ScoringSchema(Call):
    """Base of what asks how well documents answer queries."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"user", "priority"})

    instruction = Text(metadata=about("What is relevant, for models that read it; the model's own when left out."))
    truncate_prompt_tokens = Count(
        validate=Range(min=-1, max=LIMIT - 1),
        metadata=about("Cuts the document where it and its query have more tokens; -1 stands for the model's context."),
    )
    use_activation = Flag(metadata=about("With false the scores are the model's logits."))


class RerankSchema(ScoringSchema):
    """Documents to sort by how well they answer a query; what does not fit of a document is cut off."""

    ACCEPTED: ClassVar[frozenset[str]] = ScoringSchema.ACCEPTED | {"max_chunks_per_doc"}
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"rank_fields": (["text"],), "return_embeddings": (False,)}

    query = Text(required=True)
    documents = Items(DocumentField(), MAX_DOCUMENTS, required=True, validate=Length(min=1))
    top_n = Count(validate=Range(min=1), metadata=about("How many of the best are returned; all when left out."))
    return_documents = Flag(metadata=about("Whether results hold their documents; they do when it is left out."))
    max_tokens_per_doc = Count(
        validate=Range(min=1, max=LIMIT - 1), metadata=about("Cuts documents that have more tokens.")
    )


class RerankV2Schema(RerankSchema):
    """Documents to sort by how well they answer a query, as Cohere's second version has it."""

    return_documents = Flag(metadata=about("Whether results hold their documents; they do not when it is left out."))
