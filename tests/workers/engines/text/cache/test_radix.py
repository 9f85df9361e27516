"""Where blocks begin and end, and how a prompt finds its way through them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.support.rounds import rounds
from workers.engines.text.cache.radix import Block, BlockKey, PrefixPath, reach


def enter(tree: dict[BlockKey, Block], tokens: list[int], owner: str = "") -> None:
    """Let a prompt leave blocks, as the cache does."""
    ids = np.array(tokens, np.int32)
    prefix = PrefixPath(owner, "", ids)
    for key, start, end in prefix.cuts(reach(list(prefix.nodes(tree.get)))):
        tree[key] = Block.of(ids[start:end], end, [])


def known(tree: dict[BlockKey, Block], tokens: list[int], owner: str = "") -> int:
    """How many of a prompt's tokens are in the tree."""
    return reach(list(PrefixPath(owner, "", tokens).nodes(tree.get)))


def common(first: list[int], second: list[int]) -> int:
    return next(
        (at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


@pytest.mark.parametrize(
    ("start", "total", "ends"),
    [
        (0, 100, [100]),
        (0, 600, [256, 512, 600]),
        (0, 3000, [1024, 2048, 2304, 2560, 2816, 3000]),
        (100, 700, [256, 512, 700]),
        (700, 2500, [768, 1024, 2048, 2304, 2500]),
        (512, 512, []),
    ],
)
def test_blocks_end_at_slots_and_large_ones_where_all_is_there(start: int, total: int, ends: list[int]) -> None:
    cuts = list(PrefixPath("", "", range(total)).cuts(start))
    assert [end for _, _, end in cuts] == ends
    assert [begin for _, begin, _ in cuts] == [start, *ends][: len(ends)]
    assert [key for key, _, _ in cuts] == [PrefixPath("", "", range(total)).key(begin) for _, begin, _ in cuts]


def test_a_prompt_is_known_as_far_as_any_earlier_one_of_its_owner_says_the_same() -> None:
    chance, tree = random.Random(5), dict[BlockKey, Block]()
    entered: dict[str, list[list[int]]] = {"alpha": [[]], "beta": [[]]}
    for _ in range(rounds(300, 5000)):
        owner = chance.choice(sorted(entered))
        before = chance.choice(entered[owner])
        at = chance.randrange(len(before) + 1)
        tokens = before[:at] + [chance.randrange(3) for _ in range(chance.choice((1, 30, 700)))]
        assert known(tree, tokens, owner) == max(common(tokens, one) for one in entered[owner])
        enter(tree, tokens, owner)
        assert known(tree, tokens, owner) == len(tokens)
        entered[owner].append(tokens[:3000])


def test_layouts_do_not_meet() -> None:
    keys = {PrefixPath(owner, tag, [1, 2, 3]).key(2) for owner in ("a", "b") for tag in ("x", "y")}
    assert len(keys) == 4
