"""The chunked loss against torch's gradients of the plain one, a cached step against one graph, memory as measured."""

import gc
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from toyclip import chunked as scale
from toyclip.data import CLASSES, Tokenizer, caption
from toyclip.encoders import ToyCLIP
from toyclip.errors import ImageError, InputError, RecipeError
from toyclip.train import one_thread

SIZES_AND_CHUNKS = [(2, 1), (2, 2), (7, 3), (33, 8), (33, 11), (33, 1), (33, 32), (33, 33), (33, 1000)]


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


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-13 * max(1, b.abs().max().item()))


# --- the loss --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "chunk"), SIZES_AND_CHUNKS)
@pytest.mark.parametrize("factor", [0.0, 1.0, 14.3])
def test_loss_and_gradients_are_those_of_torch(size, chunk, factor):
    found = with_gradients(lambda *x: scale.chunked_info_nce(*x, chunk), *pairs(size), factor)
    assert_same(found, with_gradients(by_torch, *pairs(size), factor))


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 6])
def test_gradient_agrees_with_finite_differences(chunk):
    inputs = [*pairs(5, dim=3), torch.tensor(2.0, dtype=torch.float64)]
    assert torch.autograd.gradcheck(
        lambda *x: scale.chunked_info_nce(*x, chunk), [x.clone().requires_grad_() for x in inputs]
    )


def test_gradient_of_a_weighted_loss_is_weighted():
    found = with_gradients(lambda *x: scale.chunked_info_nce(*x, 4), *pairs(9), 3.0, weight=-2.5)
    assert_same(found, with_gradients(by_torch, *pairs(9), 3.0, weight=-2.5))


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
        found = with_gradients(lambda *x: scale.chunked_info_nce(*x, chunk), *inputs, 100.0)
        assert all(x.isfinite().all() for x in found)
        if dtype == torch.float64:
            assert_same(found, with_gradients(by_torch, *inputs, 100.0))
        else:
            assert found[0].item() == pytest.approx(by_torch(images, texts, torch.tensor(100.0)).item(), rel=1e-4)


def test_inputs_that_are_not_contiguous_are_read_right():
    images, texts = (x.T.contiguous().T for x in pairs(7))
    assert not images.is_contiguous()
    found = with_gradients(lambda i, t, s: scale.chunked_info_nce(i, t, s, 3), images, texts, 2.0)
    assert_same(found, with_gradients(by_torch, *pairs(7), 2.0))


@pytest.mark.parametrize("chunk", [1, 4, 9, 50])
def test_reordering_pairs_reorders_the_gradients(chunk):
    images, texts = pairs(9)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    loss, to_images, to_texts, to_scale = with_gradients(
        lambda *x: scale.chunked_info_nce(*x, chunk), images, texts, 3.0
    )
    found = with_gradients(lambda *x: scale.chunked_info_nce(*x, chunk), images[order], texts[order], 3.0)
    assert_same(found, [loss, to_images[order], to_texts[order], to_scale])


@pytest.mark.parametrize(("size", "chunk"), SIZES_AND_CHUNKS)
def test_equal_embeddings_cost_log_of_the_batch_size(size, chunk):
    same = torch.full((size, 3), 0.7, dtype=torch.float64)
    loss, to_images, to_texts, to_scale = with_gradients(
        lambda *x: scale.chunked_info_nce(*x, chunk), same, same, 100.0
    )
    assert loss.item() == pytest.approx(math.log(size), abs=1e-12)
    for gradient in (to_images, to_texts, to_scale):  # pushed and pulled alike
        assert gradient.abs().max() < 1e-12


def test_a_pair_that_is_surely_right_costs_nothing():
    unit = torch.eye(6, dtype=torch.float64)
    loss, *gradients = with_gradients(lambda *x: scale.chunked_info_nce(*x, 4), unit, unit, 100.0)
    assert 0 <= loss.item() < 1e-30
    assert all(gradient.abs().max() < 1e-30 for gradient in gradients)


@pytest.mark.parametrize(
    ("images", "texts", "logit_scale"),
    [((4, 3), (5, 3), ()), ((4, 3), (4, 2), ()), ((4,), (4,), ()), ((4, 3), (4, 3), (1,)), ((1, 4, 3), (1, 4, 3), ())],
)
def test_shapes_that_do_not_match_are_refused(images, texts, logit_scale):
    with pytest.raises(InputError, match="expected embeddings"):
        scale.chunked_info_nce(torch.zeros(images), torch.zeros(texts), torch.zeros(logit_scale), chunk=2)


