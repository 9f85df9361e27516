"""What all answers have in common, and how an error is told."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType


class Answer(msgspec.Struct, frozen=True):
    """Base of every object; one that may be missing is UNSET by default, and one that may be null says so."""


class Error(Answer, frozen=True):
    """What is wrong, in words; `code` is stable, and `param` names the field or header that it is about."""

    message: str
    type: Literal[
        "invalid_request_error", "authentication_error", "permission_error", "rate_limit_error", "server_error"
    ]
    param: str | None
    code: str


class ErrorResponse(Answer, frozen=True):
    """The body of every failed request, and the last data of a stream that fails."""

    error: Error


class StatusReason(Answer, frozen=True):
    """Why a job or batch does not go on; `progress` of a model that is loading is in percent."""

    code: Literal["model_not_served", "model_loading", "model_not_loaded", "model_unavailable"]
    message: str
    progress: int | UnsetType = UNSET
