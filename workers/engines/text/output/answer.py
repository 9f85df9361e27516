"""What a sequence's tokens say: its text up to a stop string, and its log probabilities with it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tasks.values.events import CallDelta, TokenLogprob
from workers.engines.text.output.detokenizer import Detokenizer, Vocabulary
from workers.engines.text.output.stopper import Stopper
from workers.engines.text.schedule.rows import Logprob
from workers.parsers.parser_events import Arguments, Called, Parser, ParserEvent, Returned, Text, Thought


class Emitted(NamedTuple):
    """What may be shown, with its tokens' log probabilities, and whether a stop string came after it."""

    text: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    stopped: bool = False
    reasoning: str = ""
    calls: tuple[CallDelta, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text or self.logprobs or self.reasoning or self.calls)

    def __add__(self, other: Emitted) -> Emitted:  # type: ignore[override]
        return Emitted(
            self.text + other.text,
            self.logprobs + other.logprobs,
            self.stopped or other.stopped,
            self.reasoning + other.reasoning,
            self.calls + other.calls,
        )


class Ending(NamedTuple):
    """What ends a text, beside the model's own end, and what of it is shown.

    `stop` are strings, looked for behind the first `least` tokens, and part of the text where they are `shown`. A
    `plain` text has no special tokens in it.
    """

    stop: tuple[str, ...] = ()
    least: int = 0
    shown: bool = False
    plain: bool = False


class Answer:
    """The text of one sequence; `context` are the tokens that it continues, `ending` says where it ends.

    `parser` finds thinking and calls in it, to which stop strings are nothing; `name` makes ids for calls without one.
    """

    def __init__(
        self,
        decode: Callable[[list[int]], str],
        vocabulary: Vocabulary,
        context: Sequence[int],
        ending: Ending,
        parser: Parser,
        name: Callable[[int], str],
        *,
        thinking: bool = False,
    ) -> None:
        self._detokenizer, self._stopper = Detokenizer(decode, context), Stopper(ending.stop, shown=ending.shown)
        self._ending, self._tokens = ending, 0
        self._vocabulary, self._parser, self._name = vocabulary, parser, name
        self.thinking, self.calls = thinking, 0
        self._heard = self._cut = 0  # characters, and those of them that a stop string took away
        self._waiting: list[TokenLogprob] = []

    def hear(self, token: int, logprob: Logprob | None) -> Emitted:
        """Take the next token."""
        self._tokens += 1
        if logprob is not None:
            self._waiting.append(self.told(token, logprob, self._heard))
        return self._said(self._detokenizer.hear(token))

    def rest(self) -> Emitted:
        """What was held back, when no more tokens come."""
        said = self._said(self._detokenizer.rest())
        if not said.stopped:
            said += self._read(self._parser.rest())
        if said.stopped:
            return said
        waiting, self._waiting = self._waiting, []
        return said + Emitted(self._stopper.rest(), tuple(waiting))

    def echo(self, text: str, logprobs: Sequence[TokenLogprob]) -> Emitted:
        """Begin with the prompt's own text, in which no stop string is looked for."""
        self._heard = len(text)
        return Emitted(text, tuple(logprobs))

    def _said(self, text: str) -> Emitted:
        self._heard += len(text)
        return self._read(self._parser.hear(text) if text else ())

    def _read(self, pieces: Sequence[ParserEvent]) -> Emitted:
        said = Emitted()
        for piece in pieces:
            said += self._one_piece(piece)
            if said.stopped:
                break
        return said + Emitted(logprobs=tuple(self._released(self._heard - self._cut - self._stopper.held)))

    def _one_piece(self, piece: ParserEvent) -> Emitted:
        if isinstance(piece, Text):
            self.thinking = False
            said = self._vocabulary.plain(piece.text) if self._ending.plain else piece.text
            if self._tokens <= self._ending.least:
                return Emitted(said)
            before = self._stopper.held + len(said)
            text, stopped = self._stopper.hear(said)
            self._cut = before - len(text) if stopped else 0
            return Emitted(text, stopped=stopped)
        if isinstance(piece, Thought):
            self.thinking = True
            return Emitted(reasoning=piece.text)
        if isinstance(piece, Called):
            # Some models only count, which is no id in a conversation.
            id_ = self._name(piece.number) if piece.id in ("", str(piece.number)) else piece.id
            return Emitted(calls=(CallDelta(piece.number, id_, piece.name),))
        if isinstance(piece, Arguments):
            return Emitted(calls=(CallDelta(piece.number, arguments=piece.text),))
        assert isinstance(piece, Returned)  # noqa: S101  (there is no other piece)
        self.calls += 1
        return Emitted()

    def _released(self, shown: int) -> Iterator[TokenLogprob]:
        while self._waiting and self._waiting[0].offset < shown:
            yield self._waiting.pop(0)

    def told(self, token: int, logprob: Logprob, offset: int) -> TokenLogprob:
        """A token's log probability as an event carries it."""
        top = zip(logprob.ids, logprob.values, strict=True)
        return self._one(token, logprob.drawn, offset, tuple(self._one(other, value, 0) for other, value in top))

    def _one(self, token: int, value: float | None, offset: int, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
        found = self._vocabulary
        return TokenLogprob(found.text(token), b64encode(found.bytes(token)).decode(), value, offset, top)
