"""Training is what its recipe says, follows from its seed alone, and never looks at a held-out picture."""

import json
import math
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from toyclip import data, train
from toyclip.data import CLASSES, Tokenizer, caption
from toyclip.encoders import ToyCLIP
from toyclip.errors import LossNotFiniteError, RecipeError
from toyclip.infonce import info_nce

FAST = train.RECIPES["fast"]
QUICK = replace(FAST, epochs=1)
STILL = replace(QUICK, lr=0.0, muon_lr=None)  # the model stays as it was; Muon would give filters their length anyway
CAPTIONS = Tokenizer().encode([caption(*pair) for pair in CLASSES])


@pytest.fixture(scope="module")
def two_epochs() -> tuple[ToyCLIP, train.History]:
    """Two epochs of the fast recipe on the whole world."""
    return train.train(replace(FAST, epochs=2), seed=0)


@pytest.fixture
def small_world(monkeypatch):
    """`train.train` draws 10 pictures of each class instead of 200: 128 to train on (8 and 2 of a class)."""
    monkeypatch.setattr(train, "draw_pairs", lambda per_class, seed, rendering: data.draw_pairs(10, seed, rendering))


@pytest.fixture(scope="module")
def pairs() -> data.Pairs:
    return data.draw_pairs(per_class=5, seed=0)


def fit(pairs: data.Pairs, recipe: train.Recipe = QUICK, seed: int = 0, **options) -> tuple[ToyCLIP, train.History]:
    model = ToyCLIP(strided=True, seed=0)
    options = {"evaluate": lambda model: 0.5, **options}
    return model, train.fit(model, pairs.images, CAPTIONS[pairs.classes], recipe, seed, **options)


def same_weights(one: ToyCLIP, other: ToyCLIP) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


# --- what comes of it ------------------------------------------------------------------------------------------------


def test_two_epochs_of_the_fast_recipe_go_far(two_epochs):
    model, history = two_epochs
    assert history.accuracy > 0.95
    assert history.epochs[1].loss < history.epochs[0].loss < math.log(16)
    assert history.parameters == sum(p.numel() for p in model.parameters()) == 74_913
    assert (history.recipe, history.seed) == ("fast", 0)


def test_accuracy_in_the_history_is_that_of_the_model_on_the_held_out_pictures(two_epochs):
    model, history = two_epochs
    _, held_out = data.split(data.draw_pairs(per_class=200, seed=0), seed=0)
    with torch.no_grad():
        logits = model(held_out.images, CAPTIONS)  # (480, 16)
    assert history.accuracy == (logits.argmax(dim=1) == held_out.classes).double().mean().item()
    assert history.epochs[-1].logit_scale == model.logit_scale.item()


def test_loss_stays_above_its_floor(two_epochs):
    """The floor is a mean over all batches; 85 batches may lie a little below."""
    for epoch in two_epochs[1].epochs:
        assert epoch.loss > epoch.floor - 0.03


def test_floor_in_the_history_is_the_mean_over_shuffled_epochs(two_epochs):
    """log k, averaged over 300 epochs shuffled here."""
    rng, costs = np.random.default_rng(0), []
    for _ in range(300):
        labels = rng.permutation(np.repeat(np.arange(16), 170)).reshape(-1, 32)
        counts = (labels[:, :, None] == np.arange(16)).sum(axis=1)  # (85, 16)
        costs.append((counts * np.log(np.maximum(counts, 1))).sum() / labels.size)
    for epoch in two_epochs[1].epochs:
        assert epoch.floor == pytest.approx(np.mean(costs), abs=5 * np.std(costs) / math.sqrt(300))


def test_every_parameter_moves(two_epochs):
    """The temperature too."""
    start = dict(ToyCLIP(strided=True, seed=0).named_parameters())
    for name, parameter in two_epochs[0].named_parameters():
        assert not torch.equal(parameter, start[name]), f"{name} is where it began"
    assert len({epoch.logit_scale for epoch in two_epochs[1].epochs} | {1 / 0.07}) == 3


