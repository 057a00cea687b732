"""Batch sizes get the updates that their budget says, and the learning rate that suits them."""

import itertools
import math
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from studies.samples import TOKENS, Clock, shapes_world

from toyclip.data import Pairs
from toyclip.loss_floor import epoch_floor
from toyclip.studies.batch import ablations
from toyclip.studies.batch import sweeps as batches
from toyclip.studies.batch.ablations import ADAMW, World
from toyclip.studies.batch.sweeps import POINTS, RATES, SIZES
from toyclip.train import contrastive


@pytest.fixture(scope="module")
def tiny() -> World:
    """64 pictures to train on, 32 others to test."""
    return shapes_world(0)


def unpainted(pictures: int) -> World:
    """A world as large as the studies' own, of numbers instead of pictures."""
    classes = torch.zeros(pictures, dtype=torch.int64)
    pairs = Pairs(torch.arange(pictures)[:, None], classes, classes)
    return World(pairs, pairs, TOKENS, 10)


@pytest.fixture
def watched(monkeypatch) -> list[tuple[torch.Tensor, torch.Tensor, float]]:
    """Pictures, tokens and value of each batch that the loss "watched" is asked for."""
    seen = []

    def loss(model, images, tokens):
        value = contrastive(model, images, tokens)
        seen.append((images, tokens, value.item()))
        return value

    monkeypatch.setitem(batches.LOSSES, "watched", {"loss_of": loss})
    return seen


@pytest.fixture(autouse=True)
def _no_rates_from_elsewhere():
    """What is chosen is kept for the process: forget it before and after each test."""
    batches.choose_rates.cache_clear()
    yield
    batches.choose_rates.cache_clear()


