"""Emoji as concepts: the choice is random, and every one has a word of its own; how they look, the next file tests."""

from collections import Counter

import numpy as np
import pytest
import torch

from toyclip.errors import CaptionError, InputError
from toyclip.pictures import Emoji, emoji
from toyclip.studies.frequency import concepts


@pytest.fixture(scope="module")
def everything() -> list[Emoji]:
    return concepts.choose(1377, seed=0)


def test_choice_is_random_without_repeats_and_of_the_sheet(everything):
    assert Counter(e.character for e in everything) == Counter(e.character for e in emoji())
    order = {e.character: i for i, e in enumerate(emoji())}
    places = [order[e.character] for e in concepts.choose(300, seed=0)]
    assert len(set(places)) == 300
    assert abs(np.corrcoef(places, range(300))[0, 1]) < 0.2
    means = [np.mean([order[e.character] for e in concepts.choose(100, seed)]) for seed in range(10)]
    assert np.mean(means) == pytest.approx(688, abs=4 * 397.5 / np.sqrt(1000))  # 397.5: deviation of 0 to 1376


def test_longer_choice_begins_with_the_shorter_one_and_another_seed_makes_another(everything):
    for count in (1, 5, 10, 300):
        assert [e.character for e in concepts.choose(count, seed=0)] == [e.character for e in everything[:count]]
    assert len({e.character for e in everything[:50]} & {e.character for e in concepts.choose(50, seed=7)}) < 10


@pytest.mark.parametrize("count", [0, -1, 1378, 10**9])
def test_choice_of_a_number_that_there_is_not_is_refused(count):
    with pytest.raises(InputError, match=rf"cannot choose {count} of 1377 emoji; ask for 1 to 1377"):
        concepts.choose(count, seed=0)


def test_every_emoji_has_a_word_of_its_own(everything):
    """One id each, from 1 on, in the order of the concepts: the name in small letters with hyphens."""
    tokenizer = concepts.words(everything)
    assert tokenizer.context_length == 1
    assert list(tokenizer.words[1:]) == [e.name.lower().replace(" ", "-") for e in everything]
    assert len(set(tokenizer.words)) == 1 + 1377
    assert torch.equal(tokenizer.encode(tokenizer.words[1:]), torch.arange(1, 1378)[:, None])
    with pytest.raises(CaptionError, match="unknown word"):
        concepts.words(everything[:5]).encode(tokenizer.words[6:7])
