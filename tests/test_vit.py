"""The transformer against attention written out in numpy."""

import numpy as np
import pytest
import torch
from scipy.special import erf

from toyclip.vit import VisionTransformer


def norm(layer: torch.nn.LayerNorm, x: np.ndarray) -> np.ndarray:
    unit = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    return unit * layer.weight.numpy() + layer.bias.numpy()


def linear(layer: torch.nn.Linear, x: np.ndarray) -> np.ndarray:
    return x @ layer.weight.numpy().T + layer.bias.numpy()


def attention(layer: torch.nn.MultiheadAttention, x: np.ndarray, heads: int) -> np.ndarray:
    """Every patch asks all patches, head by head (Vaswani et al. 2017)."""
    questions, keys, values = np.split(x @ layer.in_proj_weight.numpy().T + layer.in_proj_bias.numpy(), 3, axis=1)
    answers = []
    for q, k, v in zip(*(np.split(part, heads, axis=1) for part in (questions, keys, values)), strict=True):
        weights = np.exp(q @ k.T / np.sqrt(q.shape[1]))
        answers.append(weights / weights.sum(axis=1, keepdims=True) @ v)
    return linear(layer.out_proj, np.concatenate(answers, axis=1))


def by_hand(model: VisionTransformer, picture: np.ndarray, patch: int) -> np.ndarray:
    """Embedding of one picture (3, H, W)."""
    side = picture.shape[1] // patch
    x = ((picture - 0.18) / 0.26).reshape(3, side, patch, side, patch).transpose(1, 3, 0, 2, 4).reshape(side**2, -1)
    x = x @ model.patches.weight.numpy().reshape(len(model.patches.weight), -1).T + model.patches.bias.numpy()
    x = x + model.positions.numpy()
    for block in model.blocks:
        x = x + attention(block.self_attn, norm(block.norm1, x), heads=4)
        hidden = linear(block.linear1, norm(block.norm2, x))
        x = x + linear(block.linear2, hidden * (1 + erf(hidden / np.sqrt(2))) / 2)
    return linear(model.projection, norm(model.norm, x).mean(axis=0)[None])[0]


@pytest.mark.parametrize(("patch", "size"), [(4, 32), (8, 16)])
@pytest.mark.parametrize("training", [True, False])
def test_transformer_is_what_numpy_computes(patch, size, training):
    """In training, too: there is no dropout."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = VisionTransformer(16, embed_dim=10, patch=patch, image_size=size).double().requires_grad_(False)
    picture = torch.rand(3, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = model.train(training)(picture[None])[0].numpy()
    assert found == pytest.approx(by_hand(model, picture.numpy(), patch))
    assert len(model.blocks) == 2
    assert model.blocks[0].linear1.out_features == 32


def test_transformer_sees_64_patches_and_64_dimensions_unless_told_otherwise():
    model = VisionTransformer(32)
    assert model.positions.shape == (64, 32)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 64)
