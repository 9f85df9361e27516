"""Jobs, batches, their deliveries, and files."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from schemas.answers.base import Answer, Error, StatusReason

JobStatus: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled", "expired"]


class JobUsage(Answer, frozen=True):
    """What a job consumed; what is zero is left out."""

    prompt_tokens: int | UnsetType = UNSET
    completion_tokens: int | UnsetType = UNSET
    cached_tokens: int | UnsetType = UNSET
    seconds: float | UnsetType = UNSET
    reasoning_tokens: int | UnsetType = UNSET


class JobWebhook(Answer, frozen=True):
    """Where the end of a job is told, and which ends are; all of them when there are no events."""

    url: str
    events: list[str]


class Blob(Answer, frozen=True):
    """Bytes that another call may name in the place of an upload, as `blob_…`."""

    blob: str
    bytes: int
    type: str


class Job(Answer, frozen=True):
    """A call and what has become of it; times in seconds since the epoch, `progress` in percent."""

    id: str
    object: Literal["job"]
    owner: str
    status: JobStatus
    status_reason: StatusReason | None
    endpoint: str
    model: str
    created_at: int
    started_at: int | None
    finished_at: int | None
    expires_at: int | None
    deadline_at: int | None
    queue_position: int | None
    progress: int
    attempts: int
    error: Error | None
    usage: JobUsage | None
    metadata: dict[str, str]
    labels: list[str]
    priority: int
    webhook: JobWebhook | None
    ignored: list[str]
    inputs: list[Blob]
    outputs: list[Blob]
    sync: bool
    idempotency_key: str | None
    request_id: str | None


class _Page(Answer, frozen=True):
    object: Literal["list"]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListJobsResponse(_Page, frozen=True):
    """Jobs, newest first; `last_id` is the next page's `after`."""

    data: list[Job]


class DeleteJobResponse(Answer, frozen=True):
    """A job is gone, and its result with it."""

    id: str
    object: Literal["job.deleted"]
    deleted: bool


class DeliveryAttempt(Answer, frozen=True):
    """One try to tell a webhook."""

    at: int
    seconds: float
    status_code: int | None
    error: str | None


class WebhookDelivery(Answer, frozen=True):
    """What the end of a job or batch was told to one webhook; the server's own webhook shows no address."""

    id: str
    object: Literal["webhook.delivery"]
    type: str
    url: str | None
    status: str
    created_at: int
    next_attempt_at: int | None
    attempts: list[DeliveryAttempt]


class ListDeliveriesResponse(Answer, frozen=True):
    """All deliveries of one end."""

    object: Literal["list"]
    data: list[WebhookDelivery]


class OpenAIFile(Answer, frozen=True):
    """An upload, or what a batch has written."""

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: Literal["assistants", "batch", "batch_output", "evals", "fine-tune", "user_data", "vision"]
    status: Literal["processed"]
    status_details: None


class ListFilesResponse(_Page, frozen=True):
    """Files; `last_id` is the next page's `after`."""

    data: list[OpenAIFile]


class DeleteFileResponse(Answer, frozen=True):
    """A file is gone."""

    id: str
    object: Literal["file"]
    deleted: bool


class BatchError(Answer, frozen=True):
    """What is wrong with a line of the input; `line` is null when it is the whole file."""

    code: str
    message: str
    line: int | None
    param: str | None


class BatchErrors(Answer, frozen=True):
    """The first things that are wrong with the input."""

    object: Literal["list"]
    data: list[BatchError]


class BatchRequestCounts(Answer, frozen=True):
    """Lines of the input, and what became of them."""

    total: int
    completed: int
    failed: int


class BatchInputDetails(Answer, frozen=True):
    """Tokens that did not have to be computed."""

    cached_tokens: int


class BatchOutputDetails(Answer, frozen=True):
    """Tokens that were thinking."""

    reasoning_tokens: int


class BatchUsage(Answer, frozen=True):
    """Tokens of all lines that are done."""

    input_tokens: int
    input_tokens_details: BatchInputDetails
    output_tokens: int
    output_tokens_details: BatchOutputDetails
    total_tokens: int


class Batch(Answer, frozen=True):
    """The lines of a file as calls; times in seconds since the epoch."""

    id: str
    object: Literal["batch"]
    endpoint: str
    model: str | None
    errors: BatchErrors | None
    input_file_id: str
    completion_window: str
    status: Literal[
        "validating", "in_progress", "finalizing", "cancelling", "completed", "failed", "expired", "cancelled"
    ]
    status_reason: StatusReason | None
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: BatchRequestCounts
    usage: BatchUsage
    metadata: dict[str, str] | None


class ListBatchesResponse(_Page, frozen=True):
    """Batches, newest first; `last_id` is the next page's `after`."""

    data: list[Batch]


class JobsStreamAnswer(Answer, frozen=True):
    """What the server says on the jobs' websocket.

    `subscribed` and `end` have the `status`, `event` an `event` of a job with its `event_id` or a batch as it stands,
    `error` the `error`.
    """

    type: Literal["subscribed", "unsubscribed", "event", "end", "error", "pong"]
    id: str | UnsetType | None = UNSET
    status: str | UnsetType = UNSET
    event_id: str | UnsetType = UNSET
    event: dict[str, Any] | UnsetType = UNSET
    error: Error | UnsetType = UNSET
