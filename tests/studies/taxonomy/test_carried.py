"""The study's arms: what each tells the mapping, what is tested, and that a kind is found where it can be seen."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from toyclip.studies.taxonomy import carried, grading, kinds, text
from toyclip.studies.taxonomy.carried import ARMS, Amounts, Arm
from toyclip.studies.taxonomy.kinds import ALIGNED, KINDS, SLOTS, deal

TINY = Amounts(lessons=1, drawings=1, test=2, encoder=2, language=2, mapping=2)
TAXONOMY = deal(4)
OWN = np.arange(len(TAXONOMY.leaves))


def told(name: str, seed: int = 4) -> tuple[list[int], list[str], np.ndarray]:
    arm = ARMS[name]
    said = kinds.rename(arm.words, seed, arm.share)
    return *carried.captions(arm, TAXONOMY, said, seed), said


@pytest.mark.parametrize("name", ARMS)
def test_no_held_out_leaf_has_a_caption_and_all_others_have_their_words(name):
    leaves, sentences, said = told(name)
    names = [(leaf, s.split()[-1]) for leaf, s in zip(leaves, sentences, strict=True) if s.startswith(text.NAME)]
    assert names == [(leaf, TAXONOMY.words[said[leaf]]) for leaf in OWN[~TAXONOMY.held_out]]
    assert not set(leaves) & set(OWN[TAXONOMY.held_out])


@pytest.mark.parametrize("name", [n for n, arm in ARMS.items() if not arm.taught])
def test_no_kind_is_ever_named_where_none_is_to_be(name):
    _, sentences, _ = told(name)
    assert not any(s.split()[-1] in (*KINDS, *kinds.COARSE, *kinds.INVENTED) for s in sentences)


@pytest.mark.parametrize(("name", "each"), [("half of the leaves", 5), ("all leaves", 10), ("whole kinds", 10)])
def test_kinds_are_named_for_as_many_leaves_as_said(name, each):
    leaves, sentences, _ = told(name)
    shut = carried.withheld(4) if name == "whole kinds" else []
    named = [(leaf, s.split()[-1]) for leaf, s in zip(leaves, sentences, strict=True) if s.startswith(text.IS_A + " ")]
    assert all(list(KINDS)[TAXONOMY.kind[leaf]] == kind for leaf, kind in named)
    assert {kind for _, kind in named} == {kind for k, kind in enumerate(KINDS) if k not in shut}
    assert len(named) == each * (16 - len(shut))
    tested = carried.parts(ARMS[name], TAXONOMY)["seen"]
    overlap = {leaf for leaf, _ in named} & set(tested)
    assert bool(overlap) == (name != "half of the leaves")  # where all are taught, no other leaves are left


def test_leaves_to_test_are_aligned_or_held_out_and_never_both():
    for arm in ARMS.values():
        parts = carried.parts(arm, TAXONOMY)
        assert np.array_equal(parts["held"], OWN[TAXONOMY.held_out])
        assert len(parts["seen"]) == (80 if arm.taught == 5 else 160)
        assert not set(parts["seen"]) & set(parts["held"])


def test_withheld_kinds_are_others_under_another_seed():
    found = {tuple(carried.withheld(seed)) for seed in range(10)}
    assert all(len(set(w)) == carried.WITHHELD for w in found)
    assert len(found) == 10


def test_arms_differ_from_the_first_in_one_thing():
    first = ARMS["no kind shown"]
    assert first == Arm()
    for name, arm in ARMS.items():
        changed = [f for f in ("text", "encoder", "words", "taught", "aim") if getattr(arm, f) != getattr(first, f)]
        assert len(changed) == (0 if arm == first else 2 if name == "words encoder, across" else 1)
    assert {arm.encoder for arm in ARMS.values()} == {"views", "words", "untrained"}


class Lore(nn.Module):
    """A language model that nobody trained: it answers each question with one matrix product, right by construction.

    Words of one kind are alike, and so is what it says of them; without the relation neither.
    """

    def __init__(self, taxonomy: kinds.Taxonomy, told: bool) -> None:
        super().__init__()
        words, rng = text.tokenizer(taxonomy), np.random.default_rng(7)
        table = rng.normal(size=(len(words.words), 64)) / 8  # (V, 64), about of length 1
        leaves, asked = ([words.ids[name] for name in names] for names in (taxonomy.words, KINDS))
        if told:
            table[leaves] += table[asked][taxonomy.kind]
        self.words = nn.Embedding.from_pretrained(torch.from_numpy(table.astype(np.float32)))
        self.question = words.ids[text.IS_A.split()[-1]]
        self.kinds = torch.zeros(len(table), dtype=torch.bool)
        self.kinds[[words.ids[name] for name in taxonomy.is_a()]] = True

    def read(self, vectors: Tensor) -> Tensor:
        """What goes on after the last word, and nothing after others: kinds after "is a", names after "is called"."""
        asked = (vectors[:, -1] - self.words.weight[self.question]).abs().sum(dim=1, keepdim=True) < 1e-6  # (B, 1)
        logits = 8 * vectors[:, 0] @ self.words.weight.T  # (B, V)
        return logits.masked_fill(asked != self.kinds, -20.0)[:, None]


@pytest.fixture
def clear(monkeypatch):
    """A world in which every kind has a look of its own, and the encoders' features are it, with noise."""

    def features(seed, encoder, amounts):
        rng, taxonomy = np.random.default_rng(seed), deal(seed)
        looks = 3 * rng.normal(size=(16, 64))[taxonomy.kind] + rng.normal(size=(len(taxonomy.leaves), 64))
        drawn = looks[:, None] + 0.3 * rng.normal(size=(len(looks), 10, 64))
        drawn = torch.from_numpy((drawn / drawn.std()).astype(np.float32))
        return drawn[:, :8], drawn[:, 8:]

    monkeypatch.setattr(carried, "features", features)
    monkeypatch.setattr(carried, "language", lambda seed, read, amounts: Lore(deal(seed), read == "true"))
    monkeypatch.setattr(grading, "DEALS", 1)  # nothing here looks at luck
    return Amounts(test=2, mapping=100)


