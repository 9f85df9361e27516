"""The prompt cache's second tier: KV caches in files that outlive the process.

Attention's caches are stored in blocks of 256 tokens, so that prompts with a common beginning share files and nothing
is written twice; caches that cannot be cut (rotating windows, recurrent states) are stored whole. A file's name says
what it holds: SHA-256 of its owner and of all tokens up to its end, their number, the kind of cache, and whether it is
a block. Another owner's prompt of the same tokens has other names, so that it neither finds nor replaces these files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np
import structlog
from safetensors import safe_open
from safetensors.numpy import save_file

from workers.engines.text import kv

LAYOUT = 2  # what names and files mean; those of another layout are dropped
_BLOCK = 256  # tokens
_BEHIND = 8  # entries that may wait to be written; what comes then is not kept
_SUFFIX = ".safetensors"
log = structlog.get_logger()


class Restored(NamedTuple):
    """What the files held: `length` tokens, and a state a layer, by piece, with numpy arrays for MLX's."""

    length: int
    kinds: tuple[str, ...]
    pieces: list[list[Any]]

    def caches(self) -> list[Any]:
        """A row's caches; for the engine thread."""
        states = [[_revived(state) for state in piece] for piece in self.pieces]
        whole = [kv.joined(parts) for parts in zip(*states, strict=True)] if len(states) > 1 else states[0]
        return kv.revived(self.kinds, whole, self.length)


class PromptStore:
    """Files of one model in `folder`, at most `max_bytes` of them; those used least recently leave first.

    `offer` and `find` are quick and for the engine thread; files are read and written in threads of their own. A file
    that cannot be read is deleted, and what it held is computed again.
    """

    def __init__(self, folder: Path, max_bytes: float) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._lock = Lock()
        self._files: OrderedDict[str, int] = OrderedDict()  # name to bytes, the least recently used first
        self._coming: set[str] = set()
        self._pending = 0
        self._writer = ThreadPoolExecutor(1, "prompt-store-writer")
        self._reader = ThreadPoolExecutor(1, "prompt-store-reader")
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.part"):
            path.unlink(missing_ok=True)
        found = [(path.stat(), path.name) for path in folder.glob("*" + _SUFFIX)]
        for stat, name in sorted(found, key=lambda pair: pair[0].st_mtime_ns):
            self._files[name] = stat.st_size
        self._shrink()

    @property
    def nbytes(self) -> int:
        """Bytes in files."""
        with self._lock:
            return sum(self._files.values())

    def offer(self, owner: str, tokens: Any, caches: Sequence[Any]) -> None:
        """Have what is not in a file yet written; int32 `tokens` are what the caches, evaluated, hold."""
        kinds = kv.kind(caches)
        if not kv.storable(kinds):
            return
        with self._lock:
            known = self._files.keys() | self._coming
            missing = [piece for piece in _pieces(owner, tokens, kinds) if piece.name not in known]
            if not missing or self._pending >= _BEHIND:
                return
            self._pending += 1
            self._coming |= {piece.name for piece in missing}
        # Views: the bytes are copied by the writer. Whoever holds these caches must not write to them.
        states = [(piece, [_views(state) for state in kv.cut(caches, piece.start, piece.end)]) for piece in missing]
        self._writer.submit(self._write, kinds, states)

    def find(self, owner: str, tokens: Any, beyond: int) -> Future[Restored | None] | None:
        """Begin to read the longest stored beginning of a prompt when it has more tokens than `beyond`."""
        with self._lock:
            names = max(self._chains(owner, tokens), key=lambda chain: chain[-1].end, default=[])
        if not names or names[-1].end <= beyond:
            return None
        return self._reader.submit(self._read, names)

    def flush(self) -> None:
        """Wait until what was offered is in files."""
        self._writer.submit(lambda: None).result()

    def _chains(self, owner: str, tokens: Any) -> Iterator[list[_Piece]]:
        """For each kind of cache in store, the pieces that hold a beginning of these tokens."""
        forms: dict[tuple[str, bool], set[int]] = {}
        for name in self._files:
            piece = _named(name)
            forms.setdefault((piece.kinds, piece.block), set()).add(piece.end)
        for (kinds, block), ends in forms.items():
            chain: list[_Piece] = []
            for end, digest in _digests(owner, tokens, sorted(end for end in ends if end < len(tokens))):
                piece = _Piece(digest, end, kinds, block)
                if piece.name in self._files:
                    chain = [*chain, piece] if block else [piece]
                elif block:
                    break
            if chain and chain[0].start == 0:
                yield chain

    def _write(self, kinds: tuple[str, ...], states: list[tuple[_Piece, list[Any]]]) -> None:
        try:
            for piece, state in states:
                path = self._folder / piece.name
                part = path.with_suffix(".part")
                arrays: dict[str, Any] = {}
                layers = [_flat(layer, arrays) for layer in state]
                save_file(arrays, part, {"kinds": json.dumps(kinds), "layers": json.dumps(layers)})
                part.replace(path)
                with self._lock:
                    self._files[piece.name] = path.stat().st_size
                self._shrink()
        except OSError as error:
            log.warning("a prompt's cache was not stored", folder=str(self._folder), error=str(error))
        finally:
            with self._lock:
                self._pending -= 1
                self._coming -= {piece.name for piece, _ in states}

    def _read(self, pieces: Sequence[_Piece]) -> Restored | None:
        found: list[list[Any]] = []
        kinds: tuple[str, ...] = ()
        for piece in pieces:
            path = self._folder / piece.name
            try:
                with safe_open(path, "numpy") as file:
                    told = file.metadata()
                    kinds = tuple(json.loads(told["kinds"]))
                    found.append([_deep(layer, file) for layer in json.loads(told["layers"])])
            except Exception as error:  # whatever is wrong with a file, it must not cost a request
                log.warning("a stored prompt cannot be read and is deleted", file=str(path), error=str(error))
                self._forget(piece.name)
                break
        # The end of a chain is of no use without its beginning, so it leaves first.
        for piece in reversed(pieces[: len(found)]):
            self._touch(piece.name)
        return Restored(pieces[len(found) - 1].end, kinds, found) if found else None

    def _touch(self, name: str) -> None:
        with self._lock:
            if name in self._files:
                self._files.move_to_end(name)
        try:
            os.utime(self._folder / name)
        except FileNotFoundError:
            self._forget(name)

    def _forget(self, name: str) -> None:
        with self._lock:
            self._files.pop(name, None)
        (self._folder / name).unlink(missing_ok=True)

    def _shrink(self) -> None:
        while self.nbytes > self._max_bytes:
            self._forget(next(iter(self._files)))


