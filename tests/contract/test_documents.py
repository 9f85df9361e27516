"""PDFs and texts as parts of a conversation, as OpenAI's and Anthropic's clients send them, to tiny models."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import httpx
import pytest

from tests.contract import site as sites
from tests.contract.site import Page, Site
from tests.support.servers import PATIENCE, Stack, Valkey, eventually, running
from tests.workers.engines.text import tiny as text
from tests.workers.engines.vision import tiny
from tests.workers.media.documents import written

SAYS = written.says("Tickets cost nine euros.", "Children pay nothing.")
READ = "Tickets cost nine euros.\n\nChildren pay nothing."
ASKED = "What do they cost?"


class Way(NamedTuple):
    """How an API takes a file: its path, a body of parts, a part of a text and of a file, where the second part is."""

    path: str
    body: Callable[[list[Any]], dict[str, Any]]
    text: str
    file: Callable[[bytes, str], dict[str, Any]]
    where: str


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def url(content: bytes, type: str) -> str:
    return f"data:{type};base64,{encoded(content)}"


WAYS: Mapping[str, Way] = {
    "chat": Way(
        "/v1/chat/completions",
        lambda parts: {"messages": [{"role": "user", "content": parts}], "max_tokens": 4},
        "text",
        lambda content, media_type: {"type": "file", "file": {"file_data": url(content, media_type)}},
        "messages[0].content[1]",
    ),
    "responses": Way(
        "/v1/responses",
        lambda parts: {"input": [{"role": "user", "content": parts}], "max_output_tokens": 16, "store": False},
        "input_text",
        lambda content, media_type: {"type": "input_file", "file_data": url(content, media_type)},
        "input[0].content[1]",
    ),
    "messages": Way(
        "/v1/messages",
        lambda parts: {"messages": [{"role": "user", "content": parts}], "max_tokens": 4},
        "text",
        lambda content, media_type: {
            "type": "document",
            "source": {"type": "base64", "media_type": media_type, "data": encoded(content)},
        },
        "messages[0].content[1]",
    ),
}
CHAT = WAYS["chat"]


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A model that sees and one that reads; documents from this machine are allowed."""
    root = tmp_path_factory.mktemp("models")
    seeing = {"model_path": str(tiny.save(root / "sees", "smolvlm")), "served_model_name": "sees"}
    reading = {"model_path": str(text.save(root / "reads")), "served_model_name": "reads"}
    models = [{**seeing, "model_type": "multimodal"}, reading]
    yield from running(Stack(valkey, tmp_path_factory.mktemp("stack"), models, MLXQ_MEDIA_ALLOW_PRIVATE="1"))


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=PATIENCE) as client:
        yield client


def body(way: Way, *parts: Any, model: str = "reads") -> dict[str, Any]:
    """A request of parts; a text is one of its own."""
    shown = [{"type": way.text, "text": part} if isinstance(part, str) else part for part in parts]
    return {"model": model, "temperature": 0, **way.body(shown)}


def tokens(answer: httpx.Response) -> int:
    """Those of the prompt, whatever API has answered."""
    assert answer.status_code == 200, answer.text
    usage = answer.json()["usage"]
    read = usage["prompt_tokens"] if "prompt_tokens" in usage else usage["input_tokens"]
    return int(read) + int(usage.get("cache_read_input_tokens") or 0)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    ("content", "type", "read"), [(SAYS, "application/pdf", READ), (b"one\ntwo", "text/plain", "one\ntwo")]
)
def test_who_reads_gets_a_file_s_text(http: httpx.Client, way: Way, content: bytes, type: str, read: str) -> None:
    asked, expected = body(way, ASKED, way.file(content, type)), body(way, f"{ASKED}\n\n{read}")
    found = [http.post(way.path, json=one) for one in (asked, expected)]
    assert tokens(found[0]) == tokens(found[1])


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_who_sees_is_shown_every_page(http: httpx.Client, way: Way) -> None:
    def read(*pages: str) -> int:
        part = way.file(written.says(*pages), "application/pdf")
        return tokens(http.post(way.path, json=body(way, ASKED, part, model="sees")))

    counts = [read("One"), read("One", "Two"), read("One", "Two", "Three")]
    assert counts[2] - counts[1] == counts[1] - counts[0] > 0


