"""The body of `POST /v1/messages/count_tokens`."""

from __future__ import annotations

from schemas.messages.messages import PromptSchema


class MessagesCountTokensSchema(PromptSchema):
    """A conversation whose tokens are counted as `POST /v1/messages` would read it."""
