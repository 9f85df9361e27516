"""Vectors in files of each format."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from mlxq.cli.bulk.vectors import FORMATS, Vectors

TEXTS = ["one", 'two "2"', "no\udc80ne", "three"]
ROWS = [[1.0, 0.1, -3e-7], [4.0, 5.0, 6.0], None, [7.0, 8.0, 9.0]]


@pytest.fixture
def vectors(tmp_path: Path) -> Vectors:
    """Four rows, written in no order, the third missing."""
    path = tmp_path / "under_way"
    path.write_bytes(b"left by an earlier run " * 100)
    with Vectors(path, anew=False) as vectors:
        vectors.put(3, [struct.pack("<3f", *ROWS[3] or ())])
        vectors.put(0, [struct.pack("<3f", *row or ()) for row in ROWS[:2]])
        vectors.miss(2, 3)
        vectors.head(4)
    return vectors


def test_npy_is_what_numpy_loads(vectors: Vectors, tmp_path: Path) -> None:
    FORMATS[".npy"](vectors, tmp_path / "a.npy", TEXTS)
    loaded = np.load(tmp_path / "a.npy")
    assert loaded.dtype == np.float32 and loaded.shape == (4, 3)
    np.testing.assert_array_equal(loaded[[0, 1, 3]], np.array([ROWS[0], ROWS[1], ROWS[3]], np.float32))
    assert np.isnan(loaded[2]).all()
    assert np.load(tmp_path / "a.npy", mmap_mode="r").shape == (4, 3)


def test_jsonl_gives_back_every_float32(vectors: Vectors, tmp_path: Path) -> None:
    FORMATS[".jsonl"](vectors, tmp_path / "a.jsonl", TEXTS)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [line["text"] for line in lines] == TEXTS
    assert [line["index"] for line in lines] == [0, 1, 2, 3]
    assert lines[2]["embedding"] is None
    np.testing.assert_array_equal(np.array(lines[0]["embedding"], np.float32), np.array(ROWS[0], np.float32))


def test_parquet_holds_texts_and_vectors(vectors: Vectors, tmp_path: Path) -> None:
    FORMATS[".parquet"](vectors, tmp_path / "a.parquet", TEXTS)
    table = parquet.read_table(tmp_path / "a.parquet")
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[3]"
    assert table["text"].to_pylist() == [*TEXTS[:2], "no?ne", TEXTS[3]]
    assert table["embedding"].to_pylist()[1:] == ROWS[1:]


def test_a_vector_of_another_length_is_refused(vectors: Vectors, tmp_path: Path) -> None:
    with Vectors(tmp_path / "b", anew=True) as other:
        other.put(0, [struct.pack("<2f", 1, 2)])
        with pytest.raises(ValueError, match="answers with 3 numbers, and with 2 before"):
            other.put(1, [struct.pack("<3f", 1, 2, 3)])