def test_history_is_plain_json(two_epochs):
    stored = json.loads(json.dumps(two_epochs[1].to_dict()))
    assert stored.keys() == {"recipe", "seed", "parameters", "seconds", "accuracy", "epochs"}
    assert [epoch.keys() for epoch in stored["epochs"]] == 2 * [{"epoch", "loss", "floor", "logit_scale", "accuracy"}]
    assert [epoch["epoch"] for epoch in stored["epochs"]] == [1, 2]
    assert stored["accuracy"] == stored["epochs"][-1]["accuracy"]
    assert stored["seconds"] > 0


# --- seeds and leakage -----------------------------------------------------------------------------------------------


def test_run_follows_from_its_seed_alone(small_world):
    torch.manual_seed(0)
    first, history = train.train(QUICK, seed=3)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    again, repeated = train.train(QUICK, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert same_weights(first, again)
    assert replace(repeated, seconds=history.seconds) == history


def test_seed_decides_pictures_split_weights_and_order(small_world, monkeypatch):
    seen = []

    def watch(model, images, tokens, recipe, seed, *rest):
        seen.append((images.sum().item(), model.image_encoder.projection.weight.sum().item(), seed))

    monkeypatch.setattr(train, "fit", watch)
    for seed in (0, 1):
        train.train(QUICK, seed)
    assert all(one != other for one, other in zip(*seen, strict=True))


def test_seed_of_fit_decides_the_order_of_the_pairs(pairs):
    (first, _), (again, _), (other, _) = (fit(pairs, seed=seed) for seed in (0, 0, 1))
    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_held_out_pictures_never_touch_the_weights(small_world, monkeypatch):
    expected, history = train.train(QUICK, seed=0)

    def split(pairs: data.Pairs, seed: int) -> tuple[data.Pairs, data.Pairs]:
        training, held_out = data.split(pairs, seed)
        return training, data.Pairs(torch.rand_like(held_out.images), held_out.classes.roll(1))

    monkeypatch.setattr(train, "split", split)
    model, other = train.train(QUICK, seed=0)
    assert same_weights(model, expected)
    assert other.epochs[0].loss == history.epochs[0].loss


def test_every_training_pair_is_seen_once_per_epoch_with_its_own_caption(pairs):
    seen = []

    def watch(model, images, tokens):
        seen.append((images, tokens))
        return train.contrastive(model, images, tokens)

    fit(pairs, replace(QUICK, epochs=2, batch_size=24), loss_of=watch)
    assert [len(images) for images, _ in seen] == 2 * [24, 24, 24, 8]
    caption_of = {image.numpy().tobytes(): CAPTIONS[c] for image, c in zip(pairs.images, pairs.classes, strict=True)}
    for epoch in (seen[:4], seen[4:]):
        images, tokens = (torch.cat(parts) for parts in zip(*epoch, strict=True))
        assert {image.numpy().tobytes() for image in images} == caption_of.keys()
        assert all(torch.equal(caption_of[i.numpy().tobytes()], t) for i, t in zip(images, tokens, strict=True))
    assert not torch.equal(seen[0][0], seen[4][0])  # shuffled anew


# --- the recipe ------------------------------------------------------------------------------------------------------


@pytest.fixture
def steps(monkeypatch) -> dict[str, list[tuple[float, list[torch.Tensor]]]]:
    """(learning rate, gradients) at each step of each of the two optimizers."""
    seen = {"AdamW": [], "Muon": []}

    def watched(kind: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
        class Watched(kind):
            def step(self):
                (group,) = self.param_groups
                seen[kind.__name__].append((group["lr"], [p.grad.clone() for p in group["params"]]))
                return super().step()

        return Watched

    monkeypatch.setattr(torch.optim, "AdamW", watched(torch.optim.AdamW))
    monkeypatch.setattr(train, "Muon", watched(train.Muon))
    return seen


def rates(steps: list[tuple[float, list[torch.Tensor]]]) -> list[float]:
    return [lr for lr, _ in steps]


def lengths(*optimizers: list[tuple[float, list[torch.Tensor]]]) -> list[float]:
    """Length of the whole gradient at each step, over all the optimizers."""
    return [
        math.sqrt(sum(g.square().sum().item() for _, gradients in step for g in gradients))
        for step in zip(*optimizers, strict=True)
    ]


def test_cosine_schedule_falls_epoch_by_epoch(pairs, steps):
    fit(pairs, replace(train.RECIPES["reference"], epochs=4, batch_size=40))
    expected = [5e-4 * (1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(4) for _ in range(2)]
    assert rates(steps["AdamW"]) == pytest.approx(expected)
    assert steps["Muon"] == []


def test_one_cycle_rises_for_a_quarter_and_falls_to_nothing(pairs, steps):
    """Both optimizers: five steps up, to the peak at step 5, counted from 0, then down; step 20 would be one of 0."""
    fit(pairs, replace(FAST, epochs=10, batch_size=40))
    share = [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, *(down / 15 for down in range(15, 0, -1))]
    assert rates(steps["AdamW"]) == pytest.approx([3e-3 * part for part in share])
    assert rates(steps["Muon"]) == pytest.approx([0.12 * part for part in share])


@pytest.mark.parametrize("epochs", [1, 3, 4])
@pytest.mark.parametrize("steps_per_epoch", [1, 2, 3, 5, 85])
def test_one_cycle_is_two_straight_lines(epochs, steps_per_epoch):
    """From 0 a step before the first to 1 after a quarter of all steps, and back to 0 a step after the last."""
    number = epochs * steps_per_epoch
    share = train.share_of_lr(replace(FAST, epochs=epochs), steps_per_epoch)
    expected = np.interp(np.arange(number + 1), [-1, number / 4, number], [0, 1, 0])
    found = [share(step) for step in range(number + 1)]
    assert found == pytest.approx(expected.tolist(), abs=1e-12)
    assert min(found[:-1]) > 0
    assert found[-1] == 0
    if number % 4 == 0:
        assert found.index(1.0) == number // 4  # exactly


def test_gradient_is_clipped(pairs, steps):
    """As one vector, whichever optimizer gets which part of it."""
    fit(pairs, replace(QUICK, grad_clip=0.01))
    assert lengths(steps["AdamW"], steps["Muon"]) == pytest.approx([0.01] * 3, rel=1e-3)


def test_short_gradient_is_left_as_it_is(pairs, steps):
    fit(pairs, replace(QUICK, grad_clip=1e6))
    assert all(0.01 < length < 1e3 for length in lengths(steps["AdamW"], steps["Muon"]))


@pytest.mark.parametrize("recipe", [QUICK, replace(QUICK, muon_lr=None)], ids=["with Muon", "AdamW alone"])
def test_each_step_follows_the_gradient_of_its_own_batch(recipe, pairs, steps):
    expected = []

    def watch(model, images, tokens):
        loss = info_nce(model(images, tokens))
        expected.append(torch.autograd.grad(loss, list(model.parameters()), retain_graph=True))
        return loss

    model, _ = fit(pairs, replace(recipe, grad_clip=math.inf), loss_of=watch)
    by_muon = [p.ndim == 4 and recipe.muon_lr is not None for p in model.parameters()]
    assert len(expected) == len(steps["AdamW"]) == 3
    assert len(steps["Muon"]) == (3 if recipe.muon_lr else 0)
    for step, gradients in enumerate(expected):
        parts = {False: iter(steps["AdamW"][step][1]), True: iter(steps["Muon"][step][1] if recipe.muon_lr else [])}
        for gradient, muon in zip(gradients, by_muon, strict=True):
            torch.testing.assert_close(next(parts[muon]), gradient)
        assert [len(list(rest)) for rest in parts.values()] == [0, 0]


def test_loss_of_an_epoch_is_the_mean_over_its_pairs(pairs):
    """With a learning rate of 0 the model stands still, and every batch can be computed again."""
    batches = []

    def watch(model, images, tokens):
        batches.append((images, tokens))
        return train.contrastive(model, images, tokens)

    model, history = fit(pairs, replace(STILL, batch_size=18), loss_of=watch)
    assert same_weights(model, ToyCLIP(strided=True, seed=0))
    with torch.no_grad():
        costs = [info_nce(model(images, tokens)).item() * len(images) for images, tokens in batches]
    assert history.epochs[0].loss == pytest.approx(sum(costs) / len(pairs), rel=1e-6)


# --- who moves what --------------------------------------------------------------------------------------------------


def moved_by(model: nn.Module, recipe: train.Recipe) -> dict[str, list[str]]:
    """Names of the parameters that each optimizer has got; those that none has got under "nobody"."""
    name_of = {id(p): name for name, p in model.named_parameters()}
    chosen = {
        type(optimizer).__name__: [name_of.pop(id(p)) for group in optimizer.param_groups for p in group["params"]]
        for optimizer in train.optimizers(model, recipe)
    }
    return chosen | {"nobody": list(name_of.values())}


FILTERS = [f"image_encoder.convs.{i}.weight" for i in range(4)]


def test_muon_gets_the_filters_and_adamw_everything_else():
    """`moved_by` takes each parameter off its list: a second optimizer that has got it raises a KeyError."""
    moved = moved_by(ToyCLIP(strided=True), FAST)
    assert moved["Muon"] == FILTERS
    assert set(moved["AdamW"]) == {name for name, _ in ToyCLIP().named_parameters()} - set(FILTERS)
    assert moved["nobody"] == []


@pytest.mark.parametrize("recipe", [train.RECIPES["reference"], replace(FAST, muon_lr=None)], ids=lambda r: r.name)
def test_without_muon_adamw_gets_everything(recipe):
    moved = moved_by(ToyCLIP(), recipe)
    assert moved.keys() == {"AdamW", "nobody"}
    assert set(moved["AdamW"]) == {name for name, _ in ToyCLIP().named_parameters()}
    assert moved["nobody"] == []


def test_model_without_convolutions_has_no_use_for_muon():
    moved = moved_by(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)), FAST)
    assert moved.keys() == {"AdamW", "nobody"}
    assert moved["nobody"] == []


@pytest.mark.parametrize("recipe", [FAST, train.RECIPES["reference"]], ids=lambda recipe: recipe.name)
def test_frozen_parameters_are_nobodys_and_stay(recipe, pairs):
    frozen = {"image_encoder.convs.2.weight", "image_encoder.projection.bias", "log_logit_scale"}
    model, start = ToyCLIP(strided=True, seed=0), ToyCLIP(strided=True, seed=0).state_dict()
    for name in frozen:
        model.get_parameter(name).requires_grad_(False)
    assert set(moved_by(model, recipe)["nobody"]) == frozen
    recipe = replace(recipe, epochs=1, batch_size=32)
    train.fit(model, pairs.images, CAPTIONS[pairs.classes], recipe, 0, evaluate=lambda model: 0.5)
    assert {name for name, p in model.named_parameters() if torch.equal(p, start[name])} == frozen


@pytest.mark.parametrize("name", train.RECIPES)
def test_optimizers_have_the_settings_of_the_recipe(name):
    recipe = train.RECIPES[name]
    first, *second = (optimizer.param_groups[0] for optimizer in train.optimizers(ToyCLIP(), recipe))
    assert (first["lr"], first["weight_decay"], first["betas"]) == (recipe.lr, recipe.weight_decay, (0.9, 0.999))
    assert [(group["lr"], group["fixed_length"]) for group in second] == [(recipe.muon_lr, True)] * len(second)
    assert len(second) == (recipe.muon_lr is not None)


def test_recipes_are_those_of_the_book():
    reference = train.RECIPES["reference"]
    assert (reference.epochs, reference.batch_size, reference.lr, reference.weight_decay) == (30, 64, 5e-4, 0.05)
    assert (reference.one_cycle, reference.strided, reference.muon_lr) == (False, False, None)
    assert (FAST.epochs, FAST.batch_size, FAST.lr, FAST.muon_lr, FAST.weight_decay) == (3, 32, 3e-3, 0.12, 0.05)
    assert (FAST.one_cycle, FAST.strided) == (True, True)
    assert all(recipe.name == name for name, recipe in train.RECIPES.items())


# --- what cannot be trained ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"epochs": 0}, {"epochs": -1}, {"batch_size": 1}, {"batch_size": 0}])
def test_impossible_recipe_is_refused(change):
    with pytest.raises(RecipeError, match="at least 1 epoch, in batches of at least 2"):
        replace(FAST, **change)


def test_batch_larger_than_the_data_is_refused(pairs):
    with pytest.raises(RecipeError, match="batch of 81 cannot be drawn from 80 pairs"):
        fit(pairs, replace(FAST, batch_size=81))


def test_pair_that_is_left_over_alone_is_skipped(pairs, steps):
    """The schedule counts it as a step all the same: 0, 2 and 4 of 6."""
    _, history = fit(pairs[torch.arange(17)], replace(FAST, batch_size=16))
    assert math.isfinite(history.epochs[0].loss)
    expected = np.interp([0, 2, 4], [-1, 6 / 4, 6], [0, 0.12, 0])
    assert rates(steps["Muon"]) == pytest.approx(expected.tolist())


@pytest.mark.parametrize("batch_size", [20, 40, 80])
def test_one_cycle_of_few_steps_trains(batch_size, pairs):
    model, _ = fit(pairs, replace(QUICK, batch_size=batch_size))
    assert not same_weights(model, ToyCLIP(strided=True, seed=0))


def test_nan_in_a_picture_stops_the_run(pairs):
    images = pairs.images.clone()
    images[5, 0, 0, 0] = torch.nan
    with pytest.raises(LossNotFiniteError, match="loss is nan in epoch 1"):
        fit(data.Pairs(images, pairs.classes))


def test_absurd_learning_rate_stops_the_run(pairs):
    with pytest.raises(LossNotFiniteError, match="lower the learning rate"):
        fit(pairs, replace(FAST, lr=1e30))


def test_number_of_threads_is_restored(pairs):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    inside = []
    try:
        fit(pairs, evaluate=lambda model: inside.append(torch.get_num_threads()) or 0.0)
        assert torch.get_num_threads() == 2
        with pytest.raises(LossNotFiniteError):
            fit(data.Pairs(pairs.images * torch.nan, pairs.classes))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert inside == [1]


def test_seconds_are_those_of_training_and_of_nothing_else(pairs, monkeypatch):
    """A clock that only moves when we say so: everything in `fit` counts, but for `evaluate` and `on_epoch`."""
    now = [1000.0]

    def lasts(seconds, work=lambda *_: None):
        def slow(*arguments):
            now[0] += seconds
            return work(*arguments)

        return slow

    monkeypatch.setattr(train, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(train, "epoch_floor", lasts(0.5, train.epoch_floor))
    monkeypatch.setattr(train, "optimizers", lasts(0.25, train.optimizers))
    _, history = fit(
        pairs, replace(FAST, epochs=2), evaluate=lasts(100, lambda model: 0.5), on_epoch=lasts(10),
        loss_of=lasts(1, train.contrastive),
    )  # fmt: skip
    assert history.seconds == pytest.approx(0.5 + 0.25 + 2 * 3)
    assert now[0] == pytest.approx(1000 + history.seconds + 2 * 110)


def test_sleep_of_the_evaluation_is_not_in_the_seconds(pairs):
    start = time.perf_counter()
    _, history = fit(pairs, replace(FAST, epochs=2), evaluate=lambda model: time.sleep(0.2) or 0.5)
    assert 0 < history.seconds <= time.perf_counter() - start - 0.4


def test_every_epoch_is_reported_as_it_ends(pairs):
    told = []
    _, history = fit(pairs, replace(FAST, epochs=3), on_epoch=told.append)
    assert told == history.epochs


def test_rendering_is_handed_on(small_world, monkeypatch):
    seen = []
    monkeypatch.setattr(train, "fit", lambda model, images, *rest: seen.append(images))
    train.train(QUICK, seed=0, rendering=data.Rendering(background=(0.5, 0.5), noise=0))
    assert seen[0][:, :, 0, 0].median().item() == pytest.approx(0.5, abs=0.01)
