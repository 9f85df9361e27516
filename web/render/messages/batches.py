"""A batch of messages as Anthropic's API shows it, and the lines of its results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tasks.batches.batches import BatchState, Status
from web.render.anthropic import time

_CANCELED, _EXPIRED = "batch_cancelled", "batch_expired"
_ENDS = {_CANCELED: "canceled", _EXPIRED: "expired"}


def body(state: BatchState, id: str, total: int, undone: Mapping[str, int], results_url: str) -> dict[str, Any]:
    """The batch: of `total` requests; `undone` says by a line's code how many were not carried out."""
    ended = state.status.terminal
    canceled, expired = undone.get(_CANCELED, 0), undone.get(_EXPIRED, 0)
    failed = total - state.completed if state.status is Status.FAILED else state.failed
    counts = {
        "processing": 0,
        "succeeded": state.completed,
        "errored": failed - canceled - expired,
        "canceled": canceled,
        "expired": expired,
    }
    nothing_yet = {**dict.fromkeys(counts, 0), "processing": total}  # Anthropic counts what came of them at the end
    return {
        "id": id,
        "type": "message_batch",
        "processing_status": _processing(state.status),
        "request_counts": counts if ended else nothing_yet,
        "created_at": time(state.batch.created),
        "expires_at": time(state.batch.deadline),
        "ended_at": time(state.times[state.status]) if ended and state.status in state.times else None,
        "cancel_initiated_at": _time(state, Status.CANCELLING),
        "archived_at": None,
        "results_url": results_url if ended else None,
    }


def _processing(status: Status) -> str:
    if status.terminal:
        return "ended"
    return "canceling" if status is Status.CANCELLING else "in_progress"


def _time(state: BatchState, status: Status) -> str | None:
    return time(state.times[status]) if status in state.times else None


class _Answered(msgspec.Struct):
    status_code: int
    body: msgspec.Raw


class _Unanswered(msgspec.Struct):
    code: str


class _Line(msgspec.Struct):
    """A line of a batch's output, or of its errors."""

    custom_id: str
    response: _Answered | None = None
    error: _Unanswered | None = None


_decoder = msgspec.json.Decoder(_Line)


def result(data: bytes) -> bytes:
    """The line of the results that a line of a batch's files becomes."""
    line = _decoder.decode(data)
    if line.response is None:
        shown: dict[str, object] = {"type": _ENDS[line.error.code] if line.error is not None else "canceled"}
    elif line.response.status_code == 200:
        shown = {"type": "succeeded", "message": line.response.body}
    else:
        shown = {"type": "errored", "error": line.response.body}
    return msgspec.json.encode({"custom_id": line.custom_id, "result": shown}) + b"\n"


def undone(data: bytes) -> str | None:
    """Why the request of a line was not carried out, if it was not."""
    error = _decoder.decode(data).error
    return None if error is None else error.code
