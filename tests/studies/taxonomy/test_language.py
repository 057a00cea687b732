"""The language model against torch's own attention and loss; what it may not see; that it learns a rule."""

import numpy as np
import pytest
import torch
from torch import nn

from toyclip.studies.taxonomy.language import Block, LanguageModel, descend, one_cycle, surprise, teach


def sentences(count: int, seed: int = 0) -> torch.Tensor:
    """Sentences of four words, the third of which is the first and the fourth always 1."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(2, 10, size=(2, count))
    return torch.from_numpy(np.stack([first, second, first, np.ones_like(first)], axis=1))


def test_block_is_torchs_own_layer():
    """Same weights, same causal mask: torch's encoder layer with the norms before, and GELU."""
    torch_layer = nn.TransformerEncoderLayer(
        8, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    block = Block(8, 2)
    pairs = [
        (block.qkv.weight, torch_layer.self_attn.in_proj_weight),
        (block.qkv.bias, torch_layer.self_attn.in_proj_bias),
        (block.out.weight, torch_layer.self_attn.out_proj.weight),
        (block.out.bias, torch_layer.self_attn.out_proj.bias),
        (block.mlp[0].weight, torch_layer.linear1.weight),
        (block.mlp[0].bias, torch_layer.linear1.bias),
        (block.mlp[2].weight, torch_layer.linear2.weight),
        (block.mlp[2].bias, torch_layer.linear2.bias),
    ]
    with torch.no_grad():
        for own, theirs in pairs:
            own.copy_(theirs)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 5, 8)).astype(np.float32))
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    assert torch.allclose(block(x), torch_layer(x, src_mask=mask, is_causal=True), atol=1e-5)


def test_no_word_sees_what_comes_after_it():
    model = LanguageModel(10, 4, seed=1)
    a, b = torch.tensor([[2, 3, 4, 5]]), torch.tensor([[2, 3, 9, 9]])
    assert torch.equal(model(a)[:, :2], model(b)[:, :2])
    assert not torch.allclose(model(a)[:, 2:], model(b)[:, 2:])


def test_words_can_be_read_as_vectors():
    model, tokens = LanguageModel(10, 4), sentences(3)
    assert torch.equal(model(tokens), model.read(model.words(tokens)))
    assert model(tokens).shape == (3, 4, 10)


def test_place_matters():
    model = LanguageModel(10, 4)
    assert not torch.allclose(model(torch.tensor([[2, 3, 3]]))[0, 1], model(torch.tensor([[2, 3, 3]]))[0, 2])


def test_weights_follow_from_the_seed_and_leave_the_global_generator_alone():
    state = torch.get_rng_state()
    one, two, other = LanguageModel(10, 4, seed=3), LanguageModel(10, 4, seed=3), LanguageModel(10, 4, seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    tokens = sentences(2)
    assert torch.equal(one(tokens), two(tokens))
    assert not torch.equal(one(tokens), other(tokens))


def test_surprise_leaves_padding_out():
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 4, 6)))
    tokens = torch.tensor([[1, 2, 3, 4], [5, 1, 0, 0]])
    log_p = logits.log_softmax(dim=2)
    asked = [(0, 0, 2), (0, 1, 3), (0, 2, 4), (1, 0, 1)]  # sentence, place, the word that follows
    assert surprise(logits, tokens).item() == pytest.approx(-np.mean([log_p[i].item() for i in asked]))


def test_model_learns_to_copy_what_stands_two_words_before():
    model = LanguageModel(10, 4, width=32, seed=0)
    loss = teach(model, sentences(32 * 150).split(32))
    fresh = sentences(64, seed=1)
    answer = model(fresh).argmax(dim=2)
    assert (answer[:, 1] == fresh[:, 2]).float().mean() > 0.95
    assert (answer[:, 2] == 1).all()
    assert loss == pytest.approx(np.log(8) / 3, abs=0.1)  # the second word cannot be known, the others can


def test_one_cycle_rises_once_and_falls_to_nothing():
    values = [one_cycle(step, 50) for step in range(50)]
    assert max(values) == 1.0
    assert values.index(1.0) == 4
    assert np.all(np.diff(values[:5]) > 0)
    assert np.all(np.diff(values[5:]) < 0)
    assert 0 < values[-1] < 0.01


def test_descent_finds_the_least_and_returns_the_last_tenth():
    module, seen = nn.Linear(1, 1), []

    def loss():
        seen.append(((module.weight - 0.5) ** 2 + module.bias**2).sum())
        return seen[-1]

    last = descend(module, loss, 300, lr=0.05)
    assert module.weight.item() == pytest.approx(0.5, abs=0.05)
    assert last == pytest.approx(np.mean([v.item() for v in seen[-30:]]))
    assert len(seen) == 300
