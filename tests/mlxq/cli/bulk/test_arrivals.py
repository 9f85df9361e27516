"""What is put into a watched folder is taken once nobody writes it any more."""

from __future__ import annotations

from pathlib import Path

from mlxq.cli.bulk.arrivals import Arrivals


def test_a_file_settles_when_two_looks_see_the_same(tmp_path: Path) -> None:
    arrivals, growing, gone = Arrivals(), tmp_path / "a.wav", tmp_path / "b.wav"
    paths = [str(growing), str(gone)]
    assert arrivals.settled(paths) == frozenset()
    growing.write_bytes(b"half")
    gone.write_bytes(b"x")
    assert arrivals.settled(paths) == frozenset()
    growing.write_bytes(b"half and half")
    gone.unlink()
    assert arrivals.settled(paths) == frozenset()
    assert arrivals.settled(paths) == {str(growing)}
    growing.write_bytes(b"other")
    assert arrivals.settled(paths) == frozenset()
