"""Emoji at half their size, other ones under each seed, their counts dealt and swapped."""

import numpy as np
import pytest
import torch

from toyclip.errors import InputError
from toyclip.studies.frequency.concepts import draw_concept
from toyclip.studies.frequency.corpus import Size, assign
from toyclip.studies.generation.lots import deal, draw_emoji, draw_small, world_of

LADDER = Size(levels=8, per_level=2)


def test_a_small_picture_is_the_large_one_averaged_two_by_two():
    concept = world_of(LADDER, 0).args[0][0]
    small, large = (draw(concept, np.random.default_rng(4)) for draw in (draw_small, draw_concept))
    for y, x in ((0, 0), (7, 9), (15, 15)):
        block = large[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].reshape(4, 3).astype(float)
        assert np.abs(small[y, x] - block.mean(axis=0)).max() <= 0.5


def test_the_first_pictures_of_an_emoji_stay_when_more_are_drawn():
    chosen = world_of(LADDER, 0).args[0][:2]
    few, many = draw_emoji(chosen, [2, 1], 5), draw_emoji(chosen, [4, 3], 5)
    assert torch.equal(few.pixels, many.pixels[[0, 1, 4]])
    assert not torch.equal(few.pixels[:1], draw_emoji(chosen, [1, 1], 6).pixels[:1])


def test_every_seed_has_other_emoji():
    names = [{e.character for e in world_of(LADDER, seed).args[0]} for seed in range(3)]
    assert all(len(a) == 16 for a in names)
    assert all(len(a & b) < 8 for a, b in ((names[0], names[1]), (names[1], names[2])))


def test_head_and_tail_change_places_and_nobody_else():
    for seed in range(5):
        one, other = deal("dealt", LADDER, seed), deal("swapped", LADDER, seed)
        assert np.array_equal(one, assign(LADDER, seed))
        assert np.array_equal(np.log2(one) + np.log2(other), np.full(16, 7))
        assert sorted(one) == sorted(other)
    with pytest.raises(InputError, match="dealt, swapped"):
        deal("exchanged", LADDER, 0)
