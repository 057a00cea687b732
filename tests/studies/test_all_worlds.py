"""All worlds through the same checks: seeded, bytes, as many pictures as asked for, no test picture in training."""

import random

import numpy as np
import pytest
import torch
from studies.samples import contents, emoji_world, names, shapes_world

from toyclip import data
from toyclip.data import Pairs, draw_pairs
from toyclip.errors import InputError
from toyclip.studies.batch import ablations
from toyclip.studies.composition.grid import draw_grid
from toyclip.studies.frequency import counting
from toyclip.studies.frequency.concepts import choose, draw_concepts
from toyclip.studies.frequency.corpus import Size, base_corpus, draw_corpus, held_out_corpus

TINY = Size(levels=3, per_level=4, test=2)
CHOSEN = choose(5, seed=0)
DRAWERS = {  # (counts, seed) -> Pairs, and for how many classes; where all counts are equal, that one is given
    "pairs": (lambda counts, seed: draw_pairs(counts[0] if len(set(counts)) == 1 else counts, seed), 16),
    "concepts": (lambda counts, seed: draw_concepts(CHOSEN, counts, seed), 5),
    "corpus": (lambda counts, seed: draw_corpus(CHOSEN, counts, seed), 5),
    "grid": (draw_grid, 64),
}
UNEQUAL = [name for name in DRAWERS if name != "pairs"]
every_drawer = pytest.mark.parametrize("name", DRAWERS)


@every_drawer
def test_pictures_are_bytes_with_the_captions_of_their_classes(name):
    draw, classes = DRAWERS[name]
    pairs = draw([2] * classes, 0)
    assert isinstance(pairs, Pairs)
    assert pairs.pixels.shape == (2 * classes, 3, 32, 32)
    assert pairs.pixels.dtype == torch.uint8
    assert pairs.pixels.is_contiguous()
    assert pairs.classes.dtype == pairs.captions.dtype == torch.int64
    assert torch.equal(pairs.captions, pairs.classes)
    assert pairs.classes.tolist() == [c for c in range(classes) for _ in range(2)]
    assert pairs.pixels.min() < 40  # the whole range is used
    assert pairs.pixels.max() > 200


@every_drawer
def test_pictures_follow_from_the_seed_alone(name):
    """They neither use nor touch global generators; no picture comes twice, not even of another seed."""
    draw, classes = DRAWERS[name]
    first, other = (draw([2] * classes, seed) for seed in (5, 6))
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002
    assert contents(draw([2] * classes, 5)) == contents(first)
    assert (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()) == before  # noqa: NPY002
    assert len({*names(first), *names(other)}) == 4 * classes


@pytest.mark.parametrize("name", UNEQUAL)
def test_each_class_is_drawn_as_often_as_asked(name):
    draw, classes = DRAWERS[name]
    for seed in range(3):
        counts = np.random.default_rng(seed).integers(0, 4, size=classes)
        counts[[0, -1]] = [(0, 2), (3, 0), (0, 0)][seed]
        for given in (counts, counts.tolist(), tuple(counts.tolist())):
            pairs = draw(given, seed)
            assert pairs.classes.bincount(minlength=classes).tolist() == counts.tolist()
            assert len(pairs) == len(pairs.pixels) == len(pairs.captions) == counts.sum()


@pytest.mark.parametrize("name", UNEQUAL)
@pytest.mark.parametrize(
    "wrong", [lambda k: [1] * (k - 1), lambda k: [1] * (k + 1), lambda k: [], lambda k: [1] * (k - 1) + [-1],
              lambda k: [0] * k], ids=["too few", "too many", "none", "negative", "nothing to draw"],
)  # fmt: skip
def test_counts_that_do_not_fit_are_refused(name, wrong):
    draw, classes = DRAWERS[name]
    counts = wrong(classes)
    with pytest.raises(InputError, match=rf"^{classes} classes, {len(counts)} counts; give one count, 0 or more, for"):
        draw(counts, 0)


