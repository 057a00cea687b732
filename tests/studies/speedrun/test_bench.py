"""What a run costs is counted as torch counts it, timed without what is apart, and compared in turn on one world."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from toyclip import data, train, zero_shot
from toyclip.data import CLASSES, Tokenizer, caption
from toyclip.encoders import ToyCLIP
from toyclip.errors import RecipeError
from toyclip.lab import provenance
from toyclip.studies.speedrun import bench as speedrun
from toyclip.studies.speedrun import ladder as rungs
from toyclip.studies.speedrun.ladder import FAST, IDEAS, REFERENCE, RUNGS, Rung

CAPTIONS = Tokenizer().encode([caption(*pair) for pair in CLASSES])
QUICK = replace(FAST, epochs=2, batch_size=16)  # 3 batches an epoch in the tiny world


def tiny_world(seed: int) -> tuple[data.Pairs, data.Pairs]:
    """48 pictures to train on, 16 held out."""
    return data.split(data.draw_pairs(per_class=4, seed=seed), seed)


@pytest.fixture
def tiny(monkeypatch) -> list[int]:
    """The tiny world instead of the whole one, and three short rungs; the seeds of the worlds that were drawn."""
    drawn = []
    monkeypatch.setattr(speedrun, "world", lambda seed: drawn.append(seed) or tiny_world(seed))
    short = (
        Rung("slow", replace(QUICK, epochs=5)),
        Rung("middle", QUICK),
        Rung("quick", replace(QUICK, batch_size=24)),
    )
    monkeypatch.setattr(speedrun, "RUNGS", short)
    return drawn


class Clock:
    """A clock that only moves when told to."""

    now = 1000.0

    def lasts(self, *seconds: float, work=lambda *_: None):
        """`work`, which takes so long the first time, the second time, ...; the last duration stays."""
        durations = list(seconds)

        def slow(*arguments, **options):
            self.now += durations.pop(0) if len(durations) > 1 else durations[0]
            return work(*arguments, **options)

        return slow


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    for module in (speedrun, train):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock.now))
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
    False: [3 * 32 * 9 * 32**2, 32 * 32 * 9 * 32**2, 32 * 64 * 9 * 16**2, 64 * 64 * 9 * 8**2, 64 * 64],
    True: [3 * 32 * 9 * 16**2, 32 * 32 * 9 * 8**2, 32 * 64 * 9 * 4**2, 64 * 64 * 9 * 4**2, 64 * 64],
}
STRIDES = [None, (2, 1, 2, 1), (1, 2, 3, 1)]  # 3 does not divide what is left of the picture


def encoder_of(strided: bool, strides: tuple[int, ...] | None) -> torch.nn.Module:
    model = ToyCLIP(strided=strided)
    if strides:
        rungs.stride(*strides)(model)
    return model.image_encoder


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("strided", [False, True])
def test_multiplications_are_those_counted_by_hand(strided, batch_size):
    encoder = encoder_of(strided, None)
    assert speedrun.multiply_adds(encoder, torch.zeros(batch_size, 3, 32, 32)) == BY_HAND[strided]
    assert not any(module._forward_hooks for module in encoder.modules())
    assert all(p.grad is None for p in encoder.parameters())


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (24, 40)])
@pytest.mark.parametrize("strides", STRIDES)
@pytest.mark.parametrize("strided", [False, True])
def test_multiplications_are_half_the_operations_that_torch_counts(strided, strides, size):
    encoder, images = encoder_of(strided, strides), torch.zeros(2, 3, *size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder(images)
    assert 2 * len(images) * sum(speedrun.multiply_adds(encoder, images)) == counter.get_total_flops()


@pytest.mark.parametrize("strides", STRIDES)
@pytest.mark.parametrize("recipe", [REFERENCE, FAST], ids=lambda recipe: recipe.name)
def test_operations_of_training_are_those_that_torch_counts(recipe, strides):
    """Exactly: forward, backward, and nothing for the gradient of the picture itself."""
    rung = Rung("under test", recipe, rungs.stride(*strides)) if strides else Rung("under test", recipe)
    encoder, images = encoder_of(recipe.strided, strides), torch.zeros(3, 3, 32, 32)
    with FlopCounterMode(display=False) as counter:
        encoder(images).sum().backward()
    seen, operations = speedrun.operations(rung, pairs=48)
    assert seen == 48 * recipe.epochs
    assert operations == counter.get_total_flops() / 3 * seen
    with FlopCounterMode(display=False) as with_pictures:  # were the pictures to have a gradient, it would cost more
        encoder(images.requires_grad_()).sum().backward()
    first = speedrun.multiply_adds(encoder, images)[0]
    assert with_pictures.get_total_flops() - counter.get_total_flops() == 2 * 3 * first


def test_operations_are_of_as_many_pictures_as_the_world_has():
    """2,720 of 3,200, as `split` deals them out."""
    classes = torch.arange(16).repeat_interleave(200)
    training, _ = data.split(data.Pairs(torch.zeros(3200, 1), classes), seed=0)
    assert [speedrun.operations(rung)[0] for rung in (RUNGS[0], RUNGS[-1])] == [30 * len(training), 3 * len(training)]


# --- seconds ---------------------------------------------------------------------------------------------------------


def test_rate_of_a_matrix_product_is_that_of_the_median_after_a_first_one(clock, monkeypatch, two_threads):
    threads = []
    product = clock.lasts(100, 5, 1, 2, work=lambda a, b: threads.append(torch.get_num_threads()))
    monkeypatch.setattr(torch, "mm", product)
    assert speedrun.matrix_rate(size=64, repeats=3) == 2 * 64**3 / 2
    assert threads == [1] * 4
    assert torch.get_num_threads() == 2


def test_rate_of_a_matrix_product_is_plausible():
    assert 1e7 < speedrun.matrix_rate(size=128, repeats=3) < 1e13


@pytest.mark.parametrize(("batch_size", "threads"), [(2, 1), (5, 2)])
def test_time_of_an_update_is_the_median(batch_size, threads, clock, monkeypatch, two_threads):
    """Loss and optimizer know one weight only: on two threads that share a core all else would take seconds."""
    seen = []

    def loss(model, images, tokens):
        seen.append((images, tokens, torch.get_num_threads()))
        return model.log_logit_scale.square()

    def optimizers(model, recipe):
        assert recipe == FAST
        return [torch.optim.SGD([model.log_logit_scale], lr=0.1)]

    monkeypatch.setattr(speedrun, "contrastive", clock.lasts(60, 1, 3, 2.5, 2, work=loss))
    monkeypatch.setattr(speedrun, "optimizers", optimizers)
    assert speedrun.step_seconds(batch_size, seed=3, threads=threads, steps=5) == 2.5
    expected = data.draw_pairs(per_class=2, seed=3)[torch.arange(batch_size)]
    assert len(seen) == 5
    for images, tokens, number in seen:
        assert torch.equal(images, expected.images)
        assert torch.equal(tokens, CAPTIONS[expected.classes])
        assert number == threads
    assert torch.get_num_threads() == 2


def test_update_moves_every_weight(monkeypatch):
    """The whole of it: gradient, clipping, both optimizers, and no gradient left over."""
    models, clipped = [], []
    clip = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(speedrun, "ToyCLIP", lambda **options: models.append(ToyCLIP(**options)) or models[0])
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *given: clipped.append(given[1]) or clip(*given))
    assert 0 < speedrun.step_seconds(32, seed=3, steps=3) < 60
    fresh, moved = ToyCLIP(strided=True, seed=3).state_dict(), models[0].state_dict()
    assert all(not torch.equal(fresh[name], moved[name]) for name in fresh)
    assert clipped == [FAST.grad_clip] * 3
    assert all(p.grad is None for p in models[0].parameters())


# --- a run -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "prepare"),
    [
        (QUICK, None),
        (QUICK, rungs.leave_twins_out),
        (QUICK, rungs.take_the_maximum),
        (replace(REFERENCE, epochs=1, batch_size=24), None),
    ],
)
def test_run_trains_what_fit_trains(recipe, prepare, monkeypatch):
    training, held_out = tiny_world(0)
    rung, seen = Rung("under test", recipe, prepare) if prepare else Rung("under test", recipe), []

    def accuracy(model, pairs, tokenizer):
        seen.append((model, pairs))
        return zero_shot.accuracy(model, pairs, tokenizer)

    monkeypatch.setattr(speedrun, "accuracy", accuracy)
    run = speedrun.timed(rung, 3, training, held_out)
    expected = ToyCLIP(strided=recipe.strided, seed=3)
    history = train.fit(
        expected, training.images, CAPTIONS[training.classes], recipe, 3, loss_of=rung.prepare(expected),
        evaluate=lambda model: zero_shot.accuracy(model, held_out, Tokenizer()),
    )  # fmt: skip
    assert run.keys() == {"seconds", "evaluation", "accuracy"}
    assert run["accuracy"] == [epoch.accuracy for epoch in history.epochs]
    assert all(pairs is held_out for _, pairs in seen)
    weights = seen[-1][0].state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.state_dict().items())
    assert not torch.equal(weights["log_logit_scale"], ToyCLIP().log_logit_scale)


def test_seconds_of_a_run_are_those_of_training_and_of_the_first_weights(clock, monkeypatch):
    """Two epochs of three batches; what it takes to evaluate is told apart."""
    monkeypatch.setattr(speedrun, "ToyCLIP", clock.lasts(4, work=ToyCLIP))
    monkeypatch.setattr(speedrun, "accuracy", clock.lasts(100, 300, work=lambda *_: 0.5))
    monkeypatch.setattr(train, "optimizers", clock.lasts(0.25, work=train.optimizers))
    monkeypatch.setattr(train, "epoch_floor", clock.lasts(0.5, work=train.epoch_floor))
    loss = clock.lasts(1, work=train.contrastive)
    rung = Rung("under test", QUICK, clock.lasts(2, work=lambda model: loss))
    run = speedrun.timed(rung, 0, *tiny_world(0))
    assert run == {"seconds": 4 + 2 + 0.25 + 0.5 + 6, "evaluation": 400, "accuracy": [0.5, 0.5]}


def test_accuracy_that_sleeps_is_not_in_the_seconds(monkeypatch, two_threads):
    """By the real clock; on one thread, as all of the run."""
    threads = []
    monkeypatch.setattr(speedrun, "accuracy", lambda *_: threads.append(torch.get_num_threads()) or time.sleep(0.2))
    training, held_out = tiny_world(0)
    start = time.perf_counter()
    run = speedrun.timed(Rung("under test", QUICK), 0, training, held_out)
    whole = time.perf_counter() - start
    assert run["evaluation"] >= 0.4
    assert 0 < run["seconds"] <= whole - 0.4
    assert threads == [1, 1]
    assert torch.get_num_threads() == 2


# --- comparisons -----------------------------------------------------------------------------------------------------


def test_bench_trains_both_in_turn_on_one_world_a_seed(tiny, monkeypatch):
    told, met = [], []

    def timed(rung, seed, training, held_out):
        met.append((rung.change, seed, training.images, held_out.images))
        return speedrun_timed(rung, seed, training, held_out)

    speedrun_timed = speedrun.timed
    monkeypatch.setattr(speedrun, "timed", timed)
    result = speedrun.bench(2, on_run=lambda name, seconds: told.append((name, seconds, len(met))))
    assert [name for name, _, _ in told] == ["reference", "fast"] * 2
    assert [number for _, _, number in told] == [1, 2, 3, 4]  # each as soon as it ends
    assert [(change, seed) for change, seed, *_ in met] == [("slow", 0), ("quick", 0), ("slow", 1), ("quick", 1)]
    assert tiny == [0, 1]
    for (_, seed, *pictures), (_, _, *same) in zip(met[::2], met[1::2], strict=True):
        drawn = [pairs.images for pairs in tiny_world(seed)]
        assert all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(drawn, pictures, same, strict=True))
    assert result["seconds"] == {name: [s for n, s, _ in told if n == name] for name in ("reference", "fast")}
    for name, rung in (("reference", speedrun.RUNGS[0]), ("fast", speedrun.RUNGS[-1])):
        again = [speedrun_timed(rung, seed, *tiny_world(seed))["accuracy"][-1] for seed in (0, 1)]
        assert result["accuracies"][name] == again
    assert json.loads(json.dumps(result)) == result


def test_bench_tells_the_median_of_the_pairs_own_ratios(tiny, clock, monkeypatch):
    """Ratios 5, 4 and 12: their median is 5, that of the sums 7.5, that of the medians 4."""
    seconds = {"slow": [10, 20, 60], "quick": [2, 5, 5]}
    runs = {
        change: [
            {"seconds": s, "evaluation": s / 10, "accuracy": [0.25, 1 - 0.125 * seed]} for seed, s in enumerate(column)
        ]
        for change, column in seconds.items()
    }
    monkeypatch.setattr(speedrun, "timed", lambda rung, seed, *world: runs[rung.change][seed])
    monkeypatch.setattr(speedrun, "world", clock.lasts(7, 8, 9, work=tiny_world))
    result = speedrun.bench(3)
    assert result == {
        "command": "python -m toyclip bench --pairs 3 --json book/results/bench.json",
        "seeds": [0, 1, 2],
        "machine": provenance.machine(),
        "modules": ["speedrun"],
        "code": provenance.fingerprint("speedrun"),
        "ratio_median": 5,
        "ratios": [5, 4, 12],
        "seconds": {"reference": [10, 20, 60], "fast": [2, 5, 5]},
        "evaluation": {"reference": [1, 2, 6], "fast": [0.2, 0.5, 0.5]},
        "accuracies": {"reference": [1, 0.875, 0.75], "fast": [1, 0.875, 0.75]},
        "drawing": [7, 8, 9],
        "threads": 1,
    }


@pytest.mark.parametrize("pairs", [0, -1])
def test_bench_of_no_pairs_is_refused_before_anything_is_drawn(pairs, tiny):
    with pytest.raises(RecipeError, match=f"on {pairs} pairs of runs; use at least one"):
        speedrun.bench(pairs)
    assert tiny == []


def test_bench_compares_the_reference_with_fast():
    assert (RUNGS[0].recipe, RUNGS[-1].recipe) == (train.RECIPES["reference"], train.RECIPES["fast"])


def test_each_rung_is_compared_with_an_epoch_of_the_reference_just_before_it(tiny, monkeypatch):
    calls, seconds = [], iter([1.0, 2.0, 1.5, 10.0])

    def timed(rung, seed, training, held_out):
        calls.append((rung.change, rung.recipe.epochs, seed, len(training), len(held_out)))
        return {"seconds": next(seconds), "evaluation": 0.0, "accuracy": [0.5]}

    monkeypatch.setattr(speedrun, "timed", timed)
    results = speedrun.climb(speedrun.RUNGS[1:], seed=7)
    assert [call[:2] for call in calls] == [("slow", 1), ("middle", 2), ("slow", 1), ("quick", 2)]
    assert {call[2:] for call in calls} == {(7, 48, 16)}
    assert tiny == [7]  # the same world for all
    assert results == {
        "middle": {"seconds": 2.0, "evaluation": 0.0, "accuracy": [0.5], "ratio": 5 * 1.0 / 2.0},  # slow: 5 epochs
        "quick": {"seconds": 10.0, "evaluation": 0.0, "accuracy": [0.5], "ratio": 5 * 1.5 / 10.0},
    }


def test_ideas_are_all_tried(tiny, monkeypatch):
    twice = (Rung("as it is", QUICK), Rung("twins", QUICK, rungs.leave_twins_out))
    monkeypatch.setattr(speedrun, "IDEAS", twice)
    results = speedrun.ideas(0)
    assert list(results) == ["as it is", "twins"]
    for result, rung in zip(results.values(), twice, strict=True):
        assert result["accuracy"] == speedrun.timed(rung, 0, *tiny_world(0))["accuracy"]
        assert result["ratio"] > 0
    assert json.loads(json.dumps(results)) == results


def test_ladder_is_every_rung_but_the_first_and_what_explains_the_last(tiny, monkeypatch):
    def step_seconds(batch_size, seed, threads=1):
        return f"{batch_size} pairs, {threads} threads, seed {seed}"

    monkeypatch.setattr(speedrun, "matrix_rate", lambda: 5e9)
    monkeypatch.setattr(speedrun, "step_seconds", step_seconds)
    result = speedrun.ladder(4)
    assert list(result["rungs"]) == ["middle", "quick"]
    assert result["rungs"]["quick"]["accuracy"] == speedrun.timed(speedrun.RUNGS[-1], 4, *tiny_world(4))["accuracy"]
    assert result["operations per second"] == 5e9
    assert result["seconds per update"] == {
        "2 pairs": "2 pairs, 1 threads, seed 4",
        "32 pairs": "32 pairs, 1 threads, seed 4",
        "32 pairs, two threads": "32 pairs, 2 threads, seed 4",
    }
    assert json.loads(json.dumps(result)) == result


def test_studies_climb_the_book_s_rungs_and_ideas(monkeypatch):
    monkeypatch.setattr(speedrun, "climb", lambda rungs, seed: (rungs, seed))
    monkeypatch.setattr(speedrun, "matrix_rate", lambda: 5e9)
    monkeypatch.setattr(speedrun, "step_seconds", lambda *_, **__: 0.1)
    ladder, ideas = (speedrun.STUDIES[name][0] for name in ("ladder", "ideas"))
    assert ladder(2)["rungs"] == (RUNGS[1:], 2)
    assert ideas(3) == (IDEAS, 3)
    assert all(seeds >= 5 for _, seeds in speedrun.STUDIES.values())
