"""Chats about pictures as a program written for OpenAI sees them: tiny models of real architectures, all the way."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import psutil
import pytest
from openai.types.chat import ChatCompletion

from tests.contract import site as sites
from tests.contract.site import Page, Site
from tests.support.servers import PATIENCE, Stack, Valkey, running
from tests.workers.engines.text import tiny as text
from tests.workers.engines.vision import tiny
from tests.workers.engines.vision.asking import encoded, film, noise, sound
from tests.workers.media.test_images import HOSTILE, LIMITS

PICTURES = [encoded(noise(1)), encoded(noise(2, 30, 64)), encoded(noise(3, 90, 90), "JPEG")]
ROOM = {"max_image_pixels": LIMITS.pixels, "max_image_bytes": LIMITS.bytes}


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Three models that see, of which one hears, and one that only reads; pictures from this machine are allowed."""
    root = tmp_path_factory.mktemp("models")
    models = [
        {
            "model_path": str(tiny.save(root / family, family)),
            "served_model_name": family,
            "model_type": "multimodal",
            "options": ROOM,
        }
        for family in ("smolvlm", "qwen2_vl", "gemma4")
    ]
    models.append({"model_path": str(text.save(root / "text")), "served_model_name": "text"})
    env = {"MLXQ_MEDIA_ALLOW_PRIVATE": "1"}
    yield from running(Stack(valkey, tmp_path_factory.mktemp("seeing"), models, **env))


@pytest.fixture(scope="module")
def client(stack: Stack) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{stack.url}/v1", api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Pictures, and what is none."""
    html = b"<!DOCTYPE html><html><body>Please log in</body></html>"
    yield from sites.running(
        {
            "/a.png": Page("image/png", PICTURES[0]),
            "/unsaid": Page("application/octet-stream", PICTURES[0]),
            "/moved": Page("", b"", 302, "/a.png"),
            "/html.png": Page("text/html", html),
            "/lying.png": Page("image/png", html),
            "/a.svg": Page("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            "/bomb.png": Page("image/png", HOSTILE["bomb"][0]()),
            "/endless.png": Page("image/png", None),
            "/to-file": Page("", b"", 302, "file:///etc/passwd"),
            "/to-itself": Page("", b"", 302, "/to-itself"),
            "/broken": Page("image/png", b"", 500),
        }
    )


def url(data: bytes, type: str = "image/png") -> str:
    return f"data:{type};base64,{base64.b64encode(data).decode()}"


def ask(client: openai.OpenAI, *parts: str | bytes, model: str = "smolvlm", **more: Any) -> ChatCompletion:
    """A chat about texts, pictures (bytes) and addresses (texts that begin like one)."""
    shown: list[Any] = []
    for part in parts:
        if isinstance(part, str) and not part.startswith("http"):
            shown.append({"type": "text", "text": part})
        else:
            shown.append({"type": "image_url", "image_url": {"url": url(part) if isinstance(part, bytes) else part}})
    asked: Any = {"model": model, "messages": [{"role": "user", "content": shown}], "temperature": 0, "max_tokens": 12}
    answer = client.chat.completions.create(**{**asked, **more})
    assert more.get("stream") or isinstance(answer, ChatCompletion)
    return answer


def said(answer: ChatCompletion) -> str:
    return answer.choices[0].message.content or ""


@pytest.mark.parametrize("model", ["smolvlm", "qwen2_vl"])
def test_a_chat_with_two_pictures(client: openai.OpenAI, model: str) -> None:
    answer = ask(client, "Compare ", PICTURES[0], " with ", PICTURES[1], model=model)
    other = ask(client, "Compare ", PICTURES[0], " with ", PICTURES[2], model=model)
    assert answer.usage is not None and answer.usage.prompt_tokens > 60
    assert said(answer) and (said(answer) != said(other) or answer.usage != other.usage)


def test_a_stream_about_a_picture_adds_up_to_the_answer(client: openai.OpenAI) -> None:
    chunks: Any = ask(client, "Look: ", PICTURES[0], stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == said(ask(client, "Look: ", PICTURES[0]))


@pytest.mark.parametrize("model", ["smolvlm", "qwen2_vl"])
def test_texts_and_pictures_that_are_asked_together_are_answered_as_alone(client: openai.OpenAI, model: str) -> None:
    asked: list[tuple[str | bytes, ...]] = [
        ("What is this? ", PICTURES[0]),
        ("Only text.",),
        ("Compare ", *PICTURES),
        ("Only text, but a lot more of it. " * 8,),
        (PICTURES[2], "And this?"),
    ]
    alone = [said(ask(client, *parts, model=model, max_tokens=30)) for parts in asked]
    with ThreadPoolExecutor(10) as pool:
        together = list(pool.map(lambda parts: said(ask(client, *parts, model=model, max_tokens=30)), asked * 2))
    assert together == alone * 2


def test_a_picture_s_address_is_as_good_as_the_picture(client: openai.OpenAI, site: Site) -> None:
    expected = said(ask(client, "Look: ", PICTURES[0]))
    for path in ("/a.png", "/unsaid", "/moved"):
        assert said(ask(client, "Look: ", site.url + path)) == expected


def refused(client: openai.OpenAI, *parts: str | bytes, model: str = "smolvlm") -> Any:
    with pytest.raises(openai.APIStatusError) as refusal:
        ask(client, *parts, model=model)
    assert 400 <= refusal.value.status_code < 500
    error: Any = refusal.value.body
    assert error["param"].startswith("messages[0].content[1]") and len(error["message"]) > 15
    return error


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/html.png", "'text/html'"),
        ("/lying.png", "HTML"),
        ("/a.svg", "SVG"),
        ("/bomb.png", "pixels"),
        ("/endless.png", "larger than"),
        ("/to-file", "http or https"),
        ("/to-itself", "redirects more than"),
        ("/broken", "status 500"),
        ("/nowhere", "status 404"),
    ],
)
def test_an_address_that_gives_no_picture_is_refused(client: openai.OpenAI, site: Site, path: str, why: str) -> None:
    assert why in refused(client, "Look: ", site.url + path)["message"]


