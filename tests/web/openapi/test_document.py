"""The OpenAPI document is valid, whole, and called as OpenAI calls it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from openai import types
from openai.types import audio, chat, conversations, file_create_params
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from bench.fuzz.campaign import rules
from tasks.values.errors import Failure
from tests.support import documented
from tests.support.servers import ROOT
from web import registry
from web.http.access.auth import is_open
from web.http.anthropic import ANTHROPIC
from web.http.errors import ANSWERS
from web.http.errors import OPENAI as OPENAI_DIALECT
from web.openapi import operation

# As https://github.com/openai/openai-openapi has them.
OPENAI = {
    "POST /v1/chat/completions": "createChatCompletion",
    "GET /v1/chat/completions": "listChatCompletions",
    "GET /v1/chat/completions/{completion_id}": "getChatCompletion",
    "POST /v1/chat/completions/{completion_id}": "updateChatCompletion",
    "DELETE /v1/chat/completions/{completion_id}": "deleteChatCompletion",
    "GET /v1/chat/completions/{completion_id}/messages": "getChatCompletionMessages",
    "POST /v1/conversations": "createConversation",
    "GET /v1/conversations/{conversation_id}": "getConversation",
    "POST /v1/conversations/{conversation_id}": "updateConversation",
    "DELETE /v1/conversations/{conversation_id}": "deleteConversation",
    "POST /v1/conversations/{conversation_id}/items": "createConversationItems",
    "GET /v1/conversations/{conversation_id}/items": "listConversationItems",
    "GET /v1/conversations/{conversation_id}/items/{item_id}": "getConversationItem",
    "DELETE /v1/conversations/{conversation_id}/items/{item_id}": "deleteConversationItem",
    "POST /v1/completions": "createCompletion",
    "POST /v1/embeddings": "createEmbedding",
    "POST /v1/audio/transcriptions": "createTranscription",
    "POST /v1/audio/translations": "createTranslation",
    "POST /v1/audio/speech": "createSpeech",
    "GET /v1/audio/voices": "listVoices",
    "POST /v1/images/generations": "createImage",
    "POST /v1/images/edits": "createImageEdit",
    "POST /v1/images/variations": "createImageVariation",
    "POST /v1/files": "createFile",
    "GET /v1/files": "listFiles",
    "GET /v1/files/{file_id}": "retrieveFile",
    "GET /v1/files/{file_id}/content": "downloadFile",
    "DELETE /v1/files/{file_id}": "deleteFile",
    "POST /v1/batches": "createBatch",
    "GET /v1/batches": "listBatches",
    "GET /v1/batches/{batch_id}": "retrieveBatch",
    "POST /v1/batches/{batch_id}/cancel": "cancelBatch",
    "GET /v1/models": "listModels",
    "GET /v1/models/{name}": "retrieveModel",
}
SENT: dict[str, Any] = {
    "CreateChatCompletionRequest": chat.completion_create_params.CompletionCreateParamsStreaming,
    "CreateCompletionRequest": types.completion_create_params.CompletionCreateParamsStreaming,
    "CreateEmbeddingRequest": types.EmbeddingCreateParams,
    "CreateTranscriptionRequest": audio.transcription_create_params.TranscriptionCreateParamsStreaming,
    "CreateTranslationRequest": audio.translation_create_params.TranslationCreateParams,
    "CreateImageRequest": types.image_generate_params.ImageGenerateParamsStreaming,
    "CreateImageEditForm": types.image_edit_params.ImageEditParamsStreaming,
    "CreateImageVariationForm": types.ImageCreateVariationParams,
    "CreateFileRequest": file_create_params.FileCreateParams,
    "CreateBatchRequest": types.BatchCreateParams,
    "UpdateChatCompletionRequest": chat.completion_update_params.CompletionUpdateParams,
    "CreateConversationRequest": conversations.conversation_create_params.ConversationCreateParams,
    "UpdateConversationRequest": conversations.conversation_update_params.ConversationUpdateParams,
}
GOTTEN: dict[str, type[BaseModel]] = {
    "CreateChatCompletionResponse": chat.ChatCompletion,
    "CreateChatCompletionStreamResponse": chat.ChatCompletionChunk,
    "ChatCompletionResponseMessage": chat.ChatCompletionMessage,
    "ChatCompletionTokenLogprob": chat.ChatCompletionTokenLogprob,
    "CompletionUsage": types.CompletionUsage,
    "CreateCompletionResponse": types.Completion,
    "CompletionLogprobs": types.completion_choice.Logprobs,
    "CreateEmbeddingResponse": types.CreateEmbeddingResponse,
    "Embedding": types.Embedding,
    "CreateTranscriptionResponseJson": audio.Transcription,
    "CreateTranscriptionResponseVerboseJson": audio.TranscriptionVerbose,
    "CreateTranslationResponseJson": audio.Translation,
    "CreateTranslationResponseVerboseJson": audio.TranslationVerbose,
    "TranscriptionSegment": audio.TranscriptionSegment,
    "TranscriptionWord": audio.TranscriptionWord,
    "TranscriptTextDeltaEvent": audio.TranscriptionTextDeltaEvent,
    "TranscriptTextSegmentEvent": audio.TranscriptionTextSegmentEvent,
    "TranscriptTextDoneEvent": audio.TranscriptionTextDoneEvent,
    "ImagesResponse": types.ImagesResponse,
    "Image": types.Image,
    "ImageGenPartialImageEvent": types.ImageGenPartialImageEvent,
    "ImageGenCompletedEvent": types.ImageGenCompletedEvent,
    "ImageEditPartialImageEvent": types.ImageEditPartialImageEvent,
    "ImageEditCompletedEvent": types.ImageEditCompletedEvent,
    "OpenAIFile": types.FileObject,
    "DeleteFileResponse": types.FileDeleted,
    "Batch": types.Batch,
    "BatchError": types.BatchError,
    "BatchUsage": types.BatchUsage,
    "Model": types.Model,
    "StoredChatCompletion": chat.ChatCompletion,
    "ChatCompletionDeleted": chat.ChatCompletionDeleted,
    "StoredMessage": chat.ChatCompletionStoreMessage,
    "Conversation": conversations.Conversation,
    "ConversationDeleted": conversations.ConversationDeletedResource,
    "ConversationItemList": conversations.ConversationItemList,
}


def test_it_is_valid() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(documented.whole()).iter_errors()] == []


def test_it_is_printed_without_a_server() -> None:
    printed = subprocess.run([sys.executable, "-m", "web.openapi"], cwd=ROOT, capture_output=True, check=True).stdout
    assert json.loads(printed) == documented.whole()


def test_it_names_every_route_and_no_other() -> None:
    served = {(method.lower(), documented.path(rule)) for rule, method in rules()}
    assert {(method, path) for method, path, _ in documented.operations()} == served


def test_a_view_that_says_nothing_of_itself_is_missed() -> None:
    def view() -> None: ...

    with pytest.raises(LookupError, match="@operation"):
        operation.of(view)


def test_operations_are_called_as_openai_calls_them() -> None:
    ours = {f"{method.upper()} {path}": shown["operationId"] for method, path, shown in documented.operations()}
    assert {route: ours[route] for route in OPENAI} == OPENAI
    assert len(set(ours.values())) == len(ours)


@pytest.mark.parametrize("name", SENT)
def test_every_field_that_openai_s_sdk_can_send_is_named(name: str) -> None:
    known = documented.whole()["components"]["schemas"][name]
    assert set(SENT[name].__annotations__) <= set(known["properties"])


@pytest.mark.parametrize("name", GOTTEN)
def test_every_field_that_openai_s_sdk_requires_is_in_answers(name: str) -> None:
    known = documented.whole()["components"]["schemas"][name]
    required = {field for field, info in GOTTEN[name].model_fields.items() if info.is_required()}
    assert required <= set(known["required"])


def test_every_error_code_stands_with_its_status() -> None:
    responses = documented.whole()["components"]["responses"]
    for prefix, dialect in (("", OPENAI_DIALECT), ("Message", ANTHROPIC)):
        rest = responses[f"{prefix}AnyError"]["description"]
        told = {code: int(status) for status, code in re.findall(r"- (\d+) `(\w+)`", rest)}
        for name, response in responses.items():
            if status := re.fullmatch(rf"{prefix}Error(\d+)", name):
                told |= dict.fromkeys(re.findall(r"- `(\w+)`", response["description"]), int(status[1]))
        assert told == {code: dialect.status(Failure(code, "")) for code in ANSWERS}
    used = {
        shown["$ref"].split("/")[-1]
        for *_, one in documented.operations()
        for shown in one["responses"].values()
        if "$ref" in shown
    }
    assert used == set(responses)


def test_what_needs_no_key_says_so() -> None:
    free = {path for _, path, shown in documented.operations() if shown.get("security") == []}
    assert free == {path for _, path, _ in documented.operations() if is_open(path)}
    assert {"/health", "/ready", "/openapi.json", "/docs", "/docs/{name}"} < free


def test_fields_are_shown_as_they_are_supported() -> None:
    chat_ = documented.whole()["components"]["schemas"]["CreateChatCompletionRequest"]
    assert chat_["required"] == ["messages", "model"]
    told = chat_["properties"]["temperature"]
    assert told == {"type": ["number", "null"], "minimum": 0, "maximum": 2, "description": told["description"]}
    assert chat_["properties"]["presence_penalty"] == {"type": ["number", "null"], "minimum": -2, "maximum": 2}
    assert (chat_["properties"]["top_p"]["minimum"], chat_["properties"]["top_p"]["maximum"]) == (0, 1)
    assert chat_["properties"]["user"] == {"description": "Taken, changes nothing here."}
    assert chat_["properties"]["verbosity"]["enum"] == [None, "medium"]
    assert chat_["properties"]["use_beam_search"]["enum"] == [None, False]
    assert (
        "enum" not in chat_["properties"]["num_ctx"]
        and "X-Ignored-Fields" in chat_["properties"]["num_ctx"]["description"]
    )
    listed = documented.whole()["paths"]["/v1/jobs"]["get"]["parameters"]
    assert {"type": "integer", "default": 20, "minimum": 1, "maximum": 100} in [one["schema"] for one in listed]


def test_a_model_is_required_only_where_none_may_be_left_out() -> None:
    endpoints = registry.endpoints()
    wrong = []
    for method, path, shown in documented.operations():
        if method != "post" or path not in endpoints:
            continue
        for content in shown["requestBody"]["content"].values():
            body = documented.whole()["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            if ("model" in body["required"]) != ("lm" in endpoints[path].model_types):
                wrong.append(path)
    assert wrong == []
    speech = documented.whole()["components"]["schemas"]["CreateTranscriptionRequest"]
    assert speech["required"] == ["file"] and "left out" in speech["properties"]["model"]["description"]
