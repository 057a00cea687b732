"""The page's world beside the package's: the same distributions, the same words, the same messages."""

import colorsys
import math

import numpy as np
import pytest
import torch
from playwright.sync_api import Error
from scipy.stats import ks_2samp, kstest

from toyclip import checkpoint, zero_shot
from toyclip.data import CAPTIONS, CLASSES, COLORS, PIXEL_MEAN, PIXEL_STD, SHAPES, Rendering, Tokenizer, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import CaptionError, InputError
from toyclip.loss_floor import epoch_floor, floor
from toyclip.pairs import Pairs

PER_CLASS = 150
CHANCE = 1e-4  # of a false alarm of one comparison; the seeds are fixed, so that none comes later
GROUND = 80  # of 255: no ground is as bright, every shape is


@pytest.fixture(scope="module")
def pages(js) -> Pairs:
    """Pictures drawn in the page."""
    made = js.run("return drawPairs(Array(16).fill(n), 1);", n=PER_CLASS)
    pixels = torch.from_numpy(made["pixels"].copy()).reshape(-1, 3, 32, 32)
    return Pairs(pixels, torch.from_numpy(made["classes"].copy()).long(), torch.from_numpy(made["captions"].copy()))


@pytest.fixture(scope="module")
def packages() -> Pairs:
    return draw_pairs(PER_CLASS, seed=1)


