"""Every model that a configuration describes, against arithmetic written out by hand, in numpy and in float64."""

import math
from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.signal import correlate2d
from scipy.special import erf
from torch import nn

from toyclip import streams
from toyclip.data import CAPTIONS, Tokenizer
from toyclip.encoders import IMAGE_ENCODERS, Block, Config, ImageEncoder, ToyCLIP, pooled, strided
from toyclip.errors import CaptionError, ImageError, InputError

CONFIGS = {  # one of every kind that the package builds
    "reference": Config(),
    "strided": Config(image_encoder="strided"),
    "wide": Config(width=96),
    "wide strided": Config(image_encoder="strided", width=96),
    "other strides": Config(image_encoder="strided", width=16, strides=(1, 2, 1, 2)),
    "maximum": Config(width=16, pooling="max"),
    "maximum strided": Config(image_encoder="strided", width=16, pooling="max"),
    "transformer": Config(image_encoder="transformer"),
    "narrow transformer": Config(image_encoder="transformer", width=16, embed_dim=24),
    "another world": Config(width=8, embed_dim=12, vocab_size=30, context_length=9),
    "sigmoid": Config(width=8, logit_scale=10.0, logit_bias=-10.0, max_logit_scale=None),
    "low ceiling": Config(width=8, logit_scale=1.0, max_logit_scale=20.0),
}
CONVOLUTIONS = {name: config for name, config in CONFIGS.items() if config.image_encoder != "transformer"}
NARROW = sorted({replace(config, width=8, embed_dim=64) for config in CONVOLUTIONS.values()}, key=repr)
BY_HAND = {  # weights + biases of the reference
    "image_encoder.convs.0": 3 * 3 * 3 * 32 + 32,  # 896
    "image_encoder.convs.1": 3 * 3 * 32 * 32 + 32,  # 9,248
    "image_encoder.convs.2": 3 * 3 * 32 * 64 + 64,  # 18,496
    "image_encoder.convs.3": 3 * 3 * 64 * 64 + 64,  # 36,928
    "image_encoder.projection": 64 * 64 + 64,  # 4,160
    "text_encoder.tokens": 10 * 64,
    "text_encoder.positions": 4 * 64,
    "text_encoder.norm": 64 + 64,
    "text_encoder.projection": 64 * 64 + 64,
    "log_logit_scale": 1,
}


