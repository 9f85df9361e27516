"""What `GET /v1/audio/voices` may be asked."""

from __future__ import annotations

from schemas.fields import Body, Text, about


class VoiceListSchema(Body):
    """Which voices to list."""

    model = Text(metadata=about("The model whose voices are listed; those of all by default."))
