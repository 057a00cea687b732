"""Each way to train changes what its text says and nothing else, and no model but its own."""

import math
import re
import shutil
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from toyclip import data, train
from toyclip.data import CLASSES, Tokenizer, caption
from toyclip.encoders import PIXEL_MEAN, PIXEL_STD, ToyCLIP
from toyclip.errors import RecipeError
from toyclip.infonce import info_nce
from toyclip.studies.speedrun import ladder as rungs
from toyclip.studies.speedrun.ladder import FAST, IDEAS, REFERENCE, RUNGS, Rung

CAPTIONS = Tokenizer().encode([caption(*pair) for pair in CLASSES])
PLAIN = Rung("plain", FAST).prepare


@pytest.fixture(scope="module")
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """32 pictures with their captions, two of each."""
    pairs = data.draw_pairs(per_class=2, seed=0)
    return pairs.images, CAPTIONS[pairs.classes]


@pytest.fixture
def compiler(monkeypatch) -> list[object]:
    """What would have been compiled; nothing is."""
    asked = []
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(torch, "compile", lambda function: asked.append(function) or (lambda *args: function(*args)))
    monkeypatch.setattr(torch.compiler, "reset", lambda: None)
    monkeypatch.setattr(torch.compiler, "config", SimpleNamespace())
    return asked


def idea(change: str) -> Rung:
    (found,) = [rung for rung in IDEAS if rung.change == change]
    return found


def changed(rung: Rung, before: Rung) -> dict[str, object]:
    """Settings of the recipe that differ, but for its name."""
    old = asdict(before.recipe)
    return {key: value for key, value in asdict(rung.recipe).items() if value != old[key] and key != "name"}


# --- recipes ---------------------------------------------------------------------------------------------------------


def test_ladder_leads_from_the_reference_to_fast():
    assert RUNGS[0].recipe == REFERENCE == train.RECIPES["reference"]
    assert RUNGS[-1].recipe == FAST == train.RECIPES["fast"]
    assert all(rung.prepare is PLAIN for rung in RUNGS)
    assert PLAIN(ToyCLIP()) is train.contrastive


@pytest.mark.parametrize("table", [RUNGS, IDEAS], ids=["rungs", "ideas"])
def test_no_two_have_the_same_name(table):
    assert len({rung.change for rung in table}) == len(table)


STEPS = [
    {"epochs": 10, "lr": 2e-3, "one_cycle": True},
    {"strided": True},
    {"batch_size": 32, "lr": 3e-3},
    {"muon_lr": 0.12},
    {"epochs": 3},
]


@pytest.mark.parametrize("number", range(1, len(RUNGS)))
def test_rung_changes_this_and_keeps_the_rest(number):
    assert changed(RUNGS[number], RUNGS[number - 1]) == STEPS[number - 1]


SAID = {  # setting -> how a text says it
    "epochs": (r"(\d+) epochs", int),
    "lr": (r"\blr (\S+?)(?:,|$)", float),
    "batch_size": (r"batches of (\d+)", int),
    "one_cycle": (r"(one cycle)", bool),
    "strided": (r"(strides, ReLU, He's weights)", bool),
    "muon_lr": (r"(Muon|AdamW)\b", str),
}


@pytest.mark.parametrize(
    ("rung", "before"),
    [*zip(RUNGS[1:], RUNGS, strict=False), *((rung, Rung("", FAST)) for rung in IDEAS)],
    ids=lambda rung: rung.change,
)
def test_recipe_differs_as_the_text_says_and_in_nothing_else(rung, before):
    found = {key: (re.search(pattern, rung.change), kind) for key, (pattern, kind) in SAID.items()}
    said = {key: kind(match[1]) for key, (match, kind) in found.items() if match}
    if "muon_lr" in said:
        factor = 2 if "doubled" in rung.change else 0.5 if "halved" in rung.change else 1
        said["muon_lr"] = None if said["muon_lr"] == "AdamW" else factor * FAST.muon_lr
    assert changed(rung, before) == said


