"""Shifts leave the world of training step by step, and each kind of model is scored by its own head."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from studies.samples import tiny_world

from toyclip.data import Rendering, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.recipes import FAST
from toyclip.studies.zero_shot import outside as study

KINDS = ("captions", "labels", "labels, cosine")


@pytest.mark.parametrize("shift", study.SHIFTS)
def test_each_shift_changes_one_thing_in_three_different_steps(shift):
    steps, usual = study.SHIFTS[shift], Rendering()
    changed = [{f.name for f in fields(usual) if getattr(step, f.name) != getattr(usual, f.name)} for step in steps]
    assert changed == [changed[0]] * 3
    assert len(changed[0]) == 1
    assert len(set(steps)) == 3
    values = [np.mean(np.ravel(getattr(step, *changed[0]))) for step in steps]
    assert values in (sorted(values), sorted(values, reverse=True))


def test_steps_do_not_overlap_with_the_training_range():
    usual = Rendering()
    for shift, name in (("smaller", "extent"), ("greyer", "saturation"), ("darker", "value")):
        assert all(getattr(step, name)[1] <= getattr(usual, name)[0] for step in study.SHIFTS[shift])
    assert all(step.background[0] > usual.background[1] for step in study.SHIFTS["lighter ground"])
    assert all(step.noise > usual.noise for step in study.SHIFTS["noisier"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns(kind):
    """Four times as often right as guessing, after a few more epochs than the recipe has; not before."""
    training, held_out = draw_pairs(12, 0), draw_pairs(6, 1)
    recipe = replace(FAST, epochs=6, batch_size=16)
    model = study.trained(kind, training, recipe, seed=0)
    assert study.right(kind, model, held_out) > 0.25
    assert study.right(kind, ToyCLIP(model.config, 0), held_out) < 0.2


def test_classifier_learns_from_labels_and_is_scored_by_the_held_out_ones():
    """Half of those are wrong here: of another colour. The captions of its pairs say nothing."""
    pairs = replace(draw_pairs(per_class=12, seed=0), captions=torch.zeros(192, dtype=torch.int64))
    order = torch.arange(192).repeat(2)
    held_out = replace(pairs[order], classes=torch.cat([pairs.classes, pairs.classes.roll(48)]))
    model = study.trained("labels", pairs, replace(FAST, epochs=4, batch_size=16), seed=0)
    assert 0.3 < study.right("labels", model, held_out) < 0.55


def test_loss_by_cosine_is_cross_entropy_over_all_classes():
    model = ToyCLIP(Config(image_encoder="strided", vocab_size=17, context_length=1), seed=0)
    training, _ = tiny_world(0)
    images, classes = training.pixels[::6], training.classes[::6]
    with torch.no_grad():
        cosine = model.embed_images(images) @ model.embed_texts(torch.arange(1, 17)[:, None]).T
        expected = -F.log_softmax(cosine / 0.07, dim=1)[torch.arange(len(classes)), classes].mean()
        assert study.labels_by_cosine(model, images, classes).item() == pytest.approx(expected.item(), rel=1e-4)


def test_distance_is_to_the_nearest_training_picture():
    training, held_out = tiny_world(0)
    few, model = held_out[torch.tensor([0, 9, 31])], ToyCLIP(seed=0)
    pixels = [
        min(np.sqrt(np.square(x / 255 - y / 255).mean()) for y in training.pixels.numpy().astype(float))
        for x in few.pixels.numpy().astype(float)
    ]
    found = study.distances(model, few, training)
    assert found["pixels"] == pytest.approx(np.mean(pixels), rel=1e-3)
    with torch.no_grad():
        cosine = [[float(a @ b) for b in model.embed_images(training.pixels)] for a in model.embed_images(few.pixels)]
    assert found["space"] == pytest.approx(np.mean([1 - max(line) for line in cosine]), abs=1e-5)
    own = study.distances(model, training[torch.arange(5)], training)
    assert own["pixels"] == pytest.approx(0, abs=2e-3)


def test_all_tests_are_told_for_all_models(monkeypatch):
    monkeypatch.setattr(study, "world", tiny_world)
    found = study.outside(0, replace(FAST, epochs=1, batch_size=24), per_class=1)
    assert set(found) == {"held out", "emoji"} | {f"{shift} {i}" for shift in study.SHIFTS for i in (1, 2, 3)}
    assert all(set(numbers) == {*KINDS, "pixels", "space"} for numbers in found.values())
    assert all(0 <= numbers[kind] <= 1 for numbers in found.values() for kind in KINDS)