def test_kind_is_found_where_it_is_seen_and_told_and_nowhere_else(clear):
    """With looks as clear as day the held-out leaves of a kind are found, but not without the sentence or the look."""
    real, relation, across, wholes = (
        carried.carried(name, 0, clear) for name in ("no kind shown", "no relation", "across", "wholes")
    )
    ap = {name: np.mean(r["held"]["ap"]) for name, r in zip("rnaw", (real, relation, across, wholes), strict=True)}
    assert real["text"] > 0.98
    assert relation["text"] < 0.3
    assert ap["r"] > 0.5
    assert ap["w"] > 0.5
    assert max(ap["n"], ap["a"]) < 0.3
    assert np.mean(real["held"]["invented"]) < 0.3
    assert np.mean(real["coherence"]) > 0.6
    assert abs(np.mean(across["coherence"])) < 0.2
    assert real["leaf"] > 0.5
    assert np.mean(real["held"]["two_ap"]) > 0.5


def test_features_are_of_each_leafs_own_drawings_and_the_test_is_of_others():
    carried.features.cache_clear()
    used, tested = carried.features(104, "untrained", TINY)
    assert used.shape == (len(OWN), 1, 64)
    assert tested.shape == (len(OWN), 2, 64)
    part = used[torch.from_numpy(~TAXONOMY.held_out)].flatten(0, 1)
    assert torch.allclose(part.mean(dim=0), torch.zeros(64), atol=1e-4)
    assert (part.std(dim=0) - 1).abs().median() < 1e-3
    assert not torch.isclose(used[:, :1], tested).all(dim=2).any()


def test_seeds_of_the_study_are_not_those_that_it_was_tuned_under(clear, monkeypatch):
    asked, language, features = [], carried.language, carried.features
    monkeypatch.setattr(carried, "taxonomy_of", lambda seed: asked.append(seed) or deal(seed))
    monkeypatch.setattr(carried, "language", lambda seed, *rest: asked.append(seed) or language(seed, *rest))
    monkeypatch.setattr(carried, "features", lambda seed, *rest: asked.append(seed) or features(seed, *rest))
    carried.carried("no kind shown", 2, replace(clear, mapping=1))
    assert asked == 3 * [102]


def test_amounts_of_the_study_are_the_full_ones():
    assert carried.carried.__defaults__ == (Amounts(),)
    assert replace(Amounts(), drawings=ALIGNED) != Amounts()
    assert Amounts() == Amounts(lessons=8, drawings=16, test=8, encoder=300, language=600, mapping=300)
    assert SLOTS == 13
