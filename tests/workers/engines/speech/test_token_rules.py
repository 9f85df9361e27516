"""Which token may follow: timestamps in pairs, never going back, and no mark that is not said."""

from __future__ import annotations

import numpy as np
import pytest

from tests.workers.engines.speech import tiny
from workers.engines.speech.token_rules import Looked, TokenRules

import mlx.core as mx  # isort: skip - after the rules, which bring OpenBLAS
from mlx_whisper.tokenizer import get_tokenizer  # isort: skip

TOKENIZER = get_tokenizer(multilingual=False)
TIMES, END = TOKENIZER.timestamp_begin, TOKENIZER.eot
RULES = TokenRules(TOKENIZER, 0.02)
WORD, OTHER = 400, 500


def looked(**likely: float) -> tuple[np.ndarray[tuple[int], np.dtype[np.float32]], Looked]:
    """The logits of a row in which the named tokens stand out: `t5` is the fifth timestamp, `end`, `word`, `other`."""
    logits = np.full(tiny.ENGLISH, -20.0, np.float32)
    for name, value in likely.items():
        token = {"end": END, "word": WORD, "other": OTHER}.get(name)
        logits[TIMES + int(name[1:]) if token is None else token] = value
    text, (found,) = RULES.look(mx.array(logits)[None])
    return np.array(text[0]), found


def t(number: int) -> int:
    return TIMES + number


@pytest.mark.parametrize(
    ("said", "likely", "expected"),
    [
        ([], {"word": 9, "t3": 1}, t(3)),  # a window begins with a time
        ([], {"t70": 9, "t50": 1}, t(50)),  # within its first second
        ([], {"end": 9, "t0": 1}, t(0)),
        ([t(0)], {"t5": 9, "word": 1}, WORD),  # then something is said
        ([t(0), WORD], {"word": 5, "other": 6}, OTHER),
        ([t(9), WORD], {"t9": 9, "t10": 1, "word": -5}, t(10)),  # which takes time
        ([t(0), WORD], {"t5": 3.2, "t6": 3, "t7": 3, "word": 3.5}, t(5)),  # times that are likelier together
        ([t(0), WORD, t(20)], {"word": 9, "end": 1, "t20": 0}, END),  # after a segment's end comes the end of all
        ([t(0), WORD, t(20)], {"t20": 2, "end": -9, "word": -9}, t(20)),  # or the next one's beginning
        ([t(0), WORD, t(20)], {"t19": 9, "t21": 1, "word": -9, "end": -9}, t(21)),  # not before it
        ([t(0), WORD, t(20), t(20)], {"t30": 9, "word": 1}, WORD),
        ([t(0), WORD], {"end": 9, "word": 1}, END),
    ],
)  # fmt: skip
def test_what_follows(said: list[int], likely: dict[str, float], expected: int) -> None:
    text, row = looked(**likely)
    token = RULES.greedy(said, row)
    assert token.id == expected and token.logprob <= 0
    drawn = {RULES.sampled(said, row, text, 0.05, np.random.default_rng(seed)).id for seed in range(3)}
    assert expected in drawn


def test_marks_and_noises_are_never_said() -> None:
    for token in (TOKENIZER.sot, TOKENIZER.no_timestamps, TOKENIZER.no_speech, TOKENIZER.non_speech_tokens[0]):
        logits = np.zeros(tiny.ENGLISH, np.float32)
        logits[token], logits[WORD] = 50, 20
        _, (row,) = RULES.look(mx.array(logits)[None])
        assert RULES.greedy([t(0), OTHER], row).id == WORD


def test_probabilities_are_among_what_may_follow() -> None:
    text, row = looked(word=3.0, other=3.0, t5=50.0)
    token = RULES.greedy([t(0)], row)
    assert token.logprob == pytest.approx(-np.log(2), abs=1e-3)
    same = RULES.sampled([t(0)], row, text, 1.0, np.random.default_rng(0))
    assert same.logprob == pytest.approx(-np.log(2), abs=1e-3)
