"""A window of a recording on its way to segments: heard, tried again where it fails, and cut at its timestamps."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.values.events import Segment, TokenLogprob
from workers import blas
from workers.engines.speech.cuts import FRAME, WINDOW, Window
from workers.engines.speech.decoding import Outcome, Try
from workers.engines.speech.plan import Plan
from workers.engines.speech.token_rules import Token

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS

COMPRESSION_RATIO_THRESHOLD = 2.4
LOGPROB_THRESHOLD = -1.0
NO_SPEECH_THRESHOLD = 0.6
RESET_TEMPERATURE = 0.5  # text found above it is not shown to the next window
LEAST = 30  # frames behind a window's last timestamp in which nobody says anything
_SECONDS = FRAME / 16_000  # of a frame


@dataclass(eq=False)
class Passage:
    """A stretch of a recording that is heard from its beginning to its end, up to 30 seconds at a time.

    The loop is that of openai/whisper's `transcribe` within the stretch: each time shown what was said so far.
    """

    stretch: Window
    seek: int  # the frame from which to listen on
    tokens: list[int]  # what was said so far, the prompt first
    shown_from: int = 0  # the tokens before it are no longer shown to the model
    tried: int = 0  # temperatures that have failed
    mel: mx.array | None = None  # of the window at `seek`, until it is encoded
    features: mx.array | None = None  # of the window at `seek`, once it is encoded
    attempt: Try | None = None
    spoken: float = 0.0  # when the last word ended, in seconds
    told: list[tuple[list[Segment], int]] = field(default_factory=list)  # segments, and the frame up to which they go

    @classmethod
    def of(cls, stretch: Window, plan: Plan) -> Passage:
        """A stretch that nobody has heard, or only its beginning."""
        start = max(stretch.start, plan.done)
        passage = cls(stretch, start, list(plan.prompt), spoken=start * _SECONDS)
        for segment in plan.told:
            if segment.start >= stretch.start * _SECONDS:
                passage._remember(segment)
        return passage

    def _remember(self, segment: Segment) -> None:
        self.tokens += segment.tokens
        self.spoken = segment.end
        if segment.temperature > RESET_TEMPERATURE:
            self.shown_from = len(self.tokens)

    @property
    def over(self) -> bool:
        """Whether it was heard to its end."""
        return self.seek >= self.stretch.end

    @property
    def size(self) -> int:
        """Frames of the window at `seek`."""
        return min(WINDOW, self.stretch.end - self.seek)

    @property
    def shown(self) -> list[int]:
        """The tokens that the model is shown before the window."""
        return self.tokens[self.shown_from :]

    def fails(self, outcome: Outcome, temperatures: Sequence[float]) -> bool:
        """Whether the window is tried again at the next temperature."""
        self.attempt = None
        silent = outcome.no_speech > NO_SPEECH_THRESHOLD
        repeats = outcome.compression > COMPRESSION_RATIO_THRESHOLD
        if silent or not (repeats or outcome.average < LOGPROB_THRESHOLD) or self.tried + 1 == len(temperatures):
            return False
        self.tried += 1
        return True

    def cut(self, outcome: Outcome, tokenizer: Any, stride: int, *, logprobs: bool) -> tuple[list[Segment], int]:
        """The segments of what was heard in the window at `seek`, and how many of its frames they cover.

        A timestamp stands for `stride` frames. There are none where nobody speaks.
        """
        if outcome.no_speech > NO_SPEECH_THRESHOLD and outcome.average <= LOGPROB_THRESHOLD:
            return [], self.size
        pieces, covered = _pieces(outcome.tokens, tokenizer.timestamp_begin, self.size, stride)
        offset = self.seek * _SECONDS
        segments_ = []
        for piece in pieces:
            ids = [token.id for token in piece.tokens]
            segments_.append(
                Segment(
                    offset + piece.start,
                    offset + piece.end,
                    tokenizer.decode([token for token in ids if token < tokenizer.eot]),
                    self.seek,
                    tuple(ids),
                    outcome.temperature,
                    round(outcome.average, 6),
                    round(outcome.compression, 6),
                    round(outcome.no_speech, 9),
                    logprobs=tuple(_logprob(token, tokenizer) for token in piece.tokens if token.id < tokenizer.eot)
                    if logprobs
                    else (),
                )
            )
        return segments_, covered or self.size  # a window that ends where it began would be heard for ever

    def advance(self, segments: Sequence[Segment], covered: int, temperature: float) -> None:
        """Take in a window's segments, and move to where the next one begins."""
        kept = [segment for segment in segments if segment.start != segment.end and segment.text.strip()]
        for segment in kept:
            self._remember(segment)
        if temperature > RESET_TEMPERATURE:
            self.shown_from = len(self.tokens)
        if self.size - covered < LEAST:
            covered = self.size
        self.seek, self.tried, self.features = self.seek + covered, 0, None
        self.told.append((kept, min(self.seek, self.stretch.end)))


@dataclass(frozen=True)
class _Piece:
    """Part of a window's tokens: `start` and `end` in seconds from the window's beginning."""

    start: float
    end: float
    tokens: Sequence[Token]


def _pieces(tokens: Sequence[Token], timestamps: int, size: int, stride: int) -> tuple[list[_Piece], int]:
    """A window's tokens cut where two timestamps meet, and how many of its `size` frames they cover.

    `timestamps` is the first timestamp's token; each stands for `stride` frames.
    """
    precision = stride * _SECONDS
    is_time = [token.id >= timestamps for token in tokens]
    cuts = [at for at in range(1, len(tokens)) if is_time[at - 1] and is_time[at]]
    ended = ends_alone(is_time)
    if not cuts:
        last = next((token.id for token in reversed(tokens) if token.id >= timestamps), timestamps)
        end = (last - timestamps) * precision if last != timestamps else size * _SECONDS
        return [_Piece(0.0, end, tokens)], size
    if ended:
        cuts.append(len(tokens))
    parts = [tokens[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
    pieces = [
        _Piece((part[0].id - timestamps) * precision, (part[-1].id - timestamps) * precision, part) for part in parts
    ]
    return pieces, size if ended else (parts[-1][-1].id - timestamps) * stride


def ends_alone(is_time: Sequence[bool]) -> bool:
    """Whether nothing is said after the last timestamp."""
    return list(is_time[-2:]) == [False, True]


def _logprob(token: Token, tokenizer: Any) -> TokenLogprob:
    data = tokenizer.encoding.decode_single_token_bytes(token.id)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    return TokenLogprob(text, base64.b64encode(data).decode(), token.logprob)
