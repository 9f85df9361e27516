"""What is stored of chats."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from schemas.answers.base import Answer
from schemas.answers.text import ChatCompletionMessageToolCall, CreateChatCompletionResponse


class StoredChatCompletion(CreateChatCompletionResponse, frozen=True):
    """The answers of a chat as they were given, with the words of who stored them."""

    metadata: dict[str, str]


class ChatCompletionList(Answer, frozen=True):
    """Stored chat completions; `last_id` is the next page's `after`."""

    object: Literal["list"]
    data: list[StoredChatCompletion]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ChatCompletionDeleted(Answer, frozen=True):
    """A stored chat completion is gone."""

    id: str
    object: Literal["chat.completion.deleted"]
    deleted: bool


class StoredPicture(Answer, frozen=True):
    """Where an image is, as it was sent."""

    url: str
    detail: str | UnsetType = UNSET


class StoredPart(Answer, frozen=True):
    """A text or an image of a message that was sent in parts."""

    type: Literal["text", "image_url"]
    text: str | UnsetType = UNSET
    image_url: StoredPicture | UnsetType = UNSET


class StoredMessage(Answer, frozen=True):
    """A message that was answered; `content_parts` are its texts and images where it was sent in parts."""

    id: str
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | None
    content_parts: list[StoredPart] | None
    refusal: str | None
    name: str | UnsetType = UNSET
    tool_call_id: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ChatCompletionMessageToolCall] | UnsetType = UNSET


class ChatCompletionMessageList(Answer, frozen=True):
    """The messages of a chat; `last_id` is the next page's `after`."""

    object: Literal["list"]
    data: list[StoredMessage]
    first_id: str | None
    last_id: str | None
    has_more: bool
