"""The answers of responses: whole, as events, and their items."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from schemas.answers.base import Answer
from schemas.answers.item_types import ItemStatus, ItemType, PartType

Status: TypeAlias = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]


class ResponseError(Answer, frozen=True):
    """Why a response failed."""

    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
    message: str


class IncompleteDetails(Answer, frozen=True):
    """Why a response is incomplete."""

    reason: Literal["max_output_tokens"]


class OutputTopLogprob(Answer, frozen=True):
    """A token in another one's place; events do not tell its bytes."""

    token: str
    logprob: float
    bytes: list[int] | UnsetType = UNSET


class OutputLogprob(Answer, frozen=True):
    """A token of a text, and the likeliest ones in its place."""

    token: str
    logprob: float
    top_logprobs: list[OutputTopLogprob]
    bytes: list[int] | UnsetType = UNSET


class ContentPart(Answer, frozen=True):
    """A part of an item: a text that was told, said or thought, an image, a sound or a file."""

    type: PartType
    text: str | UnsetType = UNSET
    refusal: str | UnsetType = UNSET
    annotations: list[None] | UnsetType = UNSET
    logprobs: list[OutputLogprob] | UnsetType = UNSET
    image_url: str | UnsetType = UNSET
    file_id: str | UnsetType = UNSET
    file_data: str | UnsetType = UNSET
    file_url: str | UnsetType = UNSET
    filename: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    input_audio: dict[str, str] | UnsetType = UNSET


class ResponseItem(Answer, frozen=True):
    """A message, thinking, or a call of a tool and what came of it."""

    id: str
    type: ItemType
    status: ItemStatus | UnsetType = UNSET
    role: Literal["user", "assistant", "system", "developer"] | UnsetType = UNSET
    content: list[ContentPart] | UnsetType = UNSET
    summary: list[ContentPart] | UnsetType = UNSET
    encrypted_content: str | UnsetType = UNSET
    call_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    namespace: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    input: str | UnsetType = UNSET
    output: str | list[ContentPart] | UnsetType = UNSET


class InputTokensDetails(Answer, frozen=True):
    """Tokens of the prompt that did not have to be computed; none are written to a cache for money."""

    cached_tokens: int
    cache_write_tokens: int


class OutputTokensDetails(Answer, frozen=True):
    """Tokens of the answer that were thinking."""

    reasoning_tokens: int


class ResponseUsage(Answer, frozen=True):
    """Tokens that were read and written."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int


class ResponseReasoning(Answer, frozen=True):
    """How the model was to think."""

    effort: str | None
    summary: str | None


class ResponseText(Answer, frozen=True):
    """What the text was to look like."""

    format: dict[str, Any]
    verbosity: str


class ResponseConversation(Answer, frozen=True):
    """The conversation that a response goes on with."""

    id: str


class Response(Answer, frozen=True):
    """A response: how it stands, what it was asked and what it made; a failed one made nothing."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Status
    error: ResponseError | None
    incomplete_details: IncompleteDetails | None
    model: str
    output: list[ResponseItem]
    usage: ResponseUsage | None
    completed_at: int | None
    background: bool
    frequency_penalty: float
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    metadata: dict[str, str]
    parallel_tool_calls: bool
    presence_penalty: float
    previous_response_id: str | None
    prompt_cache_key: str | None
    prompt_cache_retention: str | None
    reasoning: ResponseReasoning
    safety_identifier: str | None
    service_tier: Literal["default"]
    store: bool
    temperature: float
    text: ResponseText
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    top_logprobs: int
    top_p: float
    truncation: Literal["auto", "disabled"]
    user: str | None
    conversation: ResponseConversation | UnsetType = UNSET


class ResponseStreamEvent(Answer, frozen=True):
    """One event of a response; its type is also the name of the server-sent event, and `type` says what it holds."""

    type: str
    sequence_number: int
    response: Response | UnsetType = UNSET
    item: ResponseItem | UnsetType = UNSET
    item_id: str | UnsetType = UNSET
    output_index: int | UnsetType = UNSET
    content_index: int | UnsetType = UNSET
    summary_index: int | UnsetType = UNSET
    part: ContentPart | UnsetType = UNSET
    delta: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    input: str | UnsetType = UNSET
    logprobs: list[OutputLogprob] | UnsetType = UNSET
    status: Literal["incomplete"] | UnsetType = UNSET
    code: str | UnsetType | None = UNSET
    message: str | UnsetType = UNSET
    param: str | UnsetType | None = UNSET


class ResponseItemList(Answer, frozen=True):
    """A stretch of items, and whether there are more."""

    object: Literal["list"]
    data: list[ResponseItem]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedResponse(Answer, frozen=True):
    """A response that is there no more."""

    id: str
    object: Literal["response"]
    deleted: bool


class InputTokens(Answer, frozen=True):
    """The number of tokens that a model would read."""

    object: Literal["response.input_tokens"]
    input_tokens: int


class CompactedResponse(Answer, frozen=True):
    """A conversation as one item, to be sent in its place."""

    id: str
    object: Literal["response.compaction"]
    created_at: int
    output: list[ResponseItem]
    usage: ResponseUsage
