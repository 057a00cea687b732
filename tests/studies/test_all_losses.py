"""All losses that the studies train with, through the same checks; then each against torch by hand."""

import math
import shutil
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.data import CAPTIONS, Tokenizer, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import RecipeError
from toyclip.infonce import info_nce
from toyclip.studies.batch import ablations
from toyclip.studies.speedrun import ladder
from toyclip.train import contrastive, twins_masked

SAME = [4, 5, 6, None, 0, 1, 2]  # the other pair of the batch with the same caption
LOSSES = {  # functions that make a loss anew
    "contrastive": lambda: contrastive,
    "twins masked": lambda: twins_masked,
    "pictures ask": lambda: ablations.pictures_ask,
    "captions ask": lambda: ablations.captions_ask,
    "without normalization": lambda: ablations.without_normalization,
    "sigmoid": lambda: ablations.sigmoid,
    "sigmoid, twins": lambda: ablations.sigmoid_twins,
    "mirror": partial(ladder.mirror, 5),
    "start small": partial(ladder.start_small, 5),
    "sixteen bits": partial(ladder.sixteen_bits, 5),
    "compiled": partial(ladder.compiled, 5),
}
every_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.fixture(autouse=True)
def compiler(monkeypatch) -> list[object]:
    """There is a compiler, and what it is given stays as it is; returns what is called of it, module and version."""
    asked = []

    def compile_module(module):
        fast = object()
        return lambda *given: asked.append((module, fast)) or module(*given)

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(torch, "compile", compile_module)
    monkeypatch.setattr(torch.compiler, "reset", lambda: asked.append("reset"))
    monkeypatch.setattr(torch.compiler, "config", SimpleNamespace())
    return asked


@pytest.fixture(scope="module")
def batch() -> tuple[Tensor, Tensor]:
    """Seven pictures as bytes; the captions of the first three come again."""
    return draw_pairs(1, seed=0).pixels[:7], Tokenizer().encode([*CAPTIONS[:4], *CAPTIONS[:3]])


def new_model(scale: float = 8.5, dtype: torch.dtype = torch.float32) -> ToyCLIP:
    """Random weights, and a bias for those who want one."""
    return ToyCLIP(Config(image_encoder="strided", logit_scale=scale, logit_bias=-1.5), seed=0).to(dtype)


@pytest.fixture(scope="module")
def exact(batch) -> tuple[Tensor, Tensor]:
    """The same in float64."""
    return batch[0].double() / 255, batch[1]


@pytest.fixture(params=[1, 8.5, 50])
def model(request) -> ToyCLIP:
    """The same in float64, at several scales."""
    return new_model(request.param, torch.float64)


@every_loss
def test_loss_is_a_finite_number_whose_gradient_reaches_both_encoders(name, batch):
    model = new_model()
    loss = LOSSES[name]()(model, *batch)
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    assert 0 < loss.item() < 100
    loss.backward()
    for weight in (*model.image_encoder.parameters(), *model.text_encoder.parameters(), model.log_logit_scale):
        assert weight.grad.isfinite().all()
        assert weight.grad.abs().max() > 0
    assert (model.logit_bias.grad is not None) == ("sigmoid" in name)


@every_loss
def test_order_of_the_pairs_does_not_matter_but_who_belongs_to_whom_does(name, batch):
    model, (images, tokens) = new_model().requires_grad_(False), batch
    order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
    loss = LOSSES[name]()(model, images, tokens).item()
    tolerance = 0.02 if name == "sixteen bits" else 1e-4
    assert LOSSES[name]()(model, images[order], tokens[order]).item() == pytest.approx(loss, abs=tolerance)
    assert LOSSES[name]()(model, images, tokens.roll(1, dims=0)).item() != pytest.approx(loss, abs=1e-3)


@every_loss
def test_loss_changes_no_weight_and_draws_no_random_number(name, batch):
    model, before = new_model(), torch.get_rng_state()
    weights = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    images, tokens = (tensor.clone() for tensor in batch)
    first, again = (LOSSES[name]()(model, images, tokens).item() for _ in range(2))
    assert first == again  # each made anew: those that count batches begin at the first
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(weights[key], tensor) for key, tensor in model.state_dict().items())
    assert torch.equal(images, batch[0])
    assert torch.equal(tokens, batch[1])


def cost(row: Tensor, i: int, without: int | None = None) -> float:
    """Cross-entropy of one question: answer `i` among all but `without`."""
    return math.log(sum(math.exp(x) for j, x in enumerate(row.tolist()) if j != without)) - row[i].item()


def test_each_direction_alone_is_a_softmax_over_its_own_side(model, exact):
    logits = model(*exact).detach()
    rows = sum(cost(row, i) for i, row in enumerate(logits)) / 7
    columns = sum(cost(column, i) for i, column in enumerate(logits.T)) / 7
    assert ablations.pictures_ask(model, *exact).item() == pytest.approx(rows)
    assert ablations.captions_ask(model, *exact).item() == pytest.approx(columns)
    assert rows != pytest.approx(columns, rel=1e-6)
    assert contrastive(model, *exact).item() == pytest.approx((rows + columns) / 2)


def test_twins_are_no_negatives_of_each_other(model, exact):
    logits = model(*exact).detach()
    costs = [(cost(logits[i], i, SAME[i]) + cost(logits[:, i], i, SAME[i])) / 2 for i in range(7)]
    assert twins_masked(model, *exact).item() == pytest.approx(sum(costs) / 7)
    assert sum(costs) / 7 < contrastive(model, *exact).item()


