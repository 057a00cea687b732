"""The encoders against arithmetic written out by hand, in numpy and in float64."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from scipy.special import erf

from toyclip.data import CLASSES, Tokenizer, caption
from toyclip.encoders import PIXEL_MEAN, PIXEL_STD, ToyCLIP
from toyclip.errors import CaptionError, ImageError

BY_HAND = {  # weights + biases
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


@pytest.fixture(scope="module", params=[False, True], ids=["reference", "strided"])
def model(request) -> ToyCLIP:
    return ToyCLIP(strided=request.param, seed=1).double().requires_grad_(False)


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return Tokenizer().encode([caption(*pair) for pair in CLASSES] + ["red", "blue cross", "a a a a"])


# --- parameters and seeds --------------------------------------------------------------------------------------------


def test_parameters_counted_by_hand(model):
    counted = dict.fromkeys(BY_HAND, 0)
    for name, parameter in model.named_parameters():
        counted[name.removesuffix(".weight").removesuffix(".bias")] += parameter.numel()
    assert counted == BY_HAND
    assert sum(counted.values()) == 74_913


@pytest.mark.parametrize("strided", [False, True])
def test_weights_follow_from_the_seed_alone(strided):
    first = ToyCLIP(strided=strided, seed=3).state_dict()
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again = ToyCLIP(strided=strided, seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    other = ToyCLIP(strided=strided, seed=4).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    drawn = [name for name in first if len(first[name].unique()) > 1]  # all but the norm, the scale and biases of zero
    assert len(drawn) >= 9
    assert not any(torch.equal(first[name], other[name]) for name in drawn)


def test_first_weights_of_the_strided_variant_have_the_variance_of_he_et_al():
    for conv in ToyCLIP(strided=True, seed=0).image_encoder.convs:
        assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / (9 * conv.in_channels)), rel=0.1)
        assert not conv.bias.any()


# --- pictures --------------------------------------------------------------------------------------------------------


def by_hand(model: ToyCLIP, picture: np.ndarray) -> np.ndarray:
    """Embedding of one picture (3, H, W) by scipy's correlation and numpy, not normalised."""
    encoder = model.image_encoder
    strides = (2, 2, 2, 1) if encoder.strided else (1, 1, 1, 1)
    x = (picture - PIXEL_MEAN) / PIXEL_STD
    for i, (conv, stride) in enumerate(zip(encoder.convs, strides, strict=True)):
        weight, bias = conv.weight.numpy(), conv.bias.numpy()
        x = np.stack([sum(map(correlate2d, x, kernel, ["same"] * len(x))) for kernel in weight])
        x = x[:, ::stride, ::stride] + bias[:, None, None]
        x = np.maximum(x, 0) if encoder.strided else x * (1 + erf(x / np.sqrt(2))) / 2
        if not encoder.strided and i in (1, 2):
            c, h, w = x.shape
            x = x.reshape(c, h // 2, 2, w // 2, 2).max(axis=(2, 4))
    return encoder.projection.weight.numpy() @ x.mean(axis=(1, 2)) + encoder.projection.bias.numpy()


def test_image_encoder_is_what_scipy_computes(model):
    picture = random_images(3, 16, 16, dtype=torch.float64)
    assert model.image_encoder(picture[None])[0].numpy() == pytest.approx(by_hand(model, picture.numpy()))


def test_features_are_a_quarter_or_an_eighth_as_wide_and_never_mix_pictures(model):
    images = random_images(3, 3, 32, 48, dtype=torch.float64)
    apart = 8 if model.image_encoder.strided else 4
    assert model.image_encoder.features(images).shape == (3, 64, 32 // apart, 48 // apart)
    alone = torch.cat([model.embed_images(image[None]) for image in images])
    torch.testing.assert_close(model.embed_images(images), alone)


def test_moving_a_subject_by_the_total_stride_changes_nothing(model):
    """Far from the border the mean over places forgets the place; half the stride, or 1 px, is seen by the grid."""
    subject = random_images(3, 5, 5, dtype=torch.float64)
    images = torch.zeros(4, 3, 72, 72, dtype=torch.float64)
    stride = 8 if model.image_encoder.strided else 4
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
    features = model.image_encoder.features(images)
    assert features.is_contiguous(memory_format=torch.channels_last) == model.image_encoder.strided


@pytest.mark.parametrize(
    "images",
    [torch.zeros(3, 32, 32), torch.zeros(2, 1, 32, 32), torch.zeros(2, 32, 32, 3), torch.zeros(2, 3, 32),
     torch.zeros(2, 3, 32, 32, dtype=torch.uint8)],
    ids=lambda images: f"{images.dtype} {tuple(images.shape)}",
)  # fmt: skip
def test_pictures_of_another_shape_or_type_are_refused(images):
    with pytest.raises(ImageError, match=r"expected torch\.float32 pictures") as error:
        ToyCLIP().embed_images(images)
    assert str(tuple(images.shape)) in str(error.value)


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


def test_text_encoder_is_blind_to_word_order(model):
    orders = Tokenizer().encode(["a red circle", "circle red a", "red a circle", "a red square"])
    a, b, c, other = model.embed_texts(orders)
    torch.testing.assert_close(a, b)
    torch.testing.assert_close(a, c)
    assert (a - other).abs().max() > 1e-3


def test_padding_has_no_say(tokens):
    """Neither what the padding's own vectors hold nor how much of it there is."""
    short, long = (ToyCLIP(context_length=n, seed=0).double().requires_grad_(False) for n in (4, 9))
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
        (torch.tensor([[1, 2, 0, 0], [0, 0, 0, 0]]), "nothing but padding"),
    ],
)
def test_token_ids_of_another_shape_or_type_are_refused(tokens, message):
    with pytest.raises(CaptionError, match=message):
        ToyCLIP().embed_texts(tokens)


