"""MiniLM's folder embeds sentences by what they mean."""

from __future__ import annotations

from tests.support import starter
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS
from mlx_embeddings.utils import load  # noqa: E402


def test_sentences_of_one_meaning_lie_close_together() -> None:
    model, tokenizer = load(str(starter.folder("all-minilm-l6-v2")))
    texts = ["A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby."]
    tokens = tokenizer._tokenizer(texts, padding=True, return_tensors="np")
    embeds = model(mx.array(tokens["input_ids"]), attention_mask=mx.array(tokens["attention_mask"])).text_embeds
    likeness = embeds @ embeds.T
    assert embeds.shape == (3, 384)
    # the documentation of sentence-transformers gives this cosine similarity for this model and these two
    assert abs(likeness[0, 1].item() - 0.7553) < 1e-3
    assert likeness[0, 2].item() < 0.2
