"""The chunked loss against torch's gradients of the plain one, a cached step against one graph, memory as counted."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from toyclip.chunked import cached_step, check_sizes, chunked_info_nce, plain_step
from toyclip.data import CAPTIONS, Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import CaptionError, ImageError, InputError, RecipeError
from toyclip.infonce import info_nce
from toyclip.train import one_thread

CONFIGS = [Config(width=16), Config(image_encoder="strided", width=16), Config(width=8, embed_dim=24, pooling="max"),
           Config(image_encoder="transformer", width=16)]  # fmt: skip
STRIDED = CONFIGS[1]


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


def pairs(size: int, seed: int = 0, dim: int = 5) -> tuple[Tensor, Tensor]:
    """Embeddings in float64, of any length."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, size, dim, generator=generator, dtype=torch.float64).unbind()


def by_torch(images: Tensor, texts: Tensor, logit_scale: Tensor) -> Tensor:
    """The loss by torch's cross-entropy on the whole square."""
    logits, answers = logit_scale * images @ texts.T, torch.arange(len(images))
    return (F.cross_entropy(logits, answers) + F.cross_entropy(logits.T, answers)) / 2


def with_gradients(loss_of, images: Tensor, texts: Tensor, factor: float, weight: float = 1.0) -> list[Tensor]:
    """Loss, and the gradients of `weight` times the loss at pictures, captions and scale."""
    inputs = [x.detach().clone().requires_grad_() for x in (images, texts, torch.tensor(factor, dtype=images.dtype))]
    loss = loss_of(*inputs)
    (weight * loss).backward()
    return [loss.detach(), *(x.grad for x in inputs)]


def in_chunks(chunk: int):
    return partial(chunked_info_nce, chunk=chunk)


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-13 * max(1, b.abs().max().item()))


# --- the loss --------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(2, 33), st.integers(1, 40), st.sampled_from([0.0, 1.0, 14.3, 100.0]), st.floats(-3, 3))
def test_loss_and_gradients_are_those_of_torch(size, chunk, factor, weight):
    found = with_gradients(in_chunks(chunk), *pairs(size), factor, weight)
    assert_same(found, with_gradients(by_torch, *pairs(size), factor, weight))
    assert_same(found, with_gradients(lambda i, t, s: info_nce(s * i @ t.T), *pairs(size), factor, weight))


@pytest.mark.parametrize("chunk", [1, 3, 6])
def test_gradient_agrees_with_finite_differences(chunk):
    inputs = [*pairs(5, dim=3), torch.tensor(2.0, dtype=torch.float64)]
    assert torch.autograd.gradcheck(in_chunks(chunk), [x.clone().requires_grad_() for x in inputs])