def measured(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """What can be seen of pictures, (N, 3, 32, 32), one number each, without asking the code that drew."""
    pixels = pixels.astype(float)
    shape = pixels.max(axis=1) > GROUND  # (N, 32, 32)
    rows, columns = np.arange(32)[:, None], np.arange(32)
    area = shape.sum(axis=(1, 2))
    inside = [np.median(p[:, s], axis=1) / 255 for p, s in zip(pixels, shape, strict=True)]  # (3,) each
    hue, saturation, value = np.array([colorsys.rgb_to_hsv(*rgb) for rgb in inside]).T
    corner = np.median(pixels[:, :, 0], axis=(1, 2))  # the top row, seldom touched
    return {
        "red": pixels[:, 0].mean(axis=(1, 2)), "green": pixels[:, 1].mean(axis=(1, 2)),
        "blue": pixels[:, 2].mean(axis=(1, 2)), "contrast": pixels.std(axis=(1, 2, 3)),
        "area": area + pixels.max(axis=1).mean(axis=(1, 2)) / 1e6,
        "x": (shape * columns).sum(axis=(1, 2)) / area, "y": (shape * rows).sum(axis=(1, 2)) / area,
        "width": shape.any(axis=1).sum(axis=1), "height": shape.any(axis=2).sum(axis=1),
        "hue": (360 * hue + 180) % 360, "saturation": saturation, "value": value, "ground": corner,
        "noise": (pixels[:, :, 0] - corner[:, None, None]).std(axis=(1, 2)),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["class", *COLORS, *SHAPES])
def test_pictures_are_distributed_as_the_packages(pages, packages, kind):
    groups = [[c] for c in range(16)] if kind == "class" else [[c for c in range(16) if kind in CLASSES[c]]]
    for group in groups:
        both = [measured(p.pixels[np.isin(p.classes.numpy(), group)].numpy()) for p in (pages, packages)]
        for name in both[0]:
            chance = ks_2samp(both[0][name], both[1][name]).pvalue
            means = [one[name].mean() for one in both]
            assert chance > CHANCE, f"{name} of {[CLASSES[c] for c in group]}: means {means}, chance {chance:.1e}"


def test_pixels_have_the_mean_and_deviation_of_the_package(pages, packages):
    for found, wanted in [(pages, packages), (packages, pages)]:
        images = found.images  # (N, 3, 32, 32)
        assert abs(images.mean().item() - PIXEL_MEAN) < 0.01
        assert abs(images.std().item() - PIXEL_STD) < 0.01
        assert abs(images.mean() - wanted.images.mean()) < 0.003


def test_what_the_data_card_says_is_the_same(js):
    found = js.run("return { ...RENDERING, PIXEL_MEAN, PIXEL_STD, COLORS, SHAPES, CLASSES, CAPTIONS };")
    card = Rendering()
    for name in ("size", "noise", "supersampling"):
        assert found[name] == getattr(card, name)
    for name in ("extent", "rotation", "arm", "hue", "saturation", "value", "background"):
        np.testing.assert_array_equal(np.array(found[name]), np.array(getattr(card, name)))
    assert (found["PIXEL_MEAN"], found["PIXEL_STD"]) == (PIXEL_MEAN, PIXEL_STD)
    assert [found[n] for n in ("COLORS", "SHAPES", "CAPTIONS")] == [list(v) for v in (COLORS, SHAPES, CAPTIONS)]
    assert found["CLASSES"] == [list(pair) for pair in CLASSES]


def test_world_has_the_counts_that_are_asked_for_and_all_classes_held_out(js):
    found = js.run("const { training, heldOut } = world(0); return [training.classes, heldOut.classes];")
    assert [np.bincount(classes).tolist() for classes in found] == [[170] * 16, [30] * 16]
    counts = [5, 0, 9, *[1] * 13]
    script = "return [world(3, counts), world(3, Array(16).fill(2)), world(4, counts)];"
    starved, other, seed = js.run(script, counts=counts)
    assert np.bincount(starved["training"]["classes"], minlength=16).tolist() == counts
    np.testing.assert_array_equal(starved["heldOut"]["pixels"], other["heldOut"]["pixels"])
    np.testing.assert_array_equal(starved["training"]["pixels"][: 2 * 3072], other["training"]["pixels"][: 2 * 3072])
    assert (starved["heldOut"]["pixels"] != seed["heldOut"]["pixels"]).mean() > 0.5


def test_random_numbers_are_even_normal_and_independent_of_other_names(js):
    found = js.run(
        """const random = rng(5, "one", 2), again = rng(5, "one", 2), other = rng(5, "one", 3);
        const numbers = (n, draw) => Float64Array.from({ length: n }, draw);
        return [numbers(20000, () => random.uniform(-2, 3)), numbers(20001, () => random.normal(1, 2)),
                numbers(20000, () => random.integer(7)), random.permutation(1000),
                numbers(9, () => again.uniform()), numbers(9, () => other.uniform()),
                numbers(20000, (_, i) => rng(i, "one").uniform())];"""
    )
    even, normal, whole, order, same, other, firsts = found
    assert kstest(even, "uniform", args=(-2, 5)).pvalue > CHANCE
    assert kstest(normal, "norm", args=(1, 2)).pvalue > CHANCE
    assert abs(np.corrcoef(normal[:-1], normal[1:])[0, 1]) < 4 / math.sqrt(20000)
    assert np.abs(np.bincount(whole.astype(int), minlength=7) / 20000 - 1 / 7).max() < 0.01
    assert sorted(order) == list(range(1000))
    assert not (order == np.arange(1000)).all()
    np.testing.assert_allclose(same * 5 - 2, even[:9], rtol=0, atol=1e-12)
    assert not (same == other).any()
    assert kstest(firsts, "uniform").pvalue > CHANCE  # neighbouring seeds have nothing in common


# --- words -----------------------------------------------------------------------------------------------------------

RIGHT = ["a red circle", "Yellow  CROSS", "\tgreen\n", "a a a a"]
SLIPS = ["cirle", "circel", "rde", "ed", "yelow", "yellw", "gren", "grean", "bleu", "blu", "sqare", "squre", "sqaure",
         "triangel", "tringle", "traingle", "cros", "corss", "crss", "a1", "aa", "purple", "pink", "round", "quadrat",
         "rouge", "blau", "gelb", "x", "reddish", "greenish", "squared", "circles", "<pad>", "it's", 'say "it\'s"', "é",
         "back\\slash", "🔴", "across", "error", "cue", "acre"]  # fmt: skip
WRONG = [[], ["a", "red", "blue", "green", "cross"], *[["a", slip, "cross"] for slip in SLIPS]]


def test_captions_are_encoded_as_by_the_package(js):
    found = js.run("return new Tokenizer().encode(captions);", captions=RIGHT)
    assert found.tolist() == Tokenizer().encode(RIGHT).flatten().tolist()


@pytest.mark.parametrize("words", WRONG, ids=lambda words: " ".join(words) or "nothing")
def test_a_caption_that_cannot_be_read_is_refused_in_the_words_of_the_package(js, words):
    with pytest.raises(CaptionError) as wanted:
        Tokenizer().encode([" ".join(words)])
    found = js.run(
        "try { new Tokenizer().encode([text]); } catch (error) { return [error.name, error.message]; }",
        text=" ".join(words),
    )
    assert found == ["CaptionError", str(wanted.value)]


# --- floor -----------------------------------------------------------------------------------------------------------

COUNTS = [[170] * 16, [170] * 15 + [1], [1] * 100, [3, 5, 900, 17], [340], list(range(1, 60))]


@pytest.mark.parametrize("counts", COUNTS, ids=lambda counts: f"{len(counts)} captions, {sum(counts)} pairs")
def test_floor_is_that_of_the_package(js, counts):
    for size in [1, 2, 8, 17, 32, 64, 100]:
        found = js.run("return [lossFloor(counts, size), epochFloor(counts, size)];", counts=counts, size=size)
        assert found[0] == pytest.approx(floor(counts, size), rel=0, abs=1e-9)
        assert found[1] == pytest.approx(epoch_floor(counts, size), rel=0, abs=1e-9)


@pytest.mark.parametrize(("counts", "size"), [([], 1), ([3, 0], 2), ([3, 3], 7), ([3, 3], 0)])
def test_floor_of_what_cannot_be_drawn_is_refused_in_the_words_of_the_package(js, counts, size):
    with pytest.raises(InputError) as wanted:
        floor(counts, size)
    with pytest.raises(Error) as found:
        js.run("lossFloor(counts, size);", counts=counts, size=size)
    assert f"InputError: {wanted.value}" in str(found.value)


# --- weights ---------------------------------------------------------------------------------------------------------


def test_fresh_weights_are_distributed_as_torchs(js):
    names = js.run("return [...new ToyCLIP(PRODUCTS.plain, 0).parameters.keys()];")
    script = "return new Map([...new ToyCLIP(PRODUCTS.plain, seed).parameters].map(([n, { value }]) => [n, value]));"
    found = [js.run(script, seed=seed) for seed in range(6)]
    wanted = [ToyCLIP(Config(image_encoder="strided"), seed).state_dict() for seed in range(6)]
    assert sorted(names) == sorted(wanted[0])
    for name in names:
        ours = np.concatenate([weights[name] for weights in found])
        torchs = np.concatenate([weights[name].numpy().ravel() for weights in wanted])
        assert len(ours) == len(torchs)
        if np.unique(torchs).size == 1:
            assert np.unique(ours).tolist() == np.unique(torchs).tolist(), name
            continue
        assert ks_2samp(ours, torchs).pvalue > CHANCE, name
        if name.startswith(("image_encoder.projection", "text_encoder.projection")):
            assert np.abs(ours).max() <= 1 / 8
        assert ours.std() == pytest.approx(torchs.std(), rel=5 / math.sqrt(len(ours)))
    padding = found[0]["text_encoder.tokens.weight"][:64]
    assert not padding.any()
    assert not np.array_equal(found[0]["text_encoder.positions"], found[1]["text_encoder.positions"])


# --- model files -----------------------------------------------------------------------------------------------------

READ = "return readSafetensors(bytes);"


def shipped_bytes() -> np.ndarray:
    return np.fromfile(checkpoint.PRETRAINED, dtype=np.uint8)


def test_shipped_model_is_read_with_its_names_shapes_and_numbers(js):
    found, wanted = js.run(READ, bytes=shipped_bytes()), checkpoint.load()[0].state_dict()
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name]["shape"] == list(value.shape)
        np.testing.assert_array_equal(found[name]["values"], value.numpy().ravel())


