"""Each loss has one thing changed, each world is what it says, and a run is learned as it was asked for."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from toyclip import checkpoint, data, train, zero_shot
from toyclip.data import CLASSES, Tokenizer, caption
from toyclip.encoders import ToyCLIP
from toyclip.infonce import info_nce
from toyclip.studies.batch import ablations
from toyclip.studies.batch.ablations import ADAMW, VARIANTS, World, learn
from toyclip.studies.frequency import concepts

TEXTS = [caption(*pair) for pair in CLASSES]
CAPTIONS = Tokenizer().encode(TEXTS)
QUICK = replace(ADAMW, epochs=2, batch_size=16)  # 4 batches an epoch in the tiny world


@pytest.fixture(scope="module")
def tiny() -> World:
    """Four pictures of each class to train on, two others to test."""
    training, test = data.draw_pairs(per_class=4, seed=0), data.draw_pairs(per_class=2, seed=1)
    return World(training.images, training.classes, test.images, test.classes, CAPTIONS, vocab_size=10)


@pytest.fixture(scope="module")
def tiny_emoji() -> World:
    """Eight emoji with a word each, eight pictures of each to train on, two to test."""
    chosen = concepts.choose(8, seed=0)
    training, test = (concepts.draw_concepts(chosen, [n] * 8, seed) for n, seed in ((8, 0), (2, 1)))
    tokens = torch.arange(1, 9)[:, None]
    return World(training.images, training.classes, test.images, test.classes, tokens, vocab_size=9)


@pytest.fixture(params=[1, 8.5, 50])
def model(request) -> ToyCLIP:
    """Random weights, logit scales inside the clamp, a bias for those who want one."""
    model = ToyCLIP(seed=0).double()
    model.log_logit_scale.data.fill_(math.log(request.param))
    model.logit_bias = nn.Parameter(torch.tensor(-1.5, dtype=torch.float64))
    return model


@pytest.fixture(scope="module")
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Seven pictures; the captions of the first three come again."""
    images = torch.rand(7, 3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return images, Tokenizer().encode([*TEXTS[:4], *TEXTS[:3]])


def unit_vectors(count: int, seed: int) -> torch.Tensor:
    """(count, 64) of length 1."""
    return F.normalize(torch.randn(count, 64, generator=torch.Generator().manual_seed(seed)), dim=-1)


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


# --- losses ----------------------------------------------------------------------------------------------------------


def test_each_direction_alone_is_a_softmax_over_its_own_side(model, batch):
    logits = model(*batch).detach()
    rows = sum((math.log(row.exp().sum()) - row[i]).item() for i, row in enumerate(logits)) / 7
    columns = sum((math.log(column.exp().sum()) - column[i]).item() for i, column in enumerate(logits.T)) / 7
    assert ablations.pictures_ask(model, *batch).item() == pytest.approx(rows)
    assert ablations.captions_ask(model, *batch).item() == pytest.approx(columns)
    assert rows != pytest.approx(columns, rel=1e-6)
    assert (rows + columns) / 2 == pytest.approx(train.contrastive(model, *batch).item())


def test_duplicates_are_no_negatives_of_each_other(model, batch):
    """Pairs 0 and 4, 1 and 5, 2 and 6 have the same caption."""
    logits = model(*batch).detach()

    def cost(row: torch.Tensor, i: int) -> float:
        twin = {0: 4, 1: 5, 2: 6, 4: 0, 5: 1, 6: 2}.get(i)
        return math.log(sum(math.exp(row[j]) for j in range(7) if j != twin)) - row[i].item()

    expected = sum((cost(logits[i], i) + cost(logits[:, i], i)) / 2 for i in range(7)) / 7
    assert ablations.duplicates_masked(model, *batch).item() == pytest.approx(expected)
    assert expected < train.contrastive(model, *batch).item()


@pytest.mark.parametrize("twins", [False, True])
def test_sigmoid_asks_about_every_pair_by_itself(twins, model, batch):
    """The oracle is torch's binary cross-entropy: yes on the diagonal, or for the same caption; summed over all / B."""
    texts = Tokenizer().decode(batch[1])
    answers = torch.tensor([[i == j or (twins and texts[i] == texts[j]) for j in range(7)] for i in range(7)]).double()
    assert answers.sum() == (13 if twins else 7)
    logits = model(*batch) + model.logit_bias
    expected = F.binary_cross_entropy_with_logits(logits, answers, reduction="sum") / 7
    loss = (ablations.sigmoid_twins if twins else ablations.sigmoid)(model, *batch)
    assert loss.item() == pytest.approx(expected.item())
    weights = list(model.parameters())
    for found, known in zip(*(torch.autograd.grad(x, weights) for x in (loss, expected)), strict=True):
        torch.testing.assert_close(found, known)


def test_unclamped_scale_is_the_same_inside_the_clamp(model, batch):
    assert ablations.unclamped(model, *batch).item() == pytest.approx(train.contrastive(model, *batch).item())


@pytest.mark.parametrize(("log_scale", "clamped"), [(6.0, 100.0), (-1.0, 1.0)])
def test_unclamped_scale_goes_on_outside_the_clamp(log_scale, clamped, model, batch):
    model.log_logit_scale.data.fill_(log_scale)
    cosine = model.embed_images(batch[0]) @ model.embed_texts(batch[1]).T
    loss = ablations.unclamped(model, *batch)
    assert loss.item() == pytest.approx(info_nce(math.exp(log_scale) * cosine).item())
    assert train.contrastive(model, *batch).item() == pytest.approx(info_nce(clamped * cosine).item())
    assert loss.item() != pytest.approx(info_nce(clamped * cosine).item(), rel=1e-4)
    assert torch.autograd.grad(loss, model.log_logit_scale)[0] != 0  # and can come back


@pytest.mark.parametrize("length", [1.0, 3.0])
def test_without_normalisation_lengths_count(length):
    """Embeddings of length 1 make no difference; of length 3, the scale is nine times as large."""
    model, pictures, texts = ToyCLIP(), unit_vectors(6, seed=0), unit_vectors(6, seed=1)
    model.image_encoder.forward = lambda images: length * pictures
    model.text_encoder.forward = lambda tokens: length * texts
    expected = info_nce(length**2 / 0.07 * pictures @ texts.T).item()
    loss = ablations.without_normalisation(model, torch.zeros(6, 3, 32, 32), CAPTIONS[:6]).item()
    assert loss == pytest.approx(expected, rel=1e-5)
    whole = train.contrastive(model, torch.zeros(6, 3, 32, 32), CAPTIONS[:6]).item()
    assert (loss == pytest.approx(whole, rel=1e-5)) == (length == 1)


# --- worlds ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["shapes", "emoji"])
def whole(request) -> tuple[str, World]:
    """A world as large as the studies' own."""
    return request.param, ablations.make_world(request.param, seed=3)


def test_world_has_its_sizes(whole):
    name, world = whole
    number, pictures, tests = {"shapes": (16, 4096, 480), "emoji": (256, 8192, 1024)}[name]
    assert world.images.shape == (pictures, 3, 32, 32)
    assert world.test_images.shape == (tests, 3, 32, 32)
    assert world.classes.bincount().tolist() == [pictures // number] * number
    assert world.test_classes.bincount().tolist() == [tests // number] * number
    assert len(world.captions) == len(world.captions.unique(dim=0)) == number  # all different
    assert 0 <= world.captions.min() <= world.captions.max() == world.vocab_size - 1


def test_no_picture_is_there_twice_and_none_of_the_test_in_training(whole):
    _, world = whole
    seen = {hash(image.numpy().tobytes()) for image in (*world.images, *world.test_images)}
    assert len(seen) == len(world.images) + len(world.test_images)


def test_test_pictures_show_what_the_training_pictures_of_their_class_show(whole):
    """Of blurred pictures the nearest mean of a class is the right one five times as often as by chance."""
    _, world = whole
    training, test = (F.avg_pool2d(x, 8).flatten(1) for x in (world.images, world.test_images))  # (N, 48)
    means = torch.stack([training[world.classes == c].mean(dim=0) for c in range(len(world.captions))])
    right = (torch.cdist(test, means).argmin(dim=1) == world.test_classes).double().mean().item()
    assert right > 5 / len(world.captions)


def test_captions_say_what_the_pictures_show(whole):
    name, world = whole
    if name == "shapes":
        model, tokenizer = checkpoint.load()
        assert tokenizer.decode(world.captions) == TEXTS
        assert world.accuracy(model) > 0.98
        some = torch.arange(0, 4096, 37)
        assert replace(world, test_images=world.images[some], test_classes=world.classes[some]).accuracy(model) > 0.95
    else:
        chosen = concepts.choose(256, seed=3)
        assert concepts.words(chosen).decode(world.captions) == ["-".join(e.name.lower().split()) for e in chosen]
        for c in (0, 100, 255):
            expected = concepts.draw_concepts([chosen[c]], [200], seed=0).images.mean(dim=(0, 2, 3))
            found = world.images[world.classes == c].mean(dim=(0, 2, 3))
            assert found.tolist() == pytest.approx(expected.tolist(), abs=0.1)
    assert torch.equal(world.tokens, torch.stack([world.captions[c] for c in world.classes.tolist()]))


@pytest.mark.parametrize("name", ablations.EPOCHS)
def test_world_follows_from_its_seed_alone(name, monkeypatch):
    """With few pictures: one each of 16 classes or of the first 8 emoji."""
    some = [1] * 8 + [0] * 248
    monkeypatch.setattr(ablations, "draw_pairs", lambda per_class, seed: data.draw_pairs(1, seed))
    monkeypatch.setattr(ablations, "draw_concepts", lambda chosen, _, seed: concepts.draw_concepts(chosen, some, seed))
    before = torch.get_rng_state()
    first, again, other = (ablations.make_world(name, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    for key in ("images", "classes", "test_images", "test_classes", "captions"):
        assert torch.equal(getattr(first, key), getattr(again, key))
    assert not torch.equal(first.images, other.images)
    assert not torch.equal(first.test_images, other.test_images)
    assert not torch.equal(first.images, first.test_images)
    if name == "emoji":  # other emoji, not only other pictures of the same
        colours = [world.images.mean(dim=(2, 3)) for world in (first, other)]
        assert (colours[0] - colours[1]).abs().max() > 0.2


def seeing(pictures: torch.Tensor, texts: torch.Tensor) -> SimpleNamespace:
    """Stands in for a model with these embeddings; remembers whether gradients were on."""
    model = SimpleNamespace(gradients=[])
    model.embed_images = lambda images: model.gradients.append(torch.is_grad_enabled()) or pictures
    model.embed_texts = lambda tokens: texts
    return model


def test_accuracy_of_a_model_that_knows_everything_nothing_or_half(tiny):
    answers = torch.eye(16)[tiny.test_classes]  # (32, 16)
    oracle = seeing(answers, torch.eye(16))
    assert tiny.accuracy(oracle) == 1
    assert oracle.gradients == [False]
    assert tiny.accuracy(seeing(torch.eye(16)[torch.full((32,), 5)], torch.eye(16))) == 1 / 16
    assert tiny.accuracy(seeing(torch.cat([answers[:20], answers[20:].roll(1, dims=1)]), torch.eye(16))) == 20 / 32
    assert tiny.accuracy(seeing(answers, torch.eye(16).roll(1, dims=0))) == 0


def test_accuracy_is_that_of_chapter_4(tiny):
    model, test = ToyCLIP(strided=True, seed=1), data.Pairs(tiny.test_images, tiny.test_classes)
    train.fit(model, tiny.images, tiny.tokens, QUICK, 0, evaluate=lambda model: 0.5)
    assert tiny.accuracy(model) == zero_shot.accuracy(model, test, Tokenizer()) > 1 / 16


# --- a run -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def watched():
    """A loss that keeps the scales it was computed with."""

    def loss(model, images, tokens):
        loss.scales.append(model.logit_scale.item())
        return train.contrastive(model, images, tokens)

    loss.scales = []
    return loss


def test_run_is_that_of_fit(tiny):
    model, history = learn(tiny, QUICK, seed=3)
    expected = ToyCLIP(strided=True, seed=3)
    known = train.fit(expected, tiny.images, CAPTIONS[tiny.classes], QUICK, 3, evaluate=tiny.accuracy)
    assert same_weights(model, expected)
    assert replace(history, seconds=known.seconds) == known
    assert history.accuracy == tiny.accuracy(model)
    assert not same_weights(model, learn(tiny, QUICK, seed=4)[0])
    assert not hasattr(model, "logit_bias")


def test_recipe_decides_the_encoder(tiny):
    model, _ = learn(tiny, replace(QUICK, epochs=1, strided=False), seed=0)
    assert not model.image_encoder.strided


def test_model_fits_the_world_it_is_trained_in(tiny_emoji):
    model, history = learn(tiny_emoji, QUICK, seed=0)
    assert model.text_encoder.tokens.num_embeddings == 9
    assert model.text_encoder.positions.shape == (1, 64)
    assert history.accuracy == tiny_emoji.accuracy(model)


@pytest.mark.parametrize("scale", [None, 1.0, 10.0, 100.0])
def test_fixed_scale_does_not_move(scale, tiny, watched):
    model, history = learn(tiny, QUICK, 0, watched, scale=scale, fixed=True)
    assert watched.scales == pytest.approx([scale or 1 / 0.07] * 8)
    assert len(set(watched.scales)) == 1
    assert [epoch.logit_scale for epoch in history.epochs] == [watched.scales[0]] * 2
    assert not torch.equal(model.text_encoder.positions, ToyCLIP(strided=True).text_encoder.positions)


@pytest.mark.parametrize("scale", [None, 10.0, 50.0])
def test_learned_scale_moves_from_where_it_starts(scale, tiny, watched):
    model, _ = learn(tiny, QUICK, 0, watched, scale=scale)
    assert watched.scales[0] == pytest.approx(scale or 1 / 0.07)
    assert len({*watched.scales, model.logit_scale.item()}) == 9


@pytest.mark.parametrize("loss", [ablations.sigmoid, ablations.sigmoid_twins])
def test_bias_is_trained_from_where_it_starts(loss, tiny):
    biases = []

    def watched(model, images, tokens):
        biases.append(model.logit_bias.item())
        return loss(model, images, tokens)

    model, _ = learn(tiny, QUICK, 0, watched, bias=-4.0)
    assert biases[0] == -4
    assert len({*biases, model.logit_bias.item()}) == 9
    assert max(abs(b + 4) for b in biases) < 1


def test_run_without_tests_trains_the_same(tiny, monkeypatch):
    expected, _ = learn(tiny, QUICK, seed=0)
    monkeypatch.setattr(World, "accuracy", lambda *_: pytest.fail("was tested"))
    model, history = learn(tiny, QUICK, seed=0, every_epoch=False)
    assert same_weights(model, expected)
    assert all(math.isnan(epoch.accuracy) for epoch in history.epochs)
    assert all(math.isfinite(epoch.loss) for epoch in history.epochs)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_run_that_blows_up_has_no_history(value, tiny):
    number = []

    def blows_up(model, images, tokens):
        number.append(1)
        return train.contrastive(model, images, tokens) * (value if len(number) == 6 else 1)

    model, history = learn(tiny, QUICK, 0, blows_up)
    assert history is None
    assert len(number) == 6
    assert isinstance(model, ToyCLIP)


def test_runs_neither_use_nor_touch_the_global_generator(tiny):
    torch.manual_seed(0)
    model, _ = learn(tiny, QUICK, 0, bias=-1.0, scale=5.0)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    again, _ = learn(tiny, QUICK, 0, bias=-1.0, scale=5.0)
    assert torch.equal(torch.get_rng_state(), before)
    assert same_weights(model, again)


# --- the study -------------------------------------------------------------------------------------------------------


@pytest.fixture
def short(tiny, tiny_emoji, monkeypatch) -> list[tuple[str, int]]:
    """The study in two tiny worlds, one update an epoch; which worlds were asked for."""
    asked, worlds = [], {"shapes": tiny, "emoji": tiny_emoji}
    monkeypatch.setattr(ablations, "make_world", lambda name, seed: asked.append((name, seed)) or worlds[name])
    monkeypatch.setattr(ablations, "EPOCHS", {"shapes": 2, "emoji": 1})
    return asked


def test_every_variant_is_tried_in_both_worlds(short):
    results = ablations.variants(5)
    assert short == [("shapes", 5), ("emoji", 5)]
    assert list(results) == ["shapes", "emoji"]
    for name, epochs in (("shapes", 2), ("emoji", 1)):
        assert list(results[name]) == list(VARIANTS)
        for run in results[name].values():
            assert run.keys() == {"accuracy", "logit_scale"}
            assert len(run["accuracy"]) == epochs
            assert all(0 <= accuracy <= 1 for accuracy in run["accuracy"])
        scales = {variant: run["logit_scale"] for variant, run in results[name].items()}
        assert scales["fixed at 1"] == 1
        assert scales["fixed at 14.29"] == pytest.approx(1 / 0.07) != scales["learned"]
        assert scales["fixed at 100"] == pytest.approx(100)
        assert 14 < scales["learned"] < 15
        assert 98 < scales["from 100, clamped"] <= 100.001


def test_variant_is_the_run_that_its_options_make(tiny, short):
    results = ablations.variants(5)["shapes"]
    for variant in ("learned", "captions ask", "fixed at 1", "not normalised"):
        _, history = learn(tiny, replace(ADAMW, epochs=2), 5, **VARIANTS[variant])
        assert results[variant]["accuracy"] == [epoch.accuracy for epoch in history.epochs]
        assert results[variant]["logit_scale"] == history.epochs[-1].logit_scale


def test_variant_that_blows_up_is_right_never(short, monkeypatch):
    broken = {"loss_of": lambda model, images, tokens: train.contrastive(model, images, tokens) * math.nan}
    monkeypatch.setattr(ablations, "VARIANTS", {"learned": {}, "broken": broken})
    results = ablations.variants(0)
    assert results["shapes"]["broken"] == {"accuracy": [0.0, 0.0], "logit_scale": None}
    assert results["emoji"]["broken"] == {"accuracy": [0.0], "logit_scale": None}
    assert results["shapes"]["learned"]["logit_scale"] is not None


def test_variants_change_one_thing_each():
    """From "learned", or from the variant that a name builds upon."""
    assert VARIANTS["learned"] == {}
    assert {name: options for name, options in VARIANTS.items() if "loss_of" not in options} == {
        "learned": {},
        "fixed at 1": {"scale": 1.0, "fixed": True},
        "fixed at 14.29": {"fixed": True},
        "fixed at 100": {"scale": 100.0, "fixed": True},
        "from 100, clamped": {"scale": 100.0},
    }
    assert VARIANTS["from 100, unclamped"] == {"scale": 100.0} | VARIANTS["unclamped"]
    assert (ADAMW.muon_lr, ADAMW.batch_size) == (None, 64)
    assert replace(ADAMW, name="fast", muon_lr=0.12, batch_size=32) == train.RECIPES["fast"]
