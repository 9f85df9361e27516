"""Valid requests: at least one for every rule and method of the application's URL map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

from bench.fuzz.bodies import chats, media, messages, responses, stored, vectors
from bench.fuzz.bodies.chats import CHAT, COMPLETIONS
from bench.fuzz.bodies.messages import MESSAGES
from bench.fuzz.bodies.vectors import EMBEDDINGS
from bench.fuzz.request import Form, Json, Part, Request, escaped
from bench.fuzz.world import World
from schemas.responses.conversations import PICTURES


class Example(NamedTuple):
    """One way to make a valid request, and how often a campaign takes it: never what rightly ends a process."""

    route: str
    method: str
    make: Callable[[World, Random], Request]
    weight: float = 1.0


def _post(route: str, body: Callable[[World, Random], Any], weight: float) -> Example:
    return Example(
        route, "POST", lambda world, chance: Request(route, "POST", route, body=Json(body(world, chance))), weight
    )


def _get(route: str, name: str, weight: float = 1.0, method: str = "GET") -> Example:
    """A request whose path names one thing of a kind: `World`'s method of that name tells which."""

    def make(world: World, chance: Random) -> Request:
        begin, _, rest = route.partition("<")
        path = begin + escaped(getattr(world, name)(chance)) + rest.partition(">")[2]
        body = b"" if method == "POST" else None
        return Request(route, method, path, body=body)

    return Example(route, method, make, weight)


def _update(route: str, name: str, body: Callable[[World, Random], Any], weight: float = 1.0) -> Example:
    """A request with a body, whose path names one thing as `_get` does."""
    named = _get(route, name)

    def make(world: World, chance: Random) -> Request:
        return replace(named.make(world, chance), method="POST", body=Json(body(world, chance)))

    return Example(route, "POST", make, weight)


def _item(method: str, weight: float) -> Example:
    """An item that every conversation has, unless it was taken out."""
    conversation = _get("/v1/conversations/<conversation_id>", "conversation")
    route = "/v1/conversations/<conversation_id>/items/<item_id>"

    def make(world: World, chance: Random) -> Request:
        path = conversation.make(world, chance).path + f"/items/{responses.ITEM}"
        return Request(route, method, path, query=chance.choice(((), (("include[]", PICTURES),))))

    return Example(route, method, make, weight)


def _plain(route: str, weight: float = 0.3, **more: Any) -> Example:
    return Example(route, "GET", lambda world, chance: Request(route, "GET", route, **more), weight)


def _form(route: str, parts: Callable[[World, Random], tuple[Part, ...]], weight: float) -> Example:
    return Example(
        route, "POST", lambda world, chance: Request(route, "POST", route, body=Form(parts(world, chance))), weight
    )


def _listed(route: str, *queries: tuple[tuple[str, str], ...]) -> Example:
    return Example(route, "GET", lambda world, chance: Request(route, "GET", route, query=chance.choice(queries)), 3)


def _image_link(world: World, chance: Random) -> Request:
    route = "/v1/images/content/<token>"
    return Request(route, "GET", chance.choice(tuple(world.links) or ("/v1/images/content/none",)))


def _wish(wish: str) -> Callable[[World, Random], Request]:
    """Have a model loaded or let go that costs no time."""
    route = f"/v1/models/<path:name>/{wish}"
    return lambda world, _: Request(route, "POST", f"/v1/models/{world.text}/{wish}", body=b"")