def test_ideas_begin_with_fast_itself():
    assert IDEAS[0].recipe == FAST
    assert IDEAS[0].prepare is PLAIN
    recipes = [rung for rung in IDEAS[1:] if rung.prepare is PLAIN]
    assert all(changed(rung, IDEAS[0]) for rung in recipes)  # each of the others changes something


# --- what else is changed --------------------------------------------------------------------------------------------


def watching(seen: list[torch.Tensor]):
    """Stands in for a model: keeps the pictures that it is shown, and finds all pairs equally similar."""
    return lambda images, tokens: seen.append(images) or torch.zeros(len(images), len(images))


def test_twins_are_left_out_of_the_loss(batch):
    """Against the loss written out pair by pair: each pair meets those that carry another caption, and itself."""
    model, (images, tokens) = ToyCLIP(strided=True).double().requires_grad_(False), batch
    images = images.double()
    logits, texts = model(images, tokens), Tokenizer().decode(tokens)

    def cost(row: torch.Tensor, i: int) -> float:
        rivals = [math.exp(row[j]) for j in range(len(row)) if j == i or texts[j] != texts[i]]
        return math.log(sum(rivals)) - row[i].item()

    costs = [(cost(logits[i], i) + cost(logits[:, i], i)) / 2 for i in range(len(texts))]
    loss = idea("twins left out of the loss").prepare(model)
    assert loss(model, images, tokens).item() == pytest.approx(sum(costs) / len(costs))
    assert sum(costs) / len(costs) != pytest.approx(info_nce(logits).item(), rel=0.005)


def test_every_other_batch_is_mirrored(batch):
    seen, (images, tokens) = [], batch
    loss, another = (idea("every other batch mirrored").prepare(ToyCLIP()) for _ in range(2))
    for start in (0, 4, 8, 12, 16):
        loss(watching(seen), images[start : start + 4], tokens[start : start + 4])
    for number, shown in enumerate(seen):
        given = images[4 * number : 4 * number + 4].numpy()
        assert (shown.numpy() == (given[..., ::-1] if number % 2 else given)).all()
    another(watching(seen), images, tokens)  # which counts for itself
    assert torch.equal(seen[-1], images)


def test_first_epoch_is_at_half_the_width():
    """85 batches, as many as 2,720 pictures have of 32; each pixel is the mean of four."""
    assert math.ceil(2720 / FAST.batch_size) == 85
    seen, given = [], torch.rand(87, 2, 3, 6, 4, generator=torch.Generator().manual_seed(0))
    loss = idea("first epoch at 16 pixels").prepare(ToyCLIP())
    for images in given:
        loss(watching(seen), images, CAPTIONS[:2])
    for shown, images in zip(seen[:85], given, strict=False):
        means = images.numpy().reshape(2, 3, 3, 2, 2, 2).mean(axis=(3, 5))
        assert shown.numpy() == pytest.approx(means, abs=1e-6)
    assert all(torch.equal(shown, images) for shown, images in zip(seen[85:], given[85:], strict=True))


def test_maximum_over_all_places(batch):
    model, (images, _) = ToyCLIP(strided=True).requires_grad_(False), batch
    mean = model.image_encoder(images)
    loss = idea("maximum instead of mean").prepare(model)
    largest = model.image_encoder.features(images).numpy().reshape(32, 64, -1).max(axis=2)  # (B, 64)
    layer = model.image_encoder.projection
    expected = largest @ layer.weight.numpy().T + layer.bias.numpy()
    assert model.image_encoder(images).numpy() == pytest.approx(expected, abs=1e-5)
    assert not torch.allclose(model.image_encoder(images), mean, atol=0.1)
    assert loss is train.contrastive
    assert torch.allclose(model.embed_images(images), F.normalize(torch.from_numpy(expected), dim=-1), atol=1e-5)


@pytest.mark.parametrize("strides", [(2, 1, 2, 1), (2, 2, 1, 1)])
def test_strides_are_those_of_the_text(strides, batch):
    model, (images, _) = ToyCLIP(strided=True).requires_grad_(False), batch
    rung = idea(f"strides {' '.join(map(str, strides))}, 2 epochs")
    assert rung.prepare(model) is train.contrastive
    x = (images - PIXEL_MEAN) / PIXEL_STD
    for conv, step in zip(model.image_encoder.convs, strides, strict=True):
        x = F.conv2d(x, conv.weight, conv.bias, stride=step, padding=1).relu()
    assert x.shape == (32, 64, 8, 8)
    assert torch.allclose(model.image_encoder.features(images), x, atol=1e-4)


