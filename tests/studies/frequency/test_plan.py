"""The plan of the full study: every run that the chapter speaks of, once for each seed, and large enough."""

import itertools
import pickle
from collections import Counter

import pytest

from toyclip.lab import provenance
from toyclip.lab.runs import Run
from toyclip.studies.composition import unseen as composition
from toyclip.studies.composition.unseen import GridSize
from toyclip.studies.frequency import corpus as frequency
from toyclip.studies.frequency import counting as tagger
from toyclip.studies.frequency import interventions, models, plan
from toyclip.studies.frequency.corpus import Size

SMALL = Size(levels=3, per_level=5)


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return plan.plan()


def arguments(runs: list[Run], part: str) -> list[tuple]:
    return [run.arguments for run in runs if run.part == part]


def test_keys_are_unique(runs):
    assert len({run.key for run in runs}) == len(runs)


def test_every_condition_is_there_with_each_seed(runs):
    expected = itertools.product(interventions.CONDITIONS, [frequency.FULL], range(plan.SEEDS))
    assert set(arguments(runs, "conditions")) == set(expected)


def test_every_tagger_is_there_with_each_seed(runs):
    expected = itertools.product(tagger.SCHOOLING, [frequency.FULL], range(plan.SEEDS))
    assert set(arguments(runs, "counting")) == set(expected)


def test_new_words_are_there_with_each_seed(runs):
    assert arguments(runs, "priming") == [(frequency.FULL, seed) for seed in range(plan.SEEDS)]


@pytest.mark.parametrize("seeds", [1, 2, 5, 8])
def test_models_are_there_with_half_of_the_seeds_rounded_up(seeds):
    expected = {
        (kind, width, corpus, SMALL, seed)
        for kind, widths in models.SIZES.items()
        for width, corpus, seed in itertools.product(widths, models.CORPORA, range({1: 1, 2: 1, 5: 3, 8: 4}[seeds]))
    }
    found = arguments(plan.plan(seeds, SMALL), "models")
    assert set(found) == expected
    assert len(found) == len(expected)


def test_models_have_three_sizes_two_architectures_and_three_corpora(runs):
    found = arguments(runs, "models")
    for kind in {row[0] for row in found}:
        assert len({row[1] for row in found if row[0] == kind}) >= 3
    assert len({row[0] for row in found}) >= 2
    assert len({row[2] for row in found}) >= 3
    assert len({row[4] for row in found}) >= 4


def test_every_number_of_partners_is_there_with_each_seed(runs):
    grid, found = composition.FULL, [run for run in runs if run.part == "composition"]
    for seed in range(plan.SEEDS):
        mine = {run.name: (run.once, run.arguments) for run in found if run.seed == seed}
        assert mine.pop("unequal parts") == (composition.parts_run, (grid, seed))
        for k in range(1, 8):
            assert mine.pop(f"{k} partners") == (composition.coverage_run, (k, grid, seed))
        for k in (1, 2, 3):
            four = GridSize(4 * grid.pictures, grid.updates, grid.batch_size, grid.test)
            longer = GridSize(4 * grid.pictures, 4 * grid.updates, grid.batch_size, grid.test)
            told = f"{k} partners, 4 x pictures"
            assert mine.pop(told) == (composition.coverage_run, (k, four, seed))
            assert mine.pop(f"{told} and updates") == (composition.coverage_run, (k, longer, seed))
            assert mine.pop(f"{k} partners, filters that saw 7") == (composition.coverage_run, (k, grid, seed, True))
        assert not mine


def test_name_of_a_run_says_what_it_is_given(runs):
    for run in runs:
        if run.part in ("conditions", "counting"):
            assert run.name == run.arguments[0]
        if run.part == "models":
            kind, width, corpus, *_ = run.arguments
            assert run.name == f"{kind} {width}, {corpus}"
        assert run.seed in run.arguments


def test_functions_are_those_of_their_parts(runs):
    expected = {"conditions": "condition", "counting": "counting", "priming": "priming", "models": "model_run"}
    for run in runs:
        assert run.once.__name__ == expected.get(run.part, run.once.__name__)
    assert {run.part for run in runs} == {*expected, "composition"}


def test_runs_of_a_seed_come_together(runs):
    seeds = [run.seed for run in runs]
    assert seeds == sorted(seeds)
    assert set(seeds) == set(range(plan.SEEDS))


def test_study_is_large_enough_to_mean_something(runs):
    assert plan.SEEDS >= 8
    (size,) = {run.arguments[1] for run in runs if run.part == "conditions"}
    assert size.concepts >= 100
    counts = Counter(frequency.assign(size, seed=0).tolist())
    assert min(counts) == 1
    assert max(counts) >= 1000
    assert set(counts.values()) == {size.per_level}
    assert size.test >= 20


def test_sizes_reach_every_run():
    grid = GridSize(pictures=10, updates=1, batch_size=2, test=3)
    for run in plan.plan(2, SMALL, grid):
        (size,) = [a for a in run.arguments if isinstance(a, Size | GridSize)]
        if run.part == "composition":
            assert (size.batch_size, size.test) == (2, 3)
            assert size.pictures == (40 if "4 x pictures" in run.name else 10)
        else:
            assert size == SMALL


def test_every_run_can_be_sent_to_another_process_and_its_module_has_a_fingerprint(runs):
    for once, module in {(run.once, run.module) for run in runs}:
        assert pickle.loads(pickle.dumps(once)) is once
        assert len(provenance.fingerprint(module)) == 16
    assert pickle.loads(pickle.dumps([run.arguments for run in runs])) == [run.arguments for run in runs]
