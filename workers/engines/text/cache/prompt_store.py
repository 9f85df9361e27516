"""The prompt cache's second tier: its blocks in files that outlive the process.

A file is a block or what is kept whole behind some tokens (`radix.py`), so prompts with a common beginning share files,
and a conversation that goes on only adds some. The name says where a block begins, where it ends and how many tokens it
has; the tokens, the layout and the shape of the states stand in the file's head. Another owner's prompt of the same
tokens has other names, so that it neither finds nor replaces these files.
"""

from __future__ import annotations

import json
import os
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np
import structlog

from workers.engines.text.cache.layout import Layout
from workers.engines.text.cache.radix import STATE, Block, BlockKey, PrefixPath

LAYOUT = 3  # what names and files mean; those of another layout are dropped
_BEHIND = 8  # entries that may wait to be written; what comes then is not kept
_SUFFIX = ".safetensors"
_NAME = re.compile(r"([0-9a-f]{64})-(-?\d{1,9})-(\d{1,9})-(\d{1,4})-([0-9a-f]{12})" + re.escape(_SUFFIX))
log = structlog.get_logger()


class Restored(NamedTuple):
    """What files held of a prompt, in its order."""

    layout: Layout
    blocks: dict[BlockKey, Block]


class _File(NamedTuple):
    """What a file's name says of it, and its bytes."""

    key: BlockKey
    end: int
    length: int
    tag: str
    nbytes: int = 0

    @property
    def name(self) -> str:
        return f"{self.key.digest.hex()}-{self.key.token}-{self.end}-{self.length}-{self.tag}{_SUFFIX}"


