"""Token ids to text as they come: whole characters only, and nothing lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from transformers.convert_slow_tokenizer import bytes_to_unicode

_CONTEXT = 6  # tokens of the prompt that settle whether the answer's first word begins with a space
_INCOMPLETE = "\ufffd"
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class Detokenizer:
    """The text of one row. A few tokens are decoded twice, before and after each new one, and the difference is new.

    So every tokenizer's own rules hold, and the cost does not grow with the text (vLLM's way to do it).
    """

    def __init__(self, decode: Callable[[list[int]], str], context: Sequence[int]) -> None:
        self._decode = decode
        self._tokens = list(context[-_CONTEXT:])
        self._known = decode(self._tokens) if self._tokens else ""
        self._read = len(self._tokens)

    def feed(self, token: int) -> str:
        """The text that this token completes, perhaps none."""
        self._tokens.append(token)
        text = self._decode(self._tokens)
        if len(text) <= len(self._known) or text.endswith(_INCOMPLETE):
            return ""
        new = text[len(self._known) :]
        self._tokens = self._tokens[self._read :]
        self._read = len(self._tokens)
        self._known = self._decode(self._tokens)
        return new

    def flush(self) -> str:
        """What was waiting for more bytes, when no more tokens come."""
        text = self._decode(self._tokens) if self._tokens else ""
        return text[len(self._known) :]


def remembering(decode: Callable[[list[int]], str]) -> Callable[[list[int]], str]:
    """A tokenizer's decode that remembers single tokens, which are every second thing that a Detokenizer asks for."""
    one = lru_cache(maxsize=65_536)(lambda token: decode([token]))
    return lambda tokens: one(tokens[0]) if len(tokens) == 1 else decode(tokens)


class Vocabulary:
    """Single tokens as text and as bytes."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._added = {number: str(token) for number, token in tokenizer.added_tokens_decoder.items()}
        special = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
        self._special = re.compile("|".join(map(re.escape, sorted(special, key=len, reverse=True))) or "(?!)")
        self._unicode = {char: byte for byte, char in bytes_to_unicode().items()}  # type: ignore[no-untyped-call]
        backend = getattr(tokenizer, "backend_tokenizer", None)
        self._byte_level = backend is not None and "ByteLevel" in repr(backend.decoder)
        self.bytes = lru_cache(maxsize=65_536)(self._bytes)

    def _bytes(self, token: int) -> bytes:
        """The bytes that a token stands for; one of several of a character is not a text by itself."""
        if token in self._added:
            return self._added[token].encode()
        piece = str(self._tokenizer.convert_ids_to_tokens(token))
        if byte := _BYTE.fullmatch(piece):
            return bytes([int(byte[1], 16)])
        if self._byte_level and all(char in self._unicode for char in piece):
            return bytes(self._unicode[char] for char in piece)
        return piece.replace("\u2581", " ").encode()

    def plain(self, text: str) -> str:
        """A text without the special tokens in it."""
        return self._special.sub("", text)

    def text(self, token: int) -> str:
        """A token's text; bytes that are none by themselves come out as U+FFFD."""
        return str(self.bytes(token).decode("utf-8", "replace"))