@pytest.mark.parametrize(("size", "chunk", "match"), [(1, 2, "no negatives"), (0, 2, "no negatives"), (4, 0, "chunk")])
def test_impossible_sizes_are_refused(size, chunk, match):
    with pytest.raises(RecipeError, match=match):
        scale.chunked_info_nce(*pairs(size), torch.tensor(1.0), chunk)
    images, tokens = batch(4)
    with pytest.raises(RecipeError, match=match):
        scale.cached_step(ToyCLIP(), images[:size], tokens[:size], chunk)
    with pytest.raises(RecipeError, match=match):
        scale.measure("cached", size, chunk)


# --- one step of a model ---------------------------------------------------------------------------------------------


def batch(size: int, side: int = 32) -> tuple[Tensor, Tensor]:
    """Random pictures as bytes, and captions that have nothing to do with them."""
    generator = torch.Generator().manual_seed(size)
    images = torch.randint(256, (size, 3, side, side), dtype=torch.uint8, generator=generator)
    captions = Tokenizer().encode([caption(*c) for c in CLASSES] + ["red", "blue cross"])
    return images, captions[torch.randint(len(captions), (size,), generator=generator)]


def gradients(model: ToyCLIP) -> dict[str, Tensor]:
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def one_graph(model: ToyCLIP, images: Tensor, tokens: Tensor, chunk: int) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradients by torch's cross-entropy; the encoders see `chunk` pairs at a time, all in the same graph."""
    pictures = torch.cat([model.embed_images(part.to(model.logit_scale.dtype) / 255) for part in images.split(chunk)])
    texts = torch.cat([model.embed_texts(part) for part in tokens.split(chunk)])
    model.zero_grad()
    loss = by_torch(pictures, texts, model.logit_scale)
    loss.backward()
    found = gradients(model)
    model.zero_grad()
    return loss.item(), found


def assert_gradients_agree(
    found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float, absolute: float = torch.inf
) -> None:
    """To `tolerance` of each gradient's largest entry, and to `absolute` (by default `tolerance`, too) as they are."""
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        off, largest = (found[name] - gradient).abs().max().item(), gradient.abs().max().item()
        assert largest > 0, name
        assert off <= min(tolerance * largest, tolerance, absolute), f"{name}: off by {off:.1e}, largest {largest:.1e}"


@pytest.mark.parametrize(("strided", "side"), [(False, 8), (True, 32)], ids=["reference", "strided"])
def test_step_is_that_of_one_graph_at_2048(strided, side):
    """In float32. The last chunk is an uneven one: 600, 600, 600, 248.

    Convolutions add up a batch in another order than its chunks; in one graph, too, the rounding comes to 6e-5 of a
    gradient's largest entry, against float64. With the same chunks in one graph there is no such excuse.
    """
    images, tokens = batch(2048, side)
    model = ToyCLIP(strided=strided, seed=3)
    controls = [one_graph(model, images, tokens, chunk) for chunk in (600, 2048)]
    loss = scale.cached_step(model, images, tokens, chunk=600)
    assert not loss.requires_grad
    for (expected, control), tolerance in zip(controls, (1e-5, 1e-4), strict=True):
        assert loss.item() == pytest.approx(expected, rel=1e-5)
        assert_gradients_agree(gradients(model), control, tolerance, absolute=1e-5)


@pytest.mark.parametrize(("strided", "side"), [(False, 4), (True, 8)], ids=["reference", "strided"])
def test_step_is_that_of_one_graph_at_2048_in_float64(strided, side):
    images, tokens = batch(2048, side)
    model = ToyCLIP(strided=strided, seed=1).double()
    expected, control = one_graph(model, images, tokens, 2048)
    assert scale.cached_step(model, images, tokens, chunk=600).item() == pytest.approx(expected, rel=1e-12)
    assert_gradients_agree(gradients(model), control, 1e-10)


@pytest.mark.parametrize("chunk", [1, 7, 13, 14, 15, 100])
@pytest.mark.parametrize("strided", [False, True], ids=["reference", "strided"])
def test_any_chunk_gives_the_same_step(strided, chunk):
    images, tokens = batch(14)
    model = ToyCLIP(strided=strided, seed=2).double()
    expected, control = one_graph(model, images, tokens, 14)
    assert scale.cached_step(model, images, tokens, chunk).item() == pytest.approx(expected, rel=1e-12)
    assert_gradients_agree(gradients(model), control, 1e-10)


@pytest.mark.parametrize("step", ["cached", "plain"])
def test_gradients_are_added_to_those_that_are_there(step):
    take = {"cached": lambda *x: scale.cached_step(*x, chunk=5), "plain": scale.plain_step}[step]
    model = ToyCLIP(strided=True, seed=3).double()
    first, second = batch(12), batch(9)
    apart = []
    for images, tokens in (first, second):
        model.zero_grad()
        take(model, images, tokens)
        apart.append(gradients(model))
    model.zero_grad()
    for images, tokens in (first, second):
        take(model, images, tokens)
    assert_gradients_agree(gradients(model), {name: apart[0][name] + apart[1][name] for name in apart[0]}, 1e-12)