class _Piece(NamedTuple):
    """A file: the tokens from `start` to `end` of a prompt whose first `end` tokens have this digest."""

    digest: str
    end: int
    kinds: str
    block: bool

    @property
    def start(self) -> int:
        return self.end - _BLOCK if self.block else 0

    @property
    def name(self) -> str:
        return f"{self.digest}-{self.end}-{self.kinds}-{'block' if self.block else 'whole'}{_SUFFIX}"


def _named(name: str) -> _Piece:
    digest, end, kinds, form = name.removesuffix(_SUFFIX).split("-")
    return _Piece(digest, int(end), kinds, form == "block")


def _pieces(owner: str, tokens: Any, kinds: tuple[str, ...]) -> list[_Piece]:
    tag = hashlib.sha256("/".join(kinds).encode()).hexdigest()[:12]
    block = kv.cuttable(kinds)
    ends = range(_BLOCK, len(tokens) + 1, _BLOCK) if block else [len(tokens)]
    return [_Piece(digest, end, tag, block) for end, digest in _digests(owner, tokens, ends)]


def _digests(owner: str, tokens: Any, ends: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Of an owner and the tokens up to each of these ascending ends."""
    hashed, start = hashlib.sha256(hashlib.sha256(owner.encode()).digest()), 0
    for end in ends:
        hashed.update(tokens[start:end].tobytes())
        start = end
        yield end, hashed.hexdigest()


class _Array(NamedTuple):
    """An MLX array as numpy can hold it: bfloat16, which numpy has not, as uint16."""

    values: Any
    dtype: str


def _views(state: Any) -> Any:
    if isinstance(state, mx.array):
        dtype = str(state.dtype).removeprefix("mlx.core.")
        raw = state.view(mx.uint16) if state.dtype == mx.bfloat16 else state
        return _Array(np.array(raw, copy=False), dtype)
    return type(state)(map(_views, state)) if isinstance(state, list | tuple) else state


def _revived(state: Any) -> Any:
    if isinstance(state, _Array):
        values = mx.array(state.values)
        return values.view(mx.bfloat16) if state.dtype == "bfloat16" else values
    return type(state)(map(_revived, state)) if isinstance(state, list | tuple) else state


def _flat(state: Any, arrays: dict[str, Any]) -> Any:
    """The state's shape as JSON; its arrays go to `arrays` by number."""
    if isinstance(state, _Array):
        arrays[str(len(arrays))] = np.ascontiguousarray(state.values)
        return {"array": str(len(arrays) - 1), "dtype": state.dtype}
    if isinstance(state, list | tuple):
        return {"tuple" if isinstance(state, tuple) else "list": [_flat(part, arrays) for part in state]}
    return state


def _deep(state: Any, file: Any) -> Any:
    if not isinstance(state, dict):
        return state
    if "array" in state:
        return _Array(file.get_tensor(state["array"]), state["dtype"])
    ((form, parts),) = state.items()
    found = [_deep(part, file) for part in parts]
    return tuple(found) if form == "tuple" else found
