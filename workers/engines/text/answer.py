"""What a sequence's tokens say: its text up to a stop string, and its log probabilities with it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tasks.events import TokenLogprob
from workers.engines.text.detokenizer import Detokenizer, Vocabulary
from workers.engines.text.sequence import Logprob
from workers.engines.text.stopper import Stopper


class Said(NamedTuple):
    """Text that may be shown with its tokens' log probabilities, and whether a stop string came after it."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    stopped: bool = False


class Answer:
    """The text of one sequence; `context` are the tokens that it continues, `told` what was shown before it."""

    def __init__(
        self, decode: Callable[[list[int]], str], vocabulary: Vocabulary, context: Sequence[int], stop: Sequence[str]
    ) -> None:
        self._detokenizer, self._stopper = Detokenizer(decode, context), Stopper(stop)
        self._vocabulary = vocabulary
        self._heard = self._shown = 0  # characters
        self._waiting: list[TokenLogprob] = []

    def hear(self, token: int, logprob: Logprob | None) -> Said:
        """Take the next token."""
        if logprob is not None:
            self._waiting.append(self.told(token, logprob, self._heard))
        return self._said(self._detokenizer.hear(token))

    def rest(self) -> Said:
        """What was held back, when no more tokens come."""
        said = self._said(self._detokenizer.rest())
        if said.stopped:
            return said
        text = self._stopper.rest()
        self._shown += len(text)
        waiting, self._waiting = self._waiting, []
        return Said(said.text + text, (*said.logprobs, *waiting))

    def echo(self, text: str, logprobs: Sequence[TokenLogprob]) -> Said:
        """Begin with the prompt's own text, in which no stop string is looked for."""
        self._heard = self._shown = len(text)
        return Said(text, tuple(logprobs))

    def _said(self, text: str) -> Said:
        self._heard += len(text)
        shown, stopped = self._stopper.hear(text)
        self._shown += len(shown)
        return Said(shown, tuple(self._released()), stopped)

    def _released(self) -> Iterator[TokenLogprob]:
        while self._waiting and self._waiting[0].offset < self._shown:
            yield self._waiting.pop(0)

    def told(self, token: int, logprob: Logprob, offset: int) -> TokenLogprob:
        """A token's log probability as an event carries it."""
        top = zip(logprob.ids, logprob.values, strict=True)
        return self._one(token, logprob.drawn, offset, tuple(self._one(other, value, 0) for other, value in top))

    def _one(self, token: int, value: float | None, offset: int, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
        found = self._vocabulary
        return TokenLogprob(found.text(token), b64encode(found.bytes(token)).decode(), value, offset, top)