def test_bytes_and_floats_give_the_same_step():
    images, tokens = batch(20)
    before = images.clone()
    model = ToyCLIP(strided=True, seed=4)
    results = []
    for pictures in (images, images / 255):
        for step in (lambda *x: scale.cached_step(*x, chunk=8), scale.plain_step):
            model.zero_grad()
            results.append((step(model, pictures, tokens).item(), gradients(model)))
    assert torch.equal(images, before)
    for (loss, found), place in zip(results, (0, 1, 0, 1), strict=True):
        assert loss == results[place][0]
        assert all(torch.equal(found[name], results[place][1][name]) for name in found)
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-6)
    assert_gradients_agree(results[0][1], results[1][1], 1e-5)


def test_a_temperature_at_its_clamp_gets_no_gradient():
    """As with one graph: beyond log 100 the stored logarithm has no effect."""
    model = ToyCLIP(strided=True)
    with torch.no_grad():
        model.log_logit_scale.fill_(5.0)
    scale.cached_step(model, *batch(6), chunk=4)
    assert model.log_logit_scale.grad.item() == 0
    assert model.image_encoder.projection.weight.grad.abs().max() > 0


def test_global_random_numbers_are_left_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    model = ToyCLIP(strided=True)
    scale.cached_step(model, *batch(6), chunk=4)
    scale.plain_step(model, *batch(6))
    assert torch.equal(torch.get_rng_state(), before)


def test_wrong_batches_are_refused():
    images, tokens = batch(6)
    with pytest.raises(InputError, match="6 pictures cannot be paired with 5 captions"):
        scale.cached_step(ToyCLIP(), images, tokens[:5], chunk=4)
    with pytest.raises(ImageError, match="float32 pictures"):
        scale.cached_step(ToyCLIP(), images.double(), tokens, chunk=4)


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
        with_gradients(lambda *x: scale.chunked_info_nce(*x, chunk), *pairs(400), 2.0)
    assert plain.numbers == 400**2
    assert chunked.numbers <= 2 * 400 * max(chunk, 5)  # two buffers in one piece; or the embeddings, 2 x 5 a pair


def test_step_needs_less_memory_than_the_square_alone():
    """4,096 pairs, measured by the operating system: the square in float32 is 64 MiB, the pictures' bytes are 12."""
    cached, plain = scale.measure("cached", 4096, chunk=64, seed=1), scale.measure("plain", 4096, seed=1)
    assert 12 < cached["above_mb"] < 50
    assert plain["above_mb"] > 2 * 64
    assert cached["loss"] == pytest.approx(plain["loss"], rel=1e-6)
    for row in (cached, plain):
        assert row["above_mb"] == row["peak_mb"] - row["idle_mb"]
        assert row["batch_size"] == 4096
        assert 0 < row["seconds"] < 600
    assert (cached["step"], cached["chunk"], cached["threads"]) == ("cached", 64, 1)


def test_measured_loss_follows_from_the_seed():
    losses = [scale._measure_here("plain", 16, chunk=8, seed=seed, threads=1)["loss"] for seed in (3, 3, 4)]
    assert losses[0] == losses[1] != losses[2]


def test_pictures_are_no_part_of_the_idle_process(monkeypatch):
    """Memory is the number of pictures in batches of 16 that exist; the step that warms torch up has 64."""

    def pictures() -> int:
        found = [x for x in gc.get_objects() if type(x) is Tensor and x.dtype == torch.uint8]
        return sum(len(x) for x in found if x.shape == (16, 3, 32, 32))

    monkeypatch.setattr(scale, "_peak_mb", pictures)
    row = scale._measure_here("cached", 16, chunk=16, seed=0, threads=1)
    assert row["idle_mb"] == 0
    assert row["above_mb"] >= 16


def test_unknown_step_is_refused():
    with pytest.raises(RecipeError, match="no step 'exact'"):
        scale.measure("exact", 64)


def test_footprint_measures_both_steps_and_the_plain_one_only_as_far_as_it_is_safe(monkeypatch):
    """At 16,384 the plain step takes 5 GiB; at twice that it would take more than many machines have."""
    monkeypatch.setattr(scale, "measure", lambda step, batch_size, seed: (step, batch_size, seed))
    found = scale.footprint(seed=4)
    assert [size for step, size, _ in found if step == "cached"] == [512, 1024, 2048, 4096, 8192, 16384, 32768]
    assert [size for step, size, _ in found if step == "plain"] == [512, 1024, 2048, 4096, 8192, 16384]
    assert {seed for *_, seed in found} == {4}