UPGRADE = (
    *(("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
EXAMPLES: tuple[Example, ...] = (
    _post(CHAT, chats.chat, 30),
    _post(CHAT, chats.guided, 8),
    _post(CHAT, chats.spoken, 4),
    _post(CHAT, chats.kept, 4),
    _post(COMPLETIONS, chats.completion, 12),
    _post(EMBEDDINGS, vectors.embedding, 8),
    _post("/v1/responses", responses.response, 12),
    _post("/v1/responses/input_tokens", responses.response_input, 2),
    _post("/v1/responses/compact", responses.response_input, 2),
    *(_get(f"/v1/responses/<response_id>{rest}", "response", 1.5) for rest in ("", "/input_items")),
    _get("/v1/responses/<response_id>/cancel", "response", method="POST"),
    _get("/v1/responses/<response_id>", "response", 0.5, method="DELETE"),
    *(_post(route, vectors.reranked, 3) for route in ("/v1/rerank", "/v2/rerank")),
    _post("/v1/score", vectors.scored, 3),
    _post("/v1/tokenize", chats.tokenized, 5),
    _post("/v1/detokenize", chats.detokenized, 4),
    _post("/v1/chat/render", chats.rendered, 5),
    _post(MESSAGES, messages.message, 15),
    _post(f"{MESSAGES}/count_tokens", messages.counted, 3),
    _post(f"{MESSAGES}/batches", messages.message_batch, 1.5),
    _listed(f"{MESSAGES}/batches", (("limit", "5"), ("after_id", "msgbatch_x")), (("before_id", "msgbatch_x"),), ()),
    *(_get(f"{MESSAGES}/batches/<batch_id>{rest}", "message_batch") for rest in ("", "/results")),
    _get(f"{MESSAGES}/batches/<batch_id>/cancel", "message_batch", 0.5, method="POST"),
    _get(f"{MESSAGES}/batches/<batch_id>", "message_batch", 0.3, method="DELETE"),
    _post("/v1/images/generations", media.picture, 3),
    _post("/v1/images/edits", media.changed, 1.5),
    _form("/v1/images/edits", media.changed_form, 1.5),
    _form("/v1/images/variations", media.varied, 2),
    _form("/v1/audio/transcriptions", media.recording, 1),
    _form("/v1/audio/translations", media.translated, 0.5),
    _post("/v1/audio/speech", media.spoken, 1),
    _listed("/v1/audio/voices", (("model", "fake"),), ()),
    _form("/v1/files", stored.upload, 8),
    _post("/v1/batches", stored.batch, 2),
    _post("/v1/jobs", stored.job, 10),
    _listed(
        "/v1/jobs",
        *((("status", "succeeded"), ("limit", "5")), (("label", "a"), ("label", "b"), ("metadata[run]", "1"))),
        *((("include", "sync"), ("model", "fake"), ("endpoint", CHAT)), (("idempotency_key", "k"),)),
        (("created_after", "1"), ("created_before", "9999999999"), ("include", "batch"), ("after", "job_x")),
    ),
    _listed("/v1/files", (("limit", "5"), ("order", "asc"), ("purpose", "batch"), ("after", "file-x")), ()),
    _listed(
        CHAT,
        *((("limit", "5"), ("order", "desc"), ("model", "fake")), (("metadata[a]", "b"), ("after", "chatcmpl-x")), ()),
    ),
    *(_get(f"{CHAT}/<completion_id>{rest}", "completion", 1.5) for rest in ("", "/messages")),
    _update(f"{CHAT}/<completion_id>", "completion", stored.described),
    _get(f"{CHAT}/<completion_id>", "completion", 0.3, method="DELETE"),
    _post("/v1/conversations", responses.conversation, 3),
    *(_get(f"/v1/conversations/<conversation_id>{rest}", "conversation", 1.5) for rest in ("", "/items")),
    _update("/v1/conversations/<conversation_id>", "conversation", stored.described),
    _update("/v1/conversations/<conversation_id>/items", "conversation", responses.items, 2),
    _item("GET", 1),
    _item("DELETE", 0.3),
    _get("/v1/conversations/<conversation_id>", "conversation", 0.3, method="DELETE"),
    _listed("/v1/batches", (("limit", "5"), ("after", "batch_x")), ()),
    *(_get(f"/v1/jobs/<job_id>{rest}", "job", 1.5) for rest in ("", "/result", "/events", "/deliveries")),
    _get("/v1/jobs/<job_id>/cancel", "job", method="POST"),
    _get("/v1/jobs/<job_id>", "job", 0.5, method="DELETE"),
    *(_get(f"/v1/files/<file_id>{rest}", "file", 1.5) for rest in ("", "/content")),
    _get("/v1/files/<file_id>", "file", 0.3, method="DELETE"),
    *(_get(f"/v1/batches/<batch_id>{rest}", "batch") for rest in ("", "/deliveries")),
    _get("/v1/batches/<batch_id>/cancel", "batch", 0.5, method="POST"),
    Example("/v1/images/content/<token>", "GET", _image_link),
    _plain("/v1/models", 0.5, headers=(("anthropic-version", "2023-06-01"),), query=(("limit", "1"),)),
    *(_plain(route) for route in ("/health", "/ready", "/v1/models", "/openapi.json", "/docs")),
    Example("/docs/<name>", "GET", lambda *_: Request("/docs/<name>", "GET", "/docs/start.js"), 0.3),
    Example(
        "/v1/models/<path:name>", "GET", lambda *_: Request("/v1/models/<path:name>", "GET", "/v1/models/fake"), 0.5
    ),
    Example("/v1/models/<path:name>/load", "POST", _wish("load"), 0.2),
    Example("/v1/models/<path:name>/unload", "POST", _wish("unload"), 0.0),
    _post("/v1/admin/keys", stored.key, 1),
    *(_plain(route) for route in ("/v1/admin/keys", "/v1/admin/queue", "/v1/queue/stats")),
    _get("/v1/admin/keys/<key_id>", "key", 0.3),
    _get("/v1/admin/keys/<key_id>/revoke", "key", 0.3, method="POST"),
    _plain("/v1/jobs/stream"),
    _plain("/v1/jobs/stream", 1, headers=UPGRADE, patience=0.2),
    _plain("/v1/responses"),
    _plain("/v1/responses", 1, headers=UPGRADE, patience=0.2),
    _plain("/v1/realtime"),
    _plain("/v1/realtime", 1, headers=UPGRADE, query=(("intent", "transcription"),), patience=0.2),
)
