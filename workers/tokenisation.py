"""Texts to token ids, with what is too long for a model refused before all of it is tokenised."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tasks.values.errors import ContextLengthExceeded
from workers.serving.check_deadline import CheckDeadline

_USUAL = 4  # characters of a token, with few exceptions
_CUT = 128  # tokens that a text which is cut anywhere may have more than the whole of it
_AT_ONCE = 1 << 16  # characters of short texts that are tokenised together
_COMPOSED = 4  # characters that a normaliser may make one of (Unicode, UAX 15)
# What tokenizers leave out, or take for one token however long it is.
_ODD = (" ", "a", "\u0301", "\u0001", "\u200b", "\U0001f9ff")
_PROBE = 2000  # characters of each


class Encoder:
    """A model's tokenizer, which any number of threads may ask at the same time; `context` is its longest prompt.

    `longest` is the characters of its longest token, and infinite where texts of any length may have few tokens, as
    with tokenizers that leave white space out; `backend` is the tokenizers library's own where it does all the work.
    """

    def __init__(self, tokenizer: Any, context: int) -> None:
        shared = _shared(tokenizer)
        self._encode = shared or _locked(tokenizer)
        self.backend = tokenizer.backend_tokenizer if shared else None
        self.context = context
        self.longest = self._longest(tokenizer)
        self._around = self._special()

    def ids(self, text: str, *, special: bool) -> list[int]:
        """The token ids of a text, with the special tokens around it if wanted."""
        return self._encode([text], special)[0]

    def fitting(
        self, text: str, param: str, deadline: CheckDeadline, *, special: bool, most: int | None = None
    ) -> list[int]:
        """The token ids of a text; raises ContextLengthExceeded once it must have more than `most`, or JobCancelled.

        `most` is the context length unless it is given. A text that is hardly longer is tokenised and not refused.
        """
        self.check(text, param, deadline, most)
        return self.ids(text, special=special)

    def several(self, texts: Sequence[str], deadline: CheckDeadline, *, special: bool = True) -> Iterator[list[int]]:
        """The token ids of each of these texts, with the special tokens around it if wanted; raises JobCancelled."""
        for together in _groups(texts):
            deadline.look()
            yield from self._encode(together, special)

    def shortened(self, text: str, most: int, deadline: CheckDeadline, *, start: bool) -> str:
        """The text, or enough of its beginning for `most` tokens, with `start` of its end; raises JobCancelled.

        Of a long text no more is tokenised than that takes.
        """
        size = _USUAL * most
        while size < len(text):
            part = text[-size:] if start else text[:size]
            if len(self.ids(part, special=False)) > most + _CUT:
                return part
            deadline.look()
            size *= 2
        return text

    def cut(self, ids: Sequence[int], most: int, *, start: bool, kept: int = 0) -> tuple[int, ...]:
        """At most `most` of a text's token ids: its last are cut off, with `start` its first.

        The special tokens around a text stay as long as there is room for them, and so do its first `kept`, special
        ones among them.
        """
        tokens = tuple(ids)
        before, after = self._around
        front = max(len(before) if tokens[: len(before)] == before else 0, kept)
        back = len(after) if after and tokens[-len(after) :] == after else 0
        room = most - front - back
        if len(tokens) <= most or room <= 0:
            return tokens[:most]
        end = len(tokens) - back
        inner = tokens[end - room : end] if start else tokens[front : front + room]
        return tokens[:front] + inner + tokens[end:]

    def check(self, text: str, param: str, deadline: CheckDeadline, most: int | None = None) -> None:
        """Raise ContextLengthExceeded for a text that must have more than `most` tokens, or JobCancelled.

        By its length, then by its beginning, of which ever more is tokenised.
        """
        most = self.context if most is None else most
        self.check_length(len(text), param, most)
        size = _USUAL * most
        while size < len(text):
            begun = len(self.ids(text[:size], special=False))
            if begun > most + _CUT:
                raise self._too_long(f"the first {size} of the text's {len(text)} characters take {begun}", param, most)
            deadline.look()
            size *= 2

    def check_length(self, length: int, param: str, most: int | None = None) -> None:
        """Raise ContextLengthExceeded for `length` characters that cannot be `most` tokens or fewer."""
        most = self.context if most is None else most
        if length > most * self.longest:
            reason = f"the text has {length} characters, and so many tokens hold at most {most * self.longest:.0f}"
            raise self._too_long(reason, param, most)

    def _special(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The special tokens before and behind a text."""
        whole, text = (tuple(self.ids("a", special=special)) for special in (True, False))
        for at in range(len(whole) - len(text) + 1):
            if whole[at : at + len(text)] == text:
                return whole[:at], whole[at + len(text) :]
        return (), ()

    def _too_long(self, reason: str, param: str, most: int) -> ContextLengthExceeded:
        limit = "" if most == self.context else f", and at most {most} tokens are returned"
        return ContextLengthExceeded(
            f"this model's context length is {self.context} tokens{limit}; {reason}; send less", param=param
        )

    def _longest(self, tokenizer: Any) -> float:
        longest = max(map(len, tokenizer.get_vocab()), default=1)
        if getattr(getattr(tokenizer, "backend_tokenizer", None), "normalizer", None) is not None:
            longest *= _COMPOSED
        fewest = min(len(self.ids(odd * _PROBE, special=False)) for odd in _ODD)
        return longest if fewest * longest >= _PROBE else math.inf


def _shared(tokenizer: Any) -> Callable[[Sequence[str], bool], list[list[int]]] | None:
    """The tokenizers library's own encoding, which keeps no state and lets other threads run, where there is one."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    backend.no_padding()
    backend.no_truncation()

    def encode(texts: Sequence[str], special: bool) -> list[list[int]]:
        return [list(encoding.ids) for encoding in backend.encode_batch_fast(list(texts), add_special_tokens=special)]

    probe = "Hello, World! <s> </s> <|im_start|> 12\n  x\u00e9"
    same = all(encode([probe], special)[0] == _encoded(tokenizer, probe, special) for special in (True, False))
    return encode if same else None


def _locked(tokenizer: Any) -> Callable[[Sequence[str], bool], list[list[int]]]:
    one_at_a_time = threading.Lock()  # such a tokenizer may keep state while it encodes

    def encode(texts: Sequence[str], special: bool) -> list[list[int]]:
        encoded = []
        for text in texts:
            with one_at_a_time:
                encoded.append(_encoded(tokenizer, text, special))
        return encoded

    return encode


def _encoded(tokenizer: Any, text: str, special: bool) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=special))


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in their order, as many at once as are a bounded piece of work."""
    together: list[str] = []
    size = 0
    for text in texts:
        if together and size + len(text) > _AT_ONCE:
            yield together
            together, size = [], 0
        together.append(text)
        size += len(text)
    if together:
        yield together
