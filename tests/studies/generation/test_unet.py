"""The network of the generator: parameters counted by hand, a wish that matters, a start that says nothing."""

import pytest
import torch

from toyclip.studies.generation.unet import NOTHING, Block, UNet, wave


def awake(seed: int = 0) -> UNet:
    """A U-Net whose zero weights have been replaced, so that something comes out."""
    model = UNet(words=3, widths=(8, 16), embed_dim=8, seed=seed)
    generator = torch.Generator().manual_seed(1)
    for weights in model.parameters():
        if not weights.any():
            weights.data = 0.1 * torch.randn(weights.shape, generator=generator)
    return model


def test_parameters_counted_by_hand():
    d, (a, b) = 64, (48, 64)

    def conv(i: int, o: int, k: int = 3) -> int:
        return i * o * k * k + o

    def block(i: int, o: int) -> int:
        return 2 * i + 2 * o + conv(i, o) + conv(o, o) + (d * 2 * o + 2 * o) + (conv(i, o, 1) if i != o else 0)

    words, time = 23 * d, 2 * (d * d + d)
    way = conv(12, a) + block(a, a) + conv(a, b) + block(b, b) + block(b, b)
    back = block(2 * b, b) + conv(b, a, 1) + block(2 * a, a) + conv(a, 12)
    assert sum(p.numel() for p in UNet(words=22).parameters()) == words + time + way + back < 1_000_000


def test_it_starts_by_saying_nothing_and_a_new_block_changes_nothing():
    x, wish = torch.randn(2, 8, 4, 4), torch.randn(2, 8)
    assert torch.equal(Block(8, 8, 8)(x, wish), x)
    assert not UNet(words=3, widths=(8, 16), embed_dim=8)(
        torch.randn(2, 3, 8, 8), torch.rand(2), torch.ones(2).long()
    ).any()


@pytest.mark.parametrize("size", [8, 16, 24])
def test_every_size_that_halves_cleanly_comes_back_in_its_shape(size):
    assert awake()(torch.randn(2, 3, size, size), torch.rand(2), torch.tensor([1, NOTHING])).shape == (2, 3, size, size)


def test_picture_time_and_word_each_change_the_answer_and_a_neighbour_in_the_batch_does_not():
    model, images, time = awake(), torch.randn(2, 3, 8, 8), torch.tensor([0.2, 0.2])
    answer = model(images, time, torch.tensor([1, 1]))
    assert not torch.allclose(answer[0], model(images, time, torch.tensor([2, 1]))[0])
    assert not torch.allclose(answer[0], model(images, time, torch.tensor([NOTHING, 1]))[0])
    assert not torch.allclose(answer[0], model(images, torch.tensor([0.7, 0.2]), torch.tensor([1, 1]))[0])
    assert not torch.allclose(answer[0], model(images + 0.1, time, torch.tensor([1, 1]))[0])
    other = model(torch.cat([images[:1], images[1:] + 1]), torch.tensor([0.2, 0.9]), torch.tensor([1, 3]))
    torch.testing.assert_close(answer[0], other[0])


def test_every_weight_gets_a_gradient():
    model = awake()
    model(torch.randn(4, 3, 8, 8), torch.rand(4), torch.tensor([0, 1, 2, 3])).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_what_it_says_of_a_place_depends_on_the_farthest_place_too():
    model, images = awake(), torch.randn(1, 3, 16, 16, requires_grad=True)
    model(images, torch.tensor([0.5]), torch.tensor([1]))[0, :, 0, 0].sum().backward()
    assert images.grad[0, :, -1, -1].abs().sum() > 0


def test_the_seed_alone_decides_the_weights_and_the_global_generator_stays():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (UNet(words=3, widths=(8, 16), embed_dim=8, seed=s) for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.text_encoder.weight, again.text_encoder.weight)
    assert not torch.equal(first.text_encoder.weight, other.text_encoder.weight)


def test_a_wave_is_told_apart_at_close_and_at_distant_times():
    time = torch.linspace(0, 1, 101)
    apart = torch.cdist(wave(time, 64), wave(time, 64)) + 10 * torch.eye(101)
    assert apart.min() > 0.5
    torch.testing.assert_close(wave(time, 64).square().sum(dim=1), torch.full((101,), 32.0))
