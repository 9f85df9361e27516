"""What a row's tokens come to: its text up to a stop string, and its log probabilities with it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tasks.values.events import CallDelta, TokenLogprob
from workers.engines.text.output.detokenizer import Detokenizer, Vocabulary
from workers.engines.text.output.stopper import Stopper
from workers.engines.text.schedule.rows import Logprob
from workers.parsers.parser_events import Arguments, CallBegun, CallEnded, Parser, ParserEvent, Text, Thought


class Emitted(NamedTuple):
    """What may be shown, with its tokens' log probabilities, and the stop string that came after it."""

    text: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    stop: str | None = None
    reasoning: str = ""
    calls: tuple[CallDelta, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text or self.logprobs or self.reasoning or self.calls)

    def __add__(self, other: Emitted) -> Emitted:  # type: ignore[override]
        return Emitted(
            self.text + other.text,
            self.logprobs + other.logprobs,
            self.stop or other.stop,
            self.reasoning + other.reasoning,
            self.calls + other.calls,
        )


class Ending(NamedTuple):
    """What ends a text, beside the model's own end, and what of it is shown.

    `stop` are strings, looked for behind the first `min_tokens`, and part of the text with `include_stop`. With
    `skip_special_tokens` the text has none of them in it.
    """

    stop: tuple[str, ...] = ()
    min_tokens: int = 0
    include_stop: bool = False
    skip_special_tokens: bool = False


class Answer:
    """The text of one row; `context` are the tokens that it continues, `ending` says where it ends.

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
        self._detokenizer, self._stopper = (
            Detokenizer(decode, context),
            Stopper(ending.stop, include=ending.include_stop),
        )
        self._ending, self._tokens = ending, 0
        self._vocabulary, self._parser, self._name = vocabulary, parser, name
        self.thinking, self.calls = thinking, 0
        self._length = self._cut = 0  # characters, and those of them that a stop string took away
        self._waiting: list[TokenLogprob] = []

    def feed(self, token: int, logprob: Logprob | None) -> Emitted:
        """Take the next token."""
        self._tokens += 1
        if logprob is not None:
            self._waiting.append(self.token_logprob(token, logprob, self._length))
        return self._emit_text(self._detokenizer.feed(token))

    def flush(self) -> Emitted:
        """What was held back, when no more tokens come."""
        emitted = self._emit_text(self._detokenizer.flush())
        if not emitted.stop:
            emitted += self._read(self._parser.flush())
        if emitted.stop:
            return emitted
        waiting, self._waiting = self._waiting, []
        return emitted + Emitted(self._stopper.flush(), tuple(waiting))

    def echo(self, text: str, logprobs: Sequence[TokenLogprob]) -> Emitted:
        """Begin with the prompt's own text, in which no stop string is looked for."""
        self._length = len(text)
        return Emitted(text, tuple(logprobs))

    def _emit_text(self, text: str) -> Emitted:
        self._length += len(text)
        return self._read(self._parser.feed(text) if text else ())

    def _read(self, events: Sequence[ParserEvent]) -> Emitted:
        emitted = Emitted()
        for event in events:
            emitted += self._event(event)
            if emitted.stop:
                break
        return emitted + Emitted(logprobs=tuple(self._released(self._length - self._cut - self._stopper.held)))

    def _event(self, event: ParserEvent) -> Emitted:
        if isinstance(event, Text):
            self.thinking = False
            visible = self._vocabulary.plain(event.text) if self._ending.skip_special_tokens else event.text
            if self._tokens <= self._ending.min_tokens:
                return Emitted(visible)
            before = self._stopper.held + len(visible)
            text, stop = self._stopper.feed(visible)
            self._cut = before - len(text) if stop else 0
            return Emitted(text, stop=stop)
        if isinstance(event, Thought):
            self.thinking = True
            return Emitted(reasoning=event.text)
        if isinstance(event, CallBegun):
            # Some models only count, which is no id in a conversation.
            id_ = self._name(event.number) if event.id in ("", str(event.number)) else event.id
            return Emitted(calls=(CallDelta(event.number, id_, event.name),))
        if isinstance(event, Arguments):
            return Emitted(calls=(CallDelta(event.number, arguments=event.text),))
        assert isinstance(event, CallEnded)  # noqa: S101  (there is no other event)
        self.calls += 1
        return Emitted()

    def _released(self, shown: int) -> Iterator[TokenLogprob]:
        while self._waiting and self._waiting[0].offset < shown:
            yield self._waiting.pop(0)

    def token_logprob(self, token: int, logprob: Logprob, offset: int) -> TokenLogprob:
        """A token's log probability as an event carries it."""
        top = zip(logprob.ids, logprob.values, strict=True)
        return self._one(token, logprob.drawn, offset, tuple(self._one(other, value, 0) for other, value in top))

    def _one(self, token: int, value: float | None, offset: int, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
        vocabulary = self._vocabulary
        return TokenLogprob(vocabulary.text(token), b64encode(vocabulary.bytes(token)).decode(), value, offset, top)
