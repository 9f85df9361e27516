"""What is served and how the server is, and its keys and queues."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from schemas.answers.base import Answer, Error

LoadState: TypeAlias = Literal["starting", "loading", "ready", "restarting", "broken", "unloading", "unloaded"]


class Model(Answer, frozen=True):
    """A configured model: the endpoints that it serves, what its engine tells of it, and whether it is up.

    Calls may choose one of its `adapters`. One that is `on_demand` is loaded by its first call. While it is `loading`,
    `progress` is in percent.

    Text models tell `modalities`, embedding models `dimensions` and the names of their `prompts`, models that speak
    their `voices`, image models the last five.
    """

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    aliases: list[str]
    adapters: list[str]
    type: str
    endpoints: list[str]
    context_length: int | None
    defaults: dict[str, Any] | None
    on_demand: bool
    state: LoadState
    reason: str | None
    progress: int | None
    modalities: list[str] | UnsetType = UNSET
    dimensions: int | UnsetType = UNSET
    prompts: list[str] | UnsetType = UNSET
    voices: list[str] | UnsetType = UNSET
    steps: int | UnsetType = UNSET
    guidance_scale: float | UnsetType | None = UNSET
    images: int | UnsetType = UNSET
    mask: bool | UnsetType = UNSET
    size_multiple: int | UnsetType = UNSET


class ListModelsResponse(Answer, frozen=True):
    """Every configured model."""

    object: Literal["list"]
    data: list[Model]


class Health(Answer, frozen=True):
    """The web process lives."""

    status: Literal["ok"]


class Ready(Answer, frozen=True):
    """Every configured model can be called; `warnings` tell what will not last.

    A model that is loaded on demand can be called in any of its states but `broken`.
    """

    status: Literal["ready"]
    models: list[str]
    states: dict[str, LoadState]
    warnings: list[str]


class WaitingModel(Answer, frozen=True):
    """A model that cannot be called yet."""

    id: str
    state: LoadState
    reason: str | None


class NotReady(Answer, frozen=True):
    """What is missing, and why."""

    status: Literal["not_ready"]
    not_ready: list[WaitingModel]
    warnings: list[str]
    error: Error


class KeyLimits(Answer, frozen=True):
    """How much a key may ask for; null is without limit."""

    concurrent_requests: int | None
    requests_per_minute: int | None
    unfinished_jobs: int | None


class _Key(Answer, frozen=True):
    id: str
    object: Literal["api_key"]
    source: Literal["stored", "environment"]
    status: Literal["active", "expired", "revoked"]
    label: str | None
    hint: str | None
    created_at: int | None
    last_used_at: int | None
    expires_at: int | None
    revoked_at: int | None
    limits: KeyLimits


class ApiKey(_Key, frozen=True):
    """A key of the server; of those in its environment little is known."""


class NewApiKey(_Key, frozen=True):
    """A key with its secret, which no other answer holds."""

    key: str


class ListApiKeysResponse(Answer, frozen=True):
    """Every key there is or was."""

    object: Literal["list"]
    data: list[ApiKey]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Queue(Answer, frozen=True):
    """What waits for a model by lane, and what its workers hold."""

    id: str
    object: Literal["queue"]
    state: LoadState
    reason: str | None
    workers: int
    slots: int
    queued: dict[str, int]
    claimed: int


class ListQueuesResponse(Answer, frozen=True):
    """The queue of every configured model."""

    object: Literal["list"]
    data: list[Queue]
    first_id: str | None
    last_id: str | None
    has_more: bool


class _Busy(Answer, frozen=True):
    running: bool
    queue_size: int
    max_queue_size: int
    active_requests: int


class Requests(_Busy, frozen=True):
    """What waits for a model, what it does, and what its workers have done since they started."""

    completed_requests: int
    failed_requests: int


class BatchStats(_Busy, frozen=True):
    """How many requests a model computes together."""

    completion_batch_size: int
    prefill_batch_size: int | None
    disabled: bool


class QueueStats(Requests, frozen=True):
    """One model's numbers where mlx-openai-server has them."""

    queue_stats: Requests
    batch_stats: BatchStats


class ModelStats(Answer, frozen=True):
    """What there is to do for a model, and how its workers do: rows, tokens a second, bytes that the device holds."""

    id: str
    type: str
    state: LoadState
    reason: str | None
    workers: int
    slots: int
    queued: dict[str, int]
    claimed: int
    running: int
    waiting: int
    completed: int
    failed: int
    generated_tokens: int
    tokens_per_second: float
    memory: int


class QueueStatsResponse(Answer, frozen=True):
    """How much there is to do."""

    status: Literal["ok"]
    model: str
    queue_stats: QueueStats
    models: list[ModelStats]
