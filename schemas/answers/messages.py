"""The answers of Anthropic's API: messages, their streams, batches of them, models and errors."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from schemas.answers.base import Answer

StopReason: TypeAlias = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "model_context_window_exceeded"]


class TextBlock(Answer, frozen=True, tag="text", tag_field="type"):
    """Some words."""

    text: str


class ThinkingBlock(Answer, frozen=True, tag="thinking", tag_field="type"):
    """What the model thought; the signature may be sent back with it."""

    thinking: str
    signature: str


class ToolUseBlock(Answer, frozen=True, tag="tool_use", tag_field="type"):
    """A tool that the model calls."""

    id: str
    name: str
    input: dict[str, Any]


ContentBlock: TypeAlias = TextBlock | ThinkingBlock | ToolUseBlock


class OutputTokensDetails(Answer, frozen=True):
    """Tokens of the answer that were thinking."""

    thinking_tokens: int


class MessageUsage(Answer, frozen=True):
    """Tokens that were read, computed or from a cache, and written."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int
    output_tokens_details: OutputTokensDetails


class AnthropicMessage(Answer, frozen=True, tag="message", tag_field="type"):
    """An answer; one that a stream begins has no content and no reason to stop yet."""

    id: str
    role: Literal["assistant"]
    model: str
    content: list[ContentBlock]
    stop_reason: StopReason | None
    stop_sequence: str | None
    usage: MessageUsage


class MessageStartEvent(Answer, frozen=True, tag="message_start", tag_field="type"):
    """The answer begins."""

    message: AnthropicMessage


class ContentBlockStartEvent(Answer, frozen=True, tag="content_block_start", tag_field="type"):
    """A block begins."""

    index: int
    content_block: ContentBlock


class TextDelta(Answer, frozen=True, tag="text_delta", tag_field="type"):
    """More of a text."""

    text: str


class ThinkingDelta(Answer, frozen=True, tag="thinking_delta", tag_field="type"):
    """More thinking."""

    thinking: str


class SignatureDelta(Answer, frozen=True, tag="signature_delta", tag_field="type"):
    """The signature of the thinking, at its end."""

    signature: str


class InputJSONDelta(Answer, frozen=True, tag="input_json_delta", tag_field="type"):
    """More of the JSON of a tool's input."""

    partial_json: str


class ContentBlockDeltaEvent(Answer, frozen=True, tag="content_block_delta", tag_field="type"):
    """More of a block."""

    index: int
    delta: TextDelta | ThinkingDelta | SignatureDelta | InputJSONDelta


class ContentBlockStopEvent(Answer, frozen=True, tag="content_block_stop", tag_field="type"):
    """A block ends."""

    index: int


class MessageEnd(Answer, frozen=True):
    """Why an answer ended."""

    stop_reason: StopReason
    stop_sequence: str | None


class MessageDeltaEvent(Answer, frozen=True, tag="message_delta", tag_field="type"):
    """Why the answer ends, and what it used."""

    delta: MessageEnd
    usage: MessageUsage


class MessageStopEvent(Answer, frozen=True, tag="message_stop", tag_field="type"):
    """The answer is whole."""


class PingEvent(Answer, frozen=True, tag="ping", tag_field="type"):
    """A sign of life while one waits."""


MessageStreamEvent = (
    MessageStartEvent,
    ContentBlockStartEvent,
    ContentBlockDeltaEvent,
    ContentBlockStopEvent,
    MessageDeltaEvent,
    MessageStopEvent,
    PingEvent,
)


class MessageTokensCount(Answer, frozen=True):
    """How many tokens a prompt has."""

    input_tokens: int


class MessageError(Answer, frozen=True):
    """What is wrong, in words, which begin with the field where one is wrong."""

    type: Literal[
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "not_found_error",
        "request_too_large",
        "rate_limit_error",
        "timeout_error",
        "api_error",
        "overloaded_error",
    ]
    message: str


class MessageErrorResponse(Answer, frozen=True, tag="error", tag_field="type"):
    """The body of every failed request of Anthropic's API, and the last event of a stream that fails."""

    error: MessageError
    request_id: str


class MessageBatchRequestCounts(Answer, frozen=True):
    """What came of the requests of a batch, counted when it has ended."""

    processing: int
    succeeded: int
    errored: int
    canceled: int
    expired: int


class MessageBatch(Answer, frozen=True, tag="message_batch", tag_field="type"):
    """Many messages that are made as there is room; times are RFC 3339."""

    id: str
    processing_status: Literal["in_progress", "canceling", "ended"]
    request_counts: MessageBatchRequestCounts
    created_at: str
    expires_at: str
    ended_at: str | None
    cancel_initiated_at: str | None
    archived_at: None
    results_url: str | None


class SucceededResult(Answer, frozen=True, tag="succeeded", tag_field="type"):
    """The request was answered."""

    message: AnthropicMessage


class ErroredResult(Answer, frozen=True, tag="errored", tag_field="type"):
    """The request failed."""

    error: MessageErrorResponse


class CanceledResult(Answer, frozen=True, tag="canceled", tag_field="type"):
    """The batch was cancelled before the request was carried out."""


class ExpiredResult(Answer, frozen=True, tag="expired", tag_field="type"):
    """The time of the batch was over before the request was carried out."""


class MessageBatchIndividualResponse(Answer, frozen=True):
    """What came of a request of a batch."""

    custom_id: str
    result: SucceededResult | ErroredResult | CanceledResult | ExpiredResult


class MessageBatchPage(Answer, frozen=True):
    """Batches of messages."""

    data: list[MessageBatch]
    has_more: bool
    first_id: str | None
    last_id: str | None


class DeletedMessageBatch(Answer, frozen=True, tag="message_batch_deleted", tag_field="type"):
    """A batch of messages that is no more."""

    id: str


class ModelInfo(Answer, frozen=True, tag="model", tag_field="type"):
    """A model as Anthropic's API tells it; tokens are null where they are not known."""

    id: str
    display_name: str
    created_at: str
    lifecycle: Literal["active"]
    max_input_tokens: int | None
    max_tokens: int | None


class ModelPage(Answer, frozen=True):
    """Models as Anthropic's API lists them."""

    data: list[ModelInfo]
    has_more: bool
    first_id: str | None
    last_id: str | None
