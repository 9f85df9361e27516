"""Turns a batch's lines into jobs as their endpoint would, and jobs that have ended into the lines of its output."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import structlog

from mlxq.catalogue import parted
from tasks.batches.batches import Batch
from tasks.batches.lines import Tally, line_job
from tasks.redis.scripts import AWAY
from tasks.values import events
from tasks.values.errors import Failure, InvalidValue, JobError, NotFound, StorageFull
from tasks.values.job import Job, Lane, Record
from web import intake, registry
from web.availability import model_lookup
from web.batches.input_lines import Line
from web.gateway import Gateway
from web.http.body import remote
from web.http.errors import OPENAI
from web.identity import Caller
from web.render.failure import failure
from web.render.jobs import batch as render

CANCELLED = events.Cancelled("batch cancelled")
KEEP = 7 * 86_400  # seconds that a result waits for a runner to write it down; a later one runs the line again
UNDONE = {
    "batch_cancelled": "The batch was cancelled before this request was carried out.",
    "batch_expired": "This request could not be executed before the completion window expired.",
}
_NOTHING = events.Usage()
INTERNAL = Failure("internal_error", "something went wrong here; the log of the server says what")
Kind: TypeAlias = Literal["output", "error"]
log = structlog.get_logger()


class OutputLine(NamedTuple):
    """A line of one of a batch's files, and what it adds to the counts."""

    kind: Kind
    data: bytes
    tally: Tally


class LineJobs:
    """Works for every batch in its owner's name."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def waits(self, line: Line, unserved: frozenset[str]) -> bool:
        """Whether a line is for a model that was taken out of the models' file after others of its lines were run."""
        return bool(unserved) and parted(line.model() or "")[0] in unserved

    def slow(self, batch: Batch, line: Line) -> bool:
        """Whether making a line's job means waiting for somebody else's server: the body's, or its messages'."""
        endpoint = registry.endpoints().get(batch.endpoint)
        if endpoint is None:
            return False
        try:
            return remote.needed(endpoint, intake.decoded(line.request().body))
        except JobError:
            return False

    def job(self, batch: Batch, line: Line, now: int) -> Job | OutputLine:
        """The job of a line; or the error that its endpoint answers at once."""
        job_id = line_job(batch.id, line.number)
        custom_id = str(line.request().custom_id)
        try:
            return self._job(batch, line, job_id, custom_id, now)
        except (*AWAY, StorageFull):  # not this line's fault, and it passes
            raise
        except JobError as error:
            refusal = error.failure
        except Exception as error:
            log.exception("a line could not be checked", batch_id=batch.id, line=line.number, error=str(error))
            refusal = INTERNAL
        return _failed(batch.endpoint, job_id, custom_id, refusal)

    def _job(self, batch: Batch, line: Line, job_id: str, custom_id: str, now: int) -> Job:
        endpoint = registry.endpoints().get(batch.endpoint)
        if endpoint is None:
            raise NotFound(f"'{batch.endpoint}' is not an endpoint here any more", param="url")
        caller = Caller(self._gateway, batch.owner)
        taken = intake.check(caller, endpoint, intake.decoded(line.request().body))
        if taken.data.get("stream"):
            field = endpoint.stream_field
            raise InvalidValue(f"an answer in a batch cannot be streamed; leave '{field}' out", param=field)
        entry = model_lookup.model(self._gateway, taken.data["model"], endpoint, adapter=taken.data.get("adapter"))
        data = {**taken.data, "store": False}  # what a line says is in the batch's output, and nowhere else
        return Job(
            id=job_id,
            owner=batch.owner,
            model=entry.name,
            endpoint=endpoint.path,
            payload=endpoint.payload(data),
            created=now,
            deadline=batch.deadline,
            lane=Lane.BATCH,
            keep=KEEP,
            detached=True,
            options=endpoint.options(caller, data),
            metadata={"batch_id": batch.id, "custom_id": custom_id, "line": str(line.number)},
            inputs=taken.blobs,
            ignored=taken.ignored,
            request_id=f"{batch.id}:{line.number}",
            storage=endpoint.storage(caller, taken.sent, taken.data),
        )

    def output_line(self, record: Record) -> OutputLine:
        """What came of a job that has ended; NotFound when its result is gone."""
        job, ended = record.job, record.terminal
        custom_id = job.metadata["custom_id"]
        if isinstance(ended, events.Done):
            return self._answered(record, custom_id, ended.usage)
        if isinstance(ended, events.Expired):
            return self.undone(job.id, custom_id, "batch_expired")
        if ended == CANCELLED:
            return self.undone(job.id, custom_id, "batch_cancelled")
        assert isinstance(ended, events.UNSUCCESSFUL)  # noqa: S101  (it has ended, and not well)
        return _failed(job.endpoint, job.id, custom_id, failure(job, ended))

    def _answered(self, record: Record, custom_id: str, usage: events.Usage) -> OutputLine:
        job, result = record.job, self._gateway.store.result(record)
        try:
            rendered = registry.endpoints()[job.endpoint].body(Caller(self._gateway, job.owner), job, result)
            shown = render.answered(job.id, custom_id, rendered, job.ignored)
            return OutputLine("output", shown, Tally(completed=1, usage=usage))
        except Exception as error:
            log.exception("an answer could not be shown", job_id=job.id, error=str(error))
            return _failed(job.endpoint, job.id, custom_id, INTERNAL, usage)

    def undone(self, job_id: str, custom_id: str, code: str) -> OutputLine:
        """The error of a line that was not carried out."""
        return OutputLine("error", render.unanswered(job_id, custom_id, code, UNDONE[code]), Tally(failed=1))

    def skipped(self, batch: Batch, line: Line, code: str) -> OutputLine:
        """The error of a line that was never begun."""
        return self.undone(line_job(batch.id, line.number), str(line.request().custom_id), code)


def _failed(endpoint: str, job_id: str, custom_id: str, failure: Failure, usage: events.Usage = _NOTHING) -> OutputLine:
    """The line of a call that failed, as its endpoint tells it."""
    served = registry.endpoints().get(endpoint)
    dialect = OPENAI if served is None else served.dialect
    return OutputLine("error", render.refused(job_id, custom_id, failure, dialect), Tally(failed=1, usage=usage))
