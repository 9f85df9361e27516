"""Real speech with its transcripts: the LibriVox sentences in pocketsphinx's source distribution."""

from __future__ import annotations

import os
import re
import shutil
from functools import cache
from pathlib import Path

from mlxq.settings import Settings
from workers.starter.build import unpack
from workers.starter.fetch import fetch, lock
from workers.starter.models import PackageFile

_SOURCE = PackageFile(
    project="pocketsphinx",
    version="5.1.1",
    filename="pocketsphinx-5.1.1.tar.gz",
    sha256="675778b309a22dfc9b7d37f7621976bba491d2a5f8c59696bd77fd6d07271355",
    inside="pocketsphinx-5.1.1/test/data/librivox",
)
_LINE = re.compile(r"<s> (?P<words>.*) </s> \((?P<file>.*)\)")


@cache
def librivox() -> list[tuple[Path, str]]:
    """Five recordings (WAV, 16 kHz, mono) of a reader of Jane Austen, each with the words that are read."""
    cache = Settings.from_env(os.environ).cache
    folder = cache / "recordings" / "librivox"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lock(folder.with_name(".librivox.lock"), "the recordings"):
        if not folder.is_dir():
            archive = fetch(_SOURCE, cache / "downloads")
            staging = folder.with_name(".librivox.staging")
            shutil.rmtree(staging, ignore_errors=True)
            unpack(archive, _SOURCE.inside, staging)
            staging.rename(folder)
            archive.unlink()
    lines = (folder / "transcription").read_text().splitlines()
    said = [match for match in map(_LINE.fullmatch, lines) if match]
    return [(folder / f"{match['file']}.wav", match["words"]) for match in said]
