"""Training is what torch does by hand, follows from its seed alone, and never looks at a held-out picture."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from toyclip import data, streams, train
from toyclip.data import CAPTIONS, Pairs, Rendering, Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import LossNotFiniteError, RecipeError
from toyclip.infonce import info_nce
from toyclip.loss_floor import epoch_floor
from toyclip.recipes import FAST, REFERENCE, Recipe, schedule
from toyclip.train import batches, contrastive, fit

QUICK = replace(FAST, epochs=1)
STILL = replace(QUICK, lr=0.0, muon_lr=None)  # the model stays as it was; Muon would give filters their length anyway
TOKENS = Tokenizer().encode(CAPTIONS)
NARROW = Config(image_encoder="strided", width=16)


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return data.draw_pairs(per_class=5, seed=0)


def run(pairs: Pairs, recipe: Recipe = QUICK, seed: int = 0, config: Config = NARROW, **options) -> tuple:
    """A model after training, and what came after each epoch."""
    model, order = ToyCLIP(config, seed=0), batches(len(pairs), recipe.batch_size, recipe.epochs, seed)
    return model, list(fit(model, pairs.pixels, TOKENS[pairs.captions], recipe, order, **options))


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    return all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


# --- batches ---------------------------------------------------------------------------------------------------------


@given(st.integers(2, 40), st.integers(1, 3), st.integers(0, 99), st.data())
def test_every_epoch_deals_all_pairs_anew_by_torchs_permutations(pairs, epochs, seed, drawn):
    size = drawn.draw(st.integers(2, pairs))
    torch.manual_seed(drawn.draw(st.integers(0, 9)))
    before = torch.get_rng_state()
    found = [[batch.tolist() for batch in epoch] for epoch in batches(pairs, size, epochs, seed)]
    assert torch.equal(torch.get_rng_state(), before)
    generator = streams.generator(seed, "order")
    for epoch in found:
        order = torch.randperm(pairs, generator=generator).tolist()
        parts = [order[i : i + size] for i in range(0, pairs, size)]
        assert epoch == [part for part in parts if len(part) > 1]  # one pair alone has nothing to be told apart from
    assert len(found) == epochs


def test_batch_larger_than_the_data_is_refused():
    with pytest.raises(RecipeError, match="batch of 81 cannot be drawn from 80 pairs"):
        next(batches(80, 81, epochs=1, seed=0))


# --- fit, by hand ----------------------------------------------------------------------------------------------------


def muon(momentum: float = 0.6) -> Iterator:
    """A function (weight, gradient, lr) -> weight of one filter bank, in numpy: Jordan et al. 2024."""
    running = 0.0

    def step(weight: np.ndarray, gradient: np.ndarray, lr: float) -> np.ndarray:
        nonlocal running
        running = momentum * running + gradient
        x = (gradient + momentum * running).reshape(len(gradient), -1)
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(3):
            x = 3.4445 * x - 4.7750 * (x @ x.T) @ x + 2.0315 * (x @ x.T) @ (x @ x.T) @ x
        weight = weight * math.sqrt(len(weight)) / np.linalg.norm(weight)
        return weight - lr * x.reshape(weight.shape)

    return step


def by_hand(
    model: ToyCLIP, images: Tensor, tokens: Tensor, recipe: Recipe, epochs: Sequence[Sequence[Tensor]], factor: float
) -> list[tuple[float, float]]:
    """`fit`, but by torch's own schedulers and numpy; the loss is `factor` times that of CLIP."""
    filters = [p for p in model.parameters() if p.ndim == 4 and recipe.muon_lr]
    others = [p for p in model.parameters() if all(p is not f for f in filters)]
    adamw = torch.optim.AdamW(others, lr=recipe.lr, weight_decay=0.05, fused=True)
    rates = torch.optim.lr_scheduler.LambdaLR(adamw, lambda step: schedule(recipe, step, len(epochs[0])))
    movers, told = [muon() for _ in filters], []
    for epoch in epochs:
        losses = []
        for batch in epoch:
            pictures, texts = model.embed_images(images[batch]), model.embed_texts(tokens[batch])
            logits, answers = model.log_logit_scale.exp() * pictures @ texts.T, torch.arange(len(batch))
            cross_entropy = nn.functional.cross_entropy
            loss = factor * (cross_entropy(logits, answers) + cross_entropy(logits.T, answers)) / 2
            for parameter in model.parameters():
                parameter.grad = None
            loss.backward()
            torch.nn.utils.clip_grad_norm_(list(model.parameters()), 1.0)
            adamw.step()
            with torch.no_grad():
                for p, move in zip(filters, movers, strict=True):
                    lr = recipe.muon_lr * rates.get_last_lr()[0] / recipe.lr
                    p.copy_(torch.from_numpy(move(p.numpy(), p.grad.numpy(), lr)))
                model.log_logit_scale.copy_(model.log_logit_scale.clamp(0.0, math.log(100)))
            rates.step()
            losses.append(loss.item())
        told.append((np.average(losses, weights=[len(batch) for batch in epoch]), model.log_logit_scale.exp().item()))
    return told