class PromptStore:
    """Files of one model in `folder`, at most `max_bytes` of them; those used least recently leave first.

    `offer` and `find` are quick and for the engine thread; files are read and written in threads of their own. A file
    that cannot be read is deleted, and what it held is computed again.
    """

    def __init__(self, folder: Path, max_bytes: float) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._lock = Lock()
        self._files: OrderedDict[BlockKey, _File] = OrderedDict()  # the least recently used first
        self._lengths: dict[str, set[int]] = {}  # of each layout's tag, those behind which there may be states
        self._coming: set[str] = set()
        self._pending = self._nbytes = 0
        self._writer = ThreadPoolExecutor(1, "prompt-store-writer")
        self._reader = ThreadPoolExecutor(1, "prompt-store-reader")
        folder.mkdir(parents=True, exist_ok=True)
        files = [(path.stat(), path) for path in folder.glob("*" + _SUFFIX)]
        for stat, path in sorted(files, key=lambda pair: pair[0].st_mtime_ns):
            if (match := _NAME.fullmatch(path.name)) is None:
                path.unlink()  # what was being written when a process ended, or nothing of ours
                continue
            digest, token, end, length, tag = match.groups()
            key = BlockKey(bytes.fromhex(digest), int(token))
            self._admit(_File(key, int(end), int(length), tag, stat.st_size))
        self._shrink()

    @property
    def nbytes(self) -> int:
        """Bytes in files."""
        return self._nbytes

    def offer(self, layout: Layout, blocks: Mapping[BlockKey, Block]) -> None:
        """Have those of a prompt's blocks written that are in no file yet; nobody may write to them any more."""
        if not layout.storable:
            return
        files = {_File(key, block.end, len(block.tokens), layout.tag): block for key, block in blocks.items()}
        with self._lock:
            missing = {file: block for file, block in files.items() if not self._has(file)}
            if not missing or self._pending >= _BEHIND:
                return
            self._pending += 1
            self._coming |= {file.name for file in missing}
        self._writer.submit(self._write, layout, missing, list(blocks))

    def find(self, owner: str, tokens: Any, known: int, least: int) -> Future[Restored | None] | None:
        """Begin to read what is stored of a prompt behind its first `known` tokens, if it may be `least` or more."""
        if len(tokens) < known + least:
            return None
        candidates: list[tuple[int, PrefixPath, int, BlockKey | None]] = []
        with self._lock:
            for tag, lengths in self._lengths.items():
                prefix = PrefixPath(owner, tag, tokens)
                for length, key in prefix.states(sorted(one for one in lengths if known + least <= one <= len(tokens))):
                    if key in self._files:
                        candidates.append((length, prefix, 0, key))
                if not lengths and (file := self._files.get(prefix.key(known))) is not None:
                    candidates.append((file.end, prefix, known, None))
        if not candidates:
            return None
        _, prefix, start, state = max(candidates, key=lambda one: one[0])
        return self._reader.submit(self._read, prefix, start, state)

    def flush(self) -> None:
        """Wait until what was offered is in files."""
        self._writer.submit(lambda: None).result()

    def _has(self, file: _File) -> bool:
        stored = self._files.get(file.key)
        return file.name in self._coming or (stored is not None and stored.length >= file.length)

    def _write(self, layout: Layout, blocks: Mapping[_File, Block], keys: Sequence[BlockKey]) -> None:
        try:
            for file, block in blocks.items():
                path = self._folder / file.name
                part = path.with_suffix(".part" + _SUFFIX)
                arrays: dict[str, Any] = {}
                shape = [_flat(state, arrays) for state in block.states]
                head = {"layout": layout.written, "tokens": block.tokens.tolist(), "states": shape}
                mx.save_safetensors(str(part), arrays, {"told": json.dumps(head)})
                part.replace(path)
                self._admit(file._replace(nbytes=path.stat().st_size))
                self._shrink()
        except (OSError, RuntimeError) as error:
            log.warning("a prompt's cache was not stored", folder=str(self._folder), error=str(error))
        finally:
            with self._lock:
                self._pending -= 1
                self._coming -= {file.name for file in blocks}
        self._touch(keys)

    def _read(self, prefix: PrefixPath, start: int, state: BlockKey | None) -> Restored | None:
        layouts: list[Layout] = []

        def load(key: BlockKey) -> Block | None:
            if (loaded := self._load(key)) is not None:
                layouts.append(loaded[0])
            return loaded and loaded[1]

        blocks = {node.key: node.block for node in prefix.nodes(load, start)}
        if state is not None and (behind := load(state)) is not None:
            blocks[state] = behind
        self._touch(list(blocks))
        return Restored(layouts[0], blocks) if blocks else None

    def _load(self, key: BlockKey) -> tuple[Layout, Block] | None:
        with self._lock:
            file = self._files.get(key)
        if file is None:
            return None
        path = self._folder / file.name
        try:
            arrays, metadata = _opened(path)
            head = json.loads(metadata["told"])
            layout, tokens = Layout.read(head["layout"]), np.array(head["tokens"], np.int32)
            if (layout.tag, len(tokens)) != (file.tag, file.length) or (file.length and tokens[0] != key.token):
                raise ValueError("it holds something else than its name says")
            return layout, Block.of(tokens, file.end, [_deep(state, arrays) for state in head["states"]])
        except Exception as error:  # whatever is wrong with a file, it must not cost a request
            log.warning("a stored prompt cannot be read and is deleted", file=str(path), error=str(error))
            self._forget(key)
            return None

    def _touch(self, keys: Sequence[BlockKey]) -> None:
        # The end of a prompt is of no use without its beginning, so it leaves first.
        for key in reversed(keys):
            with self._lock:
                file = self._files.get(key)
                if file is None:
                    continue
                self._files.move_to_end(key)
            try:
                os.utime(self._folder / file.name)
            except FileNotFoundError:
                self._forget(key)

    def _admit(self, file: _File) -> None:
        self._forget(file.key, but=file.name)
        with self._lock:
            self._files[file.key] = file
            self._nbytes += file.nbytes
            lengths = self._lengths.setdefault(file.tag, set())
            if file.key.token == STATE:
                lengths.add(file.end)

    def _forget(self, key: BlockKey, but: str | None = None) -> None:
        """Delete the file of a key, unless that is its name."""
        with self._lock:
            file = self._files.pop(key, None)
            if file is None:
                return
            self._nbytes -= file.nbytes
        if file.name != but:
            (self._folder / file.name).unlink(missing_ok=True)

    def _shrink(self) -> None:
        while self._nbytes > self._max_bytes:
            with self._lock:  # the reader moves what it has read
                oldest = next(iter(self._files))
            self._forget(oldest)


def _opened(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """A file's arrays, evaluated, and its metadata."""
    loaded: Any = mx.load(str(path), return_metadata=True, stream=mx.cpu)
    mx.eval(loaded[0])  # by the thread that opened it, to which what is not evaluated belongs
    return loaded[0], loaded[1]


def _flat(state: Any, arrays: dict[str, Any]) -> Any:
    """The state's shape for JSON; its arrays go to `arrays` by number."""
    if isinstance(state, mx.array):
        arrays[str(len(arrays))] = state
        return {"array": str(len(arrays) - 1)}
    if isinstance(state, list | tuple):
        return {"tuple" if isinstance(state, tuple) else "list": [_flat(part, arrays) for part in state]}
    return state


def _deep(state: Any, arrays: Mapping[str, Any]) -> Any:
    if not isinstance(state, dict):
        return state
    if "array" in state:
        return arrays[state["array"]]
    ((form, parts),) = state.items()
    entries = [_deep(part, arrays) for part in parts]
    return tuple(entries) if form == "tuple" else entries
