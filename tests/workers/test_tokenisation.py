"""A text is tokenised as the model's tokenizer would, and what cannot fit is refused before all of it is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from transformers import AutoTokenizer

from tasks.values.errors import ContextLengthExceeded, JobCancelled
from tests.support import starter
from tests.workers.engines.text import tiny
from tests.workers.running import Clock
from workers.serving.check_deadline import ENDLESS, CheckDeadline
from workers.tokenisation import Encoder

ODD = ["", " ", "a", "\n\n  x", "</s>", "<|im_start|>user", "e\u0301\u200b", "\U0001f9ff" * 3, "word " * 50, "\x00"]
NAMES = ["tiny", "smollm2-135m-instruct", "all-minilm-l6-v2"]


@pytest.fixture(scope="module", params=NAMES)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return tiny.tokenizer() if request.param == "tiny" else AutoTokenizer.from_pretrained(starter.folder(request.param))  # type: ignore[no-untyped-call]


class Counting(Encoder):
    """Counts the characters that are tokenised."""

    def __init__(self, tokenizer: Any, context: int) -> None:
        super().__init__(tokenizer, context)
        plain, self.characters = self._encode, 0

        def encode(texts: Sequence[str], special: bool) -> list[list[int]]:
            self.characters += sum(map(len, texts))
            return plain(texts, special)

        self._encode = encode


@pytest.mark.parametrize("special", [True, False])
def test_ids_are_those_of_the_tokenizer(tokenizer: Any, special: bool) -> None:
    encoder = Encoder(tokenizer, 100)
    assert [encoder.ids(text, special=special) for text in ODD] == [
        list(tokenizer.encode(text, add_special_tokens=special)) for text in ODD
    ]


def test_a_tokenizer_without_threads_of_its_own_is_asked_one_at_a_time(tokenizer: Any) -> None:
    class Slow:
        encode, get_vocab = staticmethod(tokenizer.encode), staticmethod(tokenizer.get_vocab)

    assert Encoder(Slow(), 100).ids("hello", special=True) == Encoder(tokenizer, 100).ids("hello", special=True)


def test_many_threads_may_ask_at_the_same_time(tokenizer: Any) -> None:
    encoder = Encoder(tokenizer, 10_000)
    texts = [f"number {number} " * (number + 1) for number in range(64)]
    alone = [encoder.ids(text, special=True) for text in texts]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda text: encoder.ids(text, special=True), texts)) == alone


def test_a_text_that_is_too_long_by_its_length_is_not_tokenised_at_all() -> None:
    encoder = Counting(tiny.tokenizer(), 1000)
    with pytest.raises(ContextLengthExceeded, match=r"1000 tokens.* 10000000 characters.* at most \d+;") as caught:
        encoder.fitting("a" * 10_000_000, "prompt", ENDLESS, special=True)
    assert caught.value.failure.param == "prompt" and encoder.characters == 0


@pytest.mark.parametrize("text", ["x" * 1_000_000, "a b" * 300_000, "\u4e00" * 300_000])
def test_a_text_that_is_too_long_costs_no_more_than_its_beginning(tokenizer: Any, text: str) -> None:
    encoder = Counting(tokenizer, 400)
    encoder.longest = float("inf")  # nothing is known of the length
    if len(encoder.ids(text[:10_000], special=True)) < 1000:
        pytest.skip("to this tokenizer it is a short text")
    encoder.characters = 0
    with pytest.raises(ContextLengthExceeded, match=r"the first (1600|3200) of the text's"):
        encoder.fitting(text, "prompt", ENDLESS, special=True)
    assert encoder.characters <= 1600 + 3200


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_fits_is_refused(tokenizer: Any, seed: int) -> None:
    """Made of long tokens, white space and whatever else makes many characters few tokens."""
    chance = random.Random(seed)
    longest = sorted(tokenizer.get_vocab(), key=len)[-20:]
    words = [*map(tokenizer.convert_tokens_to_string, ([token] for token in longest)), " " * 400, "a" * 300, "\n" * 90]
    encoder = Encoder(tokenizer, 100)
    for _ in range(10):
        text = ""
        while len(encoder.ids(text + (word := chance.choice(words)), special=False)) <= 100 and len(text) < 20_000:
            text += word
        assert len(encoder.fitting(text, "prompt", ENDLESS, special=False)) <= 100


def test_a_tokenizer_that_leaves_white_space_out_bounds_no_text_by_its_length() -> None:
    bert = AutoTokenizer.from_pretrained(starter.folder("all-minilm-l6-v2"))  # type: ignore[no-untyped-call]
    encoder = Encoder(bert, 16)
    assert len(encoder.fitting("a" + " " * 100_000 + "b", "input", ENDLESS, special=True)) == 4
    assert len(encoder.fitting("a" * 100_000, "input", ENDLESS, special=True)) == 3


def test_nobody_tokenises_for_who_is_gone() -> None:
    clock = Clock()
    encoder = Counting(tiny.tokenizer(), 1 << 20)
    plain = encoder._encode

    def slowly(texts: Sequence[str], special: bool) -> list[list[int]]:
        clock.now += 1
        return plain(texts, special)

    encoder._encode = slowly
    with pytest.raises(JobCancelled):
        list(encoder.several(["a" * 60_000] * 100, CheckDeadline(lambda: False, clock)))
    assert encoder.characters == 60_000
