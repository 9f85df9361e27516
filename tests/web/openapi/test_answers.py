"""Every answer is as the document says: what the service really answers on every route, and what it renders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import msgspec
import pytest

from bench.fuzz import bounds, sender
from bench.fuzz.__main__ import ENV
from bench.fuzz.bodies.chats import CHAT, chat
from bench.fuzz.examples import EXAMPLES
from bench.fuzz.request import ADMIN, BOUNDARY, Form, Request
from bench.fuzz.world import World, line
from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import Failure
from tasks.values.job import Job, Lane, RenderOptions
from tasks.values.requests import ImageRequest, SpeechRequest, TranscriptionRequest
from tests.support import documented
from tests.support.rounds import rounds
from tests.support.servers import PATIENCE, Stack, Valkey, fake, running
from tests.web.bodies import ENDLESS
from web.render import images
from web.render.speech import audio_speech, transcriptions

UNSERVED = {  # by the fake engine; `real` tests ask them, and here is what their answers are rendered to
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
    "/v1/audio/speech",
    "/v1/images/content/{token}",
    "/v1/images/edits",
    "/v1/images/generations",
    "/v1/images/variations",
}
OTHERWISE = {  # answer a success elsewhere
    ("get", "/v1/jobs/stream"),
    ("get", "/v1/realtime"),
    ("get", "/v1/responses"),
    ("post", "/v1/jobs/{job_id}/cancel"),
}


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One with an admin key and webhooks."""
    yield from running(Stack(valkey, tmp_path_factory.mktemp("documented"), [fake(step_ms=1)], **ENV))


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {ADMIN}"}
    with httpx.Client(base_url=stack.url, timeout=PATIENCE, headers=headers) as client:
        yield client


def asked(client: httpx.Client, world: World, request: Request) -> httpx.Response:
    kind = f"multipart/form-data; boundary={BOUNDARY}" if isinstance(request.body, Form) else "application/json"
    headers = {**({} if request.body is None else {"Content-Type": kind}), **dict(request.headers)}
    answer = client.request(
        request.method, request.path, params=list(request.query), headers=headers, content=request.content()
    )
    world.learn(sender.Answer(answer.status_code, 0, answer.content, answer.headers.get("X-Job-ID", "")))
    return answer


def test_every_route_answers_as_the_document_says(client: httpx.Client) -> None:
    world, chance = World(), Random(3)
    lines = "\n".join(line(at, CHAT, chat(world, chance)) for at in range(3))
    upload = client.post("/v1/files", data={"purpose": "batch"}, files={"file": ("a.jsonl", lines)}).json()
    world.inputs.append(upload["id"])
    later = {"model": "fake", "input": "word", "background": True}  # which alone can be cancelled
    world.responses.extend(client.post("/v1/responses", json=later).json()["id"] for _ in range(20))
    found, good = [], set()
    examples = sorted((one for one in EXAMPLES if one.method != "DELETE"), key=lambda one: one.method, reverse=True)
    last = [one for one in EXAMPLES if one.method == "DELETE"]
    for example in [*examples * rounds(5, 100), *last * 5]:
        request = bounds.tame(example.make(world, chance), world)
        if "Upgrade" in dict(request.headers):
            continue
        answer = asked(client, world, request)
        path = documented.path(example.route)
        found += documented.unlike(example.method, path, answer)
        if answer.is_success:
            good.add((example.method.lower(), path))
    assert found == []
    known = {(method, path) for method, path, _ in documented.operations() if path not in UNSERVED}
    assert good - OTHERWISE == known - OTHERWISE


