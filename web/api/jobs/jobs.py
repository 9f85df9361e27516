"""`/v1/jobs`: any call as a job, polled, followed, listed, cancelled and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from schemas.answers import jobs as answers
from schemas.jobs.jobs import EventListSchema, JobListSchema, JobSchema
from tasks.redis.search import Criteria
from tasks.redis.stream_entries import StreamEntry
from tasks.values import events
from tasks.values.errors import InvalidValue, JobError, JobNotFinished
from tasks.values.job import Listing, Record, Status
from web import calls, intake, registry
from web.availability import waiting_reasons
from web.gateway import gateway
from web.http.access import auth
from web.http.body import queries, unknown_fields
from web.http.prefer import preference
from web.http.webhook_url import webhook
from web.http.wire import sse
from web.http.wire.disconnect import ClientGone, Probe
from web.openapi.operation import JSON, SSE, operation
from web.openapi.parameters import CALL
from web.render import page as listing
from web.render.jobs import job as render
from web.waiting import EventInbox, audible, entries, patience

ALL = "all"  # in the place of an owner: every one
LISTINGS = {"sync": Listing.SYNC, "batch": Listing.LINES}
blueprint = Blueprint("jobs", __name__, url_prefix="/v1/jobs")


@blueprint.post("")
@operation(
    "createJob",
    answers.Job,
    body=JobSchema,
    headers=CALL,
    status=202,
    others={200: {JSON: dict}},
    errors=frozenset({404, 409, 422, 504}),
    about="With `Prefer: wait=SECONDS` a job that ends by then is answered with what its call would have answered.",
    example={"url": "/v1/completions", "body": {"model": "smollm2-135m-instruct", "prompt": "Once upon a time"}},
)
def create() -> Response:
    """Submit any endpoint's call as a job."""
    data = unknown_fields.read(JobSchema, intake.json(request, gateway()))
    endpoint = registry.endpoints().get(data["url"])
    if endpoint is None:
        raise InvalidValue(f"'url' must be one of {', '.join(registry.endpoints())}", param="url")
    settings = gateway().settings
    prefer = preference(request.headers, settings)
    chosen: dict[str, Any] = {name: data[name] for name in ("priority", "ttl") if name in data}
    if chosen.get("ttl", 0) > settings.max_result_ttl:
        raise InvalidValue(f"'ttl' must be at most {settings.max_result_ttl} (MLXQ_MAX_RESULT_TTL)", param="ttl")
    if "webhook" in data:
        chosen["webhook"] = webhook(settings, data["webhook"]["url"], data["webhook"].get("events", ()), "webhook.url")
    prefer = prefer._replace(wait=prefer.wait or 0.0, **chosen)
    return calls.begin(
        endpoint, data["body"], prefer, data.get("metadata", {}), within="body", labels=data.get("labels", ())
    )


@blueprint.get("")
@operation("listJobs", answers.ListJobsResponse, query=JobListSchema)
def index() -> dict[str, Any]:
    """The owner's jobs, or with the admin key others' too, newest first; or the jobs of one idempotency key."""
    asked = unknown_fields.read(JobListSchema, queries.read(request.args, ("label",)))
    store, owner = gateway().store, _whose(asked.get("owner"))
    if "idempotency_key" in asked:
        if owner is None:
            raise InvalidValue("an Idempotency-Key is one owner's; say which instead of 'all'", param="owner")
        records, more = store.by_idempotency_key(owner, asked["idempotency_key"]), False
    else:
        records, more = store.list(
            owner,
            limit=asked["limit"],
            after=asked.get("after"),
            criteria=_criteria(asked),
            include=LISTINGS.get(asked.get("include", "")),
        )
    return listing.body([_shown(record) for record in records], more)


def _whose(asked: str | None) -> str | None:
    """The owner whose jobs are listed, None for every one; others' are the administrator's to see."""
    if asked in (None, auth.current()):
        return auth.current()
    auth.require_admin()
    return None if asked == ALL else asked


