"""Other models: their widths and parameters by hand, the tail's test against a count picture by picture."""

import math
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from studies.samples import contents, same_weights
from torch import Tensor

from toyclip.encoders import IMAGE_ENCODERS, Config, ToyCLIP
from toyclip.studies.frequency import corpus as frequency
from toyclip.studies.frequency import interventions, models
from toyclip.studies.frequency.corpus import RECIPE, Size
from toyclip.studies.frequency.models import RUNS, among, build, model_run

TINY = Size(levels=6, per_level=2, updates=2, batch_size=4, test=2)  # counts 1 to 32; 126 pictures
WIDTHS = [(kind, width) for kind, widths in models.SIZES.items() for width in widths]


def number_of(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def uniform(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("width", [24, 32, 48])
def test_number_of_parameters_of_a_transformer(width):
    patches = (3 * 4 * 4 + 1) * width + 64 * width
    block = 4 * width * (width + 1) + (width + 1) * 2 * width + (2 * width + 1) * width + 4 * width
    encoder = build("transformer", width, TINY, seed=0)[0].image_encoder
    assert encoder.positions.shape == (64, width)
    assert number_of(encoder) == patches + 2 * block + 2 * width + (width + 1) * 64


@pytest.mark.parametrize("width", [32, 64, 96])
def test_convolutions_have_their_widths_and_keep_their_strides(width):
    encoder = build("convolutions", width, TINY, seed=0)[0].image_encoder
    widths = [(3, width // 2), (width // 2, width // 2), (width // 2, width), (width, width)]
    assert [(conv.in_channels, conv.out_channels) for conv in encoder.convs] == widths
    assert [conv.stride for conv in encoder.convs] == [(2, 2), (2, 2), (2, 2), (1, 1)]
    assert number_of(encoder) == sum(9 * a * b + b for a, b in widths) + 65 * width - width + 64
    assert encoder.features(uniform(2, 3, 32, 32)).shape == (2, width, 4, 4)
    for conv in encoder.convs:  # of He et al.: variance 2 / inputs, no bias
        assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / 9 / conv.in_channels), rel=0.1)
        assert not conv.bias.any()


@pytest.mark.parametrize(("kind", "width"), WIDTHS)
def test_model_has_a_word_for_each_concept_and_one_encoder_of_its_kind(kind, width):
    model, recipe = build(kind, width, TINY, seed=0)
    encoder = {"convolutions": "strided"}.get(kind, kind)
    assert model.config == Config(image_encoder=encoder, width=width, vocab_size=13, context_length=1)
    assert same_weights(model.image_encoder, ToyCLIP(model.config, seed=0).image_encoder)
    assert same_weights(model.text_encoder, frequency.new_model(TINY, 0).text_encoder)  # the same for all
    assert model(uniform(3, 3, 32, 32), torch.tensor([[1], [12], [5]])).shape == (3, 3)
    assert recipe == (replace(RECIPE, name="adamw", muon_lr=None) if kind == "transformer" else RECIPE)


@pytest.mark.parametrize("seed", [0, 5])
def test_words_of_all_models_of_a_seed_start_alike_whatever_sees_the_pictures(seed):
    """As they are built, without copying; weights of pictures and of words come from streams of their own."""
    configs = [Config(image_encoder=kind, width=width) for kind in IMAGE_ENCODERS for width in (32, 64)]
    one, *others = (frequency.new_model(TINY, seed, config) for config in configs)
    assert all(same_weights(other.text_encoder, one.text_encoder) for other in others)
    assert not same_weights(frequency.new_model(TINY, seed + 1).text_encoder, one.text_encoder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        assert not same_weights(IMAGE_ENCODERS[one.config.image_encoder](one.config), one.image_encoder)


def by_hand(cosine: Tensor, shown: Tensor, concepts: list[int]) -> float:
    """Picture by picture, word by word."""
    right = []
    for row, concept in zip(cosine.tolist(), shown.tolist(), strict=True):
        if concept in concepts:
            right.append(max(concepts, key=lambda c, row=row: row[c]) == concept)
    return sum(right) / len(right)


@pytest.mark.parametrize("seed", range(4))
def test_accuracy_among_some_is_a_count_by_hand(seed):
    shown = torch.arange(9).repeat_interleave(5)
    cosine = uniform(45, 9, seed=seed) + 0.3 * F.one_hot(shown)
    some = np.random.default_rng(seed).choice(9, 4, replace=False)
    concepts = torch.zeros(9, dtype=torch.bool)
    concepts[some] = True
    found = among(cosine, shown, concepts)
    assert found == pytest.approx(by_hand(cosine, shown, sorted(some.tolist())))
    assert 0 < found < 1


def test_only_the_words_of_the_part_are_answers():
    """The word of concept 0 is nearest to every picture; negative cosines are no worse than none."""
    cosine = torch.eye(4) - 2
    cosine[:, 0] = 1.0
    before = cosine.clone()
    concepts = torch.tensor([False, True, True, False])
    assert among(cosine, torch.arange(4), concepts) == 1.0
    assert among(cosine, torch.arange(4), ~concepts) == 0.5
    assert among(cosine, torch.arange(4), torch.ones(4, dtype=torch.bool)) == 0.25
    assert torch.equal(cosine, before)


TABLE = uniform(24, 12, seed=3) + 0.5 * F.one_hot(torch.arange(12).repeat_interleave(2))


@pytest.fixture
def learn(monkeypatch) -> Mock:
    """Nothing is learned; cosines come from a table of two pictures of each concept."""
    monkeypatch.setattr(models, "learn", Mock(return_value=1.23456))
    monkeypatch.setattr(models, "similarity", lambda model, pictures, captions: TABLE)
    return models.learn


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_tail_and_rest_are_those_of_the_seeds_own_counts_and_the_control_has_anothers(seed, learn):
    result = model_run("transformer 24, large", seed, TINY)
    shown = torch.arange(12).repeat_interleave(2)
    for counts, suffix in ((result["counts"], ""), (frequency.assign(TINY, seed + 500), ", control")):
        for part, wanted in (("tail", True), ("rest", False)):
            concepts = [c for c in range(12) if (counts[c] <= 8) == wanted]
            assert len(concepts) == (8 if wanted else 4)
            assert result[part + suffix] == round(by_hand(TABLE, shown, concepts), 4)
    assert models.OTHER > 100  # no seed of the study is another's control


@pytest.mark.parametrize("name", RUNS)
def test_run_trains_its_model_on_its_corpus(name, learn):
    kind, width, corpus = RUNS[name]
    result = model_run(name, 2, TINY, "elsewhere")
    pairs = interventions.CONDITIONS[models.CORPORA[corpus]](TINY, 2)
    model, given, tokens, size, seed = learn.call_args.args
    expected, recipe = build(kind, width, TINY, 2)
    assert same_weights(model, expected)
    assert contents(given) == contents(pairs)
    assert torch.equal(tokens, pairs.captions[:, None] + 1)
    assert (size, seed, learn.call_args.kwargs) == (TINY, 2, {"recipe": recipe, "device": "elsewhere"})
    assert result["counts"] == torch.bincount(pairs.captions, minlength=12).tolist()
    assert result["loss"] == 1.2346
    assert result["parameters"] == number_of(expected.image_encoder)
    answers = TABLE.argmax(dim=1).view(12, 2)
    assert result["hits"] == [(answers[c] == c).sum().item() for c in range(12)]
    assert result.keys() == {"counts", "hits", "loss", "parameters", "rest", "tail", "rest, control", "tail, control"}


def test_runs_are_every_size_of_both_architectures_on_every_corpus():
    assert models.SIZES == {"convolutions": (32, 64, 96), "transformer": (24, 32, 48)}
    assert models.CORPORA == {"large": "base", "small": "1/4 of the corpus", "noisy": "40 % mismatched"}
    expected = {
        f"{kind} {width}, {corpus}": (kind, width, corpus) for kind, width in WIDTHS for corpus in models.CORPORA
    }
    assert expected == RUNS
    assert len(RUNS) == 18
