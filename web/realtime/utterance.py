"""An utterance that is being written down: a job like any other transcription, in the name of the socket's client."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import msgspec

from tasks.redis.scripts import AWAY
from tasks.redis.stream_entries import StreamEntry
from tasks.values.errors import Failure, JobError, QueueUnavailable
from web import calls, identity, intake
from web.api.speech.transcriptions import ENDPOINT
from web.http.access import auth
from web.http.errors import envelope
from web.http.prefer import Preference
from web.http.wire.disconnect import Probe
from web.render.speech import realtime as render
from web.waiting import entries, following


class _Arrivals(queue.SimpleQueue[list[StreamEntry]]):
    """An inbox that nobody waits at: its socket looks now and then."""

    def get(self, block: bool = True, timeout: float | None = None) -> list[StreamEntry]:
        return super().get(block=False)


class Utterance:
    """One, from its submission to its text. When it is closed before that, the job is cancelled."""

    def __init__(self, item_id: str, body: dict[str, Any]) -> None:
        """Submit it; raises a JobError, as of a body that is wrong, a full queue or a revoked key."""
        self.item_id, self.ended = item_id, False
        auth.identify()  # a socket may be open for long, and its key be revoked
        caller, inbox = identity.current(), _Arrivals()
        _count(caller)
        checked = intake.check(caller, ENDPOINT, body)
        job, left, joined = calls.submit(caller, ENDPOINT, checked, Preference(), inbox, {})
        self._stack = ExitStack()
        self._stack.enter_context(following(caller.gateway, job.id, counted=not joined))
        self._chunks = ENDPOINT.streamed(caller, job)
        arrivals = entries(caller.gateway, job, Probe({}), left, inbox)
        self._stack.callback(arrivals.close)  # type: ignore[attr-defined]  # it is a generator
        self._arrivals = arrivals

    def news(self) -> Iterator[dict[str, Any]]:
        """What has come since the last look, as events of the socket."""
        try:
            for arrived in self._arrivals:
                if not arrived:
                    return
                for chunk in self._chunks.of([event for _, event in arrived]):
                    yield render.transcribed(self.item_id, chunk)  # type: ignore[arg-type]  # all are objects
        except JobError as error:
            yield failed(self.item_id, error.failure)
        except AWAY as error:
            yield failed(self.item_id, Failure(QueueUnavailable.code, f"the queue is away: {error}"))
        self.ended = True

    def close(self) -> None:
        """Wait for it no longer."""
        self._stack.close()


def failed(item_id: str, failure: Failure) -> dict[str, Any]:
    """The event of an utterance that is not written down."""
    return render.transcribed(item_id, {"error": envelope(failure)})


def _count(caller: identity.Caller) -> None:
    """Count a request of the caller's key; the socket itself is the call that is under way."""
    limits = msgspec.structs.replace(auth.limits(), concurrent_requests=None)
    if limits.of_requests:
        admission = caller.gateway.throttle.admit(caller.owner, limits)
        caller.gateway.throttle.release(admission.token)
        if admission.refusal is not None:
            raise admission.refusal
