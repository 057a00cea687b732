"""Studies train on what they say they train on; what is stored says which code made it."""

import json
import math
import pickle
from collections import Counter
from dataclasses import replace

import pytest
import torch

from toyclip import data, zero_shot
from toyclip.data import CLASSES, COLORS, SHAPES, Tokenizer
from toyclip.encoders import ToyCLIP
from toyclip.lab import provenance
from toyclip.studies.batch import ablations
from toyclip.studies.zero_shot import captions as study


@pytest.fixture
def small_world(monkeypatch):
    """10 pictures of each class instead of 200."""
    monkeypatch.setattr(study, "draw_pairs", lambda per_class, seed, rendering: data.draw_pairs(10, seed, rendering))


@pytest.fixture
def trained(small_world, monkeypatch) -> list[tuple[torch.Tensor, data.Pairs]]:
    """What each model would have been trained on: token ids and pairs. None is trained; each is a string instead."""
    seen = []

    def fit_captions(tokens, training, recipe, seed):
        seen.append((tokens, training))
        return f"model {len(seen) - 1}"

    monkeypatch.setattr(study, "fit_captions", fit_captions)
    return seen


@pytest.fixture
def tested(monkeypatch) -> list[tuple[object, data.Pairs]]:
    """Which model was tested on which pairs; all reach 0.5."""
    seen = []
    monkeypatch.setattr(study, "accuracy", lambda model, pairs, *rest: seen.append((model, pairs)) or 0.5)
    return seen


# --- what is left out ------------------------------------------------------------------------------------------------


def test_unseen_class_is_in_no_training_picture_or_caption_and_alone_in_the_test(trained, tested):
    assert study.unseen(0, [3, 9]) == 0.5
    (tokens, training), (_, pairs) = trained[0], tested[0]
    assert set(training.classes.tolist()) == set(range(16)) - {3, 9}
    assert set(Tokenizer().decode(tokens)) == {study.CAPTIONS[c] for c in range(16) if c not in (3, 9)}
    assert Counter(pairs.classes.tolist()) == {3: 2, 9: 2}
    assert Tokenizer().decode(tokens) == [study.CAPTIONS[c] for c in training.classes]


def test_each_class_is_left_out_once(monkeypatch):
    seen = []
    monkeypatch.setattr(study, "unseen", lambda seed, missing: seen.append(tuple(missing)) or len(seen))
    assert list(study.one_out(0)) == study.CAPTIONS
    assert seen == [(c,) for c in range(16)]


def test_each_diagonal_leaves_out_each_colour_and_each_shape_once(monkeypatch):
    seen = []
    monkeypatch.setattr(study, "unseen", lambda seed, missing: seen.append(list(missing)) or 1.0)
    results = study.diagonals(0)
    assert sorted(c for missing in seen for c in missing) == list(range(16))
    for missing, told in zip(seen, results, strict=True):
        assert {CLASSES[c][0] for c in missing} == set(COLORS)
        assert {CLASSES[c][1] for c in missing} == set(SHAPES)
        assert told.split(", ") == [study.CAPTIONS[c] for c in missing]


# --- other captions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_four_kinds_of_captions(seed, trained, tested):
    study.captions(seed)
    (true, identical, shuffled, swapped), training = [Tokenizer().decode(t) for t, _ in trained], trained[0][1]
    expected = [study.CAPTIONS[c] for c in training.classes]
    assert all(torch.equal(pairs.images, training.images) for _, pairs in trained)
    assert true == expected
    assert len(set(identical)) == 1
    assert Counter(shuffled) == Counter(expected)
    assert sum(a == b for a, b in zip(shuffled, expected, strict=True)) < len(expected) / 4
    code = dict(zip(expected, swapped, strict=True))
    assert [code[text] for text in expected] == swapped  # always the same
    assert set(code.values()) == set(study.CAPTIONS)  # and no caption twice
    (by_code,) = [pairs for model, pairs in tested[4:] if model == "model 3"]
    english = tested[3][1]
    assert [code[study.CAPTIONS[c]] for c in english.classes] == [study.CAPTIONS[c] for c in by_code.classes]
    assert torch.equal(by_code.images, english.images)


def test_secret_code_gives_every_class_the_caption_of_another(trained, tested):
    for seed in range(10):
        study.captions(seed)
        swapped, training = trained[-1]
        given = Tokenizer().decode(swapped)
        assert not any(text == study.CAPTIONS[c] for text, c in zip(given, training.classes, strict=True))


# --- what is measured ------------------------------------------------------------------------------------------------


def test_world_is_the_one_that_training_draws():
    training, held_out = study.world(4)
    expected = data.split(data.draw_pairs(per_class=200, seed=4), 4)
    assert torch.equal(training.images, expected[0].images)
    assert torch.equal(held_out.images, expected[1].images)


def test_structure_of_a_model_is_within_its_bounds(small_world):
    found = study.structure(ToyCLIP(strided=True, seed=0), study.world(0)[1])
    assert all(math.isfinite(value) for value in found.values())
    assert -1 <= found["silhouette"] <= 1
    for name in found.keys() - {"silhouette", "smallest margin", "emoji right of 10"}:
        assert 0 <= found[name] <= 1, name
    assert found["emoji right of 10"] in range(11)