def test_a_damaged_or_other_model_is_refused(js, tmp_path):
    checkpoint.save(ToyCLIP(Config()), Tokenizer(), tmp_path / "pooled.safetensors")
    whole = shipped_bytes()
    for content in [whole[:5], whole[:900], whole[:-100], np.frombuffer(b"<html></html>" * 20, dtype=np.uint8)]:
        with pytest.raises(Error, match="InputError: this is no whole toyclip model"):
            js.run(READ, bytes=content)
    with pytest.raises(Error, match="InputError: the model in this file is pooled"):
        js.run(READ, bytes=np.fromfile(tmp_path / "pooled.safetensors", dtype=np.uint8))
    build = "const tensors = readSafetensors(bytes); CHANGE; ToyCLIP.fromTensors(PRODUCTS.plain, tensors);"
    for change, message in [
        ('tensors.delete("log_logit_scale")', "missing weight 'log_logit_scale'"),
        ('tensors.set("more", { shape: [], values: [1] })', "unknown weight 'more'"),
        ('tensors.get("text_encoder.positions").shape = [64, 4]', r"has shape \(64,4\), not \(4,64\)"),
        ('tensors.get("text_encoder.positions").values[3] = NaN', "is not finite"),
    ]:
        with pytest.raises(Error, match=f"InputError: .*{message}"):
            js.run(build.replace("CHANGE", change), bytes=whole)