def random_images(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def random_bytes(count: int, side: int = 32) -> torch.Tensor:
    return torch.randint(256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def random_tokens(config: Config, count: int) -> torch.Tensor:
    """Captions of any words, any number of them, padding last."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(1, config.vocab_size, (count, config.context_length), generator=generator)
    lengths = torch.randint(1, config.context_length + 1, (count, 1), generator=generator)
    return tokens * (torch.arange(config.context_length) < lengths)


@pytest.fixture(scope="module", params=CONFIGS)
def config(request) -> Config:
    return CONFIGS[request.param]


@pytest.fixture(scope="module", params=["pooled", "strided"])
def model(request) -> ToyCLIP:
    return ToyCLIP(Config(image_encoder=request.param), seed=1).double().requires_grad_(False)


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return Tokenizer().encode([*CAPTIONS, "red", "blue cross", "a a a a"])


# --- every model -----------------------------------------------------------------------------------------------------


def test_every_model_embeds_bytes_and_floats_alike_at_length_one(config):
    model, images, tokens = ToyCLIP(config, seed=1).requires_grad_(False), random_bytes(3), random_tokens(config, 5)
    pictures, texts = model.embed_images(images), model.embed_texts(tokens)
    assert model.config is config
    assert pictures.shape == (3, config.embed_dim)
    assert texts.shape == (5, config.embed_dim)
    assert torch.cat([pictures, texts]).norm(dim=1).numpy() == pytest.approx(1, abs=1e-5)
    assert (model.image_encoder(images).norm(dim=1) - 1).abs().min() > 0.001  # so it was worth the division
    assert torch.equal(model.embed_images(images / 255), pictures)
    alone = torch.cat([model.embed_images(image[None]) for image in images])
    torch.testing.assert_close(alone, pictures)  # no picture of a batch has a say in another's
    torch.testing.assert_close(model(images[:2], tokens), model.logit_scale * pictures[:2] @ texts.T)


def test_weights_of_every_model_follow_from_the_seed_alone(config):
    first = ToyCLIP(config, seed=3).state_dict()
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again, other = (ToyCLIP(config, seed).state_dict() for seed in (3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    drawn = [name for name in first if len(first[name].unique()) > 1]  # all but norms, scale and biases of zero
    assert len(drawn) >= 9
    assert not any(torch.equal(first[name], other[name]) for name in drawn)


def test_gradient_reaches_every_parameter_of_every_model_and_the_scale_rightly(config):
    """Only the bias, which a loss of its own adds, is no part of the logits."""
    model = ToyCLIP(config, seed=0).double()
    images, tokens = random_images(3, 3, 32, 32, dtype=torch.float64), random_tokens(config, 3)
    (model(images, tokens) ** 2).sum().backward()
    without = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert without == ({"logit_bias"} if config.logit_bias is not None else set())
    doubled = 2 * (model(images, tokens) ** 2).sum().item()  # d/ds exp(s)^2 = 2 exp(s)^2
    assert model.log_logit_scale.grad.item() == pytest.approx(doubled, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, "reference"), ({"image_encoder": "strided"}, "strided"), ({"image_encoder": "transformer"}, "transformer")],
)
def test_configuration_is_that_of_the_book(change, expected):
    assert asdict(CONFIGS[expected]) == {
        "image_encoder": "pooled", "width": 64, "strides": (2, 2, 2, 1), "pooling": "mean", "embed_dim": 64,
        "vocab_size": 10, "context_length": 4, "logit_scale": 1 / 0.07, "max_logit_scale": 100.0, "logit_bias": None,
        **change,
    }  # fmt: skip
    assert set(IMAGE_ENCODERS) == {"pooled", "strided", "transformer"}
    with pytest.raises(FrozenInstanceError):
        CONFIGS[expected].width = 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_encoder": "resnet"}, "image_encoder='resnet' builds no model; it must be one of pooled, strided, tr"),
        ({"pooling": "median"}, "pooling='median' builds no model; it must be mean or max for this encoder"),
        ({"pooling": "Mean"}, "pooling='Mean'"),
        ({"image_encoder": "transformer", "pooling": "max"}, "pooling='max' builds no model; it must be mean for this"),
        ({"image_encoder": "transformer", "width": 30}, "width=30 builds no model; it must be a multiple of 4"),
        *(({"width": width}, f"width={width}.* multiple of 2") for width in (63, 0, -2, 64.0, True)),
        *(
            ({"strides": s}, "four whole numbers above 0")
            for s in ((2, 2, 2), (2, 2, 2, 1, 1), (2, 2, 2, 0), [2, 2, 2, 1])
        ),
        *(({name: 0}, f"{name}=0") for name in ("embed_dim", "vocab_size", "context_length", "logit_scale")),
        *(({"logit_scale": x}, "a number above 0") for x in (-1.0, math.nan, math.inf, "14")),
        *(({"max_logit_scale": x}, "a number from 1 on, or None") for x in (0.5, math.nan, "100")),
        *(({"logit_bias": x}, "a number, or None") for x in (math.inf, "0")),
    ],
)
def test_what_builds_no_model_is_refused_by_name(change, message):
    with pytest.raises(InputError, match=message):
        Config(**change)


@pytest.mark.parametrize("embed", ["embed_images", "embed_texts"])
def test_no_pictures_and_no_captions_are_refused(embed, model):
    empty = {"embed_images": torch.zeros(0, 3, 32, 32), "embed_texts": torch.zeros(0, 4, dtype=torch.int64)}[embed]
    with pytest.raises(InputError, match="expected"):
        getattr(model, embed)(empty)


# --- parameters and their first values -------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", [{"width": 32}, {"image_encoder": "strided"}, {"image_encoder": "transformer"}])
def test_words_start_alike_whatever_sees_the_pictures(encoder):
    words, others = (ToyCLIP(config, seed=3).text_encoder.state_dict() for config in (Config(), Config(**encoder)))
    assert all(torch.equal(words[name], others[name]) for name in words)


def test_parameters_counted_by_hand(model):
    counted = dict.fromkeys(BY_HAND, 0)
    for name, parameter in model.named_parameters():
        counted[name.removesuffix(".weight").removesuffix(".bias")] += parameter.numel()
    assert counted == BY_HAND
    assert sum(counted.values()) == 74_913
    assert sum(number for name, number in counted.items() if name.startswith("image")) == 69_728
    assert sum(number for name, number in counted.items() if name.startswith("text")) == 5_184


def test_encoder_of_given_blocks_has_the_books_defaults():
    assert pooled(64) == [Block(32, 1, False), Block(32, 1, True), Block(64, 1, True), Block(64, 1, False)]
    assert strided(64, (2, 2, 2, 1)) == [Block(c, s, False, True) for c, s in ((32, 2), (32, 2), (64, 2), (64, 1))]
    encoder = ImageEncoder(pooled(64))
    assert sum(p.numel() for p in encoder.parameters()) == 69_728
    features = encoder.features(random_images(1, 3, 8, 8))
    torch.testing.assert_close(encoder(random_images(1, 3, 8, 8)), encoder.projection(features.mean(dim=(2, 3))))


def test_reference_begins_with_torchs_own_weights():
    """The layers, in the order in which the model is read, straight from torch; each encoder with its own stream."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(streams.number(6, "image encoder"))
        convs = [nn.Conv2d(c_in, c_out, 3, padding=1) for c_in, c_out in ((3, 32), (32, 32), (32, 64), (64, 64))]
        layers = [*convs, nn.Linear(64, 64)]
        torch.manual_seed(streams.number(6, "text encoder"))
        layers.append(nn.Embedding(10, 64, padding_idx=0))
        positions, norm, projection = 0.01 * torch.randn(4, 64), nn.LayerNorm(64), nn.Linear(64, 64)
    expected = [positions, *(p for layer in (*layers, norm, projection) for p in layer.parameters())]
    found = dict(ToyCLIP(Config(), seed=6).named_parameters())
    assert found.pop("log_logit_scale").item() == pytest.approx(math.log(1 / 0.07))
    ours, theirs = ({(p.shape, p.sum().item()): p for p in values} for values in (found.values(), expected))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert not found["text_encoder.tokens.weight"][0].any()


def test_first_weights_of_the_strided_variant_are_those_of_he_et_al():
    """Normal, with a variance of 2 / inputs; no bias. The other layers are drawn as torch draws them."""
    models = [ToyCLIP(Config(image_encoder="strided"), seed) for seed in range(4)]
    for i, inputs in enumerate((27, 288, 288, 576)):
        weights = torch.stack([model.image_encoder.convs[i].weight.detach().flatten() for model in models])
        assert weights.std().item() == pytest.approx(math.sqrt(2 / inputs), rel=0.03)
        assert abs(stats.kurtosis(weights.numpy(), axis=None)) < 0.25
        assert not any(model.image_encoder.convs[i].bias.any() for model in models)
    limit = torch.stack([model.image_encoder.projection.weight.detach() for model in models]).abs().max().item()
    assert limit == pytest.approx(1 / 8, rel=0.01)  # uniform up to 1 / sqrt(64)


def test_positions_begin_small():
    """A hundredth in the text encoder, as in Radford et al.'s code; a fiftieth in the transformer."""
    for path, deviation in (("text_encoder", 0.01), ("image_encoder", 0.02)):
        models = [ToyCLIP(CONFIGS["transformer"], seed) for seed in range(5)]
        positions = torch.stack([model.get_submodule(path).positions.detach() for model in models])
        assert positions.std().item() == pytest.approx(deviation, rel=0.06)


# --- pictures --------------------------------------------------------------------------------------------------------


def by_hand(model: ToyCLIP, picture: np.ndarray) -> np.ndarray:
    """Embedding of one picture (3, H, W) by scipy's correlation and numpy, not normalised."""
    encoder, config = model.image_encoder, model.config
    rectified = config.image_encoder == "strided"
    x = (picture - 0.18) / 0.26
    for i, (conv, stride) in enumerate(zip(encoder.convs, config.strides, strict=True)):
        weight, bias = conv.weight.numpy(), conv.bias.numpy()
        x = np.stack([sum(map(correlate2d, x, kernel, ["same"] * len(x))) for kernel in weight]) + bias[:, None, None]
        x = np.maximum(x[:, ::stride, ::stride], 0) if rectified else x * (1 + erf(x / np.sqrt(2))) / 2
        if not rectified and i in (1, 2):
            c, h, w = x.shape
            x = x.reshape(c, h // 2, 2, w // 2, 2).max(axis=(2, 4))
    x = x.mean(axis=(1, 2)) if config.pooling == "mean" else x.max(axis=(1, 2))
    return encoder.projection.weight.numpy() @ x + encoder.projection.bias.numpy()


@pytest.mark.parametrize("config", NARROW, ids=lambda c: f"{c.image_encoder} {c.pooling} {c.strides} {c.vocab_size}")
def test_image_encoder_is_what_scipy_computes(config):
    model = ToyCLIP(config, seed=1).double().requires_grad_(False)
    picture = random_images(3, 16, 16, dtype=torch.float64)
    assert model.image_encoder(picture[None])[0].numpy() == pytest.approx(by_hand(model, picture.numpy()))


@pytest.mark.parametrize("config", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_features_are_smaller_by_the_total_stride_and_as_deep_as_the_model_is_wide(config):
    apart = math.prod(config.strides) if config.image_encoder == "strided" else 4
    features = ToyCLIP(config).image_encoder.features(random_images(2, 3, 32, 48))
    assert features.shape == (2, config.width, 32 // apart, 48 // apart)


def test_moving_a_subject_by_the_total_stride_changes_nothing(model):
    """Far from the border the mean over places forgets the place; half the stride, or 1 px, is seen by the grid."""
    subject = random_images(3, 5, 5, dtype=torch.float64)
    images = torch.zeros(4, 3, 72, 72, dtype=torch.float64)
    stride = 8 if model.config.image_encoder == "strided" else 4
    shifts = [(0, 0), (stride, -stride), (stride // 2, 0), (1, 0)]
    for image, (x, y) in zip(images, shifts, strict=True):
        image[:, 32 + y : 37 + y, 32 + x : 37 + x] = subject
    start, whole, half, one = model.embed_images(images)
    torch.testing.assert_close(start, whole)
    for other in (half, one):
        assert (start - other).abs().max() > 1e-6


def test_pictures_may_lie_in_memory_in_any_order_and_stay_as_they_are(model):
    """The strided variant lays them out anew and rectifies in place: its own numbers, never ours."""
    images = random_images(2, 3, 32, 32, dtype=torch.float64)
    before = images.clone()
    for other in (images, images.contiguous(memory_format=torch.channels_last), images.mT.contiguous().mT):
        torch.testing.assert_close(model.embed_images(other), model.embed_images(before))
        assert torch.equal(other, before)
    features, laid_out = model.image_encoder.features(images), model.config.image_encoder == "strided"
    assert features.is_contiguous(memory_format=torch.channels_last) == laid_out


@pytest.mark.parametrize(
    "images",
    [torch.zeros(3, 32, 32), torch.zeros(2, 1, 32, 32), torch.zeros(2, 32, 32, 3), torch.zeros(2, 3, 32),
     torch.zeros(2, 3, 32, 32, dtype=torch.float64), torch.zeros(2, 3, 32, 32, dtype=torch.int64)],
    ids=lambda images: f"{images.dtype} {tuple(images.shape)}",
)  # fmt: skip
def test_pictures_of_another_shape_or_type_are_refused(images):
    with pytest.raises(ImageError, match=r"expected pictures \(B, 3, H, W\), torch\.float32") as error:
        ToyCLIP().embed_images(images)
    assert f"{images.dtype} {tuple(images.shape)}" in str(error.value)


# --- captions --------------------------------------------------------------------------------------------------------


def test_text_encoder_is_the_normalised_mean_of_its_words(model, tokens):
    encoder = model.text_encoder
    vectors, positions = encoder.tokens.weight.numpy(), encoder.positions.numpy()
    for row, embedding in zip(tokens.tolist(), encoder(tokens).numpy(), strict=True):
        mean = np.mean([vectors[word] + positions[place] for place, word in enumerate(row) if word], axis=0)
        norm = (mean - mean.mean()) / np.sqrt(mean.var() + 1e-5) * encoder.norm.weight.numpy()
        norm += encoder.norm.bias.numpy()
        by_hand = encoder.projection.weight.numpy() @ norm + encoder.projection.bias.numpy()
        assert embedding == pytest.approx(by_hand)


def test_text_encoder_is_all_but_blind_to_word_order(model):
    """At the start: a position weighs a hundredth of a word."""
    a, b, c, other = model.embed_texts(
        Tokenizer().encode(["a red circle", "circle red a", "red a circle", "a red square"])
    )
    torch.testing.assert_close(a, b)
    torch.testing.assert_close(a, c)
    assert (a - other).abs().max() > 1e-3


def test_padding_has_no_say(tokens):
    """Neither what the padding's own vectors hold nor how much of it there is."""
    short, long = (ToyCLIP(Config(context_length=n), seed=0).double().requires_grad_(False) for n in (4, 9))
    weights = short.state_dict()
    positions = torch.full((9, 64), 7.0, dtype=torch.float64)
    positions[:4] = weights["text_encoder.positions"]
    long.load_state_dict({**weights, "text_encoder.positions": positions})
    expected = short.embed_texts(tokens)
    longer = torch.cat([tokens, torch.zeros(len(tokens), 5, dtype=torch.int64)], dim=1)
    torch.testing.assert_close(long.embed_texts(longer), expected)
    short.text_encoder.tokens.weight[0] = 1000.0
    torch.testing.assert_close(short.embed_texts(tokens), expected)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.ones(2, 3, dtype=torch.int64), r"\(2, 3\)"),
        (torch.ones(4, dtype=torch.int64), r"\(4,\)"),
        (torch.ones(2, 4), "float32"),
        (torch.ones(2, 4, dtype=torch.int32), "int32"),
        (torch.tensor([[1, 2, 0, 0], [0, 0, 0, 0]]), "a word in every row"),
        (torch.tensor([[1, 10, 0, 0]]), "ids from 0 to 9"),
        (torch.tensor([[1, -1, 0, 0]]), "ids from 0 to 9"),
    ],
)
def test_token_ids_that_no_tokenizer_of_this_model_writes_are_refused(tokens, message):
    with pytest.raises(CaptionError, match=message):
        ToyCLIP().embed_texts(tokens)


# --- the temperature -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.5, 1.0, 5.0, 100.0, 400.0])
def test_logits_are_cosines_times_the_scale_that_is_stored_as_a_logarithm(scale, tokens):
    model = ToyCLIP(Config(logit_scale=scale), seed=2).double().requires_grad_(False)
    images = random_images(4, 3, 32, 32, dtype=torch.float64)
    pictures, texts = model.image_encoder(images).numpy(), model.text_encoder(tokens).numpy()
    lengths = np.linalg.norm(pictures, axis=1)[:, None] * np.linalg.norm(texts, axis=1)
    assert model.log_logit_scale.item() == pytest.approx(math.log(scale), abs=1e-6)
    assert model.logit_scale.item() == pytest.approx(scale)
    assert model(images, tokens).numpy() == pytest.approx(scale * (pictures @ texts.T) / lengths, rel=1e-5)


@pytest.mark.parametrize(
    ("highest", "before", "after"),
    [(100.0, 14.3, 14.3), (100.0, 99.9, 99.9), (100.0, 101.0, 100.0), (100.0, 4e4, 100.0), (100.0, 0.99, 1.0),
     (100.0, 1e-3, 1.0), (20.0, 30.0, 20.0), (20.0, 0.5, 1.0), (None, 4e4, 4e4), (None, 0.01, 0.01)],
)  # fmt: skip
def test_clamp_brings_the_scale_between_1_and_its_highest(highest, before, after):
    model = ToyCLIP(Config(logit_scale=before, max_logit_scale=highest))
    model.clamp_logit_scale()
    assert model.logit_scale.item() == pytest.approx(after)
    assert model.log_logit_scale.requires_grad
    assert model.log_logit_scale.grad_fn is None


@pytest.mark.parametrize("bias", [None, -10.0, 0.0])
def test_bias_is_a_parameter_only_of_a_model_that_is_given_one(bias):
    found = dict(ToyCLIP(Config(logit_bias=bias)).named_parameters())
    assert ("logit_bias" in found) == (bias is not None)
    assert bias is None or found["logit_bias"].item() == bias