@pytest.mark.parametrize("per_class", [0, -1])
def test_fewer_than_one_picture_of_each_class_is_refused(per_class):
    with pytest.raises(InputError, match="16 classes, 16 counts; give one count, 0 or more, for each class"):
        draw_pairs(per_class, seed=0)


@pytest.mark.parametrize("more", [[5, 2, 3, 1, 0], [2, 2, 9, 1, 1], [0, 2, 0, 1, 2], [7, 7, 7, 7, 7]])
def test_first_pictures_of_a_concept_stay_whatever_else_is_drawn(more):
    """In the corpus, where each concept has a stream of its own: counts change, pictures do not."""
    counts = [2, 2, 3, 1, 1]
    one, other = (draw_corpus(CHOSEN, n, seed=5) for n in (counts, more))
    for c in range(5):
        both = min(counts[c], more[c])
        assert torch.equal(one.pixels[one.classes == c][:both], other.pixels[other.classes == c][:both])


# --- training and test -----------------------------------------------------------------------------------------------

WORLDS = {  # seed -> (pictures to train on, pictures to test on)
    "chapter 1": lambda seed: data.split(draw_pairs(7, seed), seed),
    "frequency": lambda seed: (base_corpus(TINY, seed), held_out_corpus(TINY, seed)),
    "shapes": lambda seed: (shapes_world(seed).training, shapes_world(seed).test),
    "emoji": lambda seed: (emoji_world(seed).training, emoji_world(seed).test),
}


@pytest.mark.parametrize("name", WORLDS)
def test_no_picture_of_a_test_is_in_training_under_any_seed(name):
    worlds = [WORLDS[name](seed) for seed in range(3)]
    training, test = ([set(names(world[side])) for world in worlds] for side in (0, 1))
    assert [len(part) for part in training + test] == [len(w[side]) for side in (0, 1) for w in worlds]
    assert len(set.union(*training, *test)) == sum(map(len, training + test))
    for _, held_out in worlds:
        counts = held_out.classes.bincount()
        assert counts.min() == counts.max() > 0  # a fair test: as many pictures of each class


@pytest.mark.parametrize(
    ("name", "classes", "pictures", "tests"), [("shapes", 16, 4096, 480), ("emoji", 256, 8192, 1024)]
)
def test_worlds_of_chapter_7_have_their_sizes_and_tests_of_their_own(name, classes, pictures, tests, monkeypatch):
    """Without painting: what is asked of the drawers is written into the first pixels."""

    def numbered(counts, seed):
        pairs = Pairs(torch.arange(sum(counts))[:, None] + 10_000 * seed, *[torch.arange(len(counts)).repeat_interleave(
            torch.tensor(counts))] * 2)  # fmt: skip
        return pairs

    monkeypatch.setattr(ablations, "draw_pairs", lambda per_class, seed: numbered([per_class] * 16, seed))
    monkeypatch.setattr(ablations, "draw_concepts", lambda chosen, counts, seed: numbered(counts, seed))
    seen: set[int] = set()
    for seed in range(3):
        world = ablations.make_world(name, seed)
        for pairs, total in ((world.training, pictures), (world.test, tests)):
            assert pairs.classes.bincount().tolist() == [total // classes] * classes
            assert not seen & set(pairs.pixels.flatten().tolist())
            seen |= set(pairs.pixels.flatten().tolist())
        assert len(world.captions.unique(dim=0)) == len(world.captions) == classes
        assert 0 <= world.captions.min() <= world.captions.max() == world.vocab_size - 1


def test_taggers_learn_from_pictures_that_no_corpus_and_no_test_holds(monkeypatch):
    lessons = []
    monkeypatch.setattr(
        counting, "train_on", lambda corpus, size, seed, device: lessons.append((corpus, seed)) or (None, 0.0)
    )
    for seed in range(3):
        counting.train_tagger(4, TINY, seed)
    taught = {name for corpus, _ in lessons for name in names(corpus)}
    assert len(taught) == 3 * 4 * 12
    for seed in range(3):
        assert not taught & {*names(base_corpus(TINY, seed)), *names(held_out_corpus(TINY, seed))}
    assert len({seed for _, seed in lessons} | set(range(100))) == 103  # nor are its weights those of any other model
