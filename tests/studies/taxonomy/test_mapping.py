"""The mapping: that it learns what it is asked for, and that nothing else moves."""

import numpy as np
import pytest
import torch

from toyclip.errors import InputError
from toyclip.studies.taxonomy import mapping, text
from toyclip.studies.taxonomy.kinds import deal
from toyclip.studies.taxonomy.mapping import Mapping, align

TAXONOMY = deal(0)
WORDS = text.tokenizer(TAXONOMY)
LEAVES = TAXONOMY.words[:4]


@pytest.fixture(scope="module")
def model():
    return text.educate(TAXONOMY, 0, "true", updates=250, batch_size=64)


def features() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32))


def captions(leaves: list[str]) -> list[str]:
    return [f"{text.NAME} {leaf}" for leaf in leaves]


@pytest.mark.parametrize("aim", mapping.AIMS)
def test_nothing_but_the_mapping_moves(model, aim):
    before = [p.clone() for p in model.parameters()]
    trained, fresh = Mapping(seed=2), Mapping(seed=2)
    align(trained, model, WORDS, features(), captions(LEAVES), 0, aim, updates=3, batch_size=4)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(trained.parameters(), fresh.parameters(), strict=True))
    assert torch.equal(fresh(features()), Mapping(seed=2)(features()))
    assert not torch.equal(fresh(features()), Mapping(seed=3)(features()))


def test_caption_is_what_the_model_says_in_the_end(model):
    trained = Mapping()
    loss = align(trained, model, WORDS, features(), captions(LEAVES), 0, updates=150, batch_size=16)
    said = text.answers(model, trained(features()).detach(), WORDS, text.NAME, LEAVES)
    assert said.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert loss < 0.3


def test_last_word_alone_is_asked_for(model):
    """The loss of a mapping that cannot move is the surprise at the caption's last word."""
    still = Mapping().requires_grad_(False)
    still.layers[2].bias.requires_grad_(True)
    first = still(features()[:1]).detach()
    p = text.answers(model, first, WORDS, text.NAME, LEAVES[:1])[0, 0]
    loss = align(still, model, WORDS, features()[:1], captions(LEAVES[:1]), 0, updates=1, batch_size=2)
    assert loss == pytest.approx(-np.log(p), rel=1e-4)


def test_words_vector_is_reached(model):
    trained = Mapping()
    loss = align(trained, model, WORDS, features(), captions(LEAVES), 0, "word", updates=200, batch_size=16)
    wanted = text.vectors(model, WORDS, LEAVES)
    assert ((trained(features()) - wanted) ** 2).mean().item() == pytest.approx(loss, abs=2e-4)
    assert loss < 0.05 * wanted.var().item()


def test_unequal_captions_and_unknown_aims_are_refused(model):
    with pytest.raises(InputError, match="captions of different lengths"):
        align(Mapping(), model, WORDS, features()[:2], ["is called", "is"], 0)
    with pytest.raises(InputError, match="there is no aim 'kind'; choose one of caption, word"):
        align(Mapping(), model, WORDS, features(), captions(LEAVES), 0, "kind")