def test_sixteen_bits_are_near_thirty_two(batch):
    model, (images, tokens) = ToyCLIP(strided=True), batch
    whole = train.contrastive(model, images, tokens)
    expected = torch.autograd.grad(whole, list(model.parameters()))
    dtypes = set()
    layers = [*model.image_encoder.convs, model.image_encoder.projection, model.text_encoder.projection]
    hooks = [layer.register_forward_hook(lambda layer, given, out: dtypes.add(out.dtype)) for layer in layers]
    loss = idea("bfloat16").prepare(model)(model, images, tokens)
    for hook in hooks:
        hook.remove()
    found = torch.autograd.grad(loss, list(model.parameters()))
    assert dtypes == {torch.bfloat16}
    assert loss.dtype == torch.float32
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert loss.item() == pytest.approx(whole.item(), abs=0.02)
    assert loss.item() != whole.item()  # 8 bits of each number are kept, not 24
    one, other = (torch.cat([g.flatten() for g in gradients]) for gradients in (expected, found))
    assert F.cosine_similarity(one, other, dim=0) > 0.99
    assert one.norm().item() == pytest.approx(other.norm().item(), rel=0.05)
    assert torch.equal(train.contrastive(model, images, tokens), whole)  # and nothing is left switched on


def test_without_a_compiler_compiling_is_refused(monkeypatch):
    asked = []
    monkeypatch.setattr(shutil, "which", lambda name: asked.append(name))
    monkeypatch.setattr(torch, "compile", lambda *_: pytest.fail("compiles without a compiler"))
    with pytest.raises(RecipeError, match=r"needs a C\+\+ compiler and finds none; install one"):
        idea("compiled").prepare(ToyCLIP())
    assert asked == ["c++", "g++", "clang++"]


@pytest.mark.parametrize("present", ["c++", "g++", "clang++"])
def test_any_compiler_will_do(present, compiler, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: name if name == present else None)
    model = ToyCLIP()
    whole = model.image_encoder.forward
    assert idea("compiled").prepare(model) is train.contrastive
    assert compiler == [whole]
    assert model.image_encoder.forward != whole
    assert torch.compiler.config.force_disable_caches  # so that every run pays


@pytest.mark.parametrize("rung", [*RUNGS, *IDEAS], ids=lambda rung: rung.change)
def test_preparing_one_model_leaves_its_weights_and_the_other_model_as_they_were(rung, batch, compiler):
    model, other = (ToyCLIP(strided=rung.recipe.strided) for _ in range(2))
    images = batch[0][:2]
    weights, shown = {name: w.clone() for name, w in model.state_dict().items()}, other.embed_images(images)
    settings = [repr(module) for module in other.modules()]
    rung.prepare(model)
    assert all(torch.equal(weights[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(other.embed_images(images), shown)
    assert [repr(module) for module in other.modules()] == settings
    assert "forward" not in vars(other.image_encoder)


@pytest.mark.parametrize("rung", [*RUNGS, *IDEAS], ids=lambda rung: rung.change)
def test_each_one_trains(rung, batch, compiler):
    """Two updates, after which every weight has moved."""
    images, tokens = batch
    model, recipe = ToyCLIP(strided=rung.recipe.strided), replace(rung.recipe, epochs=1, batch_size=16)
    start = {name: p.clone() for name, p in model.named_parameters()}
    loss_of = rung.prepare(model)
    history = train.fit(model, images, tokens, recipe, 0, lambda model: 0.5, loss_of=loss_of)
    assert math.isfinite(history.epochs[0].loss)
    assert all(not torch.equal(start[name], p) for name, p in model.named_parameters())
    assert all(p.isfinite().all() for p in model.parameters())


def test_strides_for_another_number_of_layers_are_refused():
    with pytest.raises(ValueError, match="zip"):
        rungs.stride(2, 2, 2)(ToyCLIP())
