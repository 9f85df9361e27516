"""What prompts leave in KV caches is kept once, found by its beginning, and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import mlx.core as mx  # isort: skip
from mlx_lm.models.cache import ArraysCache, CacheList, KVCache, RotatingKVCache  # isort: skip

from workers.engines.text.cache import batched, radix
from workers.engines.text.cache.prompt_cache import NOTHING, PromptCache

BYTES = 1 << 24
TOKEN = 1024  # bytes that a token takes in `caches`


def caches(tokens: Sequence[int]) -> list[Any]:
    """Two layers that hold numbers which follow from these tokens and their places."""
    ids, places = mx.array(list(tokens)), mx.arange(len(tokens))
    numbers = (mx.arange(256) * (ids * 31 + places)[:, None] % 997).astype(mx.float32)
    keys, values, more, others = mx.split(numbers.reshape(1, len(tokens), 8, 32).transpose(0, 2, 1, 3), 4, axis=1)
    found = [KVCache(), KVCache()]
    found[0].update_and_fetch(keys, values)
    found[1].update_and_fetch(more, others)
    return found


def keep(kept: PromptCache, *spans: tuple[int, int], owner: str = "") -> list[int]:
    """Let the cache keep a prompt of these ranges of tokens."""
    tokens = [token for span in spans for token in range(*span)]
    kept.add(owner, tokens, caches(tokens))
    return tokens


def same(found: Sequence[Any], tokens: Sequence[int]) -> bool:
    """Whether these caches hold these tokens and nothing else."""
    pairs = zip(found, caches(tokens), strict=True)
    return all(
        mx.array_equal(mx.stack(one.keys_and_values()), mx.stack(other.keys_and_values())) for one, other in pairs
    )


def test_the_longest_common_prefix_is_found_and_cut_to_length() -> None:
    kept = PromptCache(BYTES)
    keep(kept, (0, 100))
    keep(kept, (0, 50), (200, 300))
    wanted = [*range(50), *range(200, 220), 7]
    hit = kept.longest("", wanted)
    assert hit is not None and hit.length == 70
    assert same(hit.caches(), wanted[:70])


def test_the_last_token_is_always_left_to_be_fed() -> None:
    kept = PromptCache(BYTES)
    tokens = keep(kept, (0, 40))
    hit = kept.longest("", tokens)
    assert hit is not None and hit.length == 39 and same(hit.caches(), tokens[:39])


def test_few_common_tokens_are_not_worth_a_copy() -> None:
    kept = PromptCache(BYTES)
    keep(kept, (0, 40))
    assert kept.longest("", [*range(15), 99, 98]) is None
    assert not kept.wants(15) and kept.wants(16)


def test_who_takes_an_entry_cannot_change_it() -> None:
    kept = PromptCache(BYTES)
    keep(kept, (0, 40))
    for _ in range(2):
        hit = kept.longest("", [*range(30), 500])
        assert hit is not None
        found = hit.caches()
        assert same(found, range(30))
        for layer in found:
            layer.update_and_fetch(mx.zeros((1, 2, 5, 32)), mx.zeros((1, 2, 5, 32)))


def test_what_is_kept_does_not_change_when_its_row_goes_on() -> None:
    kept, row = PromptCache(BYTES), caches(range(40))
    kept.add("", range(40), row)
    for layer in row:
        layer.trim(20)
        layer.update_and_fetch(mx.zeros((1, 2, 20, 32)), mx.zeros((1, 2, 20, 32)))
        mx.eval(layer.state)
    hit = kept.longest("", range(41))
    assert hit is not None and same(hit.caches(), range(40))


def test_a_row_goes_on_from_a_hit_without_another_copy() -> None:
    kept = PromptCache(BYTES)
    keep(kept, (0, 300))
    hit = kept.longest("", range(400))
    assert hit is not None
    for layer in hit.caches():
        before = layer.keys.shape
        layer.update_and_fetch(mx.zeros((1, 2, 100, 32)), mx.zeros((1, 2, 100, 32)))
        assert layer.keys.shape == before


def test_rows_that_share_a_block_copy_it_once_when_they_join_a_batch() -> None:
    kept = PromptCache(BYTES)
    keep(kept, (0, 200))
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    hits = [kept.longest("", [*range(200), 500 + number]) for number in range(8)]
    batch = batched.merged([hit.caches() for hit in hits if hit is not None])
    mx.eval([layer.state for layer in batch])
    assert mx.get_peak_memory() - before <= 8 * (200 + 200) * TOKEN + 4096  # with room for as much again


def test_of_a_row_in_a_batch_only_what_is_new_is_copied() -> None:
    kept = PromptCache(BYTES)
    rows = [keep(kept, (start, start + 500)) for start in (0, 1000, 2000)]
    batch = batched.merged([caches([*tokens, *range(12)]) for tokens in rows])
    mx.eval([layer.state for layer in batch])
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    kept.add("", [*rows[1], *range(12)], batched.extracted(batch, 1))
    assert mx.get_peak_memory() - before < 300 * TOKEN  # the last block is written anew
    hit = kept.longest("", [*rows[1], *range(13)])
    assert hit is not None and same(hit.caches(), [*rows[1], *range(12)])


def test_a_longer_entry_takes_the_place_of_its_own_beginning() -> None:
    kept = PromptCache(BYTES)
    for end in (40, 60, 50, 600, 512, 700):
        keep(kept, (0, end))
    assert len(kept) == 1 and kept.nbytes == 700 * TOKEN
    hit = kept.longest("", range(800))
    assert hit is not None and same(hit.caches(), range(700))


def test_blocks_that_several_prompts_share_are_kept_once() -> None:
    kept = PromptCache(BYTES)
    for start in range(2000, 4000, 100):
        keep(kept, (0, 700), (start, start + 100))
    assert len(kept) == 20 and kept.nbytes == (700 + 20 * 100) * TOKEN
    hit = kept.longest("", [*range(700), *range(3000, 3050), 1])
    assert hit is not None and same(hit.caches(), [*range(700), *range(3000, 3050)])


def test_a_beginning_that_shifts_keeps_what_is_before_the_shift() -> None:
    kept = PromptCache(BYTES)
    for shift in range(5):
        keep(kept, (0, 330), (2000 + shift, 2600 + shift))
        hit = kept.longest("", [*range(330), *range(2001 + shift, 2600 + shift)])
        assert hit is not None and hit.length == 330 and same(hit.caches(), range(330))
    assert kept.nbytes == (330 + 5 * 600) * TOKEN


def test_a_lookup_costs_the_same_however_many_prompts_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, compare = list[int](), radix.shared

    def spy(a: Any, b: Any) -> int:
        compared.append(len(a))
        return compare(a, b)

    monkeypatch.setattr(radix, "shared", spy)
    looks = []
    for prompts in (3, 300):
        kept = PromptCache(BYTES)
        for start in range(1000, 1000 + 10 * prompts, 10):
            keep(kept, (0, 100), (start, start + 10))
        compared.clear()
        assert kept.longest("", [*range(100), *range(1010, 1030)])
        looks.append(len(compared))
    assert looks[0] == looks[1]


def test_the_least_recently_used_leaves_first_and_bytes_stay_within_the_budget() -> None:
    kept = PromptCache(300 * TOKEN)
    for start in (0, 1000, 2000):
        keep(kept, (start, start + 100))
    assert kept.longest("", range(100))
    keep(kept, (3000, 3100))
    assert kept.nbytes == 300 * TOKEN
    assert kept.longest("", range(100)) and kept.longest("", range(2000, 2100))
    assert not kept.longest("", range(1000, 1100))


def test_of_a_long_prompt_the_end_leaves_first() -> None:
    kept = PromptCache(1000 * TOKEN)
    keep(kept, (0, 800))
    keep(kept, (2000, 2300))
    hit = kept.longest("", range(800))
    assert hit is not None and hit.length == 512
    assert kept.nbytes == (512 + 300) * TOKEN


def test_entries_may_be_limited_in_number_and_nothing_is_kept_with_a_limit_of_nothing() -> None:
    kept = PromptCache(BYTES, 2)
    for start in (0, 1000, 2000):
        keep(kept, (start, start + 600))
    assert len(kept) == 2 and kept.nbytes == 1200 * TOKEN
    assert not kept.longest("", range(600)) and kept.longest("", range(1000, 1600))
    assert not PromptCache(BYTES, 0).wants(1000) and not PromptCache(0).wants(1000)


def test_what_is_larger_than_the_budget_pushes_nobody_out() -> None:
    kept = PromptCache(300 * TOKEN)
    keep(kept, (0, 100))
    keep(kept, (0, 3000))
    assert kept.longest("", range(100))


def test_what_attention_holds_is_kept_once_beside_states_that_cannot_be_cut() -> None:
    kept = PromptCache(BYTES)
    for end in (300, 310, 320):
        state = ArraysCache(1)
        state[0] = mx.full((1, 3, 64), end, mx.float32)
        kept.add("", range(end), [*caches(range(end)), state])
    assert len(kept) == 3 and kept.nbytes == 320 * TOKEN + 3 * 3 * 64 * 4
    hit = kept.longest("", [*range(315), 1000])
    assert hit is not None and hit.length == 310
    *layers, state = hit.caches()
    assert same(layers, range(310)) and state[0][0, 0, 0].item() == 310
    assert kept.longest("", [*range(299), 1000]) is None and kept.parting("", np.arange(300), 0) == 299


def test_a_window_is_cut_until_it_moves_on() -> None:
    kept = PromptCache(BYTES)
    for end in (40, 60):
        window = RotatingKVCache(max_size=48)
        window.update_and_fetch(*caches(range(end))[0].keys_and_values())
        kept.add("", range(end), [*caches(range(end)), window])
    hit = kept.longest("", [*range(35), 1000])
    assert hit is not None and hit.length == 35
    *layers, window = hit.caches()
    assert same(layers, range(35))
    assert (window.offset, window.max_size) == (35, 48)
    assert mx.array_equal(window.keys, layers[0].keys_and_values()[0])
    hit = kept.longest("", [*range(60), 1000])
    assert hit is not None and hit.length == 60 and hit.caches()[-1].offset == 60


def test_layers_with_several_caches_are_cut_too() -> None:
    kept = PromptCache(BYTES)
    kept.add("", range(300), [CacheList(*caches(range(300)))])
    hit = kept.longest("", [*range(290), 1000])
    assert hit is not None and hit.length == 290
    (found,) = hit.caches()
    assert isinstance(found, CacheList) and same(found.caches, range(290))


def test_without_files_there_is_nothing_to_wait_for() -> None:
    assert PromptCache(BYTES).restore("", mx.array([1])) is NOTHING