def _owner(job_id: str) -> str:
    """In whose name a job may be looked at and ended: the caller's, and with the admin key its owner's."""
    record = gateway().store.find(job_id) if auth.is_admin() else None
    return auth.current() if record is None else record.job.owner


def _criteria(asked: Mapping[str, Any]) -> Criteria:
    models, adapter = gateway().catalogue.known(asked["model"]) if "model" in asked else (None, None)
    return Criteria(
        status=Status(asked["status"]) if "status" in asked else None,
        models=models,
        adapter=adapter,
        endpoint=asked.get("endpoint"),
        labels=frozenset(asked.get("label", ())),
        metadata=asked.get("metadata", {}),
        since=1000 * asked["created_after"] if "created_after" in asked else None,
        before=1000 * asked["created_before"] if "created_before" in asked else None,
    )


@blueprint.get("/<job_id>")
@operation("retrieveJob", answers.Job)
def show(job_id: str) -> dict[str, Any]:
    """One job."""
    return _shown(gateway().store.get(job_id, _owner(job_id)))


def _shown(record: Record) -> dict[str, Any]:
    return render.body(
        record, waiting_reasons.reason(gateway(), record.job.model, waits=record.status is Status.QUEUED)
    )


@blueprint.get("/<job_id>/result")
@operation("retrieveJobResult", dict, {"text/plain": str}, errors=frozenset({409, 504}))
def result(job_id: str) -> Response:
    """What the synchronous call would have answered, byte for byte."""
    record = gateway().store.get(job_id, auth.current())
    if not record.status.terminal:
        raise JobNotFinished(f"'{job_id}' is {record.status}; poll it, or follow its events")
    return calls.final(gateway(), record)


@blueprint.get("/<job_id>/events")
@operation(
    "streamJobEvents",
    media={SSE: dict},
    query=EventListSchema,
    headers=("Last-Event-ID",),
    errors=frozenset({429}),
    about="Each event is a `JobEvent`; its type is the name of the event and not in its data.",
)
def follow(job_id: str) -> Response:
    """The job's events as they come, from the beginning or after `Last-Event-ID`."""
    asked = unknown_fields.read(EventListSchema, request.args.to_dict())
    if "Last-Event-ID" in request.headers:
        asked = unknown_fields.read(EventListSchema, {"after": request.headers["Last-Event-ID"]})
    job = gateway().store.get(job_id, auth.current()).job
    gateway().capacity.occupy()
    left = patience(gateway(), job)
    inbox = EventInbox()
    arrivals = entries(gateway(), job, Probe(request.environ), left, inbox, asked.get("after", "0"))
    inbox.leave_to(request.environ)
    return Response(_frames(arrivals), mimetype=sse.MIMETYPE, headers=sse.HEADERS)


def _frames(arrivals: Iterator[list[StreamEntry]]) -> Iterator[bytes]:
    try:
        for arrived in audible(arrivals):
            yield from (
                _frame(*entry) for entry in arrived or ()
            )  # one by one: a reader that comes late may have much to read
            if not arrived:
                yield sse.KEEP_ALIVE if arrived is None else b""
    except ClientGone:
        return
    except JobError as error:
        failed = msgspec.to_builtins(events.Failed(error.failure))
        yield sse.event("", failed.pop("type"), failed)


def _frame(id: str, event: events.Event) -> bytes:
    value = msgspec.to_builtins(event)
    return sse.event(id, value.pop("type"), value)


@blueprint.post("/<job_id>/cancel")
@operation("cancelJob", answers.Job, errors=frozenset({409}))
def cancel(job_id: str) -> dict[str, Any]:
    """End a job now."""
    return _shown(gateway().store.cancel(job_id, _owner(job_id)))


@blueprint.delete("/<job_id>")
@operation("deleteJob", answers.DeleteJobResponse, errors=frozenset({409}))
def delete(job_id: str) -> dict[str, Any]:
    """Forget a finished job and its result."""
    gateway().store.delete(job_id, _owner(job_id))
    return {"id": job_id, "object": "job.deleted", "deleted": True}
