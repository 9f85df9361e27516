"""Fetches a repository of the Hugging Face hub into its cache, so that a fetch which was broken off can go on.

huggingface_hub begins a file anew when its process ended amid it. Files that it would fetch by their SHA-256, the
weights, are put into its cache here first, a piece at a time; the rest, and the links between them, are its work.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import httpx
from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_url, snapshot_download
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils._headers import build_hf_headers

from mlxq.model_path import ModelPathError
from workers.model_files.model_path import patterns, sentences
from workers.starter.fetch import lock, sha256, transfer

_TIMEOUT = httpx.Timeout(60, connect=20)


class Weights(NamedTuple):
    """A large file of a repository, known by its SHA-256."""

    name: str
    sha256: str


def pull(repo: str, locks: Path, *, code: bool = False) -> Path:
    """The folder of a repository, whole; goes on with what an earlier call had fetched.

    `locks` is a folder for locks, by which calls wait for each other. Raises ModelPathError.
    """
    wanted = patterns(code=code)
    with sentences(repo):
        commit = str(HfApi().repo_info(repo).sha)
        for weights in _weights(repo, commit, wanted):
            _fetch(repo, commit, weights, locks)
        return Path(snapshot_download(repo, allow_patterns=wanted))


def _weights(repo: str, commit: str, wanted: list[str]) -> Iterator[Weights]:
    for file in HfApi().list_repo_tree(repo, recursive=True, revision=commit):
        stored = getattr(file, "lfs", None)
        if stored is not None and any(fnmatch(file.path, pattern) for pattern in wanted):
            yield Weights(file.path, stored.sha256)


def _fetch(repo: str, commit: str, weights: Weights, locks: Path) -> None:
    blob = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model") / "blobs" / weights.sha256
    locks.mkdir(parents=True, exist_ok=True)
    with lock(locks / f".{weights.sha256}.lock", weights.name):
        if blob.exists():
            return
        blob.parent.mkdir(parents=True, exist_ok=True)
        partial = blob.with_name(f"{blob.name}.part")
        url = hf_hub_url(repo, weights.name, revision=commit)
        metadata = get_hf_file_metadata(url)
        ours = httpx.URL(metadata.location).host == httpx.URL(url).host  # where else it lies, the address is the key
        headers = build_hf_headers() if ours else {}
        try:
            with httpx.Client(headers=headers, follow_redirects=True, timeout=_TIMEOUT) as client:
                transfer(client, metadata.location, partial, weights.name)
        except httpx.TransportError as error:
            raise ModelPathError(
                f"{repo}: {weights.name} was broken off ({error}); run it again: it goes on where it stopped"
            ) from error
        if sha256(partial) != weights.sha256:
            partial.unlink()
            raise ModelPathError(f"{repo}: {weights.name} was damaged on its way and thrown away; fetch it again")
        partial.replace(blob)
