"""One call of an endpoint: submitted as a job, then waited for, streamed, or left to be polled."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, NamedTuple

import msgspec
import structlog
from flask import Response, g, request

from mlxq.entries.model_entry import ModelEntry
from tasks.redis.stream_entries import StreamEntry
from tasks.streaming.event_reader import Inbox
from tasks.streaming.followers import Ends
from tasks.values import events, results
from tasks.values.errors import JobError
from tasks.values.job import Job, Lane, Record, job_id
from web import identity, intake, registry, streamed_body
from web.availability import model_lookup
from web.endpoint import Endpoint
from web.gateway import Gateway, gateway
from web.http import request_ids
from web.http.access import auth
from web.http.body import remote, unknown_fields
from web.http.errors import OPENAI, Dialect, respond
from web.http.prefer import Preference, preference
from web.http.wire import sse
from web.http.wire.disconnect import ClientGone, Probe
from web.identity import Caller
from web.render.failure import failure
from web.render.jobs import job as render_job
from web.render.text.chunks import Chunks
from web.waiting import EventInbox, audible, end, entries, following, patience

COMMIT = 10.0  # seconds without a sign of the job after which a stream answers 200 and shows later errors in itself
log = structlog.get_logger()


def serve(endpoint: Endpoint) -> Response:
    """Answer the current request, a call of this endpoint."""
    gateway_ = gateway()
    raw = intake.body(request, gateway_, endpoint)
    return begin(endpoint, raw, preference(request.headers, gateway_.settings), {})


class Submitted(NamedTuple):
    """A job that was made, or joined, and how many seconds there are until its deadline."""

    job: Job
    left: float
    joined: bool


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
    caller, client = identity.current(), Probe(request.environ)
    gateway_ = caller.gateway
    body = taken(caller, endpoint, raw, prefer, within)
    grows = endpoint.streamed_body is not None and not body.data.get("stream")
    inbox: Inbox = EventInbox() if grows or (body.data.get("stream") and endpoint.streams) else Ends()
    job, left, joined = submit(caller, endpoint, body, prefer, inbox, metadata, within, labels)
    if prefer.wait is not None:
        return _later(gateway_, job, prefer.wait, client, left)
    followed = following(gateway_, job.id, counted=not joined)
    if isinstance(inbox, EventInbox):
        arrivals = entries(gateway_, job, client, left, inbox)
        if endpoint.streamed_body is not None and grows:
            return streamed_body.respond(job, endpoint.streamed_body(caller, job), followed, arrivals, inbox)
        return _stream(job, endpoint.streamed(caller, job), endpoint.dialect, followed, arrivals, inbox)
    with followed:
        ended = end(gateway_, job, client, left, inbox)
    if isinstance(ended, events.UNSUCCESSFUL):
        return respond(failure(job, ended))
    return _answer(job, gateway_.store.result_of(job.id))


def taken(
    caller: Caller, endpoint: Endpoint, raw: Mapping[str, Any], prefer: Preference, within: str = ""
) -> intake.Intake:
    """A call's checked body; waiting for its answer, or for what it names, takes one of the threads there are."""
    if prefer.wait != 0 or remote.needed(endpoint, raw):
        caller.gateway.capacity.occupy()
    checked_body = intake.check(caller, endpoint, raw, within)
    unknown_fields.tell(checked_body.ignored, within)
    return checked_body


def submit(
    caller: Caller,
    endpoint: Endpoint,
    taken: intake.Intake,
    prefer: Preference,
    inbox: Inbox,
    metadata: Mapping[str, str],
    within: str = "",
    labels: Sequence[str] = (),
) -> Submitted:
    """Make a job of a checked body, or join the one of its idempotency key; `inbox` is where its reader waits."""
    gateway_ = caller.gateway
    entry = model_lookup.model(gateway_, taken.data["model"], endpoint, within, taken.data.get("adapter"))
    if prefer.wait is None:
        model_lookup.await_up(gateway_, entry, Probe(request.environ))
    job = _job(caller, endpoint, entry, taken, prefer, metadata, labels)
    room, most = model_lookup.room(entry, job.lane), auth.limits().unfinished_jobs
    if prefer.wait is None:
        submitted = gateway_.followers.submit(job, inbox, room=room, digest=taken.digest, most=most)
    else:
        submitted = gateway_.store.submit(job, room=room, digest=taken.digest, most=most)
    g.job_id = submitted.id
    structlog.contextvars.bind_contextvars(job_id=submitted.id)
    if not submitted.joined:
        return Submitted(job, (job.deadline - job.created) / 1000, joined=False)
    job = gateway_.store.get(submitted.id, job.owner).job
    return Submitted(job, patience(gateway_, job), joined=True)


