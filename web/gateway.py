"""What the request handlers of one web process share."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from threading import BoundedSemaphore

import msgspec
from flask import current_app

from mlxq import configuration
from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.access.api_keys import KeyRing
from tasks.access.throttle import Throttle
from tasks.batches.batches import Batches
from tasks.processes.presence import Presence
from tasks.redis import store as stores
from tasks.redis.clock import Clock
from tasks.redis.store import JobStore
from tasks.stored.completions import ChatCompletions
from tasks.stored.conversations import Conversations
from tasks.stored.files import Files
from tasks.streaming.followers import Followers
from tasks.values.model import Details
from web.availability.live_catalogue import Served
from web.http.access.capacity import Capacity
from web.http.access.keycache import KeyCache
from web.http.wire.disconnect import Watcher

_EXTENSION = "mlxq"


@dataclass(frozen=True)
class Gateway:
    """The way from HTTP to the queue."""

    settings: Settings
    served: Served
    store: JobStore
    clock: Clock
    followers: Followers
    presence: Presence
    files: Files
    batches: Batches
    completions: ChatCompletions
    conversations: Conversations
    keys: KeyCache
    throttle: Throttle
    sockets: BoundedSemaphore  # websockets that may be open
    capacity: Capacity
    watcher: Watcher
    ready_until: dict[str, float] = field(default_factory=dict)  # model → monotonic seconds, of `admission`

    @property
    def catalogue(self) -> Catalogue:
        """The models that are served."""
        return self.served.catalogue

    @property
    def created(self) -> int:
        """When the models' file was written, which every web process says alike of its models; 0 where it is gone."""
        with suppress(OSError):
            return int(self.settings.config.stat().st_mtime)
        return 0

    def details(self, model: str) -> Details:
        """What is known of a configured model: what a live worker says of it, else what the models' file does."""
        workers = self.presence.workers(model)
        details = workers[0].details if workers else Details()
        if details.context_length is not None:
            return details
        length = getattr(self.catalogue.models.get(model), "context_length", None)  # not every kind of model has one
        return msgspec.structs.replace(details, context_length=length)


def connect(settings: Settings, catalogue: Catalogue) -> Gateway:
    """The gateway of this process, with a reader of its own."""
    store = stores.connect(settings)
    # Each takes two threads for as long as it is open, so they get a quarter of them.
    sockets = BoundedSemaphore(max(1, settings.web_threads // 8))
    followers, presence = Followers(store), Presence(store)
    keys, throttle = KeyCache(KeyRing(store)), Throttle(store)
    capacity = Capacity(settings)
    served = Served(catalogue, presence, lambda: configuration.checked(os.environ)[1])
    return Gateway(
        settings,
        served,
        store,
        Clock(store.clock),
        followers,
        presence,
        Files(store),
        Batches(store),
        ChatCompletions(store),
        Conversations(store),
        keys,
        throttle,
        sockets,
        capacity,
        Watcher(),
    )


def gateway() -> Gateway:
    """The gateway of the application that handles the current request."""
    shared: Gateway = current_app.extensions[_EXTENSION]
    return shared
