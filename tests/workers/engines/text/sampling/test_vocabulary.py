"""Answers are held to a form whatever a tokenizer is written in."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import PreTrainedTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from tasks.values.requests import Constraint
from tests.workers.engines.vision.zoo import ernie4_5_moe_vl
from workers.engines.text.sampling.grammar import Grammars
from workers.engines.text.sampling.guide import Guide, allocate_token_bitmask

from mlx_vlm.models.ernie4_5_moe_vl import Ernie4_5_VLTokenizer  # isort: skip

SCHEMA = {
    "type": "object",
    "properties": {"at": {"enum": ["left", "ünten", "🙂"]}},
    "required": ["at"],
    "additionalProperties": False,
}


class Bytes(PreTrainedTokenizer):
    """A token a byte, in the letters of GPT-2, and an end."""

    vocab_size = 256

    def __init__(self) -> None:
        self._letters = list(bytes_to_unicode().values())
        self._bytes = {letter: byte for byte, letter in bytes_to_unicode().items()}
        super().__init__(eos_token="</s>")

    def get_vocab(self) -> dict[str, int]:
        return {letter: number for number, letter in enumerate(self._letters)} | self.added_tokens_encoder

    def _tokenize(self, text: str, **options: Any) -> list[str]:
        return [bytes_to_unicode()[byte] for byte in text.encode()]

    def _convert_token_to_id(self, token: str) -> int:
        return self._letters.index(token)

    def _convert_id_to_token(self, index: int) -> str:
        return self._letters[index]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return bytes(self._bytes[token] for token in tokens).decode()


def pieces(folder: Path) -> Any:
    """A tokenizer of SentencePiece."""
    path = folder / "tokenizer.model"
    path.write_bytes(ernie4_5_moe_vl.TINY.files["tokenizer.model"])
    return Ernie4_5_VLTokenizer(str(path))


def wander(guide: Guide, size: int, end: int, seed: int) -> list[int]:
    """Tokens that a model without any sense might say; it ends as soon as it may."""
    chance, drawn = random.Random(seed), list[int]()
    while len(drawn) < 3000:
        bits = allocate_token_bitmask(1, size)
        guide.fill(bits, 0)
        allowed = np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")[:size]).tolist()
        if end in allowed:
            break
        drawn.append(chance.choice(allowed))
        guide.accept(drawn[-1])
    return drawn


@pytest.mark.parametrize("make", [pieces, lambda folder: Bytes()], ids=["SentencePiece", "bytes"])
@pytest.mark.parametrize("seed", range(3))
def test_a_tokenizer_that_is_written_in_python_holds_an_answer_to_a_schema(
    make: Any, seed: int, tmp_path: Path
) -> None:
    tokenizer = make(tmp_path)
    end = int(tokenizer.eos_token_id)
    size = len(tokenizer) + 40  # models may have more ids than there are tokens
    grammars = Grammars(tokenizer, size, [end])
    guide = grammars.answer(Constraint("json_schema", json.dumps(SCHEMA), "field"), ())
    answer = tokenizer.decode(wander(guide, size, end, seed))
    assert json.loads(answer)["at"] in SCHEMA["properties"]["at"]["enum"]
