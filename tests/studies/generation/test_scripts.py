"""Counts dealt to scripts: all letters of a script alike, swapped by the script, and each corpus its letters."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from studies.generation.small import TINY

from toyclip.errors import InputError
from toyclip.studies.generation import letters, scripts
from toyclip.studies.generation.scripts import LADDER, deal, world_of

SCRIPTS = replace(TINY, ladder=replace(TINY.ladder, levels=8))


def test_every_script_has_one_count_and_every_count_one_script():
    for seed, swapped in itertools.product(range(6), (False, True)):
        counts = deal(swapped, LADDER, seed).reshape(8, 6)
        assert (counts == counts[:, :1]).all()
        assert sorted(counts[:, 0]) == [1, 2, 4, 8, 16, 32, 64, 128]


def test_swapped_lots_leave_every_script_the_same_mean_on_the_logarithm():
    for seed in range(6):
        assert (deal(False, LADDER, seed) * deal(True, LADDER, seed) == 128).all()


def test_over_seeds_every_script_gets_every_count():
    got = np.array([deal(False, LADDER, seed)[::6] for seed in range(300)])
    often = np.array([[(got[:, s] == 2**r).mean() for r in range(8)] for s in range(8)])
    assert abs(often - 1 / 8).max() < 0.07


def test_each_corpus_has_its_letters_in_the_order_of_the_counts(monkeypatch):
    given = []
    monkeypatch.setattr(
        scripts, "trial", lambda corpus, world, seed, scope, device: given.append((corpus, world)) or {"told": seed}
    )
    for corpus, (swapped, chosen) in scripts.CORPORA.items():
        found = scripts.scripts_run(corpus, 3, SCRIPTS)
        pairs, world = given.pop()
        assert found == {"counts": deal(swapped, SCRIPTS.ladder, 3).tolist(), "told": 3}
        assert pairs.classes.bincount().tolist() == found["counts"]
        assert world.args[0] == chosen(1)
    assert scripts.CORPORA["dealt"][1] is letters.alike
    assert scripts.CORPORA["simple and complex"][1] is letters.unlike
    with pytest.raises(InputError, match="dealt, swapped, simple and complex"):
        world_of("bass", LADDER)


def test_a_run_says_as_much_of_every_letter():
    found = scripts.scripts_run("swapped", 0, SCRIPTS)
    assert len(found["counts"]) == len(found["naming"]) == len(found["drawn"]["2.0"]["classified"]) == 8
