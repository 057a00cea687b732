"""The sigmoid's bias starts where a run says, at a learning rate that was chosen elsewhere."""

import math
from dataclasses import replace

import pytest
import torch
from studies.samples import shapes_world

from toyclip.studies.batch import ablations, starts
from toyclip.studies.batch.ablations import ADAMW, sigmoid
from toyclip.studies.batch.sweeps import RATES, TUNING_SEED
from toyclip.train import contrastive


@pytest.fixture(autouse=True)
def _no_rates_from_elsewhere():
    """What is chosen is kept for the process: forget it before and after each test."""
    starts.best_rate.cache_clear()
    yield
    starts.best_rate.cache_clear()


def test_runs_are_every_start_in_both_worlds():
    assert list(starts.RUNS.values()) == [(world, start) for world in ("shapes", "emoji") for start in starts.STARTS]
    assert set(starts.RUNS) == {f"{world}, {start}" for world, start in starts.RUNS.values()}


def test_odds_are_those_of_a_yes_in_a_batch():
    """An untrained model whose cosines are all 0 answers with the share of the diagonal."""
    yes = torch.eye(starts.BATCH).mean()
    assert starts.STARTS["from the odds"] == pytest.approx(torch.logit(yes).item(), rel=1e-6)
    assert starts.STARTS["from -10"] == -10
    assert starts.STARTS["softmax"] is None


@pytest.mark.parametrize(("bias", "loss_of"), [(None, contrastive), (-10.0, sigmoid), (-4.8, sigmoid)])
def test_training_is_that_of_the_chapter_from_this_bias(bias, loss_of, monkeypatch):
    monkeypatch.setattr(starts, "BATCH", 16)
    world = shapes_world(0)
    model, accuracy = starts.train_from(world, bias, 3e-3, 2, seed=4)
    begin = {} if bias is None else {"logit_scale": 10.0, "logit_bias": bias}
    recipe = replace(ADAMW, batch_size=16, lr=3e-3, epochs=2)
    expected, _ = ablations.learn(world, recipe, 4, loss_of, **begin)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), expected.parameters(), strict=True))
    assert accuracy == world.accuracy(expected)
    assert hasattr(model, "logit_bias") == (bias is not None)


def test_loss_that_blows_up_is_right_never(monkeypatch):
    monkeypatch.setattr(starts, "sigmoid", lambda model, images, tokens: contrastive(model, images, tokens) * math.nan)
    monkeypatch.setattr(starts, "BATCH", 16)
    assert starts.train_from(shapes_world(0), -10.0, 3e-3, 1, seed=0)[1] == 0.0


@pytest.mark.parametrize("best", RATES)
def test_rate_is_the_best_on_a_seed_that_no_run_has(best, monkeypatch):
    asked = []

    def train(world, bias, lr, epochs, seed):
        asked.append((world, bias, lr, epochs, seed))
        return None, 0.5 + 0.4 * (lr == best)

    monkeypatch.setattr(starts, "train_from", train)
    monkeypatch.setattr(starts, "make_world", lambda name, seed: (name, seed))
    result = starts.start_run("emoji, softmax", 3)
    assert asked[:-1] == [(("emoji", TUNING_SEED), None, lr, 4, TUNING_SEED) for lr in RATES]
    assert asked[-1] == (("emoji", 3), None, best, 4, 3)
    assert result == {"accuracy": 0.9, "lr": best, "ends": None}
    assert starts.STUDIES[0].seeds <= TUNING_SEED


def test_run_tells_where_the_bias_ended(monkeypatch):
    monkeypatch.setattr(starts, "BATCH", 16)
    monkeypatch.setattr(starts, "EPOCHS", {"shapes": 1, "emoji": 1})
    monkeypatch.setattr(starts, "make_world", lambda name, seed: shapes_world(seed % 100))
    monkeypatch.setattr(starts, "best_rate", lambda name, start: 3e-3)
    ends = starts.start_run("shapes, from -10", 0)["ends"]
    assert ends != -10
    assert abs(ends + 10) < 0.1  # AdamW moves a number by about its rate an update, of which there are four
