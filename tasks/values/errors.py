"""Everything that can go wrong with a job, as one tree with stable codes; only `web/` knows their HTTP status."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as it is stored and sent: what a client is told, with no traceback in it."""

    code: str
    message: str
    param: str | None = None
    retry_after: int | None = None  # seconds


class JobError(Exception):
    """Base of every error that becomes an answer; `code` is stable, `param` names the request's field."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.failure = Failure(self.code, message, param, retry_after)


class InvalidValue(JobError):
    """A field holds a value that the endpoint or the model cannot take."""

    code = "invalid_value"


class UnsupportedParameter(JobError):
    """A field would change the answer and is not honoured here."""

    code = "unsupported_parameter"


class UnknownParameter(JobError):
    """A field that no endpoint knows."""

    code = "unknown_parameter"


class ContextLengthExceeded(JobError):
    """The prompt, or prompt and answer together, are longer than the model's context."""

    code = "context_length_exceeded"


class ModelNotFound(JobError):
    """No configured model has this name, or it does not serve this endpoint."""

    code = "model_not_found"


class NotFound(JobError):
    """Nothing of this id is visible to this owner."""

    code = "not_found"


class JobNotFinished(JobError):
    """The result was asked for before the job's terminal event."""

    code = "job_not_finished"


class JobConflict(JobError):
    """The job's state does not allow what was asked."""

    code = "job_conflict"


class IdempotencyMismatch(JobError):
    """An idempotency key was used again with another body."""

    code = "idempotency_key_reused"


class QueueFull(JobError):
    """The model's bounded queue has no room; waiting helps."""

    code = "queue_full"


class RateLimited(JobError):
    """The key has made as many requests in the last minute as it may; waiting helps."""

    code = "rate_limit_exceeded"


class TooManyAtOnce(JobError):
    """As many requests of the key are under way as it may have; waiting helps."""

    code = "concurrency_limit_exceeded"


class TooManyJobs(JobError):
    """As many jobs of the key have not ended as it may have; waiting helps."""

    code = "job_limit_exceeded"


class ModelUnavailable(JobError):
    """No worker of the model is up, and none came up in time."""

    code = "model_unavailable"


class QueueUnavailable(JobError):
    """Redis cannot be reached."""

    code = "queue_unavailable"


class StorageFull(JobError):
    """Redis or the disk has no room for another record."""

    code = "storage_full"


class FetchFailed(JobError):
    """What a URL names could not be had: no address, no answer, or another answer than its content."""

    code = "fetch_failed"


class WorkerLost(JobError):
    """The worker died, or handed its work back, after the answer had begun to show."""

    code = "worker_lost"


class WebLost(JobError):
    """The web process that waited for the job in its client's name was lost."""

    code = "web_lost"


class UnreadableRecord(JobError):
    """A record was written by a later version, or is damaged."""

    code = "unreadable_record"


class Poison(JobError):
    """The job's worker died with it as often as attempts are allowed."""

    code = "poison"


class EngineError(JobError):
    """The engine failed on this job, and only on it."""

    code = "engine_error"


class DeadlineExceeded(JobError):
    """The job did not end within its deadline."""

    code = "deadline_exceeded"


class JobCancelled(JobError):
    """The job was cancelled by its owner or because its client went away."""

    code = "job_cancelled"
