"""The body of `POST /v1/chat/render`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from schemas.conversation import ConversationSchema
from schemas.fields import Flag


class ChatRenderSchema(ConversationSchema):
    """A conversation to see as the model reads it."""

    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "chat_template": (),
        "continue_final_message": (),
    }

    add_generation_prompt = Flag()
