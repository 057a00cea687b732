"""What is changed in a corpus, followed pair by pair."""

import numpy as np
import pytest
import torch

from toyclip.pairs import Pairs
from toyclip.studies.frequency.corpus import Size
from toyclip.studies.generation import captions
from toyclip.studies.generation.lots import deal, world_of

LADDER = Size(levels=8, per_level=2)


@pytest.fixture(scope="module")
def dealt() -> tuple[Pairs, np.ndarray]:
    counts = deal("dealt", LADDER, 3)
    return world_of(LADDER, 3)(counts, 3), counts


def test_forty_per_cent_go_astray_and_each_concept_keeps_a_caption(dealt):
    corpus, counts = dealt
    wrong = captions.misaligned(corpus, counts, 3)
    moved = wrong.captions != corpus.captions
    assert torch.equal(wrong.pixels, corpus.pixels)
    assert torch.equal(wrong.captions.bincount(), corpus.captions.bincount())  # dealt out anew, none lost
    assert set(moved.nonzero().flatten().tolist()) <= set(captions.chosen(corpus, 3).tolist())
    assert 0.25 < moved.double().mean() <= 0.4  # some get their own back: two emoji make up half of the pairs
    for concept in range(16):
        assert ((wrong.captions == concept) & (wrong.classes == concept)).any()


def test_what_is_left_out_is_what_went_astray(dealt):
    corpus, counts = dealt
    kept, astray = captions.left_out(corpus, counts, 3), captions.chosen(corpus, 3)
    assert len(set(astray.tolist())) == len(astray) == round(0.4 * len(corpus))
    assert len(kept) == len(corpus) - len(astray)
    assert torch.equal(kept.captions, kept.classes)
    rest = torch.ones(len(corpus), dtype=torch.bool)
    rest[astray] = False
    assert torch.equal(kept.pixels, corpus.pixels[rest])
    assert len(kept.classes.unique()) == 16


def test_other_seeds_lead_other_pairs_astray_and_all_alike(dealt):
    corpus, _ = dealt
    often = torch.zeros(len(corpus))
    for seed in range(60):
        often[captions.chosen(corpus, seed)] += 1
    head = corpus.classes == corpus.classes.bincount().argmax()
    last = head.nonzero()[-1]
    assert often[last] == 0
    assert abs(often[head].sum() / (60 * (head.sum() - 1)) - 0.4) < 0.05


def test_repeated_pictures_are_shown_equally_often_and_none_is_new(dealt):
    corpus, counts = dealt
    often = captions.repeated(corpus, counts, 3)
    assert often.classes.bincount().tolist() == [128] * 16
    assert len(often.pixels.flatten(1).unique(dim=0)) == len(corpus.pixels.flatten(1).unique(dim=0))
