"""Recordings to text on the command line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import click
import httpx
import pytest

from mlxq.cli.commands.transcribe import collect
from tests.mlxq.cli.shell import Started, mlxq, noted
from tests.support import recordings
from tests.support.servers import Stack, eventually


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings of speech at two levels, beside a file that is none."""
    folder = tmp_path / "recordings"
    (folder / "deep").mkdir(parents=True)
    for (source, _), name in zip(recordings.librivox(), ["a.wav", "deep/b.wav", "deep/c.wav"], strict=False):
        shutil.copy(source, folder / name)
    (folder / "notes.md").write_text("not a recording")
    return folder


def heard(text: str, number: int) -> bool:
    words = recordings.librivox()[number][1].split()
    return len(set(words) & set(re.findall(r"\w+", text.lower()))) > len(set(words)) / 2


def uploaded(stack: Stack) -> set[str]:
    found = httpx.get(f"{stack.url}/v1/files", params={"purpose": "user_data"}).json()["data"]
    return {file["id"] for file in found}


def test_a_folder_becomes_a_folder_of_texts(real_stack: Stack, folder: Path, tmp_path: Path) -> None:
    before = uploaded(real_stack)
    done = mlxq(real_stack, "transcribe", folder, "--out", tmp_path / "texts")
    assert done.code == 0, done.err
    assert "3 texts in" in done.out
    texts = sorted(path for path in (tmp_path / "texts").rglob("*") if path.is_file())
    assert [str(path.relative_to(tmp_path / "texts")) for path in texts] == ["a.txt", "deep/b.txt", "deep/c.txt"]
    assert all(heard(path.read_text(), number) for number, path in enumerate(texts))
    assert uploaded(real_stack) <= before


def test_a_bad_recording_is_told_and_the_others_are_written(real_stack: Stack, folder: Path, tmp_path: Path) -> None:
    bad = folder / "broken.mp3"
    bad.write_bytes(b"no sound at all")
    words = ["transcribe", folder / "a.wav", bad, "--out", tmp_path / "texts", "--format", "json", "--json"]
    done = mlxq(real_stack, *words)
    assert done.code == 1
    assert [error["recording"] for error in done.json["errors"]] == [str(bad.resolve())]
    assert "decoded" in done.json["errors"][0]["message"] and str(bad.resolve()) in done.err
    assert heard(json.loads((tmp_path / "texts" / "a.json").read_text())["text"], 0)

    refused = mlxq(real_stack, *words)
    assert refused.code == 2 and "--resume" in refused.err
    shutil.copy(folder / "deep" / "b.wav", bad)
    again = mlxq(real_stack, *words, "--resume")
    assert again.code == 0
    assert (again.json["skipped"], again.json["failed"]) == (1, 0)
    assert heard(json.loads((tmp_path / "texts" / "broken.json").read_text())["text"], 1)


def test_an_interrupted_run_is_resumed_with_the_same_batches(real_stack: Stack, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "texts"
    (out / "deep").mkdir(parents=True)
    (out / "deep" / "c.txt").write_text("of before")
    with real_stack.batches_held():
        running = Started(real_stack.url, "transcribe", folder, "--out", out, "--overwrite")
        state = noted(out / ".mlxq.json")
        interrupted = running.interrupt()
    assert interrupted.code == 130
    begun = [part["batch"] for part in state["parts"]]
    assert all(batch in interrupted.err for batch in begun) and "--resume" in interrupted.err
    done = mlxq(real_stack, "transcribe", folder, "--out", out, "--resume")
    assert done.code == 0, done.err
    assert heard((out / "deep" / "c.txt").read_text(), 2)
    found = httpx.get(f"{real_stack.url}/v1/batches", params={"limit": 100}).json()["data"]
    submitted = [one["id"] for one in found if (one["metadata"] or {}).get("mlxq_run") == state["run"]]
    assert set(begun) <= set(submitted) and len(submitted) == 3, "no recording is sent twice"


@pytest.mark.parametrize("format_", ["braille", "diarized_json"])
def test_a_format_that_the_server_does_not_write_is_told_before_anything_is_sent(
    real_stack: Stack, folder: Path, tmp_path: Path, format_: str
) -> None:
    def sent() -> int:
        listed = httpx.get(f"{real_stack.url}/v1/batches", params={"limit": 100}).json()["data"]
        return len(listed) + len(httpx.get(f"{real_stack.url}/v1/files").json()["data"])

    before = sent()
    done = mlxq(real_stack, "transcribe", folder, "--out", tmp_path / "texts", "--format", format_)
    assert done.code == 1 and format_ in done.err and "text" in done.err
    assert sent() == before and not any(path.is_file() for path in (tmp_path / "texts").rglob("*"))


def test_texts_are_written_while_others_are_still_to_come(real_stack: Stack, folder: Path, tmp_path: Path) -> None:
    for number in range(6):
        shutil.copy(folder / "a.wav", folder / f"more{number}.wav")
    out = tmp_path / "texts"
    running = Started(real_stack.url, "transcribe", folder, "--out", out)
    eventually(lambda: list(out.rglob("*.txt")))
    assert len(list(out.rglob("*.txt"))) < 9, "the last one is not even sent before one is written"
    done = running.wait()
    assert done.code == 0 and "9 texts in" in done.out
    counts = [
        batch["request_counts"]["total"]
        for batch in httpx.get(f"{real_stack.url}/v1/batches", params={"limit": 9}).json()["data"]
    ]
    assert counts == [1] * 9


def test_outputs_are_called_like_their_recordings(tmp_path: Path) -> None:
    for name in ("a.mp3", "a.wav", "deep/a.MP3", "deep/._a.MP3", "b.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    found = collect([tmp_path / "in", tmp_path / "in" / "a.mp3", tmp_path / "in" / "b.txt"], Path("out"), ".srt")
    assert [one.out for one in found] == ["out/a.mp3.srt", "out/a.wav.srt", "out/deep/a.srt", "out/b.srt"]


def test_two_recordings_of_one_name_are_wrong_usage(tmp_path: Path) -> None:
    for name in ("x/a.mp3", "y/a.mp3"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(click.UsageError, match="would both be written to"):
        collect([tmp_path / "x", tmp_path / "y"], Path("out"), ".txt")
    with pytest.raises(click.UsageError, match="no recording"):
        collect([tmp_path / "x" / "nothing"][:0], Path("out"), ".txt")


def test_a_watched_folder_is_written_down_as_it_fills_up(real_stack: Stack, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "texts"
    running = Started(real_stack.url, "transcribe", folder / "deep", "--out", out, "--watch", "--words", "--vad")
    eventually(lambda: (out / "b.json").exists() and (out / "c.json").exists())
    shutil.copy(folder / "a.wav", folder / "deep" / "later.wav")
    eventually((out / "later.json").exists)
    assert running.interrupt().code == 130
    verbose = json.loads((out / "later.json").read_text())
    assert heard(verbose["text"], 0) and verbose["words"][0]["start"] >= 0


@pytest.mark.parametrize("more", [["--words", "--format", "srt"], ["--watch", "--overwrite"]])
def test_options_that_contradict_each_other_are_wrong_usage(
    real_stack: Stack, folder: Path, tmp_path: Path, more: list[str]
) -> None:
    done = mlxq(real_stack, "transcribe", folder, "--out", tmp_path / "texts", *more)
    assert done.code == 2 and more[0] in done.err
