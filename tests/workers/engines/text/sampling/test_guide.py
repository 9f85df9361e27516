"""What a grammar leaves of logits, however many of them a model has."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

from tasks.values.requests import Constraint, Sampling
from tests.workers.engines.text import tiny
from workers.engines.text.sampling.grammar import Grammars
from workers.engines.text.sampling.guide import allowed
from workers.engines.text.sampling.options import Defaults, options
from workers.engines.text.sampling.pick import Pick

WORDS = tiny.tokenizer()._tokenizer


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("width", [480, 517, 560, 900])
def test_logits_need_not_be_as_many_as_the_tokenizer_has_tokens(width: int, beside: bool) -> None:
    """Some models have none for special tokens; others have more, as one for each place in an image."""
    guide = Grammars(WORDS, 517, [WORDS.eos_token_id]).answer(Constraint("regex", "ab|b", "field"), ())
    free = Pick(options(Sampling(), Defaults(), 0, 0), 1, [0])
    picks = [free._replace(guide=guide), *([free] if beside else [])]
    logits = np.array(allowed(mx.zeros((len(picks), width)), picks))
    starts = {token for text in ("a", "b", "ab") if len(tokens := WORDS.encode(text)) == 1 for token in tokens}
    assert set(np.flatnonzero(np.isfinite(logits[0])).tolist()) == starts
    assert np.isfinite(logits[1:]).all()
