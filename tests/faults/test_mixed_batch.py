"""A hundred lines while people ask and every component is killed once: all is answered, and counted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
import yaml

from tests.faults.bulk import HUNG, Account, Batch, Body, Faults, People, go_on
from tests.faults.clients import CHAT
from tests.support import recordings, starter
from tests.support.rounds import rounds
from tests.support.servers import PATIENCE, ROOT, Stack, Valkey, eventually, running

TEXT, VECTORS, SPEECH = "smollm2-135m-instruct", "all-minilm-l6-v2", "whisper-tiny.en"
COMPLETIONS, EMBEDDINGS, TRANSCRIPTIONS = "/v1/completions", "/v1/embeddings", "/v1/audio/transcriptions"
# So few rows at once that the batches are under way through all that happens to them.
SLOTS = {TEXT: 9, VECTORS: 2, SPEECH: 1}


@pytest.fixture
def stack(own_valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    models = yaml.safe_load((ROOT / "models.yaml").read_text())["models"]
    for model in models:
        name = model["served_model_name"]
        starter.folder(name)
        model["batch_completion_size"] = SLOTS[name]
    folder = tmp_path_factory.mktemp("stack")
    yield from running(Stack(own_valkey, folder, models, MLXQ_WORKER_LEASE="1.5"))


def chat(text: str, tokens: int) -> Body:
    return {"model": TEXT, "messages": [{"role": "user", "content": text}], "max_tokens": tokens, "temperature": 0}


def recorded(url: str) -> list[tuple[str, str]]:
    """The two shortest recordings as uploaded files, each with its words."""
    said = sorted(recordings.librivox(), key=lambda found: found[0].stat().st_size)[:2]
    files = []
    with httpx.Client(base_url=url, timeout=PATIENCE) as http:
        for path, words in said:
            file = {"file": (path.name, path.read_bytes())}
            files.append((http.post("/v1/files", files=file, data={"purpose": "user_data"}).json()["id"], words))
    return files


def lines(files: list[tuple[str, str]]) -> Mapping[str, Mapping[str, Body]]:
    """About a hundred lines by endpoint and custom_id; 200 with LONG."""
    chats, texts, vectors, speeches = rounds(48, 60), rounds(8, 20), rounds(58, 110), rounds(4, 10)
    passage = "A sentence that says little, so that there is something to read. " * 12
    return {
        CHAT: {f"chat {n}": chat(f"Name the number after {n}.", 2 + n % 3) for n in range(chats)},
        COMPLETIONS: {
            f"text {n}": {"model": TEXT, "prompt": f"{n}, {n + 1},", "max_tokens": 2 + n % 3} for n in range(texts)
        },
        EMBEDDINGS: {f"vector {n}": {"model": VECTORS, "input": [f"{n} {passage}"] * 6} for n in range(vectors)},
        TRANSCRIPTIONS: {f"speech {n}": {"model": SPEECH, "file": files[n % 2][0]} for n in range(speeches)},
    }


def right(endpoint: str, body: Any, said: str) -> bool:
    """Whether an answer is one of its kind."""
    if endpoint == EMBEDDINGS:
        return [len(one["embedding"]) for one in body["data"]] == [384] * 6
    if endpoint == TRANSCRIPTIONS:
        return set(said.split()[:4]) <= set(re.findall(r"\w+", body["text"].lower()))
    return body["choices"][0]["finish_reason"] in ("length", "stop") and body["usage"]["completion_tokens"] > 0


@pytest.mark.timeout(1800)
def test_a_mixed_batch_outlives_every_component(stack: Stack, own_valkey: Valkey) -> None:
    files = recorded(stack.url)
    faults, began = Faults(stack, own_valkey), time.monotonic()
    people = People(stack.url, chat("Tell me a story.", 16))

    # Each model's worker dies once, so no line is lost twice and none may be set aside. A batch begins right before
    # it is first struck, as a fast machine would be through with it; later strikes may find it so, but not the streams.
    strikes: dict[str, list[Callable[[], object]]] = {
        COMPLETIONS: [],
        TRANSCRIPTIONS: [lambda: eventually(lambda: faults.worker(SPEECH))],
        EMBEDDINGS: [lambda: eventually(lambda: faults.worker(VECTORS))],
        CHAT: [
            faults.runner,
            faults.web,
            faults.redis,
            faults.supervisor,
            lambda: eventually(lambda: faults.worker(TEXT)),
        ],
    }
    everything, batches = lines(files), []
    for endpoint, blows in strikes.items():
        batch = Batch(stack.url, endpoint, everything[endpoint])
        batches.append(batch)
        for nth, strike in enumerate(blows):
            go_on([batch], 1)
            assert nth or batch.seen()["status"] == "in_progress"
            strike()
    ended = [batch.ended(within=1200) for batch in batches]
    most = sum(len(batch.bodies) for batch in batches)
    people.stop()

    for batch, found in zip(batches, ended, strict=True):
        count = len(batch.bodies)
        assert (found["status"], batch.records(found["error_file_id"])) == ("completed", [])
        assert found["request_counts"] == {"total": count, "completed": count, "failed": 0}
        output = batch.told(found["output_file_id"])
        assert output.keys() == batch.bodies.keys()
        for number, name in enumerate(batch.bodies):
            assert right(batch.endpoint, output[name]["response"]["body"], files[number % 2][1]), output[name]
    eventually(lambda: not any(map(faults.left, batches)))
    total = sum((batch.account() for batch in batches), Account())
    assert total == Account(lines=most, done=most)
    outcomes = people.outcomes()
    assert not people.improper(faults.outages) and not outcomes[HUNG] and outcomes["ok"] > 8
    assert len(faults.kills) == 7
    took = f"{time.monotonic() - began:.0f} s"
    print(f"{total} in {took}, killed {dict(faults.kills)}, streams {dict(outcomes)}")  # noqa: T201  (with -s)
    faults.close()
