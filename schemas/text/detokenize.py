"""The body of `POST /v1/detokenize`."""

from __future__ import annotations

from schemas.fields import Call
from schemas.inputs import TokenIds


class DetokenizeSchema(Call):
    """Token ids to see as text."""

    tokens = TokenIds(required=True)
