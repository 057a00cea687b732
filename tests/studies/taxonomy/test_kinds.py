"""Leaves against Unicode's own table, renamings against what a permutation must keep, coherence by hand."""

import csv
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest

from toyclip.studies.taxonomy import kinds
from toyclip.studies.taxonomy.kinds import ALIGNED, COARSE, HELD_OUT, INVENTED, KINDS, SLOTS, coherence, deal, rename

SEEDS = range(4)
ROWS = csv.DictReader((files("toyclip.assets") / "emoji.csv").read_text(encoding="utf-8").splitlines())
SUBGROUP = {row["character"]: row["subgroup"] for row in ROWS}


def test_every_leaf_is_of_its_kinds_subgroups_and_none_of_two_kinds():
    pools = kinds.members()
    assert all(SUBGROUP[e.character] in KINDS[kind] for kind, pool in pools.items() for e in pool)
    assert len({e.character for pool in pools.values() for e in pool}) == sum(map(len, pools.values()))
    assert min(map(len, pools.values())) >= SLOTS


def test_no_leaf_is_named_after_its_kind_or_skipped():
    for kind, pool in kinds.members().items():
        for leaf in map(kinds.word, pool):
            assert kind not in leaf
            assert not kinds.SKIPPED & {leaf, *leaf.split("-")}
    named = {kinds.word(e) for pool in kinds.members().values() for e in pool}
    assert {"otter", "crocodile"} & named == {"otter"}
    assert not {"dog-face", "bird", "full-moon"} & named


@pytest.mark.parametrize("seed", SEEDS)
def test_deal_takes_equally_many_of_each_kind_and_holds_some_out(seed):
    taxonomy = deal(seed)
    pools = list(kinds.members().values())
    assert len({leaf.character for leaf in taxonomy.leaves}) == len(taxonomy.leaves) == 16 * SLOTS
    assert all(leaf in pools[k] for leaf, k in zip(taxonomy.leaves, taxonomy.kind, strict=True))
    assert Counter(taxonomy.kind[taxonomy.held_out].tolist()) == dict.fromkeys(range(16), HELD_OUT)
    assert taxonomy.words != deal(seed + 1).words


@pytest.mark.parametrize("seed", SEEDS)
def test_invented_kinds_are_as_large_as_any_other_and_cut_across_all(seed):
    taxonomy = deal(seed)
    for row in taxonomy.invented:
        assert row.sum() == SLOTS
        assert (row & taxonomy.held_out).sum() == HELD_OUT
        assert max(Counter(taxonomy.kind[row].tolist()).values()) == 1
    assert len({row.tobytes() for row in taxonomy.invented}) == len(INVENTED)


def test_table_of_kinds_says_what_its_parts_say():
    table = deal(1).is_a()
    assert list(table) == [*KINDS, *COARSE, *INVENTED]
    for name, fine in COARSE.items():
        assert np.array_equal(table[name], sum(table[kind].astype(int) for kind in fine))
    assert sum(table[kind].astype(int) for kind in KINDS).tolist() == [1] * (16 * SLOTS)


@pytest.mark.parametrize("how", ["as they are", "within", "across", "wholes"])
@pytest.mark.parametrize("seed", SEEDS)
def test_renaming_uses_every_word_once(how, seed):
    assert sorted(rename(how, seed)) == list(range(16 * SLOTS))


@pytest.mark.parametrize("seed", SEEDS)
def test_renaming_keeps_and_breaks_what_its_name_says(seed):
    own, kind, out = np.arange(16 * SLOTS), deal(0).kind, deal(0).held_out
    assert np.array_equal(rename("as they are", seed), own)
    within, across, wholes = (rename(how, seed) for how in ("within", "across", "wholes"))
    assert np.array_equal(kind[within], kind)
    assert not (within == own)[~out].any()
    assert (kind[across] == kind)[~out].mean() < 0.2
    for table in (within, across):
        assert np.array_equal(table[out], own[out])
    assert not (kind[wholes] == kind).any()
    assert all(len(set(kind[wholes][kind == k])) == 1 for k in range(16))
    assert np.array_equal(wholes % SLOTS, own % SLOTS)  # what is held out stays held out


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_share_of_the_words_that_move_is_the_one_asked_for(share):
    moved = rename("across", 0, share).reshape(16, SLOTS) != np.arange(16 * SLOTS).reshape(16, SLOTS)
    assert not moved[:, round(share * ALIGNED) :].any()
    assert moved[:, : round(share * ALIGNED)].mean() > 0.9


def test_coherence_is_the_mean_cosine_between_leaves_of_a_kind():
    x = np.random.default_rng(0).normal(size=(6, 3)) + 5
    centred = x - x.mean(axis=0)
    expected = []
    for a, b, c in ((0, 2, 4), (1, 3, 5)):
        pairs = [(centred[i], centred[j]) for i, j in ((a, b), (a, c), (b, c))]
        expected.append(np.mean([u @ v / np.sqrt((u @ u) * (v @ v)) for u, v in pairs]))
    assert coherence(x, [0, 1, 0, 1, 0, 1]) == pytest.approx(expected)


def test_kind_that_looks_alike_is_coherent_and_one_by_lot_is_not():
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(16), 10)
    x = rng.normal(size=(16, 64))[kind] + 0.1 * rng.normal(size=(160, 64))
    assert coherence(x, kind).min() > 0.9
    assert abs(coherence(x, rng.permutation(kind)).mean()) < 0.1
