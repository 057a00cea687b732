"""The second synthetic world: counts against the law, sentences word by word, and a model that is asked fairly."""

from collections import Counter

import numpy as np
import pytest
import torch

from toyclip.data import Pairs
from toyclip.studies.frequency import synthetic as world
from toyclip.studies.frequency.concepts import choose, words
from toyclip.studies.frequency.corpus import Size

TINY = Size(levels=3, per_level=4, updates=2, batch_size=4, test=2)


def test_counts_follow_the_law_and_the_lot_decides_who_is_common():
    counts = np.array([world.zipf_counts(96, 1600, seed) for seed in range(200)])  # (200, 96)
    assert (counts.sum(axis=1) == 1600).all()
    ranks = np.arange(1, 97.0) ** -world.EXPONENT
    expected = 1600 * ranks / ranks.sum()
    assert np.sort(counts, axis=1)[:, ::-1][:, :3].mean(axis=0) == pytest.approx(expected[:3], rel=0.03)
    assert counts.mean(axis=0) == pytest.approx(np.full(96, 1600 / 96), abs=4 * expected.std() / 200**0.5)
    assert len(set(counts.argmax(axis=1).tolist())) > 60


def test_every_frame_holds_its_word_and_is_used_about_equally_often():
    names = words(choose(5, seed=0))
    pairs = Pairs(torch.zeros(600, 1), torch.arange(600) % 5, torch.arange(600) % 5)
    said = world.captions(pairs, names, seed=0)
    frames = Counter(s.replace(names.words[1 + i % 5], "{}") for i, s in enumerate(said))
    assert frames.keys() == set(world.FRAMES)
    assert max(frames.values()) < 1.5 * min(frames.values())
    assert world.captions(pairs, names, seed=1) != said


@pytest.mark.parametrize("seed", range(8))
def test_speaker_knows_all_words_and_no_concept_is_a_filler(seed):
    names = words(choose(96, seed))
    tokenizer = world.speaker(names)
    assert tokenizer.words[: len(names.words)] == names.words
    assert len(set(tokenizer.words)) == len(tokenizer.words)
    sentences = [frame.format(names.words[1]) for frame in world.FRAMES]
    tokens = tokenizer.encode(sentences)
    assert [" ".join(tokenizer.words[t] for t in row if t) for row in tokens.tolist()] == sentences


def test_run_counts_what_it_trains_on_and_asks_every_word_in_one_frame(monkeypatch):
    asked = {}

    def similarity(model, pixels, captions):
        asked["captions"] = captions
        cosine = torch.zeros(len(pixels), len(captions))
        cosine[:, 3] = 1.0
        return cosine

    def learn(model, corpus, tokens, size, seed, device):
        asked["tokens"], asked["corpus"] = tokens, corpus
        return 1.25

    monkeypatch.setattr(world, "similarity", similarity)
    monkeypatch.setattr(world, "learn", learn)
    result = world.synthetic(2, TINY, total=40)
    names = words(choose(12, 2))
    tokenizer = world.speaker(names)
    assert result["counts"] == world.zipf_counts(12, 40, 2).tolist()
    assert result["hits"] == [0, 0, 0, 2] + [0] * 8
    assert result["loss"] == 1.25
    assert torch.equal(asked["captions"], tokenizer.encode([f"a photo of {w}" for w in names.words[1:]]))
    for row, concept in zip(asked["tokens"].tolist(), asked["corpus"].classes.tolist(), strict=True):
        assert concept + 1 in row