def _job(
    caller: Caller,
    endpoint: Endpoint,
    entry: ModelEntry,
    taken: intake.Intake,
    prefer: Preference,
    metadata: Mapping[str, str],
    labels: Sequence[str],
) -> Job:
    gateway_, settings = caller.gateway, caller.gateway.settings
    sync, clock = prefer.wait is None, gateway_.clock.micros()
    now = clock // 1000
    # A client that polls has as long as results are kept; one that waits has given up long before.
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
        keep=prefer.ttl or endpoint.keep(settings, taken.data) or keep,
        sync=sync,
        stream=sync and (endpoint.streamed_body is not None or bool(taken.data.get("stream"))),
        detached=prefer.detached or not sync,
        options=endpoint.options(caller, taken.data),
        metadata={**metadata, **taken.data.get("metadata", {})},
        inputs=taken.blobs,
        ignored=taken.ignored,
        request_id=request_ids.current(),
        idempotency_key=prefer.idempotency_key,
        labels=tuple(labels),
        priority=prefer.priority,
        cancels=cancels,
        webhook=prefer.webhook,
        storage=endpoint.storage(caller, taken.sent, taken.data),
    )


def final(gateway_: Gateway, record: Record) -> Response:
    """What the call that made a finished job answers, the same bytes at every reading."""
    if isinstance(record.terminal, events.UNSUCCESSFUL):
        dialect = registry.endpoints()[record.job.endpoint].dialect
        return respond(failure(record.job, record.terminal), dialect)
    return _answer(record.job, gateway_.store.result(record))


def _answer(job: Job, result: results.Result) -> Response:
    rendered = registry.endpoints()[job.endpoint].body(identity.current(), job, result)
    return Response(rendered.data, content_type=rendered.content_type)


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
    chunks: Chunks,
    dialect: Dialect,
    followed: AbstractContextManager[None],
    arrivals: Iterator[list[StreamEntry]],
    inbox: EventInbox,
) -> Response:
    stack = ExitStack()
    stack.enter_context(followed)
    try:
        opening = first(arrivals)
    except BaseException:
        stack.close()
        raise
    if opening and isinstance(opening[0], events.UNSUCCESSFUL):
        stack.close()
        return respond(failure(job, opening[0]))
    inbox.leave_to(request.environ)
    response = Response(frames(opening, arrivals, chunks, dialect), mimetype=sse.MIMETYPE, headers=sse.HEADERS)
    response.call_on_close(stack.close)
    return response


def first(arrivals: Iterator[list[StreamEntry]]) -> list[events.Event]:
    """A job's first events, or none when it has given no sign for `COMMIT` seconds."""
    until = time.monotonic() + COMMIT
    for arrived in arrivals:
        if arrived or time.monotonic() > until:
            return [entry[1] for entry in arrived]
    return []


def frames(
    first: list[events.Event],
    arrivals: Iterator[list[StreamEntry]],
    chunks: Chunks,
    dialect: Dialect = OPENAI,
) -> Iterator[bytes]:
    """What a stream's client is sent: at a time all that is there, so one that is slow gets it in fewer pieces.

    That is nothing where nothing has come, but for the beginning. Events that a client is not shown are no reason to
    pause: after the last of them nobody would call for the end.
    """
    shown = b"".join(map(sse.data, (*chunks.opening(), *chunks.of(first))))
    if shown or not first:
        yield shown or dialect.keep_alive
    try:
        for arrived in audible(arrivals):
            if arrived is None:
                yield dialect.keep_alive
            elif not arrived:
                yield b""
            elif shown := b"".join(map(sse.data, chunks.of([entry[1] for entry in arrived]))):
                yield shown
    except ClientGone:
        return
    except JobError as error:
        yield from map(sse.data, chunks.broken(error.failure))
    if dialect.done:
        yield dialect.done