def test_pairs_are_drawn_without_replacement_and_keep_their_captions():
    """On a world without pictures, some of whose pairs are mismatched."""
    numbers, seen = torch.arange(64), Counter()
    world = World(Pairs(numbers[:, None], numbers // 4, (numbers + 1) // 4 % 16), shapes_world(0).test, TOKENS, 10)
    before = torch.get_rng_state()
    for seed in range(50):
        some = batches.first_pairs(world, 20, seed)
        drawn = some.training.pixels.flatten().tolist()
        assert len(set(drawn)) == len(some.training) == 20
        assert torch.equal(some.training.classes, world.training.classes[drawn])
        assert torch.equal(some.tokens, world.tokens[drawn])
        assert torch.equal(batches.first_pairs(world, 20, seed).training.pixels, some.training.pixels)
        seen.update(drawn)
    assert torch.equal(torch.get_rng_state(), before)
    assert len(seen) == 64  # none is left out for good
    assert max(seen.values()) < 30  # of 50; 16 are expected
    assert all(getattr(some, key) is getattr(world, key) for key in ("test", "captions", "vocab_size"))


@pytest.mark.parametrize(
    ("updates", "batch_size", "made"),
    [(1, 16, 1), (3, 16, 3), (4, 16, 4), (12, 16, 12), (2, 32, 2), (4, 64, 4),  # what divides
     (5, 16, 4), (7, 16, 8), (1, 64, 1)],  # the nearest whole number of epochs
)  # fmt: skip
def test_updates_are_as_many_as_asked_for(updates, batch_size, made, tiny, watched):
    run = batches.train_for(tiny, updates, batch_size, 1e-3, "watched", seed=0)
    assert [len(images) for images, _, _ in watched] == [batch_size] * made
    assert run["updates"] == made
    assert run["pictures"] == made * batch_size
    times = Counter(image.numpy().tobytes() for images, _, _ in watched for image in images)
    assert set(times.values()) == {max(1, made * batch_size // 64)}  # no picture more often than another
    assert run.keys() == {"accuracy", "loss", "floor", "pictures", "updates", "seconds"}


@pytest.mark.parametrize(("updates", "epochs"), [(8, 2), (2, 1)])
def test_run_is_told_by_its_last_epoch_and_the_floor_of_the_pairs_that_were_drawn(updates, epochs, tiny, watched):
    run = batches.train_for(tiny, updates, 16, 3e-3, "watched", seed=2)
    last = watched[-updates // epochs :]
    assert run["loss"] == pytest.approx(sum(value for *_, value in last) / len(last), rel=1e-6)
    counts = Counter(tuple(row) for _, tokens, _ in last for row in tokens.tolist())
    assert sum(counts.values()) == 16 * updates // epochs
    assert run["floor"] == pytest.approx(epoch_floor(list(counts.values()), 16))
    if epochs == 2:  # of all pairs
        model, _ = ablations.learn(tiny, replace(ADAMW, batch_size=16, lr=3e-3, epochs=2), seed=2)
        assert run["accuracy"] == tiny.accuracy(model)


@pytest.mark.parametrize("loss", batches.LOSSES)
def test_recipe_is_adamw_with_this_batch_rate_and_loss(loss, tiny, monkeypatch):
    asked = []
    monkeypatch.setattr(batches, "learn", lambda *given, **options: asked.append((*given, options)) or (None, []))
    batches.train_for(tiny, 8, 16, 0.007, loss, seed=5)
    recipe = replace(ADAMW, batch_size=16, lr=0.007, epochs=2)
    assert asked == [(tiny, recipe, 5, {"every_epoch": False} | batches.LOSSES[loss])]


def test_run_that_blows_up_is_right_never(tiny, monkeypatch):
    broken = {"loss_of": lambda model, images, tokens: contrastive(model, images, tokens) * math.nan}
    monkeypatch.setitem(batches.LOSSES, "broken", broken)
    run = batches.train_for(tiny, 4, 16, 1e-3, "broken", seed=0)
    assert (run["accuracy"], run["loss"], run["floor"]) == (0.0, None, None)


def test_seconds_are_processor_time_of_learning_alone(tiny, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(batches, "time", SimpleNamespace(process_time=clock.time.process_time))
    monkeypatch.setattr(batches, "first_pairs", clock.lasts(10, work=batches.first_pairs))
    monkeypatch.setattr(World, "accuracy", clock.lasts(100, work=World.accuracy))
    monkeypatch.setitem(batches.LOSSES, "slow", {"loss_of": clock.lasts(2, work=contrastive)})
    assert batches.train_for(tiny, 3, 16, 1e-3, "slow", seed=0)["seconds"] == 6
    assert clock.now == 1000 + 10 + 6 + 100


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "pictures"), [("shapes", 4096), ("emoji", 8192)])
def test_budgets_make_equal_what_they_say(name, pictures, size, monkeypatch):
    """To the last update: whole epochs, or one over a part."""
    monkeypatch.setattr(batches, "learn", lambda *_, **__: (None, []))
    world = unpainted(pictures)
    assert batches.updates_of("samples", name, world, size, 0) * size == ablations.EPOCHS[name] * pictures
    updates = batches.updates_of("updates", name, world, size, 0)
    assert updates == batches.UPDATES[name]
    run = batches.train_for(world, updates, size, 1e-3, "softmax", seed=0)
    assert (run["updates"], run["pictures"]) == (updates, updates * size)


@pytest.mark.parametrize(("batch_size", "few"), [(16, 32), (128, 16), (512, 4), (2048, 4)])
@pytest.mark.parametrize("name", batches.SECONDS)
def test_equal_time_is_measured_after_warming_up(name, batch_size, few, tiny, monkeypatch):
    asked, seconds = [], iter([999.0, 0.5])
    monkeypatch.setattr(batches, "train_for", lambda *given: asked.append(given) or {"seconds": next(seconds)})
    updates = batches.updates_of("time", name, tiny, batch_size, seed=6)
    assert asked == [(tiny, few, batch_size, ADAMW.lr, "softmax", 6)] * 2
    assert updates == round(batches.SECONDS[name] / (0.5 / few))
    assert isinstance(updates, int)
    monkeypatch.setattr(batches, "train_for", lambda *_: {"seconds": 1e9})
    assert batches.updates_of("time", name, tiny, batch_size, seed=6) == 1  # on a slow machine, one at least


@pytest.fixture
def landscape(monkeypatch) -> tuple[list[tuple], dict[tuple[str, str, int], float]]:
    """The best learning rate of each point that is tuned, neighbours apart, and the runs that were made to find it."""
    tuned = [(budget, loss, size) for budget, loss, size in POINTS if budget != "time" and loss != "sigmoid, twins"]
    best = dict(zip(tuned, itertools.cycle([RATES[1], RATES[2], RATES[0], RATES[2]]), strict=False))
    world, runs = unpainted(4096), []

    def make_world(name, seed):
        assert (name, seed) == ("shapes", batches.TUNING_SEED)
        return world

    def train_for(given, updates, batch_size, lr, loss, seed):
        budget = "updates" if updates == batches.UPDATES["shapes"] else "samples"
        runs.append((budget, loss, batch_size, lr))
        assert given is world
        assert seed == batches.TUNING_SEED
        return {"accuracy": 0.9 - abs(math.log(lr / best[budget, loss, batch_size])) / 10}

    monkeypatch.setattr(batches, "make_world", make_world)
    monkeypatch.setattr(batches, "train_for", train_for)
    return runs, best


def test_each_point_gets_the_best_of_the_rates(landscape):
    runs, best = landscape
    rates = batches.choose_rates("shapes")
    assert batches.choose_rates("shapes") is rates  # nothing is tried again
    assert set(rates) == set(POINTS)
    assert all(study.seeds <= batches.TUNING_SEED for study in batches.STUDIES)  # a world of their own
    assert set(best.values()) == set(RATES)
    for budget, loss, size in POINTS:
        source = "samples" if budget == "time" else budget
        assert rates[budget, loss, size] == best[source, loss.removesuffix(", twins"), size]
    assert Counter(runs) == Counter((*point, rate) for point in best for rate in RATES)  # each once, none for time


def test_sweep_makes_one_run_of_each_point(monkeypatch):
    rates = {point: 0.001 * (i + 1) for i, point in enumerate(POINTS)}
    runs = []
    monkeypatch.setattr(batches, "make_world", lambda name, seed: (name, seed))
    monkeypatch.setattr(batches, "choose_rates", lambda name: rates if name == "emoji" else None)
    monkeypatch.setattr(
        batches, "updates_of", lambda budget, name, world, size, seed: (budget, name, world, size, seed)
    )
    monkeypatch.setattr(batches, "train_for", lambda *given: runs.append(given) or {"accuracy": len(runs) / 100})
    results = batches.sweep("emoji", seed=3)
    assert list(results) == [f"{budget}, {loss}, {size}" for budget, loss, size in POINTS]
    assert len(results) == len(POINTS) == 5 * len(SIZES)
    for number, (point, run, result) in enumerate(zip(POINTS, runs, results.values(), strict=True), start=1):
        budget, loss, size = point
        updates = (budget, "emoji", ("emoji", 3), size, 3)
        assert run == (("emoji", 3), updates, size, rates[point], loss, 3)
        assert result == {"accuracy": number / 100, "lr": rates[point]}


def test_points_are_softmax_by_every_budget_and_the_sigmoids_by_samples():
    """The sigmoids start where their paper starts."""
    siglip = {"logit_scale": 10.0, "logit_bias": -10.0}
    assert {
        "softmax": {},
        "sigmoid": {"loss_of": ablations.sigmoid, **siglip},
        "sigmoid, twins": {"loss_of": ablations.sigmoid_twins, **siglip},
    } == batches.LOSSES
    rows = [("samples", "softmax"), ("samples", "sigmoid"), ("samples", "sigmoid, twins"), ("updates", "softmax"),
            ("time", "softmax")]  # fmt: skip
    assert [(*row, size) for row in rows for size in SIZES] == POINTS


def test_studies_sweep_their_own_world(monkeypatch):
    monkeypatch.setattr(batches, "sweep", lambda name, seed: (name, seed))
    found = {study.name: study.run(4) for study in batches.STUDIES}
    assert found == {"shapes_batches": ("shapes", 4), "emoji_batches": ("emoji", 4)}
