"""The full study of chapter 5 as a list of runs: `python -m toyclip frequency` (helper)."""

from dataclasses import replace

from toyclip.lab.runs import Run
from toyclip.studies.composition import unseen as composition
from toyclip.studies.composition.unseen import GridSize
from toyclip.studies.frequency import corpus as frequency
from toyclip.studies.frequency import counting as tagger
from toyclip.studies.frequency import interventions, models, priming
from toyclip.studies.frequency.corpus import Size

SEEDS = 8


def plan(seeds: int = SEEDS, size: Size = frequency.FULL, grid: GridSize = composition.FULL) -> list[Run]:
    """All runs, seed by seed, so that those of one seed share its corpus. The models get half as many seeds.

    >>> len(plan(seeds=1))
    58
    """
    runs = []
    for seed in range(seeds):
        runs += [
            Run("conditions", name, seed, interventions.condition, (name, size, seed))
            for name in interventions.CONDITIONS
        ]
        runs += [Run("counting", teacher, seed, tagger.counting, (teacher, size, seed)) for teacher in tagger.SCHOOLING]
        runs.append(Run("priming", "new words", seed, priming.priming, (size, seed)))
        runs += [Run("composition", name, seed, once, arguments) for name, once, arguments in pairs(grid, seed)]
        if seed < (seeds + 1) // 2:
            runs += [
                Run("models", f"{kind} {width}, {corpus}", seed, models.model_run, (kind, width, corpus, size, seed))
                for kind, widths in models.SIZES.items()
                for width in widths
                for corpus in models.CORPORA
            ]
    return runs


def pairs(grid: GridSize, seed: int) -> list[tuple[str, object, tuple]]:
    """(name, function, arguments) of the runs in the world of 64 pairs."""
    more = replace(grid, pictures=4 * grid.pictures)
    longer = replace(more, updates=4 * grid.updates)
    rows = [("unequal parts", composition.parts_run, (grid, seed))]
    rows += [(f"{k} partners", composition.coverage_run, (k, grid, seed)) for k in range(1, composition.SIDE)]
    for k in (1, 2, 3):
        rows += [
            (f"{k} partners, 4 x pictures", composition.coverage_run, (k, more, seed)),
            (f"{k} partners, 4 x pictures and updates", composition.coverage_run, (k, longer, seed)),
            (f"{k} partners, filters that saw 7", composition.coverage_run, (k, grid, seed, True)),
        ]
    return rows
