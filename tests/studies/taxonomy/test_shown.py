"""More and more kinds shown: what the mapping is told, what is tested, and that another vendor's leaves are its own."""

import numpy as np
import pytest
import torch

from toyclip.studies.taxonomy import kinds, shown, text
from toyclip.studies.taxonomy.carried import Amounts
from toyclip.studies.taxonomy.kinds import ALIGNED, KINDS, SLOTS, deal
from toyclip.studies.taxonomy.shown import CONDITIONS, captions

TAXONOMY = deal(4)
OWN = np.arange(len(TAXONOMY.leaves))


@pytest.mark.parametrize("name", CONDITIONS)
def test_kinds_are_named_for_as_many_leaves_as_said_and_names_for_all(name):
    _, how, taught, count = CONDITIONS[name]
    said, shut = kinds.rename(how, 4), shown.out(4, count)
    leaves, sentences = captions(TAXONOMY, said, taught, shut)
    assert len(leaves) == len(sentences)
    assert not set(leaves) & set(OWN[TAXONOMY.held_out])
    pairs = [(leaf, *s.rsplit(maxsplit=1)) for leaf, s in zip(leaves, sentences, strict=True)]
    names = [(leaf, word) for leaf, question, word in pairs if question == text.NAME]
    assert names == [(leaf, TAXONOMY.words[said[leaf]]) for leaf in OWN[~TAXONOMY.held_out]]
    told = [(leaf, word) for leaf, question, word in pairs if question == text.IS_A]
    assert len(names) + len(told) == len(pairs)
    assert len(told) == taught * (len(KINDS) - count)
    assert all(word == list(KINDS)[TAXONOMY.kind[said[leaf]]] for leaf, word in told)
    assert len({word for _, word in told}) == (len(KINDS) - count if taught else 0)
    assert name.startswith(f"{taught} of 10") or name == f"{count} kinds out" or name == "across"


def test_kind_that_is_named_is_that_of_the_word_and_not_of_the_picture():
    said = kinds.rename("across", 4)
    leaves, sentences = captions(TAXONOMY, said, ALIGNED, [])
    told = dict(zip(leaves[160:], sentences[160:], strict=True))
    assert told == {leaf: f"{text.IS_A} {list(KINDS)[TAXONOMY.kind[said[leaf]]]}" for leaf in leaves[:160]}
    assert told != {leaf: f"{text.IS_A} {list(KINDS)[TAXONOMY.kind[leaf]]}" for leaf in leaves[:160]}


def test_kinds_left_out_are_others_under_another_seed_and_fewer_are_among_more():
    assert len({tuple(shown.out(seed, 4)) for seed in range(10)}) == 10
    assert set(shown.out(0, 4)) < set(shown.out(0, 12))
    assert shown.out(0, 0) == []


@pytest.fixture
def heard(monkeypatch):
    """The study with nothing trained: what it would have aligned, and which of both vendors' pictures are tested."""
    given = []

    def looks(seed, amounts):
        drawn = torch.arange(len(OWN)).float()[:, None, None].expand(-1, 2, 64)
        return drawn, drawn + 1000, drawn + 2000

    def align(mapping, model, words, features, told, seed, updates):
        given.append({"leaves": features[::2, 0].long().tolist(), "told": told[::2], "updates": updates, "asked": []})
        mapping.forward = lambda x: given[-1]["asked"].append(x[::2, 0].long().tolist()) or x

    monkeypatch.setattr(shown, "looks", looks)
    monkeypatch.setattr(shown, "align", align)
    monkeypatch.setattr(shown, "language", lambda *_: text.educate(deal(104), 4, "none", 0))
    monkeypatch.setattr(shown, "luck", lambda *_: 0.0)
    return given


def test_names_are_heard_as_often_with_kinds_as_without(heard):
    for name in ("0 of 10 leaves", "5 of 10 leaves", "10 of 10 leaves", "12 kinds out"):
        shown.shown(name, 4, Amounts(test=2, mapping=300))
    assert [(len(g["told"]), g["updates"]) for g in heard] == [(160, 300), (240, 450), (320, 600), (200, 375)]


@pytest.mark.parametrize("name", ["0 of 10 leaves", "7 of 10 leaves", "10 of 10 leaves", "across"])
def test_tested_are_leaves_that_were_not_told_of_both_vendors(heard, name):
    result = shown.shown(name, 4, Amounts(test=2, mapping=1))
    said, taught = kinds.rename("across" if name == "across" else "as they are", 104), CONDITIONS[name][2]
    words, aligned = deal(104).words, OWN % SLOTS < ALIGNED
    (given,) = heard
    told = dict(zip(given["leaves"][:160], given["told"][:160], strict=True))
    assert told == {leaf: f"{text.NAME} {words[said[leaf]]}" for leaf in OWN[aligned]}
    untold = aligned & (taught % ALIGNED <= OWN % SLOTS)
    expected = [OWN[part] + base for part in (untold, ~aligned) for base in (1000, 2000)]
    assert [sorted(asked) for asked in given["asked"]] == [part.tolist() for part in expected]
    assert list(result) == ["seen", "seen elsewhere", "held", "held elsewhere"]


def test_kinds_that_are_left_out_are_those_that_are_graded(heard):
    result = shown.shown("4 kinds out", 4, Amounts(test=2, mapping=1))
    assert {len(part["ap"]) for part in result.values()} == {4}
    assert not {word for word in heard[0]["told"] if word.startswith(text.IS_A)} & {
        f"{text.IS_A} {list(KINDS)[k]}" for k in shown.out(104, 4)
    }


def test_looks_are_of_each_leafs_own_drawings_and_of_three_sets(monkeypatch):
    """The third set is what the other vendor draws: here the next leaf of each, by OpenMoji."""
    shown.looks.cache_clear()
    monkeypatch.setattr(shown, "redrawn", lambda leaves: [*leaves[1:], leaves[0]])
    used, tested, other = shown.looks(104, Amounts(lessons=1, drawings=1, test=2, encoder=1))
    shown.looks.cache_clear()
    assert used.shape == (len(OWN), 1, 64)
    assert tested.shape == other.shape == (len(OWN), 2, 64)
    known = used[torch.from_numpy(~TAXONOMY.held_out)].flatten(0, 1)
    assert torch.allclose(known.mean(dim=0), torch.zeros(64), atol=1e-4)
    assert not torch.isclose(used[:, :1], tested).all(dim=2).any()
    far = torch.cdist(tested.mean(dim=1), other.mean(dim=1))  # (L, L)
    assert far.roll(1, dims=1).diagonal().mean() < 0.8 * far.diagonal().mean()  # even to one that has learned nothing