def test_who_sees_reads_texts_as_others_do(http: httpx.Client) -> None:
    asked = body(CHAT, ASKED, CHAT.file(b"one\ntwo", "text/markdown"), model="sees")
    expected = body(CHAT, f"{ASKED}\n\none\ntwo", model="sees")
    found = [http.post(CHAT.path, json=one).json() for one in (asked, expected)]
    assert found[0]["choices"] == found[1]["choices"]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    ("content", "why", "models"),
    [
        (written.encrypted(), "needs a password", ("reads", "sees")),
        (written.BROKEN["half of it"], "is broken", ("reads", "sees")),
        (written.pdf(*written.page(written.BLACK)), "holds no text", ("reads",)),
        (written.says(*map(str, range(33))), "33 pages; at most 32", ("sees",)),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_part(
    http: httpx.Client, way: Way, content: bytes, why: str, models: tuple[str, ...]
) -> None:
    for model in models:
        answer = http.post(way.path, json=body(way, ASKED, way.file(content, "application/pdf"), model=model))
        error = answer.json()["error"]
        assert answer.status_code == 400, answer.text
        assert why in error["message"]
        assert way.where in (error.get("param") or error["message"])


def test_a_text_that_is_longer_than_the_context_is_told_of_its_part(http: httpx.Client) -> None:
    answer = http.post(CHAT.path, json=body(CHAT, ASKED, CHAT.file(b"word " * 100_000, "text/plain")))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", CHAT.where)


def test_a_file_may_be_uploaded_before_and_is_called_by_its_name(http: httpx.Client) -> None:
    sent = {"file": ("prices.pdf", SAYS, "application/pdf")}
    uploaded = http.post("/v1/files", files=sent, data={"purpose": "user_data"}).json()["id"]
    part = {"type": "file", "file": {"file_id": uploaded, "filename": "prices.pdf"}}
    found, expected = (
        http.post(CHAT.path, json=asked)
        for asked in (body(CHAT, ASKED, part), body(CHAT, f"{ASKED}\n\nprices.pdf\n\n{READ}"))
    )
    assert found.json()["choices"] == expected.json()["choices"]
    titled = {"type": "document", "source": {"type": "file", "file_id": uploaded}, "title": "prices.pdf"}
    assert tokens(http.post("/v1/messages", json=body(WAYS["messages"], ASKED, titled))) == tokens(expected)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    yield from sites.running({"/a.pdf": Page("application/pdf", SAYS)})


def test_a_file_s_address_is_as_good_as_the_file(http: httpx.Client, site: Site) -> None:
    responses, messages = WAYS["responses"], WAYS["messages"]
    for way, part in (
        (responses, {"type": "input_file", "file_url": f"{site.url}/a.pdf"}),
        (messages, {"type": "document", "source": {"type": "url", "url": f"{site.url}/a.pdf"}}),
    ):
        expected = body(way, ASKED, way.file(SAYS, "application/pdf"))
        found = [http.post(way.path, json=one) for one in (body(way, ASKED, part), expected)]
        assert tokens(found[0]) == tokens(found[1])


def test_jobs_and_lines_of_batches_take_files_as_well(http: httpx.Client) -> None:
    good = body(CHAT, ASKED, CHAT.file(SAYS, "application/pdf"), model="sees")
    bad = body(CHAT, ASKED, CHAT.file(written.encrypted(), "application/pdf"), model="sees")
    answer = http.post(CHAT.path, json=good).json()
    job = http.post("/v1/jobs", json={"url": CHAT.path, "body": good}, headers={"Prefer": "wait=60"}).json()
    assert job["choices"] == answer["choices"]

    lines = [
        {"custom_id": name, "method": "POST", "url": CHAT.path, "body": asked}
        for name, asked in (("good", good), ("bad", bad))
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    file = http.post("/v1/files", files={"file": ("a.jsonl", content)}, data={"purpose": "batch"}).json()["id"]
    asked = {"input_file_id": file, "endpoint": CHAT.path, "completion_window": "24h"}
    batch = http.post("/v1/batches", json=asked).json()["id"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = http.get(f"/v1/batches/{batch}").json()
        return found if found["status"] == "completed" else None

    state = dict(eventually(ended))
    [line] = map(json.loads, http.get(f"/v1/files/{state['output_file_id']}/content").text.splitlines())
    assert line["response"]["body"]["choices"] == answer["choices"]
    [line] = map(json.loads, http.get(f"/v1/files/{state['error_file_id']}/content").text.splitlines())
    assert "needs a password" in json.dumps(line)
