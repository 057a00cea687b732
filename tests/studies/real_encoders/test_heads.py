"""Heads: what they are trained on, recall against scikit-learn's, and concepts held out."""

import numpy as np
import pytest
import torch
from sklearn.metrics import top_k_accuracy_score

from toyclip.studies.real_encoders.features import Pictures
from toyclip.studies.real_encoders.heads import DIM, Heads, Training, ranks, recall, split, train_heads

QUICK = Training(updates=60, batch_size=20)


def world(concepts: int = 20, each: int = 4, noise: float = 0.3) -> tuple[Pictures, torch.Tensor]:
    """Pictures whose features are a linear image of their captions', with noise; and the captions, (C, 12)."""
    generator = torch.Generator().manual_seed(0)
    captions = torch.randn(concepts, 12, generator=generator)
    mixing = torch.randn(12, 16, generator=generator)
    ids = torch.arange(concepts).repeat(each)
    shown = captions[ids] @ mixing + noise * torch.randn(len(ids), 16, generator=generator)
    return Pictures(shown, ids, torch.zeros_like(ids), torch.zeros_like(ids)), captions


def test_forward_is_the_cosine_of_what_two_linear_layers_make():
    model = Heads(16, 12, seed=3)
    shown, captions = world()
    a = shown.features.numpy() @ model.picture_head.weight.detach().numpy().T + model.picture_head.bias.detach().numpy()
    b = captions.numpy() @ model.caption_head.weight.detach().numpy().T + model.caption_head.bias.detach().numpy()
    cosine = (a @ b.T) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)
    assert a.shape[1] == DIM
    assert model(shown.features, captions).detach().numpy() == pytest.approx(cosine, abs=1e-5)


def test_heads_learn_a_linear_world_and_find_what_was_held_out():
    shown, captions = world()
    trained, held_out = split(20, seed=0)
    model, loss = train_heads(shown[torch.isin(shown.concepts, trained)], [captions], QUICK, seed=0)
    assert recall([model], shown, captions, trained)["R@1"] > 0.9
    assert recall([model], shown, captions, held_out)["R@1"] > 0.5
    assert loss < 1
    assert 1 <= model.logit_scale.item() <= 100


def test_with_names_of_others_they_learn_those():
    shown, captions = world()
    moved = torch.arange(20).roll(1)
    model, _ = train_heads(shown, [captions], Training(updates=400, batch_size=40), seed=0, names=moved)
    everyone = torch.arange(20)
    others = Pictures(shown.features, moved[shown.concepts], shown.vendors, shown.views)
    assert recall([model], others, captions, everyone)["R@1"] > 0.8
    assert recall([model], shown, captions, everyone)["R@1"] < 0.2


def test_training_is_repeatable_the_seeds_own_and_leaves_the_global_generator():
    shown, captions = world()
    state = torch.get_rng_state()
    a, b, c = (train_heads(shown, [captions, captions + 1], QUICK, seed)[0].picture_head.weight for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(torch.get_rng_state(), state)


def test_every_style_of_captions_is_drawn():
    """A style of zeros alone teaches nothing about captions; beside a good one it does not stay alone."""
    shown, captions = world()
    empty = torch.zeros_like(captions)
    everyone = torch.arange(20)
    found = [
        recall([train_heads(shown, styles, QUICK, seed=0)[0]], shown, captions, everyone)["R@1"]
        for styles in ([empty], [empty, captions], [captions])
    ]
    assert found[0] < 0.3 < found[1] <= found[2]


def test_pairs_of_one_concept_are_no_negatives_of_each_other():
    """A batch of one concept alone has nothing to be told apart from: its loss is 0 from the start."""
    shown, captions = world()
    one = shown[shown.concepts == 3]
    assert train_heads(one, [captions], Training(updates=1, batch_size=4), seed=0)[1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("k", [1, 10])
def test_recall_is_scikit_learns_top_k_accuracy(k):
    shown, captions = world(concepts=30, noise=4.0)
    models = [Heads(16, 12, seed) for seed in (0, 1)]
    some = torch.arange(5, 27)
    rows = shown[torch.isin(shown.concepts, some)]
    with torch.no_grad():
        cosine = sum(model(rows.features, captions[some]) for model in models).numpy()
    expected = top_k_accuracy_score(rows.concepts.numpy() - 5, cosine, k=k, labels=range(22))
    assert recall(models, shown, captions, some)[f"R@{k}"] == pytest.approx(expected, abs=1e-4)


def test_rank_counts_the_captions_that_are_nearer():
    shown, captions = world(concepts=3, each=1)
    model = Heads(16, 12)
    with torch.no_grad():
        cosine = model(shown.features, captions).numpy()
    expected = [(row > row[i]).sum() for i, row in enumerate(cosine)]
    assert ranks([model], shown, captions, torch.arange(3)).tolist() == expected


def test_one_concept_in_five_is_held_out_by_lot():
    parts = [split(100, seed) for seed in range(60)]
    for trained, held_out in parts:
        assert len(held_out) == 20
        assert sorted([*trained.tolist(), *held_out.tolist()]) == list(range(100))
    share = torch.stack([held_out for _, held_out in parts]).flatten().bincount(minlength=100)
    assert 2 <= share.min() <= share.max() <= 26
