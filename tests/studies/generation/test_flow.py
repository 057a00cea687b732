"""The flow: one picture is drawn back exactly, a mixture in its shares, guidance and captions do what they say."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from toyclip.errors import InputError, LossNotFiniteError
from toyclip.pairs import Pairs
from toyclip.studies.generation.flow import Schooling, as_pixels, as_signal, draw, flow_loss, rate, teach, velocity
from toyclip.studies.generation.unet import NOTHING, UNet


class Points(nn.Module):
    """The exact velocity for a world of a few pictures a caption, by Bayes: what a perfect network would say.

    Args:
        pictures: (W, M, P), M equally likely pictures for each word.
    """

    def __init__(self, pictures: torch.Tensor):
        super().__init__()
        self.pictures = pictures

    def forward(self, images, time, tokens):
        x, t = images.flatten(1), time[:, None, None]  # (B, P), (B, 1, 1)
        known = self.pictures.flatten(0, 1).expand(len(x), -1, -1)  # (B, W M, P)
        told = (tokens != NOTHING)[:, None, None]
        own = self.pictures[(tokens - 1).clamp_min(0)]  # (B, M, P)
        parts = []
        for pool in (own, known):
            gap = (x[:, None] - t * pool).square().sum(dim=2) / (2 * (1 - t[:, 0]).square())  # (B, n)
            parts.append((gap.neg().softmax(dim=1)[:, :, None] * pool).sum(dim=1))  # (B, P)
        mean = torch.where(told[:, 0], *parts)
        return ((mean - x) / (1 - t[:, 0])).view_as(images)


def world(seed: int = 0, each: int = 2) -> torch.Tensor:
    return torch.randint(0, 2, (3, each, 3 * 16), generator=torch.Generator().manual_seed(seed)).double() * 2 - 1


def signal(pixels: torch.Tensor) -> torch.Tensor:
    return as_signal(pixels).flatten(1)


def test_bytes_become_numbers_and_come_back():
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(as_pixels(as_signal(every)), every)
    assert as_signal(every).min() == -1
    assert as_signal(every).max() == 1


def test_a_perfect_network_draws_the_one_picture_of_each_word():
    pictures = world(each=1)
    drawn = draw(Points(pictures.float()), torch.tensor([0, 1, 2, 1]), seed=0, size=4, guidance=1.0)
    torch.testing.assert_close(signal(drawn), pictures[[0, 1, 2, 1], 0].float(), atol=0.02, rtol=0)


def test_a_perfect_network_draws_each_of_two_pictures_half_the_time():
    pictures = world(each=2).float()
    drawn = signal(draw(Points(pictures), torch.ones(400, dtype=torch.long), seed=0, size=4, steps=40, guidance=1.0))
    nearest = torch.cdist(drawn, pictures[1]).min(dim=1)
    assert nearest.values.max() < 0.5
    assert 0.4 < nearest.indices.double().mean() < 0.6


def test_one_euler_step_from_noise_lands_on_the_mean_picture():
    pictures = world(each=2).float()
    drawn = signal(draw(Points(pictures), torch.tensor([2]), seed=3, size=4, steps=1, guidance=1.0))
    torch.testing.assert_close(drawn[0], pictures[2].mean(dim=0), atol=0.01, rtol=0)


def test_guidance_goes_along_the_difference_that_the_caption_makes():
    model, x, words = Points(world().float()), torch.randn(3, 3, 4, 4), torch.tensor([1, 2, 3])
    told, untold = (velocity(model, x, 0.3, t, 1.0) for t in (words, torch.zeros(3, dtype=torch.long)))
    torch.testing.assert_close(velocity(model, x, 0.3, words, 0.0), untold)
    torch.testing.assert_close(velocity(model, x, 0.3, words, 1.0), told)
    torch.testing.assert_close(velocity(model, x, 0.3, words, 3.0), untold + 3 * (told - untold))


def test_the_noise_is_the_same_under_every_guidance_and_other_under_another_seed():
    class Still(nn.Module):
        def forward(self, images, time, tokens):
            return torch.zeros_like(images)

    def noise(seed, guidance):
        return draw(Still(), torch.zeros(2, dtype=torch.long), seed, size=4, guidance=guidance)

    assert torch.equal(noise(0, 1.0), noise(0, 4.0))
    assert not torch.equal(noise(0, 1.0), noise(1, 1.0))


class Listens(nn.Module):
    """Keeps what it was asked, and answers with a fixed field."""

    def __init__(self, answer: float = 0.0):
        super().__init__()
        self.answer, self.asked = answer, []

    def forward(self, images, time, tokens):
        self.asked.append((images, time, tokens))
        return torch.full_like(images, self.answer)


def test_the_loss_is_the_error_of_the_velocity_on_the_straight_line():
    model, images, tokens = Listens(), torch.ones(20_000, 1, 1, 1), torch.arange(1, 20_001)
    loss = flow_loss(model, images, tokens, torch.Generator().manual_seed(0)).item()
    (between, time, told) = model.asked[0]
    noise = (between.flatten() - time) / (1 - time)  # on the line from noise to 1
    assert abs(noise[time < 0.9].mean()) < 0.03
    assert abs(noise[time < 0.9].std() - 1) < 0.03
    assert loss == pytest.approx(2.0, abs=0.05)  # E (1 - noise)^2 = 1 + 1
    assert 0 <= time.min() < 0.001
    assert 0.999 < time.max() < 1
    assert abs(time.mean() - 0.5) < 0.01
    assert abs((told == NOTHING).double().mean() - 0.1) < 0.01
    assert torch.equal(told[told != NOTHING], tokens[told != NOTHING])
    # a right answer costs nothing
    exact = Points(torch.ones(1, 1, 1))
    assert flow_loss(exact, torch.ones(50, 1, 1, 1), torch.ones(50).long(), torch.Generator().manual_seed(1)) < 1e-6


def test_the_rate_rises_for_a_tenth_and_falls_to_nothing():
    rates = [rate(step, 200) for step in range(200)]
    assert max(rates) == rates[19] == 1
    assert all(a < b for a, b in pairwise(rates[:20]))
    assert all(a > b for a, b in pairwise(rates[20:]))
    assert rates[-1] < 0.001
    assert rate(0, 1) == 1


def flags() -> Pairs:
    """Two captions: left half white, and right half white."""
    pixels = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    pixels[0, :, :, :4] = 255
    pixels[1, :, :, 4:] = 255
    return Pairs(pixels, torch.arange(2), torch.arange(2))


def test_two_pictures_are_learned_and_drawn_on_demand():
    model = UNet(words=2, widths=(8, 16), embed_dim=8)
    loss = teach(model, flags(), 0, Schooling(updates=250, batch_size=16, lr=5e-3))
    drawn = draw(model, torch.tensor([0, 1] * 8), seed=1, size=8).double()
    left, right = drawn[..., :4].mean(dim=(1, 2, 3)), drawn[..., 4:].mean(dim=(1, 2, 3))
    assert loss < 1.2  # 2 at the start
    assert (left > right).tolist() == [True, False] * 8
    assert (left - right).abs().mean() > 120


def test_the_order_of_seed_and_the_loss_that_is_not_finite():
    lone = Schooling(updates=3, batch_size=2)
    losses = [teach(UNet(words=2, widths=(8, 16), embed_dim=8, seed=0), flags(), seed, lone) for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
    with pytest.raises(LossNotFiniteError, match="step 1"):
        teach(UNet(words=2, widths=(8, 16), embed_dim=8), flags(), 0, Schooling(updates=3, batch_size=2, lr=math.inf))


@pytest.mark.parametrize(("steps", "guidance"), [(0, 1.0), (5, -1.0), (5, math.nan), (5, math.inf)])
def test_no_steps_and_senseless_guidance_are_refused(steps, guidance):
    with pytest.raises(InputError, match="give at least 1 step"):
        draw(Listens(), torch.zeros(1, dtype=torch.long), 0, size=4, steps=steps, guidance=guidance)


def test_more_drawings_than_fit_in_a_part_each_listen_to_their_own_caption():
    pictures, captions = world(each=1).float(), torch.arange(300) % 3
    drawn = signal(draw(Points(pictures), captions, seed=0, size=4, steps=4, guidance=1.0))
    assert torch.equal(torch.cdist(drawn, pictures[:, 0]).argmin(dim=1), captions)
