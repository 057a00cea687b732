"""What a run costs is counted as torch counts it, timed without what is apart, and compared in turn on one world."""

import math
import time
from dataclasses import replace

import pytest
import torch
from studies.samples import TOKENS, Clock, names, same_weights, tiny_world
from torch.utils.flop_counter import FlopCounterMode

from toyclip import data, train, zero_shot
from toyclip.data import Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.recipes import FAST, RECIPES, REFERENCE
from toyclip.studies.speedrun import bench as speedrun
from toyclip.studies.speedrun.ladder import IDEAS, RUNGS, Rung
from toyclip.train import batches, contrastive, fit, twins_masked

QUICK = replace(FAST, epochs=2, batch_size=16)  # 3 batches an epoch in the tiny world


@pytest.fixture
def tiny(monkeypatch) -> list[int]:
    """The tiny world instead of the whole one, and three short rungs; the seeds of the worlds that were drawn."""
    drawn = []
    monkeypatch.setattr(speedrun, "world", lambda seed: drawn.append(seed) or tiny_world(seed))
    slow = Rung("slow", replace(QUICK, name="reference", epochs=5))
    monkeypatch.setattr(speedrun, "RUNGS", (slow, Rung("middle", QUICK), Rung("quick", replace(QUICK, batch_size=24))))
    return drawn


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(speedrun, "time", clock.time)
    return clock