def memory(stack: Stack) -> int:
    """Bytes of the web's processes and the workers'."""
    roots = [psutil.Process(stack.web.pid), psutil.Process(stack.supervisor.pid)]
    return sum(one.memory_info().rss for root in roots for one in [root, *root.children(recursive=True)])


def test_hostile_pictures_are_refused_and_take_no_memory(client: openai.OpenAI, stack: Stack) -> None:
    ask(client, "Look: ", PICTURES[0])
    before = memory(stack)
    made = [make() for make, _ in HOSTILE.values()] * 2
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: refused(client, "Look: ", data), [data for data in made if data]))
    assert memory(stack) - before < 300 << 20
    assert said(ask(client, "Look: ", PICTURES[0]))


def test_a_body_of_100_megabytes_is_refused_and_takes_no_memory(client: openai.OpenAI, stack: Stack) -> None:
    before = memory(stack)
    for _ in range(3):
        with pytest.raises(openai.APIStatusError) as refusal:
            ask(client, "Look: ", bytes(75_000_000))
        assert refusal.value.status_code == 413
    assert memory(stack) - before < 100 << 20


def test_a_model_that_only_reads_refuses_pictures_by_their_part(client: openai.OpenAI) -> None:
    assert "only reads text" in refused(client, "Look: ", PICTURES[0], model="text")["message"]


HEARD = {"type": "input_audio", "input_audio": {"data": base64.b64encode(sound(1)).decode(), "format": "wav"}}
WATCHED = {"type": "video_url", "video_url": {"url": url(film(1), "video/mp4")}}