@pytest.mark.parametrize("twins", [False, True])
def test_sigmoid_asks_about_every_pair_by_itself(twins, model, exact):
    """The oracle is torch's binary cross-entropy: yes on the diagonal, or for the same caption; summed over all / B."""
    answers = torch.tensor([[i == j or (twins and SAME[i] == j) for j in range(7)] for i in range(7)]).double()
    assert answers.sum() == (13 if twins else 7)
    expected = F.binary_cross_entropy_with_logits(model(*exact) + model.logit_bias, answers, reduction="sum") / 7
    loss = (ablations.sigmoid_twins if twins else ablations.sigmoid)(model, *exact)
    assert loss.item() == pytest.approx(expected.item())
    weights = list(model.parameters())
    for found, known in zip(*(torch.autograd.grad(x, weights) for x in (loss, expected)), strict=True):
        torch.testing.assert_close(found, known)


@pytest.mark.parametrize("length", [1.0, 3.0])
def test_without_normalization_lengths_count(length):
    """Embeddings of length 1 make no difference; of length 3, the scale is nine times as large."""
    generator = torch.Generator().manual_seed(0)
    pictures, texts = F.normalize(torch.randn(2, 6, 64, generator=generator), dim=-1)
    model, given = ToyCLIP(), (torch.zeros(6, 3, 32, 32), torch.ones(6, 4, dtype=torch.int64))
    model.image_encoder.forward = lambda images: length * pictures
    model.text_encoder.forward = lambda tokens: length * texts
    loss = ablations.without_normalization(model, *given).item()
    assert loss == pytest.approx(info_nce(length**2 / 0.07 * pictures @ texts.T).item(), rel=1e-5)
    assert (loss == pytest.approx(contrastive(model, *given).item(), rel=1e-5)) == (length == 1)


def watching(seen: list[Tensor]):
    """Stands in for a model: keeps the pictures that it is shown, and finds all pairs equally similar."""
    return lambda images, tokens: seen.append(images) or torch.zeros(len(images), len(images))


def test_every_other_batch_is_mirrored(batch):
    seen, (images, tokens) = [], batch
    loss, another = ladder.mirror(5), ladder.mirror(5)
    for number in range(5):
        loss(watching(seen), images, tokens)
        expected = images.numpy()[..., ::-1] if number % 2 else images.numpy()
        assert (seen[-1].numpy() == expected).all()
    another(watching(seen), images, tokens)  # which counts for itself
    assert torch.equal(seen[-1], images)


def test_first_epoch_is_at_half_the_width():
    """As many batches as an epoch is said to have; each pixel is the mean of four, between 0 and 1."""
    given = torch.randint(0, 256, (7, 2, 3, 6, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    seen, loss = [], ladder.start_small(5)
    for images in given:
        loss(watching(seen), images, torch.ones(2, 4, dtype=torch.int64))
    for shown, images in zip(seen[:5], given, strict=False):
        means = images.numpy().reshape(2, 3, 3, 2, 2, 2).mean(axis=(3, 5)) / 255
        assert shown.numpy() == pytest.approx(means, abs=1e-6)
    assert all(torch.equal(shown, images) for shown, images in zip(seen[5:], given[5:], strict=True))


def test_sixteen_bits_are_near_thirty_two(batch):
    model, dtypes = new_model(), set()
    weights = [p for name, p in model.named_parameters() if name != "logit_bias"]
    whole = contrastive(model, *batch)
    expected = torch.cat([g.flatten() for g in torch.autograd.grad(whole, weights)])
    layers = [*model.image_encoder.convs, model.image_encoder.projection, model.text_encoder.projection]
    hooks = [layer.register_forward_hook(lambda layer, given, out: dtypes.add(out.dtype)) for layer in layers]
    loss = ladder.sixteen_bits(5)(model, *batch)
    for hook in hooks:
        hook.remove()
    found = torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights)])
    assert dtypes == {torch.bfloat16}
    assert loss.item() == pytest.approx(whole.item(), abs=0.02)
    assert loss.item() != whole.item()  # 8 bits of each number are kept, not 24
    assert F.cosine_similarity(expected, found, dim=0) > 0.99
    assert expected.norm().item() == pytest.approx(found.norm().item(), rel=0.05)
    assert torch.equal(contrastive(model, *batch), whole)  # and nothing is left switched on


def test_compiled_encoder_is_compiled_once_a_model_and_gives_the_same_loss(batch, compiler):
    loss, models = ladder.compiled(5), [new_model(), new_model(20.0)]
    for model in (*models, *models):
        assert loss(model, *batch).item() == pytest.approx(contrastive(model, *batch).item())
    first, *calls = compiler
    assert first == "reset"
    assert [module for module, _ in calls] == [models[i].image_encoder for i in (0, 1, 0, 1)]
    assert calls[:2] == calls[2:]
    assert torch.compiler.config.force_disable_caches  # so that every run pays


@pytest.mark.parametrize("present", ["c++", "g++", "clang++", None])
def test_compiling_needs_any_compiler(present, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: name if name == present else None)
    refused = pytest.raises(RecipeError, match=r"needs a C\+\+ compiler and finds none; install one")
    with nullcontext() if present else refused:
        ladder.compiled(5)
