"""Why a job has no result, in words."""

from __future__ import annotations

import msgspec

from tasks.values import events
from tasks.values.errors import DeadlineExceeded, Failure, JobCancelled
from tasks.values.job import Job


def failure(job: Job, event: events.Event) -> Failure:
    """What a job's end without success tells its client."""
    if isinstance(event, events.Failed):
        return _named(job, event.failure)
    if isinstance(event, events.Cancelled):
        return Failure(JobCancelled.code, f"the job was cancelled: {event.reason}")
    seconds = (job.deadline - job.created) / 1000
    return Failure(DeadlineExceeded.code, f"the job did not end within {seconds:g} s; X-Request-Timeout sets the limit")


def _named(job: Job, failure: Failure) -> Failure:
    """An engine knows of messages only; those of a response are its input."""
    if job.options.response is None or failure.param != "messages":
        return failure
    return msgspec.structs.replace(failure, param="input")