def test_zero_shot_probabilities_and_layers_are_the_packages(js, packages):
    model, tokenizer = checkpoint.load()
    pixels = packages.pixels[:40]
    found = js.run(
        """const model = ToyCLIP.fromTensors(PRODUCTS.wasm, readSafetensors(bytes));
        const weights = classifier(model, captions, new Tokenizer());
        const cosines = similarities(model, pixels, 40, weights, captions.length);
        return { cosines, first: softmax(cosines.subarray(0, captions.length), model.logitScale),
                 layers: model.layers(pixels.subarray(0, 3072)), scale: model.logitScale };""",
        bytes=shipped_bytes(), pixels=pixels.numpy(), captions=list(CAPTIONS[:5]),
    )  # fmt: skip
    weights = zero_shot.classifier(model, CAPTIONS[:5], tokenizer)  # (5, D)
    cosines = zero_shot.similarities(model, pixels, weights)  # (40, 5)
    np.testing.assert_allclose(found["cosines"], cosines.flatten(), atol=1e-6)
    np.testing.assert_allclose(found["first"], (model.logit_scale * cosines[0]).softmax(0).detach(), atol=1e-5)
    assert found["scale"] == pytest.approx(model.logit_scale.item(), rel=1e-6)
    with torch.no_grad():
        encoder = model.image_encoder
        x = (pixels[:1] / 255 - PIXEL_MEAN) / PIXEL_STD  # (1, 3, 32, 32)
        wanted = [x]
        for conv in encoder.convs:
            wanted.append(conv(wanted[-1]).relu())  # (1, C, h, w)
        mean = wanted[-1].mean(dim=(2, 3))  # (1, C)
        wanted += [mean, encoder.projection(mean), model.embed_images(pixels[:1])]
    assert [layer["shape"] for layer in found["layers"]] == [list(w.shape[1:]) for w in wanted]
    for layer, value in zip(found["layers"], wanted, strict=True):
        np.testing.assert_allclose(layer["values"], value.flatten(), atol=1e-5)