@pytest.mark.parametrize(
    ("encode", "argument"),
    [
        (ToyCLIP.embed_images, torch.zeros(1, 3, 32, 32, dtype=torch.float64)),
        (ToyCLIP.embed_texts, torch.tensor([[1, 10, 0, 0]])),
        (ToyCLIP.embed_texts, torch.tensor([[1, -1, 0, 0]])),
    ],
    ids=["pictures in float64", "token id beyond the vocabulary", "negative token id"],
)
def test_input_that_torch_would_stumble_over_is_refused(encode, argument):
    with pytest.raises((ImageError, CaptionError)):
        encode(ToyCLIP(), argument)


# --- the joint model -------------------------------------------------------------------------------------------------


def test_embeddings_have_length_one(model, tokens):
    images = random_images(5, 3, 32, 32, dtype=torch.float64)
    for embeddings in (model.embed_images(images), model.embed_texts(tokens)):
        assert embeddings.norm(dim=1).numpy() == pytest.approx(1)
    assert (model.image_encoder(images).norm(dim=1) - 1).abs().min() > 0.01  # so it was worth the division


@pytest.mark.parametrize(
    ("log_scale", "scale"),
    [(None, 1 / 0.07), (math.log(5), 5), (0.0, 1), (math.log(100), 100), (6.0, 100), (-2.0, 1)],
)
def test_logits_are_cosines_times_the_clamped_scale(log_scale, scale, tokens):
    """The stored number is a logarithm, exponentiated once, and held between 1 and 100."""
    model = ToyCLIP(seed=2).double().requires_grad_(False)
    if log_scale is not None:
        model.log_logit_scale.fill_(log_scale)
    images = random_images(4, 3, 32, 32, dtype=torch.float64)
    pictures, texts = model.image_encoder(images).numpy(), model.text_encoder(tokens).numpy()
    lengths = np.linalg.norm(pictures, axis=1)[:, None] * np.linalg.norm(texts, axis=1)
    assert model.logit_scale.item() == pytest.approx(scale)
    assert model(images, tokens).numpy() == pytest.approx(scale * (pictures @ texts.T) / lengths)


@pytest.mark.parametrize("strided", [False, True], ids=["reference", "strided"])
def test_gradient_reaches_every_parameter_and_the_scale_rightly(strided, tokens):
    model = ToyCLIP(strided=strided, seed=0).double()
    images = random_images(3, 3, 16, 16, dtype=torch.float64)

    def value() -> torch.Tensor:
        return (model(images, tokens[:3]) ** 2).sum()

    value().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())
    step, around = 1e-5, []
    with torch.no_grad():
        for direction in (1, -2):
            model.log_logit_scale += direction * step
            around.append(value().item())
    assert model.log_logit_scale.grad.item() == pytest.approx((around[0] - around[1]) / (2 * step), rel=1e-6)
