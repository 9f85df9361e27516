"""The body of `POST /v1/chat/render`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from schemas.text.messages import ConversationSchema


class ChatRenderSchema(ConversationSchema):
    """A conversation to see as the model reads it."""

    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"chat_template": ()}
