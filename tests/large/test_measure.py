"""How several processes are timed: each number of them in every round, and where their time goes."""

import multiprocessing

import pytest
from crew import CONTEXT

from toyclip.large import measure
from toyclip.large.measure import scaling, speedups


def test_every_number_has_its_turn_in_every_round_and_shares_are_parts_of_it():
    assert CONTEXT is multiprocessing.get_context("forkserver")  # which has imported what takes long
    told = scaling((1, 2), batch_size=18, rounds=3, steps=2, start="forkserver")
    assert [line["processes"] for line in told] == 3 * [1, 2]
    for line in told:
        assert line["seconds"] > 0
        assert line["optimisers"] > 0
        assert (line["gather"] > 0) == (line["processes"] == 2)  # one process has nobody to wait for
        assert line["gather"] + line["optimisers"] < 1


def test_measurement_gets_its_pairs_and_weights_from_the_seed(monkeypatch):
    """In this process, where the stand-ins reach."""
    asked = []
    batch, new = measure.batch_of_the_world, measure.Run.new
    monkeypatch.setattr(
        measure, "batch_of_the_world", lambda size, seed: asked.append((size, seed)) or batch(size, seed)
    )
    monkeypatch.setattr(
        measure.Run, "new", lambda recipe, seed, device: asked.append(seed) or new(recipe, seed, device)
    )
    monkeypatch.setattr(measure.dist, "barrier", lambda: None)
    monkeypatch.setattr(measure, "together", lambda work, size, *rest, **how: [work(measure.Processes(), *rest)])
    (line,) = scaling((1,), batch_size=18, rounds=1, steps=1, seed=5)
    assert line["processes"] == 1
    assert asked == [5, (18, 5)]


def test_speedup_is_the_median_of_what_rounds_say_each_beside_its_own_single_process():
    line = {"gather": 0.0, "optimisers": 0.5}
    seconds = [(1.0, 0.5), (3.0, 1.0), (8.0, 2.0)]  # of one and of two processes, three rounds
    told = [line | {"processes": n, "seconds": s} for pair in seconds for n, s in zip((1, 2), pair, strict=True)]
    found = speedups(told)
    assert [found[2][key] for key in ("speedup", "lowest", "highest")] == pytest.approx([3, 2, 4])
    assert [found[n]["seconds"] for n in (1, 2)] == [3.0, 1.0]
    assert found[1]["speedup"] == 1
