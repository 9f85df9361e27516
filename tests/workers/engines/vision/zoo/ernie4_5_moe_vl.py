"""ERNIE 4.5 VL: experts of text and of images, positions in rows and columns, a tokenizer of SentencePiece."""

import io
import random

import sentencepiece

from tests.workers.engines.vision.zoo import FIRST, PARTS, TEXT, Tiny, token

_TOKENS = ("<|IMAGE_PLACEHOLDER|>", "<|IMAGE_START|>", "<|IMAGE_END|>", "<|VIDEO_START|>", "<|VIDEO_END|>")


def _vocabulary() -> bytes:
    """Bytes and pieces of words, as many as all tiny tokenizers have; the last one ends an answer."""
    letters = random.Random(0)
    words = ["".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=letters.randint(2, 9))) for _ in range(2000)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words),
        model_writer=model,
        vocab_size=FIRST,
        model_type="bpe",
        byte_fallback=True,
        unk_id=0,
        bos_id=1,
        eos_id=FIRST - 1,
        minloglevel=2,
    )
    return model.getvalue()


TINY = Tiny(
    config={
        **TEXT,
        "moe_num_experts": [4, 4],
        "moe_intermediate_size": [32, 16],
        "moe_layer_start_index": [1, 1],
        "moe_layer_end_index": [1, 1],
        "moe_k": 2,
        "moe_num_shared_experts": 1,
        "rope_scaling": {"type": "default", "mrope_section": [3, 3, 2]},
        "freq_allocation": 2,
        "pixel_hidden_size": 32,
        "vision_config": {
            "depth": 2,
            "embed_dim": 32,
            "hidden_size": 32,
            "num_heads": 2,
            "mlp_ratio": 2.0,
            "patch_size": 4,
        },
        "im_patch_id": token(0),
        "image_token_id": token(0),
        "video_token_id": token(0),
        "image_start_token_id": token(1),
        "image_end_token_id": token(2),
        "video_start_token_id": token(3),
        "video_end_token_id": token(4),
        "min_pixels": 64,
        "max_pixels": 4096,
    },
    files={"tokenizer.model": _vocabulary()},
    tokens=_TOKENS,
    template=PARTS,
    markers=("<|IMAGE_START|><|image@placeholder|><|IMAGE_END|>",),
)