def test_gradient_has_no_gradient_of_its_own():
    """The closed form is computed in place and keeps no graph; torch refuses to go through it."""
    inputs = [x.requires_grad_() for x in (*pairs(4), torch.tensor(2.0, dtype=torch.float64))]
    loss = inputs[2] * chunked_info_nce(*inputs, chunk=2)
    (gradient, *_) = torch.autograd.grad(loss, inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()


@pytest.mark.parametrize("chunk", [1, 4, 6, 64])
@pytest.mark.parametrize("order", ["rising", "falling", "mixed"])
def test_large_logits_do_not_overflow(chunk, order):
    """Logits from -10,000 to 10,000: the largest of a column in the first chunk, in the last, or anywhere."""
    images, texts = pairs(15)
    images, texts = 10 * F.normalize(images, dim=1), 10 * F.normalize(texts, dim=1)
    if order != "mixed":  # the same direction, ever longer or ever shorter
        images = images[:1] * torch.linspace(0.1, 1, 15, dtype=torch.float64)[:, None]
        images = images.flip(0) if order == "falling" else images
    for dtype in (torch.float64, torch.float32):
        inputs = images.to(dtype), texts.to(dtype)
        found = with_gradients(in_chunks(chunk), *inputs, 100.0)
        assert all(x.isfinite().all() for x in found)
        if dtype == torch.float64:
            assert_same(found, with_gradients(by_torch, *inputs, 100.0))
        else:
            assert found[0].item() == pytest.approx(by_torch(images, texts, torch.tensor(100.0)).item(), rel=1e-4)


def test_inputs_that_are_not_contiguous_are_read_right():
    images, texts = (x.T.contiguous().T for x in pairs(7))
    assert not images.is_contiguous()
    assert_same(with_gradients(in_chunks(3), images, texts, 2.0), with_gradients(by_torch, *pairs(7), 2.0))


@pytest.mark.parametrize(("size", "chunk"), [(2, 1), (7, 3), (33, 33), (33, 1000)])
def test_equal_embeddings_cost_log_of_the_batch_size_and_sure_ones_nothing(size, chunk):
    same, unit = torch.full((size, 3), 0.7, dtype=torch.float64), torch.eye(size, dtype=torch.float64)
    loss, *gradients = with_gradients(in_chunks(chunk), same, same, 100.0)
    assert loss.item() == pytest.approx(math.log(size), abs=1e-12)
    assert all(gradient.abs().max() < 1e-12 for gradient in gradients)  # pushed and pulled alike
    loss, *gradients = with_gradients(in_chunks(chunk), unit, unit, 100.0)
    assert 0 <= loss.item() < 1e-30
    assert all(gradient.abs().max() < 1e-30 for gradient in gradients)


@pytest.mark.parametrize(
    ("images", "texts", "logit_scale"),
    [((4, 3), (5, 3), ()), ((4, 3), (4, 2), ()), ((4,), (4,), ()), ((4, 3), (4, 3), (1,)), ((1, 4, 3), (1, 4, 3), ())],
)
def test_shapes_that_do_not_match_are_refused(images, texts, logit_scale):
    with pytest.raises(InputError, match="expected embeddings"):
        chunked_info_nce(torch.zeros(images), torch.zeros(texts), torch.zeros(logit_scale), chunk=2)


@pytest.mark.parametrize(("size", "chunk", "match"), [(1, 2, "no negatives"), (0, 2, "no negatives"), (4, 0, "chunk")])
def test_impossible_sizes_are_refused(size, chunk, match):
    images, tokens = batch(4)
    for refusing in (
        lambda: check_sizes(size, chunk),
        lambda: chunked_info_nce(*pairs(size), torch.tensor(1.0), chunk),
        lambda: cached_step(ToyCLIP(STRIDED), images[:size], tokens[:size], chunk),
    ):
        with pytest.raises(RecipeError, match=match):
            refusing()


# --- one step of a model ---------------------------------------------------------------------------------------------


def batch(size: int, side: int = 32) -> tuple[Tensor, Tensor]:
    """Random pictures as bytes, and captions that have nothing to do with them."""
    generator = torch.Generator().manual_seed(size)
    images = torch.randint(256, (size, 3, side, side), dtype=torch.uint8, generator=generator)
    captions = Tokenizer().encode([*CAPTIONS, "red", "blue cross"])
    return images, captions[torch.randint(len(captions), (size,), generator=generator)]


def gradients(model: ToyCLIP) -> dict[str, Tensor]:
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def one_graph(model: ToyCLIP, images: Tensor, tokens: Tensor, chunk: int) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradients by torch's cross-entropy; the encoders see `chunk` pairs at a time, all in the same graph."""
    pictures = torch.cat([F.normalize(model.image_encoder(part), dim=1) for part in images.split(chunk)])
    texts = torch.cat([F.normalize(model.text_encoder(part), dim=1) for part in tokens.split(chunk)])
    model.zero_grad()
    loss = by_torch(pictures, texts, model.log_logit_scale.exp())
    loss.backward()
    found = gradients(model)
    model.zero_grad()
    return loss.item(), found


def assert_gradients_agree(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    """To `tolerance` of each gradient's largest entry."""
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        off, largest = (found[name] - gradient).abs().max().item(), gradient.abs().max().item()
        assert largest > 0, name
        assert off <= tolerance * largest, f"{name}: off by {off:.1e}, largest {largest:.1e}"


@pytest.mark.parametrize("encoder", ["pooled", "strided"])
def test_step_is_that_of_one_graph_at_512_in_single_precision(encoder):
    """In float32. The last chunk is an uneven one: 150, 150, 150, 62.

    Convolutions add up a batch in another order than its chunks; in one graph, too, the rounding comes to 6e-5 of a
    gradient's largest entry, against float64. With the same chunks in one graph there is no such excuse.
    """
    images, tokens = batch(512, side=16)
    model = ToyCLIP(Config(image_encoder=encoder), seed=3)
    controls = [one_graph(model, images, tokens, chunk) for chunk in (150, 512)]
    loss = cached_step(model, images, tokens, chunk=150)
    assert not loss.requires_grad
    for (expected, control), tolerance in zip(controls, (1e-5, 1e-4), strict=True):
        assert loss.item() == pytest.approx(expected, rel=1e-5)
        assert_gradients_agree(gradients(model), control, tolerance)


@pytest.mark.parametrize("chunk", [1, 7, 13, 14, 15, 100])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.image_encoder} {config.pooling}")
def test_any_chunk_gives_the_step_of_one_graph(config, chunk):
    """To ten digits: pictures as floats, in float64."""
    images, tokens = batch(14)
    model, images = ToyCLIP(config, seed=2).double(), images.double() / 255
    expected, control = one_graph(model, images, tokens, 14)
    for step in (partial(cached_step, chunk=chunk), plain_step):
        model.zero_grad()
        loss = step(model, images, tokens)
        assert loss.item() == pytest.approx(expected, rel=1e-12)
        assert not loss.requires_grad
        assert_gradients_agree(gradients(model), control, 1e-10)


@pytest.mark.parametrize("frozen", [("image_encoder",), ("text_encoder",), ("image_encoder", "text_encoder")], ids=str)
def test_frozen_encoder_takes_no_gradient_and_the_rest_gets_its_own(frozen):
    """As in plain training: what does not learn has no gradient."""
    model, (images, tokens) = ToyCLIP(STRIDED, seed=2).double(), batch(14)
    images = images.double() / 255
    for name in frozen:
        getattr(model, name).requires_grad_(False)
    expected = plain_step(model, images, tokens)
    control = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    assert cached_step(model, images, tokens, chunk=5).item() == pytest.approx(expected.item(), rel=1e-12)
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert "log_logit_scale" in found
    assert_gradients_agree(found, control, 1e-10)


@pytest.mark.parametrize("step", [partial(cached_step, chunk=5), plain_step], ids=["cached", "plain"])
def test_gradients_are_added_to_those_that_are_there(step):
    model = ToyCLIP(STRIDED, seed=3).double()
    apart = []
    for images, tokens in (batch(12), batch(9)):
        model.zero_grad()
        step(model, images.double() / 255, tokens)
        apart.append(gradients(model))
    model.zero_grad()
    for images, tokens in (batch(12), batch(9)):
        step(model, images.double() / 255, tokens)
    assert_gradients_agree(gradients(model), {name: apart[0][name] + apart[1][name] for name in apart[0]}, 1e-12)


@pytest.mark.parametrize("step", [partial(cached_step, chunk=8), plain_step], ids=["cached", "plain"])
def test_bytes_and_floats_give_the_same_step_and_stay_as_they_are(step):
    images, tokens = batch(20)
    before, model, results = images.clone(), ToyCLIP(STRIDED, seed=4), []
    for pictures in (images, images / 255):
        model.zero_grad()
        results.append((step(model, pictures, tokens).item(), gradients(model)))
    assert torch.equal(images, before)
    (loss, found), (other_loss, others) = results
    assert loss == other_loss
    assert all(torch.equal(found[name], others[name]) for name in found)


def test_global_random_numbers_are_left_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    model = ToyCLIP(STRIDED)
    cached_step(model, *batch(6), chunk=4)
    plain_step(model, *batch(6))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("step", [partial(cached_step, chunk=4), plain_step], ids=["cached", "plain"])
def test_wrong_batches_are_refused(step):
    images, tokens = batch(6)
    with pytest.raises(InputError, match=r"6 pictures cannot be paired with 5 captions|square"):
        step(ToyCLIP(STRIDED), images, tokens[:5])
    with pytest.raises(ImageError, match=r"expected pictures .*float64"):
        step(ToyCLIP(STRIDED), images.double(), tokens)
    with pytest.raises(CaptionError, match="ids from 0 to 9"):
        step(ToyCLIP(STRIDED), images, tokens + 5)


# --- memory ----------------------------------------------------------------------------------------------------------


class Largest(TorchDispatchMode):
    """Notes the most numbers that any operation of torch puts into one tensor."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, Tensor):
                self.numbers = max(self.numbers, tensor.numel())
        return result


@pytest.mark.parametrize("chunk", [3, 16, 50])
def test_the_square_never_exists(chunk):
    with Largest() as plain:
        with_gradients(by_torch, *pairs(400), 2.0)
    with Largest() as chunked:
        with_gradients(in_chunks(chunk), *pairs(400), 2.0)
    assert plain.numbers == 400**2
    assert chunked.numbers <= 2 * 400 * max(chunk, 5)  # two buffers in one piece; or the embeddings, 2 x 5 a pair


def test_cached_step_holds_the_activations_of_one_chunk_and_never_the_square():
    model, (images, tokens) = ToyCLIP(STRIDED), batch(400)
    with Largest() as plain:
        plain_step(model, images, tokens)
    with Largest() as cached:
        cached_step(model, images, tokens, chunk=20)
    assert plain.numbers == 400 * 3 * 32 * 32  # pictures as floats
    assert cached.numbers == max(20 * 3 * 32 * 32, 2 * 400 * 64)  # those of a chunk; both sorts of embeddings