@pytest.fixture
def two_threads():
    """Torch has two threads before, and the test sees whether it still has them."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


# --- operations ------------------------------------------------------------------------------------------------------

BY_HAND = {  # channels in x channels out x 3 x 3 x places; the last layer is a matrix
    "pooled": [3 * 32 * 9 * 32**2, 32 * 32 * 9 * 32**2, 32 * 64 * 9 * 16**2, 64 * 64 * 9 * 8**2, 64 * 64],
    "strided": [3 * 32 * 9 * 16**2, 32 * 32 * 9 * 8**2, 32 * 64 * 9 * 4**2, 64 * 64 * 9 * 4**2, 64 * 64],
}
CONFIGS = [  # 3 does not divide what is left of the picture
    {"image_encoder": "pooled"}, {"image_encoder": "strided"}, {"image_encoder": "strided", "strides": (2, 1, 2, 1)},
    {"image_encoder": "strided", "strides": (1, 2, 3, 1)}, {"image_encoder": "strided", "width": 32},
]  # fmt: skip


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("name", BY_HAND)
def test_multiplications_are_those_counted_by_hand(name, batch_size):
    encoder = ToyCLIP(Config(image_encoder=name)).image_encoder
    assert speedrun.multiply_adds(encoder, torch.zeros(batch_size, 3, 32, 32)) == BY_HAND[name]
    assert not any(module._forward_hooks for module in encoder.modules())
    assert all(p.grad is None for p in encoder.parameters())


@pytest.mark.parametrize("size", [(32, 32), (24, 40)])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_multiplications_are_half_the_operations_that_torch_counts(config, size):
    encoder, images = ToyCLIP(Config(**config)).image_encoder, torch.zeros(2, 3, *size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder(images)
    assert 2 * len(images) * sum(speedrun.multiply_adds(encoder, images)) == counter.get_total_flops()


@pytest.mark.parametrize("rung", [RUNGS[0], *(r for r in IDEAS if r.config)], ids=lambda rung: rung.change)
def test_operations_of_training_are_those_that_torch_counts(rung):
    """Exactly: forward, backward, and nothing for the gradient of the picture itself."""
    encoder, images = rung.new_model(seed=0).image_encoder, torch.zeros(3, 3, 32, 32)
    with FlopCounterMode(display=False) as counter:
        encoder(images).sum().backward()
    seen, operations = speedrun.operations(rung, pairs=48)
    assert seen == 48 * rung.recipe.epochs
    assert operations == counter.get_total_flops() / 3 * seen


def test_rate_of_a_matrix_product_is_that_of_the_median_after_a_first_one(clock, monkeypatch, two_threads):
    threads = []
    product = clock.lasts(100, 5, 1, 2, work=lambda a, b: threads.append((torch.get_num_threads(), a.shape, b.shape)))
    monkeypatch.setattr(torch, "mm", product)
    assert speedrun.matrix_rate(size=64, repeats=3) == 2 * 64**3 / 2
    assert threads == [(1, (64, 64), (64, 64))] * 4
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("batch_size", "threads"), [(2, 1), (5, 2), (33, 1)])
def test_time_of_an_update_is_the_median_step_of_fit(batch_size, threads, clock, monkeypatch, two_threads):
    """Of training itself, by the fast recipe; here the loss knows one weight only, and takes what it is told."""
    seen, asked = [], []

    def loss(model, images, tokens):
        seen.append((images, tokens, torch.get_num_threads()))
        return model.log_logit_scale.square()

    def optimizers(model, recipe):
        asked.append((model.config, recipe))
        return [(torch.optim.SGD([model.log_logit_scale]), 0.1)]

    slow = clock.lasts(60, 1, 3, 2.5, 2, work=loss)
    monkeypatch.setattr(train, "optimizers", optimizers)
    monkeypatch.setattr(speedrun, "fit", lambda *given: train.fit(*given, slow))
    assert speedrun.step_seconds(batch_size, seed=3, threads=threads, steps=5) == 2.5
    assert asked == [(Config(image_encoder="strided"), replace(FAST, epochs=5))]
    expected = data.draw_pairs(math.ceil(batch_size / 16), seed=3)[torch.arange(batch_size)]
    assert len(seen) == 5
    for images, tokens, number in seen:
        assert torch.equal(images, expected.pixels)
        assert torch.equal(tokens, TOKENS[expected.classes])
        assert number == threads
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(
    "rung",
    [Rung("", QUICK), Rung("", QUICK, new_loss=lambda epoch: twins_masked), Rung("", QUICK, {"pooling": "max"}),
     Rung("", replace(REFERENCE, epochs=1, batch_size=24))],
)  # fmt: skip
def test_run_trains_what_fit_trains_and_is_tested_after_each_epoch(rung, monkeypatch):
    (training, held_out), seen = tiny_world(0), []

    def accuracy(model, pairs, tokenizer):
        seen.append((model, pairs))
        return zero_shot.accuracy(model, pairs, tokenizer)

    monkeypatch.setattr(speedrun, "accuracy", accuracy)
    run = speedrun.timed(rung, 3, training, held_out)
    expected, scores = rung.new_model(3), []
    order = batches(48, rung.recipe.batch_size, rung.recipe.epochs, 3)
    for _ in fit(expected, training.pixels, TOKENS[training.classes], rung.recipe, order, rung.new_loss(3)):
        scores.append(zero_shot.accuracy(expected, held_out, Tokenizer()))
    assert run.keys() == {"seconds", "evaluation", "accuracy"}
    assert run["accuracy"] == scores
    assert len(scores) == rung.recipe.epochs
    assert all(pairs is held_out for _, pairs in seen)
    assert same_weights(seen[-1][0], expected)


def test_rungs_end_with_the_weights_that_train_gives(monkeypatch):
    """Reference and fast, an epoch each."""
    monkeypatch.setattr(train, "world", tiny_world)
    for recipe in (replace(REFERENCE, epochs=1, batch_size=24), replace(FAST, epochs=1, batch_size=24)):
        models = []
        monkeypatch.setattr(speedrun, "accuracy", lambda model, *_, models=models: models.append(model) or 0.5)
        speedrun.timed(Rung("", recipe), 2, *tiny_world(2))
        assert same_weights(models[0], train.train(recipe, seed=2)[0])


def test_seconds_of_a_run_are_those_of_training_and_of_the_first_weights(clock, monkeypatch):
    """Two epochs of three batches; what it takes to evaluate is told apart."""
    monkeypatch.setattr(Rung, "new_model", clock.lasts(4, work=Rung.new_model))
    monkeypatch.setattr(speedrun, "accuracy", clock.lasts(100, 300, work=lambda *_: 0.5))
    monkeypatch.setattr(train, "optimizers", clock.lasts(0.25, work=train.optimizers))
    losses = {3: clock.lasts(1, work=contrastive)}  # of an epoch of three batches
    rung = Rung("", QUICK, new_loss=losses.__getitem__)
    run = speedrun.timed(rung, 0, *tiny_world(0))
    assert run == {"seconds": 4 + 0.25 + 6, "evaluation": 400, "accuracy": [0.5, 0.5]}


def test_accuracy_that_sleeps_is_not_in_the_seconds(monkeypatch, two_threads):
    """By the real clock; on one thread, as all of the run."""
    threads = []
    monkeypatch.setattr(speedrun, "accuracy", lambda *_: threads.append(torch.get_num_threads()) or time.sleep(0.2))
    training, held_out = tiny_world(0)
    start = time.perf_counter()
    run = speedrun.timed(Rung("", QUICK), 0, training, held_out)
    whole = time.perf_counter() - start
    assert run["evaluation"] >= 0.4
    assert 0 < run["seconds"] <= whole - 0.4
    assert threads == [1, 1]
    assert torch.get_num_threads() == 2


def test_bench_compares_reference_and_fast_in_turn_on_the_world_of_the_seed(tiny, clock, monkeypatch):
    met = []

    def timed(rung, seed, training, held_out):
        met.append((rung.change, seed, names(training), names(held_out)))
        seconds = {"slow": 60.0, "quick": 5.0}[rung.change]
        return {"seconds": seconds, "evaluation": seconds / 10, "accuracy": [0.25]}

    monkeypatch.setattr(speedrun, "timed", timed)
    monkeypatch.setattr(speedrun, "world", clock.lasts(7, work=speedrun.world))
    assert speedrun.bench(2) == {
        "reference": {"seconds": 60, "evaluation": 6, "accuracy": [0.25]},
        "fast": {"seconds": 5, "evaluation": 0.5, "accuracy": [0.25]},
        "ratio": 12,
        "drawing": 7,
    }
    assert tiny == [2]
    drawn = [names(pairs) for pairs in tiny_world(2)]
    assert met == [("slow", 2, *drawn), ("quick", 2, *drawn)]
    assert [rung.recipe for rung in (RUNGS[0], RUNGS[-1])] == [RECIPES["reference"], RECIPES["fast"]]


def test_each_rung_is_compared_with_a_quarter_epoch_of_the_reference_just_before_it(tiny, monkeypatch):
    calls, seconds = [], iter([1.0, 2.0, 1.5, 10.0])

    def timed(rung, seed, training, held_out):
        calls.append((rung.change, rung.recipe.epochs, seed, names(training), names(held_out)))
        return {"seconds": next(seconds), "evaluation": 0.0, "accuracy": [0.5]}

    monkeypatch.setattr(speedrun, "timed", timed)
    results = speedrun.climb(speedrun.RUNGS[1:], seed=7)
    assert [call[:3] for call in calls] == [("slow", 1, 7), ("middle", 2, 7), ("slow", 1, 7), ("quick", 2, 7)]
    training, held_out = tiny_world(7)
    some = training[torch.arange(0, len(training), 4)]  # a quarter of an epoch, all classes in it
    for call, pairs in zip(calls, (some, training, some, training), strict=True):
        assert call[3:] == (names(pairs), names(held_out))
    assert tiny == [7]  # the same world for all
    assert results == {
        "middle": {"seconds": 2.0, "evaluation": 0.0, "accuracy": [0.5], "ratio": 4 * 5 * 1.0 / 2.0},  # slow: 5 epochs
        "quick": {"seconds": 10.0, "evaluation": 0.0, "accuracy": [0.5], "ratio": 4 * 5 * 1.5 / 10.0},
    }


def test_studies_climb_the_books_rungs_and_ideas(monkeypatch):
    """And what explains the last rung's time is measured beside them."""
    monkeypatch.setattr(speedrun, "climb", lambda rungs, seed: (rungs, seed))
    monkeypatch.setattr(speedrun, "matrix_rate", lambda: 5e9)
    monkeypatch.setattr(speedrun, "step_seconds", lambda size, seed, threads=1: (size, seed, threads))
    assert speedrun.ladder(2) == {
        "rungs": (RUNGS[1:], 2),
        "operations per second": 5e9,
        "seconds per update": {
            "2 pairs": (2, 2, 1), "64 pairs": (64, 2, 1), "64 pairs, two threads": (64, 2, 2),
        },
    }  # fmt: skip
    assert speedrun.ideas(3) == (IDEAS, 3)
