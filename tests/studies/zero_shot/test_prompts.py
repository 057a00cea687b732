"""Prompts are put to the right models, and the numbers about them agree with plain loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from studies.samples import tiny_world

from toyclip.data import CAPTIONS, CLASSES, COLORS, SHAPES, Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.recipes import FAST
from toyclip.studies.zero_shot import prompts as study


@pytest.fixture
def read(monkeypatch) -> list[tuple[list[str], Tokenizer]]:
    """What each model would have read: its captions, and the tokenizer. It is returned untrained."""
    seen = []

    def fit_texts(captions: list[str], training: object, tokenizer: Tokenizer, recipe: object, seed: int) -> ToyCLIP:
        seen.append((list(captions), tokenizer))
        size = {"vocab_size": len(tokenizer.words), "context_length": tokenizer.context_length}
        return ToyCLIP(Config(image_encoder="strided", **size), seed + 1)

    monkeypatch.setattr(study, "world", tiny_world)
    monkeypatch.setattr(study, "fit_texts", fit_texts)
    return seen


def test_words_are_invented_different_and_three_for_each_class(read):
    study.invented(0)
    ((captions, _),) = read
    assert len(set(study.INVENTED)) == 48
    assert not set(study.INVENTED) & {"a", *COLORS, *SHAPES}
    called = {}
    for caption, c in zip(captions, tiny_world(0)[0].classes.tolist(), strict=True):
        assert called.setdefault(c, caption) == caption
    assert sorted(" ".join(called.values()).split()) == sorted(study.INVENTED)
    assert {len(caption.split()) for caption in captions} == {3}


def test_each_style_is_read_by_its_model_and_both_styles_about_equally_often(read):
    scores = study.wordings(0)
    texts = [captions for captions, _ in read]
    classes = tiny_world(0)[0].classes.tolist()
    names = [" ".join(CLASSES[c]) for c in classes]
    assert texts[0] == names
    assert texts[1] == [f"a photo of a {name}" for name in names]
    assert all(text in (name, f"a photo of a {name}") for text, name in zip(texts[2], names, strict=True))
    assert 12 < sum(text.startswith("a photo") for text in texts[2]) < 36
    assert len(scores) == 3 * 3 * 2
    assert all(f"read {r}, asked with {p}, noisy" in scores for r in study.STYLES for p in study.STYLES)


@pytest.mark.parametrize(("kind", "words", "which"), [("colour", COLORS, 0), ("shape", SHAPES, 1)])
def test_questions_are_scored_by_the_attribute_they_ask_for(kind, words, which, read):
    scores, (_, held_out) = study.questions(3), tiny_world(3)
    assert read[0][0] == [CAPTIONS[c] for c in tiny_world(3)[0].classes]
    for name, seed in (("a word", 4), ("untrained", 3)):  # the stand-in for the trained model has the next seed
        model = ToyCLIP(Config(image_encoder="strided"), seed)
        with torch.no_grad():
            images, texts = model.embed_images(held_out.pixels), model.embed_texts(Tokenizer().encode(words))
        right = [
            words[int((texts @ x).argmax())] == CLASSES[c][which] for x, c in zip(images, held_out.classes, strict=True)
        ]
        assert scores[f"{kind}, {name}"] == pytest.approx(np.mean(right))


def test_ways_between_pictures_and_captions_agree_with_loops():
    model, (_, held_out) = ToyCLIP(seed=1), tiny_world(1)
    found = study.ways(model, held_out)
    with torch.no_grad():
        images = model.embed_images(held_out.pixels).numpy()
        texts = model.embed_texts(Tokenizer().encode(CAPTIONS)).numpy()
    ways, spread = [], []
    for c in range(16):
        own = images[held_out.classes.numpy() == c]
        ways.append(texts[c] - own.mean(axis=0))
        spread += [np.square(x - own.mean(axis=0)).sum() for x in own]
    common = np.mean(ways, axis=0)
    assert found["to the caption"] == pytest.approx(np.mean([np.square(w).sum() for w in ways]), rel=1e-4)
    assert found["common to all"] == pytest.approx(np.square(common).sum(), rel=1e-4)
    assert found["to a picture"] == pytest.approx(np.mean(spread), rel=1e-4)
    assert found["gap"] == pytest.approx(np.linalg.norm(images.mean(axis=0) - texts.mean(axis=0)), rel=1e-4)
    rest = np.mean([np.square(w - common).sum() for w in ways])
    assert found["to the caption"] == pytest.approx(found["common to all"] + rest, rel=1e-4)


def test_texts_and_vocabulary_reach_the_model():
    training, _ = tiny_world(0)
    tokenizer = Tokenizer(("ding", "dong"), context_length=2)
    texts = ["ding" if c < 8 else "dong ding" for c in training.classes]
    model = study.fit_texts(texts, training, tokenizer, replace(FAST, batch_size=24), seed=2)
    assert (model.config.vocab_size, model.config.context_length, model.config.image_encoder) == (3, 2, "strided")
    fresh = ToyCLIP(model.config, seed=2)
    assert not torch.equal(model.image_encoder.projection.weight, fresh.image_encoder.projection.weight)
