"""Independent streams: of all that chance decides under a seed, no two things begin with the same numbers."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from studies.samples import made_up

import toyclip
from toyclip import streams
from toyclip.data import Pairs
from toyclip.studies.composition.grid import draw_grid
from toyclip.studies.composition.unseen import latin_square, shares_of_parts
from toyclip.studies.frequency import interventions, priming
from toyclip.studies.frequency.concepts import choose, draw_concepts
from toyclip.studies.frequency.corpus import FULL, Size, assign, draw_corpus
from toyclip.train import batches

SIZE = Size(levels=2, per_level=2, updates=1, batch_size=4, test=2)
SEEDS = (0, 1, 2, 500, 1_000_000, 1_000_001)
SOURCES = "".join(path.read_text(encoding="utf-8") for path in Path(toyclip.__file__).parent.rglob("*.py"))
NAMES = sorted(set(re.findall(r'streams\.\w+\(\w+, "([^"]+)"', SOURCES)))
STREAMS = [(seed, name, *number) for seed in SEEDS for name in NAMES for number in [(), *((i,) for i in range(12))]]
DISCS = [made_up("ellipse", colour) for colour in ("red", "lime", "blue", "white")]


def test_no_two_streams_coincide_by_name_number_or_seed():
    assert {"lots", "pictures", "mismatched", "order", "concepts", "square", "shares"} <= set(NAMES)
    firsts = [streams.rng(*what).integers(2**62) for what in STREAMS]
    numbers = [streams.number(*what) for what in STREAMS]
    seeds = [streams.generator(*what).initial_seed() for what in STREAMS]
    assert seeds == numbers
    assert len({*map(int, firsts), *numbers, *SEEDS}) == 2 * len(STREAMS) + len(SEEDS)
    assert 0 <= min(numbers) < max(numbers) < 2**63
    assert [int(streams.rng(*what).integers(2**62)) for what in STREAMS] == firsts


def test_streams_have_nothing_to_do_with_each_other():
    """Over 4,000 numbers of each; 0.016 is the standard deviation of r."""
    some = [(seed, name, *number) for seed in (0, 1) for name in NAMES for number in [(), (0,), (1,)]]
    for drawn in (
        np.array([streams.rng(*what).random(4000) for what in some]),
        np.array([torch.rand(4000, generator=streams.generator(*what)).numpy() for what in some]),
    ):
        assert np.abs(np.corrcoef(drawn) - np.eye(len(some))).max() < 5.5 / np.sqrt(4000)
        assert drawn.mean(axis=1) == pytest.approx(np.full(len(some), 0.5), abs=4.5 * 0.29 / np.sqrt(4000))


@pytest.fixture
def begun(monkeypatch) -> list:
    """The state in which every generator begins, NumPy's and torch's."""
    states, default_rng = [], np.random.default_rng

    class Generator(torch.Generator):
        def manual_seed(self, seed: int) -> torch.Generator:
            states.append(seed)
            return super().manual_seed(seed)

    def watched(*given: object) -> np.random.Generator:
        states.append(str((made := default_rng(*given)).bit_generator.state))
        return made

    monkeypatch.setattr(np.random, "default_rng", watched)
    monkeypatch.setattr(torch, "Generator", Generator)
    shown = torch.arange(4)
    corpus = Pairs(torch.zeros(4, 3, 32, 32, dtype=torch.uint8), shown, shown)
    monkeypatch.setattr(interventions, "base_corpus", lambda size, seed: corpus)
    for name, value in {"base_corpus": corpus, "held_out_corpus": corpus[shown.repeat(2)], "with_new_words": None,
                        "teach": None, "log_odds": torch.zeros(8)}.items():  # fmt: skip
        monkeypatch.setattr(priming, name, lambda *_, value=value: value)
    return states


WORLDS = {  # everything that chance decides in each, but for the weights
    "corpus": [
        lambda seed: assign(SIZE, seed),
        lambda seed: draw_corpus(DISCS, [1, 2, 1, 1], seed),
        lambda seed: draw_corpus(DISCS, [1, 2, 1, 1], seed + 1_000_000),
        lambda seed: next(batches(4, 4, 1, seed)),
        lambda seed: interventions.mismatched(0.5)(SIZE, seed),
        lambda seed: interventions.part(0.5)(SIZE, seed),
        lambda seed: interventions.at_random(SIZE, seed),
    ],
    "concepts": [lambda seed: choose(5, seed), lambda seed: draw_concepts(DISCS, [1] * 4, seed)],
    "grid": [latin_square, shares_of_parts, lambda seed: draw_grid([1] * 64, seed)],
}


@pytest.mark.parametrize("world", WORLDS)
def test_whatever_chance_decides_it_decides_anew(world, begun):
    for seed in (0, 1, 2):
        for decide in WORLDS[world]:
            before = len(begun)
            decide(seed)
            assert len(begun) > before
    assert len(set(begun)) == len(begun)


@pytest.mark.parametrize("seed", range(3))
def test_lots_are_not_those_that_the_first_concepts_pictures_would_give(seed, monkeypatch):
    """What `draw` is handed for each concept deals out other counts than the corpus has."""
    dealt = []

    def draw(concept, rng):
        dealt.append(rng.permutation(np.repeat(2 ** np.arange(11), 10)))
        return np.zeros((32, 32, 3), dtype=np.uint8)

    monkeypatch.setattr("toyclip.studies.frequency.corpus.draw", draw)
    draw_corpus(DISCS, [1] * 4, seed)
    steps = np.log2([assign(FULL, seed), *dealt])
    assert np.abs(np.corrcoef(steps) - np.eye(5)).max() < 4 * 0.096
