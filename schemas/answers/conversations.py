"""Conversations, and the items that they are made of."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from schemas.answers.base import Answer
from schemas.answers.item_types import ItemStatus, ItemType, PartType


class Conversation(Answer, frozen=True):
    """A conversation; it goes when nobody has written to it for a while."""

    id: str
    object: Literal["conversation"]
    created_at: int
    metadata: dict[str, str]


class ConversationDeleted(Answer, frozen=True):
    """A conversation is gone, and its items with it."""

    id: str
    object: Literal["conversation.deleted"]
    deleted: bool


class ConversationPart(Answer, frozen=True):
    """A part of what an item says or shows; each type has fields of its own."""

    type: PartType
    text: str | UnsetType = UNSET
    refusal: str | UnsetType = UNSET
    annotations: list[dict[str, Any]] | UnsetType = UNSET
    logprobs: list[dict[str, Any]] | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    image_url: str | UnsetType = UNSET
    file_id: str | UnsetType = UNSET
    file_data: str | UnsetType = UNSET
    file_url: str | UnsetType = UNSET
    filename: str | UnsetType = UNSET
    input_audio: dict[str, str] | UnsetType = UNSET


class ConversationItem(Answer, frozen=True):
    """A message, a call, what came of it, or thinking; each type has fields of its own."""

    id: str
    type: ItemType
    status: ItemStatus | UnsetType = UNSET
    role: Literal["user", "assistant", "system", "developer"] | UnsetType = UNSET
    content: list[ConversationPart] | UnsetType = UNSET
    call_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    namespace: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    input: str | UnsetType = UNSET
    output: str | list[ConversationPart] | UnsetType = UNSET
    summary: list[ConversationPart] | UnsetType = UNSET
    encrypted_content: str | UnsetType = UNSET


class ConversationItemList(Answer, frozen=True):
    """Items of a conversation; `last_id` is the next page's `after`."""

    object: Literal["list"]
    data: list[ConversationItem]
    first_id: str
    last_id: str
    has_more: bool