def test_a_stream_a_result_a_job_and_a_failure_are_as_the_document_says(client: httpx.Client) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    said = {"model": "fake", "messages": [{"role": "user", "content": "word"}], "max_tokens": 3, "stream": True}
    for more in (
        {"stream_options": {"include_usage": True}, "logprobs": True, "top_logprobs": 1, "n": 2},
        {"tools": [tool], "tool_choice": "required", "thinking_budget": 2},
        {"functions": [tool["function"]], "function_call": {"name": "look"}, "thinking_budget": 2},
    ):
        answer = client.post(CHAT, json={**said, **more})
        assert answer.headers["Content-Type"].startswith("text/event-stream") and len(answer.text) > 500
        assert documented.unlike("POST", CHAT, answer) == []
        job = answer.headers["X-Job-ID"]
        followed = client.get(f"/v1/jobs/{job}/events")
        assert {frame["event"] for frame in documented.frames(followed.text)} >= {"started", "delta", "done"}
        assert documented.unlike("GET", "/v1/jobs/{job_id}/events", followed) == []
        result = client.get(f"/v1/jobs/{job}/result")
        assert documented.problems(documented.component("CreateChatCompletionResponse"), result.json()) == []
    later = client.post(CHAT, json={**said, "max_tokens": ENDLESS}, headers={"Prefer": "respond-async"})
    assert later.status_code == 202 and documented.unlike("POST", CHAT, later) == []
    ended = client.post(f"/v1/jobs/{later.json()['id']}/cancel")
    assert ended.status_code == 200 and documented.unlike("POST", "/v1/jobs/{job_id}/cancel", ended) == []
    wrong = client.post(CHAT, json={**said, "stream": False, "temperature": 9})
    assert wrong.status_code == 400 and documented.unlike("POST", CHAT, wrong) == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("PUT", "/v1/models", {}, 405),
        ("GET", "/v1/nothing", {}, 404),
        ("GET", "/v1/models", {"Authorization": "Bearer none"}, 401),
        ("GET", "/v1/models", {"Host": "elsewhere.example"}, 403),
        ("POST", "/v1/chat/completions", {"Content-Type": "text/plain"}, 415),
        ("GET", "/v1/jobs/stream", {}, 426),
        ("GET", "/v1/realtime", {}, 426),
    ],
)
def test_every_error_is_an_error_response(
    client: httpx.Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.request(method, path, headers=headers)
    assert answer.status_code == status
    assert documented.problems(documented.component("ErrorResponse"), answer.json()) == []


REF = BlobRef("0" * 64, 3, "image/png")
PICTURE = events.Picture(0, REF, 64, 32, 7, 2)
USAGE = events.Usage(3, 8)


def job(payload: Any, **options: Any) -> Job:
    return Job(
        id="job_1",
        owner="o",
        model="m",
        endpoint="/v1/x",
        payload=payload,
        created=1,
        deadline=2,
        lane=Lane.JOBS,
        keep=1,
        options=RenderOptions(**options),
    )


@pytest.mark.parametrize("where", [{"b64_json": "AA=="}, {"url": "http://127.0.0.1/v1/images/content/x"}])
@pytest.mark.parametrize("quality", [None, "high"])
def test_pictures_are_as_the_document_says(where: dict[str, str], quality: Any) -> None:
    asked_ = job(ImageRequest(prompt="a cat", seed=7, quality=quality))
    rendered = images.body(asked_, results.PicturesResult((PICTURE,), USAGE), lambda job, picture: where)
    assert documented.problems(documented.component("ImagesResponse"), json.loads(rendered.data)) == []


@pytest.mark.parametrize(("kind", "path"), [("image_generation", "generations"), ("image_edit", "edits")])
def test_streams_of_pictures_are_as_the_document_says(kind: str, path: str) -> None:
    chunks = images.Chunks(job(ImageRequest(prompt="a cat", seed=7, size=(64, 32))), kind, lambda ref: "AA==")
    told = [events.Started(1, 3), events.Preview(0, 0, "AA=="), PICTURE, events.Done(USAGE)]
    shown = [msgspec.to_builtins(chunk) for event in told for chunk in chunks(event)]
    operation = documented.whole()["paths"][f"/v1/images/{path}"]["post"]
    schema = operation["responses"]["200"]["content"]["text/event-stream"]["schema"]
    assert len(shown) == 2 and [documented.problems(schema, one) for one in shown] == [[], []]


SEGMENT = events.Segment(
    0.5, 1.5, " Hello.", 0, (1, 2), words=(events.Word(" Hello.", 0.5, 1.5, 0.9),),
    logprobs=(events.TokenLogprob(" Hello", "IEhlbGxv", -0.5),),
)  # fmt: skip


@pytest.mark.parametrize("path", ["transcriptions", "translations"])
@pytest.mark.parametrize("format_", ["json", "verbose_json"])
@pytest.mark.parametrize("more", [True, False])
def test_a_transcript_is_as_the_document_says(path: str, format_: str, more: bool) -> None:
    granularities: Any = ("segment", "word") if more else ("segment",)
    payload = TranscriptionRequest(REF, task="translate" if path == "translations" else "transcribe", logprobs=more)
    asked_ = job(payload, response_format=format_, granularities=granularities)
    operation = documented.whole()["paths"][f"/v1/audio/{path}"]["post"]
    content = operation["responses"]["200"]["content"]
    result = results.TranscriptResult("Hello.", (SEGMENT,), 1.5, "en", language_name="english")
    rendered = transcriptions.body(asked_, result)
    assert documented.problems(content["application/json"]["schema"], json.loads(rendered.data)) == []
    told = [events.Started(1), events.Recording(1.5, "en", "english"), SEGMENT, events.Done(events.Usage(seconds=1.5))]
    chunks = transcriptions.Chunks(asked_)
    shown = [msgspec.to_builtins(chunk) for event in told for chunk in chunks(event)]
    assert len(shown) >= 2
    assert [documented.problems(content["text/event-stream"]["schema"], one) for one in shown] == [[] for _ in shown]


def test_events_of_speech_are_as_the_document_says() -> None:
    chunks = audio_speech.Chunks(job(SpeechRequest(text="Hello.", seed=7)), lambda ref: b"audio")
    told = [events.Started(1, 6), events.AudioChunk(0, REF, 0.5), events.Done(USAGE)]
    shown = [msgspec.to_builtins(chunk) for event in told for chunk in chunks(event)]
    content = documented.whole()["paths"]["/v1/audio/speech"]["post"]["responses"]["200"]["content"]
    assert len(shown) == 2
    assert [documented.problems(content["text/event-stream"]["schema"], one) for one in shown] == [[], []]
    assert set(content) == {*audio_speech.TYPES.values(), "text/event-stream"}


def test_every_event_is_as_the_document_says() -> None:
    token = events.TokenLogprob("a", "YQ==", -1.0)
    told: list[events.Event] = [
        *(events.Started(1, 3), events.Progress(1, 2), events.Delta("a", 0, "stop", (token,), "hm")),
        *(events.Delta("", calls=(events.CallDelta(0, "call_1", "look", "{}"),)), events.Recording(1.5, "en")),
        *(
            events.Segment(0.0, 1.5, "Hello."),
            events.AudioChunk(0, REF, 0.5),
            events.Preview(0, 0, "AA=="),
            PICTURE,
            events.Done(USAGE),
        ),
        *(events.Failed(Failure("poison", "no", None, 3)), events.Cancelled("asked"), events.Expired()),
    ]
    for event in told:
        assert documented.problems(documented.component("JobEvent"), json.loads(msgspec.json.encode(event))) == []
