"""`python -m schemas`: the documents' tables of request fields."""

from __future__ import annotations

import json
from collections.abc import Iterator

from schemas.fields import Body, rows
from schemas.images.edits import ImagesEditsSchema
from schemas.images.generations import ImagesGenerationsSchema
from schemas.images.variations import ImagesVariationsSchema
from schemas.messages.count_tokens import MessagesCountTokensSchema
from schemas.messages.messages import MessagesSchema
from schemas.responses.responses import InputTokensSchema, ResponsesSchema
from schemas.speech.audio_speech import AudioSpeechSchema
from schemas.speech.transcriptions import TranscriptionsSchema
from schemas.speech.translations import TranslationsSchema
from schemas.text.chat import ChatSchema
from schemas.text.chat_render import ChatRenderSchema
from schemas.text.completions import CompletionsSchema
from schemas.text.detokenize import DetokenizeSchema
from schemas.text.tokenize import TokenizeSchema
from schemas.vectors.embeddings import EmbeddingsSchema
from schemas.vectors.rerank import RerankSchema, RerankV2Schema
from schemas.vectors.score import ScoreSchema

TABLES: dict[str, dict[str, type[Body]]] = {
    "text fields": {
        "/v1/chat/completions": ChatSchema,
        "/v1/completions": CompletionsSchema,
        "/v1/responses": ResponsesSchema,
        "/v1/responses/input_tokens": InputTokensSchema,
        "/v1/messages": MessagesSchema,
        "/v1/messages/count_tokens": MessagesCountTokensSchema,
        "/v1/chat/render": ChatRenderSchema,
        "/v1/tokenize": TokenizeSchema,
        "/v1/detokenize": DetokenizeSchema,
    },
    "fields": {
        "/v1/embeddings": EmbeddingsSchema,
        "/v1/rerank": RerankSchema,
        "/v2/rerank": RerankV2Schema,
        "/v1/score": ScoreSchema,
        "/v1/audio/transcriptions": TranscriptionsSchema,
        "/v1/audio/translations": TranslationsSchema,
        "/v1/audio/speech": AudioSpeechSchema,
    },
    "image fields": {
        "/v1/images/generations": ImagesGenerationsSchema,
        "/v1/images/edits": ImagesEditsSchema,
        "/v1/images/variations": ImagesVariationsSchema,
    },
}
BODIES = {path: body for bodies in TABLES.values() for path, body in bodies.items()}


def table(name: str) -> Iterator[str]:
    """Lines of Markdown: what each endpoint honours, takes without effect, knows and ignores, and refuses."""
    yield (
        "| endpoint | honoured | taken, changes nothing | ignored and named, as unknown fields are; refused at values "
        "other than the one shown | refused by name, except null and the value shown |"
    )
    yield "| --- | --- | --- | --- | --- |"
    for path, body in TABLES[name].items():
        cells: dict[str, list[str]] = {"honoured": [], "accepted": [], "ignored": [], "refused": []}
        for row in rows(body):
            taken = " or ".join(json.dumps(value) for value in row.taken)
            cells[row.support].append(f"`{row.name}`" + (f" ({taken})" if taken else ""))
        columns = (", ".join(names) or "none" for names in cells.values())
        yield f"| `{path}` | " + " | ".join(columns) + " |"


if __name__ == "__main__":
    for name in TABLES:
        print("\n".join([f"<!-- {name} -->", *table(name), f"<!-- end of {name} -->"]))  # noqa: T201
