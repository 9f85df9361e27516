"""Vectors on disk while they come in, in any order, and the formats that they end in.

The file under way is NumPy's format from its first byte to its last but for the header, which is written at the end:
`.npy` version 1.0 is the magic `\\x93NUMPY`, two bytes of version, the header's length as a little-endian 16-bit
number, and a Python literal padded with spaces and a newline; then the rows, here of little-endian float32.
"""

from __future__ import annotations

import json
import math
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, repeat
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

import click

from mlxq.cli.bulk.files import replacing

_HEADER = 128  # bytes, a multiple of 64 as the format recommends
_ROWS = 4096  # written to Parquet at a time
Row: TypeAlias = "array[float]"


class Vectors:
    """Rows of `dim` numbers in a file; `dim` is known once the first one came."""

    def __init__(self, path: Path, *, anew: bool) -> None:
        self.path = path
        self.dim: int | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w+b" if anew or not path.exists() else "r+b")

    def __enter__(self) -> Vectors:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def put(self, first: int, rows: Iterable[bytes]) -> None:
        """Write rows from number `first` on; ValueError for one of another length."""
        data = list(rows)
        for row in data:
            if self.dim is None:
                self.dim = len(row) // 4
            if len(row) != 4 * self.dim:
                raise ValueError(f"the model answers with {len(row) // 4} numbers, and with {self.dim} before")
        if self.dim:
            self._file.seek(_HEADER + first * 4 * self.dim)
            self._file.write(b"".join(data))

    def miss(self, first: int, stop: int) -> None:
        """Rows that no vector will come for."""
        nothing = struct.pack("<f", math.nan) * (self.dim or 0)
        for at in range(first, stop, _ROWS):
            self.put(at, repeat(nothing, min(_ROWS, stop - at)))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def head(self, count: int) -> None:
        """Write the header of a file with `count` rows."""
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {self.dim}), }}".encode()
        length = _HEADER - 10
        self._file.seek(0)
        self._file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", length) + header.ljust(length - 1) + b"\n")
        self._file.truncate(_HEADER + count * 4 * (self.dim or 0))
        self._file.flush()


def row(embedding: str | list[float], decode: Callable[[str], bytes]) -> bytes:
    """A vector as it came, in base64 or as numbers, as little-endian float32."""
    return decode(embedding) if isinstance(embedding, str) else struct.pack(f"<{len(embedding)}f", *embedding)


def npy(vectors: Vectors, out: Path, texts: Iterable[str]) -> None:
    """An array (texts, dim); rows of NaN where there is no vector."""
    vectors.path.replace(out)


def jsonl(vectors: Vectors, out: Path, texts: Iterable[str]) -> None:
    """A line a text: its number, itself and its vector, or null."""
    with replacing(out) as file:
        for index, (text, numbers) in enumerate(zip(texts, _rows(vectors), strict=False)):
            # nine digits give every float32 back
            array = "null" if numbers is None else "[" + ",".join(f"{number:.9g}" for number in numbers) + "]"
            head = f'{{"index": {index}, "text": {json.dumps(text, ensure_ascii=False)}, "embedding": '
            file.write(f"{head}{array}}}\n".encode("utf-8", "backslashreplace"))


def parquet(vectors: Vectors, out: Path, texts: Iterable[str]) -> None:
    """Columns `text` and `embedding`, the latter a list of `dim` floats or null."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = pa.schema([("text", pa.string()), ("embedding", pa.list_(pa.float32(), vectors.dim))])
    pairs = zip(texts, _rows(vectors), strict=False)
    with replacing(out) as file, ParquetWriter(file, schema) as writer:
        while some := list(islice(pairs, _ROWS)):
            columns = [[text.encode(errors="replace").decode() for text, _ in some], [numbers for _, numbers in some]]
            arrays = [pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))


def _rows(vectors: Vectors) -> Iterator[Row | None]:
    size = 4 * (vectors.dim or 0)
    with vectors.path.open("rb") as file:
        file.seek(_HEADER)
        while data := file.read(size):
            numbers = array("f", data)
            if struct.pack("=H", 1) != struct.pack("<H", 1):
                numbers.byteswap()
            yield None if math.isnan(numbers[0]) else numbers


FORMATS: Mapping[str, Callable[[Vectors, Path, Iterable[str]], None]] = {
    ".npy": npy,
    ".parquet": parquet,
    ".jsonl": jsonl,
}


def check(out: Path) -> None:
    """click.UsageError when vectors cannot be written to this file."""
    if out.suffix not in FORMATS:
        raise click.UsageError(f"--out {out}: the name must end in {', '.join(FORMATS)}")
    if out.suffix == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise click.UsageError("--out FILE.parquet needs pyarrow: pip install pyarrow") from None