@pytest.mark.parametrize("factor", [0.02, 30.0], ids=["short gradients", "clipped gradients"])
@pytest.mark.parametrize("start", [14.3, 99.99], ids=["low scale", "scale at its limit"])
@pytest.mark.parametrize("recipe", [replace(REFERENCE, epochs=3, lr=0.02), replace(FAST, muon_lr=None), FAST],
                         ids=["cosine", "one cycle", "one cycle with Muon"])  # fmt: skip
def test_weights_are_those_of_torch_by_hand(recipe, start, factor, pairs):
    """Bit by bit; with Muon to nine digits, in float64. Old gradients lie about at the start; the last batch is short.

    Nothing but the gradient's direction counts for Adam, so that a clip is seen where it bites on some steps only.
    """
    config, order = replace(NARROW, logit_scale=start), list(batches(80, 24, recipe.epochs, seed=1))
    models = [ToyCLIP(config, seed=0) for _ in range(2)]
    images, tokens = pairs.images, TOKENS[pairs.classes]
    if recipe.muon_lr:
        models, images = [model.double() for model in models], images.double()
    for p in models[0].parameters():
        p.grad = torch.full_like(p, 7.0)
    found = list(fit(models[0], images, tokens, recipe, order, lambda *batch: factor * contrastive(*batch)))
    expected = by_hand(models[1], images, tokens, recipe, order, factor)
    assert np.array(found) == pytest.approx(np.array(expected), rel=1e-6)
    for (name, p), q in zip(models[0].named_parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(
            p, q, rtol=1e-9 if recipe.muon_lr else 0, atol=1e-9 if recipe.muon_lr else 0, msg=name
        )
    assert start < 50 or found[0][1] <= 100.0001


def test_loss_sees_the_pairs_of_its_batch_each_picture_with_its_caption(pairs):
    seen, order = [], [[torch.tensor([3, 70, 5])], [torch.tensor([79, 0])]]
    mismatched = replace(pairs, captions=pairs.classes.roll(7))

    def watch(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
        seen.append((images, tokens))
        return contrastive(model, images, tokens)

    list(fit(ToyCLIP(NARROW), mismatched.pixels, TOKENS[mismatched.captions], STILL, order, watch))
    for (images, tokens), [batch] in zip(seen, order, strict=True):
        assert torch.equal(images, pairs.pixels[batch])
        assert torch.equal(tokens, TOKENS[mismatched.captions[batch]])


def test_loss_of_an_epoch_is_the_mean_over_its_pairs(pairs):
    """With a learning rate of 0 the model stands still, and every batch can be computed again."""
    model, [(loss, scale)] = run(pairs, replace(STILL, batch_size=18))
    assert same_weights(model, ToyCLIP(NARROW, seed=0))
    (epoch,) = batches(80, 18, epochs=1, seed=0)
    with torch.no_grad():
        costs = [len(b) * info_nce(model(pairs.pixels[b], TOKENS[pairs.captions[b]])).item() for b in epoch]
    assert loss == pytest.approx(sum(costs) / 80, rel=1e-6)
    assert scale == model.logit_scale.item()


@pytest.mark.parametrize("recipe", [QUICK, replace(REFERENCE, epochs=1, batch_size=32)], ids=lambda recipe: recipe.name)
def test_all_that_is_not_frozen_moves(recipe, pairs):
    frozen = {"image_encoder.convs.2.weight", "image_encoder.projection.bias", "log_logit_scale"}
    for fixed in (set(), frozen):
        model, start = ToyCLIP(NARROW, seed=0), dict(ToyCLIP(NARROW, seed=0).named_parameters())
        for name in fixed:
            model.get_parameter(name).requires_grad_(False)
        list(fit(model, pairs.pixels, TOKENS[pairs.captions], recipe, batches(80, recipe.batch_size, 1, seed=0)))
        assert {name for name, p in model.named_parameters() if torch.equal(p, start[name])} == fixed


def test_scale_is_held_after_every_step_if_the_model_says_so(pairs):
    """Far beyond both ends, where one epoch could not bring it back."""
    for start, highest, expected in ((1e4, 100.0, 100.0), (0.01, 100.0, 1.0), (1e4, None, 1e4)):
        seen = []

        def watch(model, images, tokens, seen=seen):
            seen.append(model.logit_scale.item())
            return contrastive(model, images, tokens)

        config = replace(NARROW, logit_scale=start, max_logit_scale=highest)
        _, [(_, scale)] = run(pairs, replace(QUICK, lr=1e-6), config=config, loss_of=watch)
        assert [*seen[1:], scale] == pytest.approx([expected] * len(seen), rel=1e-3)


def test_order_of_the_pairs_matters(pairs):
    (first, _), (again, _), (other, _) = (run(pairs, seed=seed) for seed in (0, 0, 1))
    assert same_weights(first, again)
    assert not same_weights(first, other)


# --- what cannot be trained ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_loss_that_is_not_finite_stops_the_run_before_it_touches_a_weight(value, pairs):
    losses = iter([1.0, 1.0, value])

    def loss_of(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
        return contrastive(model, images, tokens) * next(losses)

    model, order = ToyCLIP(NARROW, seed=0), [[torch.arange(8)]] * 3
    progress = fit(model, pairs.pixels, TOKENS[pairs.captions], replace(FAST, epochs=3), order, loss_of)
    next(progress), next(progress)
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    with pytest.raises(LossNotFiniteError, match=r"loss is -?(nan|inf) at step 2; lower the learning rate"):
        next(progress)
    assert all(torch.equal(weights, before[name]) for name, weights in model.state_dict().items())


def test_absurd_learning_rate_and_nan_in_a_picture_stop_the_run(pairs):
    with pytest.raises(LossNotFiniteError, match="lower the learning rate"):
        run(pairs, replace(FAST, lr=1e30))
    images = pairs.images.clone()
    images[5, 0, 0, 0] = torch.nan
    with pytest.raises(LossNotFiniteError, match="loss is nan"):
        list(fit(ToyCLIP(NARROW), images, TOKENS[pairs.captions], QUICK, batches(80, 32, 1, seed=0)))


@pytest.mark.parametrize("batch_size", [20, 40, 80])
def test_one_cycle_of_few_steps_trains(batch_size, pairs):
    model, _ = run(pairs, replace(QUICK, batch_size=batch_size))
    assert not same_weights(model, ToyCLIP(NARROW, seed=0))


# --- threads ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_training_is_finished_on_one_thread_and_the_number_given_back(error, monkeypatch):
    inside = []

    def progress() -> Iterator[tuple[float, float]]:
        for epoch in (3.0, 2.0, 1.5):
            inside.append(torch.get_num_threads())
            yield epoch, 14.3
        if error:
            raise error

    if error:
        with pytest.raises(error):
            train.finish(progress())
    else:
        assert train.finish(progress()) == 1.5
    assert inside == [1, 1, 1]
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("_two_threads")
def test_suspended_training_holds_no_thread_and_train_runs_on_one(pairs, small_world):
    next(fit(ToyCLIP(NARROW), pairs.pixels, TOKENS[pairs.captions], QUICK, batches(80, 32, 1, seed=0)))
    assert torch.get_num_threads() == 2
    inside = []
    train.train(QUICK, seed=0, on_epoch=lambda epoch: inside.append(torch.get_num_threads()))
    assert inside == [1]
    assert torch.get_num_threads() == 2


# --- train -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_world(monkeypatch) -> list:
    """`train` gets 10 pictures of each class, 128 to train on, some under a wrong caption; what it asked for.

    The held-out classes are dealt out anew, so that no model can do on them as well as on the training pictures.
    """
    asked = []

    def world(seed: int, rendering: Rendering) -> tuple[Pairs, Pairs]:
        asked.append((seed, rendering))
        training, held_out = data.split(data.draw_pairs(10, seed, rendering), seed)
        captions = training.classes.where(torch.arange(len(training)) % 5 > 0, 3)
        classes = held_out.classes[torch.randperm(32, generator=torch.Generator().manual_seed(seed))]
        return replace(training, captions=captions), replace(held_out, classes=classes)

    monkeypatch.setattr(train, "world", world)
    return asked


@pytest.mark.parametrize("recipe", [replace(FAST, epochs=2), replace(REFERENCE, epochs=1, batch_size=25)],
                         ids=lambda recipe: recipe.name)  # fmt: skip
@pytest.mark.parametrize("seed", [0, 3])
def test_run_is_world_weights_order_and_test_from_one_seed(recipe, seed, small_world):
    """Each part put together here once more. Training captions are unequal in number: another floor than [8] * 16."""
    told, rendering = [], Rendering(background=(0.05, 0.2))
    torch.manual_seed(11)
    before = torch.get_rng_state()
    model, history = train.train(recipe, seed, rendering=rendering, on_epoch=told.append)
    assert torch.equal(torch.get_rng_state(), before)
    assert small_world == [(seed, rendering)]
    training, held_out = train.world(seed, rendering)

    expected = ToyCLIP(Config(image_encoder=recipe.image_encoder), seed)
    order = list(batches(128, recipe.batch_size, recipe.epochs, seed))
    progress, rows = fit(expected, training.pixels, TOKENS[training.captions], recipe, order), []
    counts = np.bincount(training.captions.numpy(), minlength=16).tolist()
    with train.one_thread():
        for number, (loss, scale) in enumerate(progress, start=1):
            with torch.no_grad():
                right = expected(held_out.pixels, TOKENS).argmax(dim=1) == held_out.classes
            lowest = epoch_floor(counts, recipe.batch_size)
            rows.append(train.Epoch(number, loss, lowest, scale, right.float().mean().item()))
    assert same_weights(model, expected)
    assert model.config == Config(image_encoder=recipe.image_encoder)
    assert told == history.epochs == rows
    assert (history.recipe, history.seed, history.parameters) == (recipe.name, seed, 74_913)
    assert history.accuracy == rows[-1].accuracy < 0.5
    stored = json.loads(json.dumps(history.to_dict()))
    assert stored.keys() == {"recipe", "seed", "parameters", "seconds", "accuracy", "epochs"}
    assert [epoch.keys() for epoch in stored["epochs"]] == len(rows) * [
        {"epoch", "loss", "floor", "logit_scale", "accuracy"}
    ]
    assert stored["accuracy"] == stored["epochs"][-1]["accuracy"]


def test_held_out_pictures_never_touch_the_weights(small_world, monkeypatch):
    expected, history = train.train(QUICK, seed=0)
    world = train.world

    def other_world(*arguments) -> tuple[Pairs, Pairs]:
        training, held_out = world(*arguments)
        return training, replace(held_out, pixels=255 - held_out.pixels, classes=held_out.classes.roll(1))

    monkeypatch.setattr(train, "world", other_world)
    model, other = train.train(QUICK, seed=0)
    assert same_weights(model, expected)
    assert other.epochs[0].loss == history.epochs[0].loss


def test_seconds_are_those_of_training_and_of_nothing_else(small_world, monkeypatch):
    """A clock that only moves when we say so."""
    now = [1000.0]

    def lasts(seconds, work=lambda *_: None):
        def slow(*arguments):
            now[0] += seconds
            return work(*arguments)

        return slow

    monkeypatch.setattr(train, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    for name, seconds in {
        "world": 1e4,
        "ToyCLIP": 1e3,
        "epoch_floor": 1e2,
        "accuracy": 10.0,
        "optimizers": 0.25,
    }.items():
        monkeypatch.setattr(train, name, lasts(seconds, getattr(train, name)))
    monkeypatch.setattr(train, "schedule", lasts(0.5, train.schedule))  # by both optimizers at all four steps
    _, history = train.train(replace(FAST, epochs=2, batch_size=32), seed=0, on_epoch=lasts(5.0))
    assert history.seconds == pytest.approx(0.25 + 2 * 4 * 2 * 0.5)
    assert now[0] == pytest.approx(1000 + 11_100 + history.seconds + 2 * 15)
