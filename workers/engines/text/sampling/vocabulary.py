"""A tokenizer's tokens as llguidance takes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from llguidance import LLTokenizer, TokenizerWrapper
from llguidance.hf import from_tokenizer
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import bytes_to_unicode

_BYTE = re.compile("<0x([0-9A-F]{2})>")
_SPACE = "▁"  # SentencePiece's


def token_trie(tokenizer: Any, size: int, ends: Sequence[int]) -> Any:
    """The `LLTokenizer` of `size` tokens; `ends` are those that end an answer."""
    if isinstance(tokenizer, PreTrainedTokenizerFast):
        return from_tokenizer(tokenizer, n_vocab=size, eos_token=list(ends))
    return LLTokenizer(TokenizerWrapper(_Pieces(tokenizer, size, ends)), n_vocab=size, eos_token=list(ends))


class _Pieces:
    """A tokenizer that is written in Python: the bytes of its tokens, and a text's tokens.

    A text is cut into the longest tokens, because such tokenizers put spaces where a text begins.
    """

    bos_token_id = None

    def __init__(self, tokenizer: Any, size: int, ends: Sequence[int]) -> None:
        added = tokenizer.added_tokens_decoder
        pieces = [str(piece) for piece in tokenizer.convert_ids_to_tokens(range(len(tokenizer)))]
        read = _sentencepiece if any(_SPACE in piece or _BYTE.fullmatch(piece) for piece in pieces) else _byte_level
        self.tokens = [
            str(added[number]).encode() if number in added else read(piece) for number, piece in enumerate(pieces)
        ]
        self.tokens += [b""] * (size - len(pieces))  # ids that no text has
        self.special_token_ids = [number for number, token in added.items() if token.special]
        self.eos_token_id = next(iter(ends), 0)
        self._ids = {token: number for number, token in enumerate(self.tokens) if token and number not in added}
        self._longest = max(map(len, self._ids), default=0)

    def __call__(self, text: bytes) -> list[int]:
        ids, at = list[int](), 0
        while at < len(text):
            cuts = (text[at : at + size] for size in range(self._longest, 0, -1))
            token = next((cut for cut in cuts if cut in self._ids), None)
            if token is not None:
                ids.append(self._ids[token])
            at += 1 if token is None else len(token)
        return ids


def _sentencepiece(piece: str) -> bytes:
    if (byte := _BYTE.fullmatch(piece)) is not None:
        return bytes.fromhex(byte[1])
    return piece.replace(_SPACE, " ").encode()


_ALPHABET = {character: byte for byte, character in bytes_to_unicode().items()}  # type: ignore[no-untyped-call]


def _byte_level(piece: str) -> bytes:
    """The bytes of a piece of GPT-2's alphabet, or of text as it is."""
    if all(character in _ALPHABET for character in piece):
        return bytes(_ALPHABET[character] for character in piece)
    return piece.encode()
