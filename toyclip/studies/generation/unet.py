"""A picture from noise and a word: the network that says which way (chapter Generation)."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip import streams

PATCH = 2  # px: the network works on squares of 2 x 2 pixels, a quarter of the places
GROUPS = 8  # of channels that are normalised together
NOTHING = 0  # the token of the empty caption, a tokenizer's padding


def wave(time: Tensor, dim: int) -> Tensor:
    """A number from 0 to 1 as sines and cosines of rising speed, (B,) -> (B, dim) (Vaswani et al. 2017).

    >>> wave(torch.tensor([0.0]), 4)
    tensor([[0., 0., 1., 1.]])
    """
    speed = torch.exp(-math.log(1000) * torch.arange(dim // 2, device=time.device) / (dim // 2 - 1))  # (dim / 2,)
    angle = 1000 * time[:, None] * speed  # (B, dim / 2)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class Block(nn.Module):
    """Two convolutions past which the input is led; time and word scale and shift what lies between them (FiLM).

    The second convolution starts at zero: a new block changes nothing (Perez et al. 2018; Ho et al. 2020).
    """

    def __init__(self, inputs: int, outputs: int, embed_dim: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(GROUPS, channels) for channels in (inputs, outputs))
        self.convs = nn.ModuleList(nn.Conv2d(channels, outputs, 3, padding=1) for channels in (inputs, outputs))
        self.film = nn.Linear(embed_dim, 2 * outputs)
        self.past = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        nn.init.zeros_(self.convs[1].weight)
        nn.init.zeros_(self.convs[1].bias)

    def forward(self, x: Tensor, wish: Tensor) -> Tensor:
        """(B, inputs, h, w) and what is wished for, (B, D) -> (B, outputs, h, w)."""
        scale, shift = self.film(wish)[:, :, None, None].chunk(2, dim=1)  # (B, outputs, 1, 1) each
        h = self.convs[0](F.silu(self.norms[0](x)))  # (B, outputs, h, w)
        return self.past(x) + self.convs[1](F.silu(self.norms[1](h) * (1 + scale) + shift))


class UNet(nn.Module):
    """From a half-noisy picture, its time and a caption of one word to a velocity (Ronneberger et al. 2015).

    Down to the coarsest level, and up again, where each level also gets what was there on the way down. The weights
    follow from the seed alone.

    Args:
        words: how many captions of one word there are, the empty one not counted.
        widths: channels of each level, the finest first; each is half as wide and high as the one before.

    >>> sum(p.numel() for p in UNet(words=22).parameters())
    465084
    """

    def __init__(self, words: int, widths: tuple[int, ...] = (48, 64), embed_dim: int = 64, seed: int = 0):
        super().__init__()
        self.words, self.widths, self.embed_dim = words, widths, embed_dim
        pairs = list(pairwise(widths))  # a level and the next coarser one
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(streams.number(seed, "generator"))
            self.text_encoder = nn.Embedding(words + 1, embed_dim)
            self.time = nn.Sequential(nn.Linear(embed_dim, embed_dim), nn.SiLU(), nn.Linear(embed_dim, embed_dim))
            self.first = nn.Conv2d(3 * PATCH**2, widths[0], 3, padding=1)
            self.down = nn.ModuleList(Block(w, w, embed_dim) for w in widths)
            self.shrink = nn.ModuleList(nn.Conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairs)
            self.middle = Block(widths[-1], widths[-1], embed_dim)
            self.up = nn.ModuleList(Block(2 * w, w, embed_dim) for w in widths)
            self.grow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairs)
            self.last = nn.Conv2d(widths[0], 3 * PATCH**2, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, images: Tensor, time: Tensor, tokens: Tensor) -> Tensor:
        """Velocities, -> (B, 3, H, W).

        Args:
            images: (B, 3, H, W), H and W multiples of `PATCH` and of 2 for each level but the first.
            time: (B,), 0 at noise, 1 at a picture.
            tokens: (B,), one word each, or `NOTHING`.
        """
        wish = F.silu(self.time(wave(time, self.embed_dim)) + self.text_encoder(tokens))  # (B, D)
        patches = F.pixel_unshuffle(images, PATCH)  # (B, 12, H / 2, W / 2)
        x = self.first(patches.contiguous(memory_format=torch.channels_last))  # (B, C, h, w)
        kept = []
        for level, block in enumerate(self.down):
            x = block(x, wish)  # (B, C, h, w)
            kept.append(x)
            x = self.shrink[level](x) if level < len(self.shrink) else self.middle(x, wish)
        for level in reversed(range(len(self.up))):
            x = self.up[level](torch.cat([x, kept[level]], dim=1), wish)  # (B, C, h, w)
            x = F.interpolate(self.grow[level - 1](x), scale_factor=2) if level else x
        return F.pixel_shuffle(self.last(x), PATCH)  # (B, 3, H, W)
