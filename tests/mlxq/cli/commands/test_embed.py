"""Texts to vectors on the command line; the fake engine's vectors are (length of the text, 1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.mlxq.cli.shell import Finished, Started, mlxq, noted
from tests.support.servers import Stack, eventually

LENGTHS = [1 + number * 7 % 23 for number in range(3200)]  # 50 lines of a batch


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("".join("x" * length + "\n" for length in LENGTHS))
    return path


def embed(stack: Stack, inputs: Path | str, out: Path, *words: str, stdin: bytes = b"") -> Finished:
    return mlxq(stack, "embed", inputs, "--out", out, "--model", "small", *words, stdin=stdin)


def batches(http: httpx.Client, run: str) -> list[dict[str, Any]]:
    """The batches of a run, newest first."""
    found = http.get("/v1/batches", params={"limit": 100}).json()["data"]
    return [batch for batch in found if (batch["metadata"] or {}).get("mlxq_run") == run]


def right(out: Path, lengths: list[int] = LENGTHS) -> bool:
    return np.array_equal(np.load(out), np.array([[length, 1] for length in lengths], np.float32))


def test_a_file_becomes_an_array_in_its_order_and_leaves_nothing_behind(
    fake_stack: Stack, http: httpx.Client, texts: Path, tmp_path: Path
) -> None:
    before = {file["id"] for file in http.get("/v1/files").json()["data"]}
    done = mlxq(fake_stack, "embed", texts, "--out", tmp_path / "a.npy", "--model", "fake")
    assert done.code == 0, done.err
    assert "3,200 vectors of 2 numbers" in done.out and "3,200 of 3,200 texts" in done.err
    assert right(tmp_path / "a.npy")
    assert {path.name for path in tmp_path.iterdir()} == {"texts.txt", "a.npy"}
    assert {file["id"] for file in http.get("/v1/files").json()["data"]} <= before


def test_more_texts_than_a_batch_takes_go_into_several(fake_stack: Stack, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"{number}\n" for number in range(60_000)))
    done = mlxq(fake_stack, "embed", texts, "--out", tmp_path / "a.npy", "--model", "fake", "--json")
    assert done.code == 0, done.err
    told = {"out": str(tmp_path / "a.npy"), "texts": 60_000, "dimensions": 2, "empty": 0, "failed": 0, "errors": []}
    assert done.json == told
    assert right(tmp_path / "a.npy", [len(str(number)) for number in range(60_000)])


def test_standard_input_becomes_jsonl(fake_stack: Stack, tmp_path: Path) -> None:
    done = embed(fake_stack, "-", tmp_path / "a.jsonl", stdin=b"one\n\nthree\n")
    assert done.code == 0, done.err
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == [
        {"index": 0, "text": "one", "embedding": [3, 1]},
        {"index": 1, "text": "three", "embedding": [5, 1]},
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_standard_input_is_kept_for_a_run_that_is_resumed(fake_stack: Stack, tmp_path: Path) -> None:
    out = tmp_path / "a.npy"
    data = "".join("x" * length + "\n" for length in LENGTHS).encode()
    with fake_stack.batches_held():
        running = Started(fake_stack.url, "embed", "-", "--out", out, "--model", "small", stdin=data)
        noted(tmp_path / "a.npy.mlxq.json")
        running.interrupt()
    assert embed(fake_stack, "-", out, stdin=b"other\n").code == 2
    assert embed(fake_stack, "-", out, "--resume").code == 0
    assert right(out)
    assert list(tmp_path.iterdir()) == [out]


def test_a_row_without_a_text_keeps_its_place(fake_stack: Stack, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("id,body\n1,one\n2,\n3,three\n")
    done = embed(fake_stack, rows, tmp_path / "a.npy", "--column", "body")
    assert done.code == 1
    assert "1 of 3 texts have no vector, 1 of them empty" in done.err
    loaded = np.load(tmp_path / "a.npy")
    assert loaded[[0, 2]].tolist() == [[3, 1], [5, 1]] and np.isnan(loaded[1]).all()


def test_a_text_that_cannot_be_embedded_does_not_spoil_its_neighbours(real_stack: Stack, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("one\n" + "word " * 2000 + "\nthree\n")
    done = mlxq(real_stack, "embed", texts, "--out", tmp_path / "a.npy")
    assert done.code == 1
    assert "text 2: " in done.err and "tokens" in done.err and "1 of 3 texts have no vector" in done.err
    loaded = np.load(tmp_path / "a.npy")
    assert loaded.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(loaded[[0, 2]], axis=1), 1, rtol=1e-3)
    assert np.isnan(loaded[1]).all()


def test_an_interrupted_run_is_resumed_with_the_same_batch(
    fake_stack: Stack, http: httpx.Client, texts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.npy"
    with fake_stack.batches_held():
        running = Started(fake_stack.url, "embed", texts, "--out", out, "--model", "small")
        state = noted(tmp_path / "a.npy.mlxq.json")
        interrupted = running.interrupt()
    batch = state["parts"][0]["batch"]
    assert interrupted.code == 130
    assert batch in interrupted.err and "mlxq embed" in interrupted.err and "--resume" in interrupted.err
    assert not out.exists()

    refused = embed(fake_stack, texts, out)
    assert refused.code == 2 and "--resume" in refused.err
    done = embed(fake_stack, texts, out, "--resume")
    assert done.code == 0, done.err
    assert right(out)
    assert [found["id"] for found in batches(http, state["run"])] == [batch]
    again = embed(fake_stack, texts, out, "--resume")
    assert (again.code, again.err.strip()) == (0, f"{out} is complete")


def test_a_batch_that_a_killed_run_could_not_note_is_found(
    fake_stack: Stack, http: httpx.Client, texts: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "a.npy.mlxq.json"
    with fake_stack.batches_held():
        running = Started(fake_stack.url, "embed", texts, "--out", tmp_path / "a.npy", "--model", "small")
        state = noted(notes)
        running.kill()
    batch, state["parts"][0]["batch"] = state["parts"][0]["batch"], None
    notes.write_text(json.dumps(state))
    assert embed(fake_stack, texts, tmp_path / "a.npy", "--resume").code == 0
    assert right(tmp_path / "a.npy")
    assert [found["id"] for found in batches(http, state["run"])] == [batch]


def test_answers_that_the_server_forgot_are_asked_for_again(
    fake_stack: Stack, http: httpx.Client, tmp_path: Path
) -> None:
    texts, out = tmp_path / "texts.txt", tmp_path / "a.npy"
    texts.write_text("one\n" * 640)
    with fake_stack.batches_held():
        running = Started(fake_stack.url, "embed", texts, "--out", out, "--model", "small")
        batch = noted(tmp_path / "a.npy.mlxq.json")["parts"][0]["batch"]
        running.kill()
    ended = eventually(lambda: [one for one in [http.get(f"/v1/batches/{batch}").json()] if one["output_file_id"]])
    http.delete(f"/v1/files/{ended[0]['output_file_id']}").raise_for_status()
    assert embed(fake_stack, texts, out, "--resume").code == 0
    assert right(out, [3] * 640)


def test_what_was_cancelled_on_interrupt_is_submitted_again(
    fake_stack: Stack, http: httpx.Client, tmp_path: Path
) -> None:
    texts, lengths = tmp_path / "texts.txt", LENGTHS * 3
    texts.write_text("".join("x" * length + "\n" for length in lengths))
    words = ["embed", texts, "--out", tmp_path / "a.npy", "--model", "small", "--cancel-on-interrupt"]
    running = Started(fake_stack.url, *words)
    state = noted(tmp_path / "a.npy.mlxq.json")
    batch = state["parts"][0]["batch"]
    eventually(lambda: http.get(f"/v1/batches/{batch}").json()["request_counts"]["completed"] > 0)
    interrupted = running.interrupt()
    assert interrupted.code == 130 and f"{batch} is cancelled" in interrupted.err
    eventually(lambda: http.get(f"/v1/batches/{batch}").json()["status"] == "cancelled")
    done = embed(fake_stack, texts, tmp_path / "a.npy", "--resume")
    assert done.code == 0, done.err
    assert right(tmp_path / "a.npy", lengths)
    assert len(batches(http, state["run"])) == 2


def test_a_batch_that_somebody_cancels_ends_the_run(
    fake_stack: Stack, http: httpx.Client, texts: Path, tmp_path: Path
) -> None:
    with fake_stack.batches_held():
        running = Started(fake_stack.url, "embed", texts, "--out", tmp_path / "a.npy", "--model", "small")
        batch = noted(tmp_path / "a.npy.mlxq.json")["parts"][0]["batch"]
        assert mlxq(fake_stack, "batch", "cancel", batch).code == 0
    done = running.wait()
    assert done.code == 1 and f"{batch} was cancelled" in done.err and "--resume" in done.err
    assert embed(fake_stack, texts, tmp_path / "a.npy", "--resume").code == 0
    assert right(tmp_path / "a.npy")


def test_other_texts_are_not_mixed_into_a_run(fake_stack: Stack, texts: Path, tmp_path: Path) -> None:
    with fake_stack.batches_held():
        running = Started(fake_stack.url, "embed", texts, "--out", tmp_path / "a.npy", "--model", "small")
        noted(tmp_path / "a.npy.mlxq.json")
        running.interrupt()
    texts.write_text("another\n")
    refused = embed(fake_stack, texts, tmp_path / "a.npy", "--resume")
    assert refused.code == 2 and "texts changed" in refused.err and "--overwrite" in refused.err
    assert embed(fake_stack, texts, tmp_path / "a.npy", "--overwrite").code == 0
    assert right(tmp_path / "a.npy", [len("another")])


def test_a_run_that_was_killed_at_its_end_is_complete(fake_stack: Stack, tmp_path: Path) -> None:
    out = tmp_path / "a.npy"
    assert embed(fake_stack, "-", out, stdin=b"one\n").code == 0
    (tmp_path / "a.npy.mlxq.json").write_text("{}")
    assert embed(fake_stack, "-", out, "--resume").code == 0
    assert right(out, [3]) and list(tmp_path.iterdir()) == [out]


def test_an_output_is_only_replaced_when_asked(fake_stack: Stack, tmp_path: Path) -> None:
    out = tmp_path / "a.npy"
    out.write_text("precious")
    refused = embed(fake_stack, "-", out, stdin=b"one\n")
    assert refused.code == 2 and "--overwrite" in refused.err
    assert out.read_text() == "precious"
    assert embed(fake_stack, "-", out, "--overwrite", stdin=b"one\n").code == 0
    assert right(out, [3])


def test_a_model_that_is_not_there_ends_the_run(fake_stack: Stack, texts: Path, tmp_path: Path) -> None:
    done = mlxq(fake_stack, "embed", texts, "--out", tmp_path / "a.npy", "--model", "nobody")
    assert done.code == 1
    assert "nobody" in done.err and "--resume" not in done.err
    assert list(tmp_path.iterdir()) == [texts]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none.txt", "--out", "a.npy"], "none.txt cannot be read"),
        (["-", "--out", "a.npy"], "there is no text"),
        (["-", "--out", "a.csv"], ".npy, .parquet, .jsonl"),
        (["-"], "--out"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(words: list[str], told: str, tmp_path: Path) -> None:
    placed = [str(tmp_path / word) if word.endswith((".npy", ".csv", ".txt")) else word for word in words]
    done = mlxq("http://127.0.0.1:1", "embed", *placed)
    assert done.code == 2 and told in done.err
    assert not list(tmp_path.iterdir())


def test_prompts_and_cuts_are_asked_of_the_server(fake_stack: Stack, tmp_path: Path) -> None:
    how = ("--prompt-name", "query", "--input-type", "query", "--truncate", "END")
    done = embed(fake_stack, "-", tmp_path / "a.npy", *how, stdin=b"one\n")
    assert done.code != 0 and "contradicts 'prompt_name'" in done.err
    assert embed(fake_stack, "-", tmp_path / "a.npy", *how[2:], stdin=b"one\n").code == 0
