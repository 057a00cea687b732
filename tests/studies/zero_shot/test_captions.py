"""Models are trained on the captions and the classes that a study says, and scored by the right ones."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from studies.samples import TOKENS, names, same_weights, tiny_world

from toyclip.data import CAPTIONS, CLASSES, COLORS, SHAPES, Pairs, Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.recipes import FAST
from toyclip.studies.zero_shot import captions as study
from toyclip.train import batches, finish, fit


@pytest.fixture
def trained(monkeypatch) -> list[tuple[torch.Tensor, Pairs]]:
    """What each model would have been trained on: token ids and pairs. None is trained; each is a string instead."""
    seen = []
    monkeypatch.setattr(study, "world", tiny_world)
    monkeypatch.setattr(
        study, "fit_captions", lambda tokens, pairs, *_: seen.append((tokens, pairs)) or f"model {len(seen) - 1}"
    )
    return seen


@pytest.fixture
def tested(monkeypatch) -> list[tuple[object, Pairs]]:
    """Which model was tested on which pairs; the scores count up."""
    seen = []
    monkeypatch.setattr(study, "accuracy", lambda model, pairs, *_: seen.append((model, pairs)) or len(seen) / 100)
    return seen


def test_pictures_learn_the_captions_they_are_given():
    """A new model by the recipe, whatever the pairs themselves say."""
    training, _ = tiny_world(0)
    tokens = TOKENS[training.classes.roll(5)]
    expected = ToyCLIP(Config(image_encoder="strided"), seed=2)
    recipe = replace(FAST, batch_size=32)
    finish(fit(expected, training.pixels, tokens, recipe, batches(48, 32, recipe.epochs, seed=2)))
    assert same_weights(study.fit_captions(tokens, training, recipe, 2), expected)


def test_unseen_class_is_in_no_training_picture_or_caption_and_alone_in_the_test(trained, tested):
    assert study.unseen(0, [3, 9]) == 0.01
    (tokens, training), (model, pairs) = trained[0], tested[0]
    whole, held_out = tiny_world(0)
    assert set(training.classes.tolist()) == set(range(16)) - {3, 9}
    assert len(training) == 14 * 3
    assert set(names(training)) < set(names(whole))
    assert Tokenizer().decode(tokens) == [CAPTIONS[c] for c in training.classes]
    assert model == "model 0"
    assert Counter(pairs.classes.tolist()) == {3: 2, 9: 2}
    assert set(names(pairs)) < set(names(held_out))


def test_each_class_is_left_out_once(monkeypatch):
    seen = []
    monkeypatch.setattr(study, "unseen", lambda seed, missing: seen.append((seed, *missing)) or len(seen))
    assert study.one_out(4) == {caption: c + 1 for c, caption in enumerate(CAPTIONS)}
    assert seen == [(4, c) for c in range(16)]


def test_each_diagonal_leaves_out_each_colour_and_each_shape_once(monkeypatch):
    seen = []
    monkeypatch.setattr(study, "unseen", lambda seed, missing: seen.append(list(missing)) or seed)
    results = study.diagonals(4)
    assert sorted(c for missing in seen for c in missing) == list(range(16))
    for missing, told in zip(seen, results, strict=True):
        assert {CLASSES[c][0] for c in missing} == set(COLORS)
        assert {CLASSES[c][1] for c in missing} == set(SHAPES)
        assert told.split(", ") == [CAPTIONS[c] for c in missing]
        assert results[told] == 4


@pytest.mark.parametrize("seed", range(4))
def test_four_kinds_of_captions(seed, trained, tested):
    """The secret code gives every class the caption of another, always the same, and no caption twice."""
    result = study.captions(seed)
    (whole, held_out), decode = tiny_world(seed), Tokenizer().decode
    (true, identical, shuffled, swapped), training = [decode(tokens) for tokens, _ in trained], trained[0][1]
    expected = [CAPTIONS[c] for c in training.classes]
    assert all(names(pairs) == names(whole) for _, pairs in trained)
    assert true == expected
    assert len(set(identical)) == 1
    assert Counter(shuffled) == Counter(expected)
    assert sum(a == b for a, b in zip(shuffled, expected, strict=True)) < len(expected) / 4
    code = dict(zip(expected, swapped, strict=True))
    assert [code[text] for text in expected] == swapped
    assert set(code.values()) == set(CAPTIONS)
    assert not any(text == given for text, given in code.items())
    assert all(names(pairs) == names(held_out) for _, pairs in tested)
    assert [model for model, _ in tested] == ["model 0", "model 1", "model 2", "model 3", "model 3"]
    assert all(torch.equal(pairs.classes, held_out.classes) for _, pairs in tested[:4])
    assert [CAPTIONS[c] for c in tested[4][1].classes] == [code[CAPTIONS[c]] for c in held_out.classes]
    assert result == {
        "true": 0.01, "identical": 0.02, "shuffled": 0.03,
        "swapped, scored by the code": 0.05, "swapped, scored in English": 0.04,
    }  # fmt: skip