@pytest.mark.parametrize("part", [HEARD, WATCHED], ids=["sound", "film"])
def test_who_hears_and_watches_is_told_of_sounds_and_films(client: openai.OpenAI, part: dict[str, Any]) -> None:
    picture = {"type": "image_url", "image_url": {"url": url(PICTURES[0])}}
    messages: Any = [{"role": "user", "content": [picture, {"type": "text", "text": " and "}, part]}]
    first, second = [
        client.chat.completions.create(model="gemma4", messages=messages, temperature=0, max_tokens=12)
        for _ in range(2)
    ]
    assert said(first) == said(second)
    assert second.usage is not None and second.usage.prompt_tokens_details is not None
    assert second.usage.prompt_tokens_details.cached_tokens == second.usage.prompt_tokens - 1


def test_models_say_what_a_conversation_with_them_may_hold(stack: Stack) -> None:
    models = {one["id"]: one for one in httpx.get(f"{stack.url}/v1/models").json()["data"]}
    assert {name: models[name]["modalities"] for name in models} == {
        "smolvlm": ["text", "image"],
        "qwen2_vl": ["text", "image", "video"],
        "gemma4": ["text", "image", "audio", "video"],
        "text": ["text"],
    }


def test_a_sound_and_a_film_are_refused_by_their_part(client: openai.OpenAI) -> None:
    for part in (HEARD, WATCHED):
        messages: Any = [{"role": "user", "content": [{"type": "text", "text": "a"}, part]}]
        with pytest.raises(openai.BadRequestError, match=r"takes no (audio|video)") as refusal:
            client.chat.completions.create(model="smolvlm", messages=messages)
        assert refusal.value.param == "messages[0].content[1]"


def test_a_picture_is_shrunk_where_that_is_asked_for(client: openai.OpenAI) -> None:
    large = encoded(noise(5, 64, 64))

    def tokens(**told: Any) -> int:
        part = {"type": "image_url", "image_url": {"url": url(large), **told}}
        messages: Any = [{"role": "user", "content": [part]}]
        answer = client.chat.completions.create(model="qwen2_vl", messages=messages, max_tokens=1)
        assert answer.usage is not None
        return answer.usage.prompt_tokens

    assert tokens() == tokens(detail="low") == tokens(detail="high")  # it is small as it is
    assert tokens(max_pixels=256) == tokens() - 60


def test_a_picture_is_cached_like_the_text_around_it(client: openai.OpenAI) -> None:
    asked = ("Is this cached, the whole of it? ", PICTURES[1], " Tell me.")
    ask(client, *asked)
    usage = ask(client, *asked).usage
    assert usage is not None and usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == usage.prompt_tokens - 1


def test_a_job_about_a_picture_can_be_asked_again_by_its_blob(client: openai.OpenAI, stack: Stack) -> None:
    def messages(source: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": source}}]}]

    with httpx.Client(base_url=stack.url, timeout=PATIENCE) as http:
        asked = {"model": "smolvlm", "messages": messages(url(PICTURES[0])), "temperature": 0, "max_tokens": 8}
        body = {"url": "/v1/chat/completions", "body": asked}
        job = http.post("/v1/jobs", json=body, headers={"Prefer": "wait=30"}).json()
        again = http.get("/v1/jobs", params={"limit": 1}).json()["data"][0]
        (shown,) = again["inputs"]
        answer = http.post("/v1/chat/completions", json={**asked, "messages": messages(shown["blob"])}).json()
    assert answer["choices"][0]["message"]["content"] == job["choices"][0]["message"]["content"]


def test_what_the_model_reads_holds_the_places_of_pictures(stack: Stack) -> None:
    parts = [{"type": "text", "text": "Look: "}, {"type": "image_url", "image_url": {"url": url(PICTURES[0])}}]
    body = {"model": "smolvlm", "messages": [{"role": "user", "content": parts}]}
    shown = httpx.post(f"{stack.url}/v1/chat/render", json=body, timeout=PATIENCE).json()
    counted = httpx.post(f"{stack.url}/v1/tokenize", json=body, timeout=PATIENCE).json()
    answered = httpx.post(f"{stack.url}/v1/chat/completions", json={**body, "max_tokens": 1}, timeout=PATIENCE).json()
    assert "<image><image>" in str(shown)
    assert counted["count"] == answered["usage"]["prompt_tokens"]
