"""One call of an endpoint: submitted as a job, then waited for, streamed, or left to be polled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import msgspec
import structlog
from flask import Response, g, request

from tasks.follow import Ends
from tasks.redis.entries import Entry
from tasks.values import events, fold
from tasks.values.errors import DeadlineExceeded, Failure, JobCancelled, JobError
from tasks.values.job import Job, Lane, Record, job_id
from web import admission, callers, intake, registry
from web.callers import Caller
from web.endpoint import Endpoint
from web.gateway import Gateway, gateway
from web.http import auth, remote, sse, tracing, unknown_fields
from web.http.disconnect import ClientGone, Probe
from web.http.errors import envelope, respond
from web.http.prefer import Preference, preference
from web.render import job as render_job
from web.waiting import Stream, audible, end, entries, following, patience

COMMIT = 10.0  # seconds without a sign of the job after which a stream answers 200 and shows later errors in itself
log = structlog.get_logger()


def serve(endpoint: Endpoint) -> Response:
    """Answer the current request, a call of this endpoint."""
    gateway_ = gateway()
    raw = intake.body(request, gateway_, endpoint)
    return begin(endpoint, raw, preference(request.headers, gateway_.settings), {})


def begin(
    endpoint: Endpoint,
    raw: Mapping[str, Any],
    prefer: Preference,
    metadata: Mapping[str, str],
    within: str = "",
    labels: Sequence[str] = (),
) -> Response:
    """Make a job of a body, and answer with what the client prefers: its result, its stream, or the job.

    `within` is where in the request the body stands, for errors that name a field of it.
    """
    caller, client = callers.current(), Probe(request.environ)
    gateway_ = caller.gateway
    if prefer.wait != 0 or remote.needed(endpoint, raw):
        gateway_.capacity.occupy()
    taken = intake.check(caller, endpoint, raw, within)
    unknown_fields.tell(taken.ignored, within)
    entry = admission.model(gateway_, taken.data["model"], endpoint, within)
    if prefer.wait is None:
        admission.await_up(gateway_, entry, client)
    job = _job(caller, endpoint, taken, prefer, metadata, labels)
    room, most = admission.room(entry, job.lane), auth.limits().unfinished_jobs
    inbox = Stream() if taken.data.get("stream") and endpoint.chunks is not None else Ends()
    if prefer.wait is None:
        submitted = gateway_.follower.submit(job, inbox, room=room, digest=taken.digest, most=most)
    else:
        submitted = gateway_.store.submit(job, room=room, digest=taken.digest, most=most)
    g.job_id = submitted.id
    structlog.contextvars.bind_contextvars(job_id=submitted.id)
    left = (job.deadline - job.created) / 1000
    if submitted.joined:
        job = gateway_.store.get(submitted.id, job.owner).job
        left = patience(gateway_, job)
    if prefer.wait is not None:
        return _later(gateway_, job, prefer.wait, client, left)
    followed = following(gateway_, job.id, counted=not submitted.joined)
    if isinstance(inbox, Stream) and endpoint.chunks is not None:
        return _stream(job, endpoint.chunks(caller, job), followed, entries(gateway_, job, client, left, inbox), inbox)
    with followed:
        ended = end(gateway_, job, client, left, inbox)
    if isinstance(ended, events.UNSUCCESSFUL):
        return respond(failure(job, ended))
    return _answer(job, gateway_.store.made(job.id))


def _job(
    caller: Caller,
    endpoint: Endpoint,
    taken: intake.Intake,
    prefer: Preference,
    metadata: Mapping[str, str],
    labels: Sequence[str],
) -> Job:
    gateway_, settings = caller.gateway, caller.gateway.settings
    entry = gateway_.catalogue.get(taken.data["model"])
    sync, clock = prefer.wait is None, gateway_.clock.micros()
    now = clock // 1000
    # Who polls has as long as results are kept; who waits has given up long before.
    patience = prefer.timeout or ((entry.queue_timeout or settings.timeout) if sync else settings.result_ttl)
    cancels = prefer.cancel_after is not None and prefer.cancel_after <= patience
    keep = settings.sync_ttl if sync and not prefer.detached else settings.result_ttl
    return Job(
        id=job_id(clock),
        owner=caller.owner,
        model=entry.name,
        endpoint=endpoint.path,
        payload=endpoint.payload(taken.data),
        created=now,
        deadline=now + int(1000 * min(patience, prefer.cancel_after or patience)),
        lane=Lane.JOBS if prefer.wait == 0 else Lane.INTERACTIVE,
        keep=prefer.ttl or keep,
        sync=sync,
        stream=sync and bool(taken.data.get("stream")),
        detached=prefer.detached or not sync,
        options=endpoint.options(caller, taken.data),
        metadata=dict(metadata),
        inputs=taken.blobs,
        ignored=taken.ignored,
        request_id=tracing.current(),
        idempotency_key=prefer.idempotency_key,
        labels=tuple(labels),
        priority=prefer.priority,
        cancels=cancels,
        webhook=prefer.webhook,
    )


def final(gateway_: Gateway, record: Record) -> Response:
    """What the call that made a finished job answers, the same bytes at every reading."""
    if isinstance(record.terminal, events.UNSUCCESSFUL):
        return respond(failure(record.job, record.terminal))
    return _answer(record.job, gateway_.store.result(record))


def _answer(job: Job, result: fold.Result) -> Response:
    rendered = registry.endpoints()[job.endpoint].body(callers.current(), job, result)
    return Response(rendered.data, content_type=rendered.content_type)


def failure(job: Job, event: events.Event) -> Failure:
    """Why a job has no result."""
    if isinstance(event, events.Failed):
        return event.failure
    if isinstance(event, events.Cancelled):
        return Failure(JobCancelled.code, f"the job was cancelled: {event.reason}")
    seconds = (job.deadline - job.created) / 1000
    return Failure(DeadlineExceeded.code, f"the job did not end within {seconds:g} s; X-Request-Timeout sets the limit")


def _later(gateway_: Gateway, job: Job, wait: float, client: Probe, left: float) -> Response:
    if wait:
        end(gateway_, job, client, left, Ends(), time.monotonic() + wait)
    record = gateway_.store.get(job.id, job.owner)
    if wait and record.status.terminal:
        response = final(gateway_, record)
    else:
        response = Response(
            msgspec.json.encode(render_job.body(record)), 202, {"Location": f"/v1/jobs/{job.id}"}, "application/json"
        )
    response.headers["Preference-Applied"] = f"wait={wait:g}" if wait else "respond-async"
    return response


def _stream(
    job: Job,
    chunks: Callable[[events.Event], Iterator[object]],
    followed: AbstractContextManager[None],
    arrivals: Iterator[list[Entry]],
    inbox: Stream,
) -> Response:
    stack = ExitStack()
    stack.enter_context(followed)
    try:
        first = _first(arrivals)
    except BaseException:
        stack.close()
        raise
    if first and isinstance(first[0], events.UNSUCCESSFUL):
        stack.close()
        return respond(failure(job, first[0]))
    inbox.leave_to(request.environ)
    response = Response(_frames(job, first, arrivals, chunks), mimetype=sse.MIMETYPE, headers=sse.HEADERS)
    response.call_on_close(stack.close)
    return response


def _first(arrivals: Iterator[list[Entry]]) -> list[events.Event]:
    until = time.monotonic() + COMMIT
    for arrived in arrivals:
        if arrived or time.monotonic() > until:
            return [entry[1] for entry in arrived]
    return []


def _frames(
    job: Job,
    first: list[events.Event],
    arrivals: Iterator[list[Entry]],
    chunks: Callable[[events.Event], Iterator[object]],
) -> Iterator[bytes]:
    """What a stream's client is sent: at a time all that is there, so one that is slow gets it in fewer pieces.

    That is nothing where nothing has come, but for the beginning. Events that a client is not shown are no reason to
    pause: after the last of them nobody would call for the end.
    """
    shown = b"".join(_shown(job, first, chunks))
    if shown or not first:
        yield shown or sse.KEEP_ALIVE
    try:
        for arrived in audible(arrivals):
            if arrived is None:
                yield sse.KEEP_ALIVE
            elif not arrived:
                yield b""
            elif shown := b"".join(_shown(job, [entry[1] for entry in arrived], chunks)):
                yield shown
    except ClientGone:
        return
    except JobError as error:
        yield sse.data({"error": envelope(error.failure)})
    yield sse.DONE


def _shown(
    job: Job, several: list[events.Event], chunks: Callable[[events.Event], Iterator[object]]
) -> Iterator[bytes]:
    for event in events.joined(several):
        if isinstance(event, events.UNSUCCESSFUL):
            yield sse.data({"error": envelope(failure(job, event))})
        for value in chunks(event):
            yield sse.data(value)
