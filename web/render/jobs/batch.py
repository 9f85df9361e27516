"""A batch as OpenAI's API shows it, and the lines of its output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tasks.batches.batches import BatchState, Status
from tasks.values.errors import Failure
from web.endpoint import Rendered
from web.http.errors import Dialect


def body(state: BatchState, reason: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The batch object; times in seconds since the epoch. `reason` is why it does not go on, if it is known not to."""
    batch, usage = state.batch, state.usage
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": state.model,
        "errors": {"object": "list", "data": state.problems} if state.problems else None,
        "input_file_id": batch.input_file,
        "completion_window": batch.window,
        "status": state.status,
        "status_reason": reason,
        "output_file_id": state.output_file,
        "error_file_id": state.error_file,
        "created_at": batch.created // 1000,
        "in_progress_at": _seconds(state, Status.IN_PROGRESS),
        "expires_at": batch.deadline // 1000,
        "finalizing_at": _seconds(state, Status.FINALIZING),
        "completed_at": _seconds(state, Status.COMPLETED),
        "failed_at": _seconds(state, Status.FAILED),
        "expired_at": _seconds(state, Status.EXPIRED),
        "cancelling_at": _seconds(state, Status.CANCELLING),
        "cancelled_at": _seconds(state, Status.CANCELLED),
        "request_counts": {"total": state.total, "completed": state.completed, "failed": state.failed},
        "usage": {
            "input_tokens": usage.prompt_tokens,
            "input_tokens_details": {"cached_tokens": usage.cached_tokens},
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        },
        "metadata": batch.metadata,
    }


def _seconds(state: BatchState, status: Status) -> int | None:
    return state.times[status] // 1000 if status in state.times else None


def answered(job_id: str, custom_id: str, rendered: Rendered, ignored: Sequence[str] = ()) -> bytes:
    """The line of a call that succeeded: its answer's JSON as it is, other answers as a string.

    `ignored` is where fields of its body stand that nobody here knows.
    """
    is_json = rendered.content_type.startswith("application/json")
    shown = msgspec.Raw(msgspec.json.format(rendered.data, indent=-1)) if is_json else rendered.data.decode()
    extension = {"ignored": ignored} if ignored else {}
    return _line(job_id, custom_id, response={**_response(job_id, 200, shown), **extension})


def refused(job_id: str, custom_id: str, failure: Failure, dialect: Dialect) -> bytes:
    """The line of a call that failed, with what it would have been told over HTTP."""
    error = dialect.error(failure, job_id)
    return _line(job_id, custom_id, response=_response(job_id, dialect.status(failure), error))


def unanswered(job_id: str, custom_id: str, code: str, message: str) -> bytes:
    """The line of a call that was not carried out."""
    return _line(job_id, custom_id, error={"code": code, "message": message})


def _response(job_id: str, status: int, shown: object) -> dict[str, object]:
    return {"status_code": status, "request_id": job_id, "body": shown}


def _line(job_id: str, custom_id: str, response: object = None, error: object = None) -> bytes:
    request = "batch_req_" + job_id.removeprefix("job_")
    line = {"id": request, "custom_id": custom_id, "response": response, "error": error}
    return msgspec.json.encode(line) + b"\n"
