"""Each world is what it says, and a run is learned as it was asked for; its losses are tested with all losses."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from studies.samples import TOKENS, emoji_world, same_weights, shapes_world

from toyclip import checkpoint, zero_shot
from toyclip.data import CAPTIONS, Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.recipes import RECIPES
from toyclip.studies.batch import ablations
from toyclip.studies.batch.ablations import ADAMW, VARIANTS, World, learn
from toyclip.studies.frequency import concepts
from toyclip.train import batches, contrastive, fit, twins_masked

QUICK = replace(ADAMW, epochs=2, batch_size=16)  # 4 batches an epoch in the tiny worlds


@pytest.fixture(scope="module")
def tiny() -> World:
    return shapes_world(0)


@pytest.fixture
def watched():
    """A loss that keeps the scales it was computed with, and becomes NaN, or what it is told, in the sixth batch."""

    def loss(model, images, tokens):
        loss.scales.append(model.logit_scale.item())
        return contrastive(model, images, tokens) * (loss.factor if len(loss.scales) == 6 else 1)

    loss.scales, loss.factor = [], 1.0
    return loss


def test_captions_of_shapes_say_what_the_pictures_show(monkeypatch):
    """The shipped model agrees, and so it does of the pictures to train on."""
    draw_pairs = ablations.draw_pairs
    monkeypatch.setattr(ablations, "draw_pairs", lambda per_class, seed: draw_pairs(4, seed))
    world, (model, tokenizer) = ablations.make_world("shapes", 3), checkpoint.load()
    assert tokenizer.decode(world.captions) == list(CAPTIONS)
    assert world.accuracy(model) > 0.95
    assert replace(world, test=world.training).accuracy(model) > 0.95
    assert torch.equal(world.tokens, TOKENS[world.training.classes])


def test_words_of_emoji_are_those_of_the_pictures(monkeypatch):
    """Three emoji have the mean colour of their own pictures, and training and test know the same concepts."""
    chosen, asked = concepts.choose(256, seed=3), []
    draw = ablations.draw_concepts

    def draw_few(given, counts, seed):
        asked.append([e.character for e in given])
        return draw(given, [40 if c in (0, 100, 255) else 0 for c in range(256)], seed)

    monkeypatch.setattr(ablations, "draw_concepts", draw_few)
    world = ablations.make_world("emoji", seed=3)
    assert asked == [[e.character for e in chosen]] * 2
    assert concepts.words(chosen).decode(world.captions) == ["-".join(e.name.lower().split()) for e in chosen]
    for c in (0, 100, 255):
        expected = concepts.draw_concepts([chosen[c]], [100], seed=0).images.mean(dim=(0, 2, 3)).tolist()
        for pairs in (world.training, world.test):
            assert pairs.images[pairs.classes == c].mean(dim=(0, 2, 3)).tolist() == pytest.approx(expected, abs=0.1)


def seeing(pictures: torch.Tensor, texts: torch.Tensor) -> SimpleNamespace:
    """Stands in for a model with these embeddings; remembers whether gradients were on."""
    model = SimpleNamespace(gradients=[], device="cpu")
    model.embed_images = lambda images: model.gradients.append(torch.is_grad_enabled()) or pictures
    model.embed_texts = lambda tokens: texts
    return model


def test_accuracy_of_a_model_that_knows_everything_nothing_or_half(tiny):
    answers = torch.eye(16)[tiny.test.classes]  # (32, 16)
    oracle = seeing(answers, torch.eye(16))
    assert tiny.accuracy(oracle) == 1
    assert oracle.gradients == [False]
    assert tiny.accuracy(seeing(torch.eye(16)[torch.full((32,), 5)], torch.eye(16))) == 1 / 16
    assert tiny.accuracy(seeing(torch.cat([answers[:20], answers[20:].roll(1, dims=1)]), torch.eye(16))) == 20 / 32
    assert tiny.accuracy(seeing(answers, torch.eye(16).roll(1, dims=0))) == 0


def test_run_is_that_of_fit_and_tested_after_each_epoch(tiny):
    """On the pictures of the test, as chapter 4 does it."""
    model, history = learn(tiny, QUICK, seed=3)
    expected, known = ToyCLIP(Config(image_encoder="strided"), seed=3), []
    order = batches(64, 16, 2, 3)
    for loss, scale in fit(expected, tiny.training.pixels, TOKENS[tiny.training.classes], QUICK, order):
        score = zero_shot.accuracy(expected, tiny.test, Tokenizer())
        known.append({"loss": loss, "logit_scale": scale, "accuracy": score})
    assert same_weights(model, expected)
    assert history == known
    assert not same_weights(model, learn(tiny, QUICK, seed=4)[0])
    assert not hasattr(model, "logit_bias")


def test_run_without_tests_trains_the_same(tiny, monkeypatch):
    expected, known = learn(tiny, QUICK, seed=0)
    monkeypatch.setattr(World, "accuracy", lambda *_: pytest.fail("was tested"))
    model, history = learn(tiny, QUICK, seed=0, every_epoch=False)
    assert same_weights(model, expected)
    assert history == [{key: epoch[key] for key in ("loss", "logit_scale")} for epoch in known]


def test_model_is_that_of_the_recipe_and_of_the_world():
    world = emoji_world(0)
    for encoder in ("strided", "pooled"):
        model, _ = learn(world, replace(QUICK, epochs=1, image_encoder=encoder), seed=0)
        assert model.config == Config(image_encoder=encoder, vocab_size=9, context_length=1)


@pytest.mark.parametrize("scale", [None, 1.0, 100.0])
def test_fixed_scale_does_not_move_and_all_else_does(scale, tiny, watched):
    """Not fixed, it moves from where it starts."""
    given = {} if scale is None else {"logit_scale": scale}
    model, history = learn(tiny, QUICK, 0, watched, fixed=True, **given)
    assert watched.scales == pytest.approx([scale or 1 / 0.07] * 8)
    assert len({*watched.scales, *(epoch["logit_scale"] for epoch in history)}) == 1
    start = dict(ToyCLIP(model.config, seed=0).named_parameters())
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, start[name])}
    assert moved == start.keys() - {"log_logit_scale"}
    watched.scales.clear()
    learn(tiny, QUICK, 0, watched, **given)
    assert watched.scales[0] == pytest.approx(scale or 1 / 0.07)
    assert len(set(watched.scales)) > (1 if scale else 7)  # at 1 and 100 it may be held for a while


@pytest.mark.parametrize(("start", "sign"), [(100.0, -1), (1.0, 1)])
@pytest.mark.parametrize("clamped", [True, False])
def test_scale_leaves_its_range_only_without_a_limit(start, sign, clamped, tiny):
    """The loss pulls outwards, up from 100 or down from 1."""
    scales = []

    def outwards(model, images, tokens):
        scales.append(model.logit_scale.item())
        return contrastive(model, images, tokens) + sign * 100 * model.log_logit_scale

    _, history = learn(tiny, QUICK, 0, outwards, logit_scale=start, **({} if clamped else {"max_logit_scale": None}))
    scales = [*scales[1:], history[-1]["logit_scale"]]
    if clamped:
        assert scales == pytest.approx([start] * 8, rel=1e-5)
    else:
        assert all(scale > 100.01 if start == 100 else scale < 0.9999 for scale in scales)


@pytest.mark.parametrize("loss", [ablations.sigmoid, ablations.sigmoid_twins])
def test_bias_is_trained_from_where_it_starts(loss, tiny):
    biases = []

    def watched(model, images, tokens):
        biases.append(model.logit_bias.item())
        return loss(model, images, tokens)

    model, _ = learn(tiny, QUICK, 0, watched, logit_bias=-4.0)
    assert biases[0] == -4
    assert len({*biases, model.logit_bias.item()}) == 9
    assert max(abs(b + 4) for b in biases) < 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_run_that_blows_up_has_no_epochs(value, tiny, watched):
    watched.factor = value
    model, history = learn(tiny, QUICK, 0, watched)
    assert history == []
    assert len(watched.scales) == 6
    assert isinstance(model, ToyCLIP)


@pytest.fixture
def short(monkeypatch) -> list[tuple[str, int]]:
    """The study in two tiny worlds; which worlds were asked for."""
    asked, worlds = [], {"shapes": shapes_world(0), "emoji": emoji_world(0)}
    monkeypatch.setattr(ablations, "make_world", lambda name, seed: asked.append((name, seed)) or worlds[name])
    monkeypatch.setattr(ablations, "EPOCHS", {"shapes": 2, "emoji": 1})
    return asked


def test_every_variant_is_the_run_that_its_options_make_in_both_worlds(short, monkeypatch):
    runs = []

    def learn(world, recipe, seed, **options):
        runs.append((len(world.captions), recipe, seed, options))
        scores = [epoch + len(runs) / 100 for epoch in range(recipe.epochs)]
        return None, [{"accuracy": score, "logit_scale": 10 * score} for score in scores]

    monkeypatch.setattr(ablations, "learn", learn)
    results, number = ablations.variants(5), 0
    assert short == [("shapes", 5), ("emoji", 5)]
    for name, size, epochs in (("shapes", 16, 2), ("emoji", 8, 1)):
        assert list(results[name]) == list(VARIANTS)
        for variant, options in VARIANTS.items():
            assert runs[number] == (size, replace(ADAMW, epochs=epochs), 5, options)
            number += 1
            scores = [epoch + number / 100 for epoch in range(epochs)]
            assert results[name][variant] == {"accuracy": scores, "logit_scale": 10 * scores[-1]}


def test_variant_that_blows_up_is_right_never(short, monkeypatch):
    broken = {"loss_of": lambda model, images, tokens: contrastive(model, images, tokens) * math.nan}
    monkeypatch.setattr(ablations, "VARIANTS", {"learned": {}, "broken": broken})
    results = ablations.variants(0)
    assert results["shapes"]["broken"] == {"accuracy": [0.0, 0.0], "logit_scale": None}
    assert results["emoji"]["broken"] == {"accuracy": [0.0], "logit_scale": None}
    assert 14 < results["shapes"]["learned"]["logit_scale"] < 15


def test_variants_change_what_their_names_say():
    assert {name: dict(options) for name, options in VARIANTS.items()} == {
        "learned": {},
        "pictures ask": {"loss_of": ablations.pictures_ask},
        "captions ask": {"loss_of": ablations.captions_ask},
        "fixed at 1": {"logit_scale": 1.0, "fixed": True},
        "fixed at 14.29": {"fixed": True},
        "fixed at 100": {"logit_scale": 100.0, "fixed": True},
        "from 100, clamped": {"logit_scale": 100.0},
        "from 100, unclamped": {"logit_scale": 100.0, "max_logit_scale": None},
        "unclamped": {"max_logit_scale": None},
        "not normalised": {"loss_of": ablations.without_normalization},
        "twins left out": {"loss_of": twins_masked},
    }
    assert round(Config().logit_scale, 2) == 14.29
    assert replace(ADAMW, name="fast", muon_lr=0.2) == RECIPES["fast"]
    assert (ADAMW.muon_lr, ADAMW.batch_size) == (None, 64)
