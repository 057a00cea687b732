"""The numbers about a finished model are those of its own embeddings, and both controls are what they say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import silhouette_score
from studies.samples import TOKENS

from toyclip import train
from toyclip.data import Rendering, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.pictures import world_emoji
from toyclip.recipes import FAST, REFERENCE
from toyclip.studies.zero_shot import structure as study


def test_structure_is_that_of_the_models_embeddings():
    """Of one that has learned little, where no number is 0 or 1; the tests of `geometry` know each alone."""
    model, held_out = ToyCLIP(Config(image_encoder="strided"), seed=3), draw_pairs(2, seed=9)
    found = study.structure(model, held_out)
    with torch.no_grad():
        images, texts = model.embed_images(held_out.pixels).numpy(), model.embed_texts(TOKENS).numpy()
        emoji = model.embed_images(world_emoji().pixels).numpy() @ texts.T
    cosines = images @ texts.T
    margins, shared = [], np.zeros(15)
    for row, own in zip(cosines, held_out.classes.tolist(), strict=True):
        margins.append(row[own] - max(x for c, x in enumerate(row) if c != own))
        others = [c for c in np.argsort(-row) if c != own]
        shared += [c // 4 == own // 4 or c % 4 == own % 4 for c in others]
    shared /= len(held_out)
    assert found["smallest margin"] == pytest.approx(min(margins), abs=1e-5)
    assert found["rank 2 shares an attribute"] == pytest.approx(shared[0])
    assert found["rank 3 shares an attribute"] == pytest.approx(shared[1])
    assert found["ranks 2-7 share an attribute"] == pytest.approx(shared[:6].mean())
    assert found["emoji right of 10"] == (emoji.argmax(axis=1) == world_emoji().classes.numpy()).sum()
    for name, vectors in (("captions", texts), ("pictures", images.reshape(16, 2, -1).mean(axis=1))):
        table = vectors.reshape(4, 4, -1)
        fitted = table.mean(axis=1, keepdims=True) + table.mean(axis=0, keepdims=True) - table.mean(axis=(0, 1))
        share = 1 - np.square(table - fitted).sum() / np.square(table - table.mean(axis=(0, 1))).sum()
        assert found[f"additive R2, {name}"] == pytest.approx(share, abs=1e-5)
    silhouette = silhouette_score(images, held_out.classes, metric="sqeuclidean")  # of unit vectors, twice the cosine's
    assert found["silhouette"] == pytest.approx(silhouette, abs=1e-5)
    assert len({round(value, 6) for value in found.values()}) == len(found)  # none would do for another


@pytest.mark.parametrize(("run", "recipe"), [(study.reference, REFERENCE), (study.fast, FAST)])
def test_recipes_from_nothing_are_told_with_the_structure_of_the_seeds_held_out_pictures(run, recipe, monkeypatch):
    history = train.History(recipe.name, 5, 74_913, 1.0, [train.Epoch(1, 2.0, 1.0, 14.0, 0.5)])
    monkeypatch.setattr(study, "train", lambda given, seed: ((given, seed), history))
    monkeypatch.setattr(study, "world", lambda seed: ("training", f"held out {seed}"))
    monkeypatch.setattr(study, "structure", lambda *given: given)
    assert run(5) == history.to_dict() | {"structure": ((recipe, 5), "held out 5")}


def test_emoji_are_told_framed_and_squeezed_for_both_worlds(monkeypatch):
    asked = []
    monkeypatch.setattr(
        study, "train", lambda *given, rendering: asked.append((*given, rendering)) or (rendering, None)
    )
    monkeypatch.setattr(study, "world_emoji", lambda framed=True: framed)
    monkeypatch.setattr(study, "accuracy", lambda model, framed, _: (model == study.PURE) / 2 + framed / 4)
    assert study.emoji(6) == {
        "wide colours, framed": 2.5, "wide colours, squeezed": 0, "pure colours, framed": 7.5,
        "pure colours, squeezed": 5,
    }  # fmt: skip
    assert asked == [(FAST, 6, Rendering()), (FAST, 6, study.PURE)]


def test_pure_colours_lie_inside_the_wide_ones():
    wide = Rendering()
    for pure, word in zip((*study.PURE.hue, study.PURE.saturation), (*wide.hue, wide.saturation), strict=True):
        assert word[0] <= pure[0] < pure[1] <= word[1]
    assert replace(study.PURE, hue=wide.hue, saturation=wide.saturation, value=wide.value) == wide