def test_supervised_classifier_learns_and_is_scored_by_the_held_out_labels(monkeypatch):
    pairs = data.draw_pairs(per_class=12, seed=0)
    shifted = data.Pairs(pairs.images, pairs.classes.roll(48))  # each picture gets the label of another colour
    recipe = replace(study.RECIPES["fast"], epochs=4, batch_size=16)
    scores = []
    for held_out in (pairs, shifted):
        monkeypatch.setattr(study, "world", lambda seed, held_out=held_out: (pairs, held_out))
        scores.append(study.supervised(0, recipe))
    assert scores[0] > 0.6
    assert scores[1] < 0.2


def test_pure_colours_lie_inside_the_wide_ones():
    wide = data.Rendering()
    for pure, word in zip(study.PURE.hue, wide.hue, strict=True):
        assert word[0] <= pure[0] < pure[1] <= word[1]


# --- what is stored --------------------------------------------------------------------------------------------------


def test_result_says_how_it_was_made(monkeypatch):
    """A study in two processes whose work is known."""
    monkeypatch.setattr(provenance, "fingerprint", lambda *modules: f"the code of {', '.join(modules)}")
    ticks = []
    result = study.run("factorials", math.factorial, seeds=4, workers=2, on_result=lambda: ticks.append(1))
    assert result["results"] == [1, 1, 2, 6]  # in the order of the seeds
    assert result["seeds"] == [0, 1, 2, 3]
    assert result["command"].startswith("python -m toyclip study factorials --seeds 4 ")
    assert result["modules"] == ["math"]
    assert result["code"] == "the code of math"
    assert result["machine"]["torch"] == torch.__version__
    assert len(ticks) == 4
    assert json.loads(json.dumps(result)) == result


def test_number_of_seeds_is_enough_to_mean_something():
    assert study.STUDIES["reference"][1] >= 10
    assert study.STUDIES["fast"][1] >= 20
    assert all(seeds >= 3 for _, seeds in (study.STUDIES | ablations.STUDIES).values())


@pytest.mark.parametrize("name", ["data", "encoders", "infonce", "zero_shot", "muon", "train", "geometry", "study"])
def test_fingerprint_follows_the_code_but_not_the_comments(name, tmp_path, monkeypatch):
    for path in provenance.PACKAGE.glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    before, module = provenance.fingerprint("study"), tmp_path / f"{name}.py"
    source = module.read_text(encoding="utf-8")
    module.write_text(f"# a remark\n\n{source}\n# another\n", encoding="utf-8")
    assert provenance.fingerprint("study") == before
    module.write_text(source + "\nx = 1\n", encoding="utf-8")
    assert provenance.fingerprint("study") != before


def test_captions_of_a_study_are_those_of_zero_shot():
    assert [[text] for text in study.CAPTIONS] == zero_shot.class_prompts()


# --- what if ---------------------------------------------------------------------------------------------------------


def test_ablated_losses_differ_from_the_whole_one_in_what_they_say():
    model = ToyCLIP(seed=0).double().requires_grad_(False)
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    tokens = Tokenizer().encode(study.CAPTIONS[:4] + study.CAPTIONS[:2])
    whole = ablations.contrastive(model, images, tokens).item()
    halves = [half(model, images, tokens).item() for half in (ablations.pictures_ask, ablations.captions_ask)]
    assert sum(halves) / 2 == pytest.approx(whole)
    assert halves[0] != pytest.approx(halves[1])
    assert ablations.duplicates_masked(model, images, tokens).item() < whole
    assert ablations.unclamped(model, images, tokens).item() == pytest.approx(whole)
    model.log_logit_scale.fill_(6.0)
    assert ablations.unclamped(model, images, tokens).item() > ablations.contrastive(model, images, tokens).item()
    assert ablations.without_normalisation(model, images, tokens).item() != pytest.approx(whole)


def test_run_that_blows_up_has_no_history_and_a_fixed_scale_stays():
    pairs = data.draw_pairs(per_class=8, seed=0)
    captions = Tokenizer().encode(study.CAPTIONS)
    world = ablations.World(pairs.images, pairs.classes, pairs.images, pairs.classes, captions, vocab_size=10)
    recipe, scales = replace(ablations.ADAMW, epochs=3, batch_size=32), []

    def watched(model, images, tokens):
        scales.append(model.logit_scale.item())
        if len(scales) > 6 and blows_up:
            return torch.tensor(torch.nan)
        return ablations.contrastive(model, images, tokens)

    for blows_up in (True, False):
        scales.clear()
        model, history = ablations.learn(world, recipe, 0, watched, scale=20.0, fixed=True)
        assert scales == pytest.approx([20.0] * (7 if blows_up else 12))
        assert (history is None) == blows_up
        assert not torch.equal(model.text_encoder.positions, ToyCLIP(strided=True, seed=0).text_encoder.positions)
    assert all(0 < epoch.accuracy <= 1 for epoch in history.epochs)


@pytest.mark.parametrize("once", [once for once, _ in (study.STUDIES | ablations.STUDIES).values()])
def test_study_can_be_sent_to_another_process_and_has_a_fingerprint(once):
    assert pickle.loads(pickle.dumps(once)) is once
    assert provenance.fingerprint(once.__module__.removeprefix("toyclip."))
