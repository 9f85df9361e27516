"""Random numbers that belong to (seed, choice, position, token): no neighbour in a batch can move them.

Counter based, as Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011): a number is a hash of its
place. The hash is lowbias32 of Chris Wellons' hash-prospector. Because each token has its own number, the same token
wins whether it is compared with its whole vocabulary or with the few candidates that top_k and top_p leave.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import mlx.core as mx

_WORD = 0xFFFFFFFF


def key(seed: int, choice: int, position: int) -> int:
    """32 bits that stand for the draw of one token."""
    return _absorbed(_answer(seed, choice), position)


@lru_cache(maxsize=1024)
def _answer(seed: int, choice: int) -> int:
    """What the keys of one answer's tokens have in common."""
    return _absorbed(_absorbed(_absorbed(0, seed & _WORD), (seed >> 32) & _WORD), choice)


def _absorbed(h: int, word: int) -> int:
    return _mix_word(h ^ _mix_word((word + 0x9E3779B9) & _WORD))


def uniform(keys: Any, tokens: Any) -> Any:
    """Numbers in [0, 1), 23 bits each, so that none rounds to 1.

    uint32 `keys` (rows, 1) and token ids (rows, n) to float32 (rows, n).
    """
    bits = _mix(_mix(tokens.astype(mx.uint32)) ^ keys)
    return (bits >> 9).astype(mx.float32) * 2.0**-23


def gumbel(keys: Any, tokens: Any) -> Any:
    """Standard Gumbel noise: the largest of logits + noise is a draw from their softmax (Gumbel, 1954)."""
    return -mx.log(-mx.log(uniform(keys, tokens) + 2.0**-24))


def _mix(h: Any) -> Any:
    h = (h ^ (h >> 16)) * mx.array(0x7FEB352D, mx.uint32)
    h = (h ^ (h >> 15)) * mx.array(0x846CA68B, mx.uint32)
    return h ^ (h >> 16)


def _mix_word(h: int) -> int:
    h = ((h ^ (h >> 16)) * 0x7FEB352D) & _WORD
    h = ((h ^ (h >> 15)) * 0x846CA68B) & _WORD
    return h ^ (h >> 16)
