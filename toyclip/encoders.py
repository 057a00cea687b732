"""The encoders and the joint model (chapter 2)."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip import streams
from toyclip.data import standardize
from toyclip.errors import CaptionError, ImageError, InputError
from toyclip.vit import VisionTransformer


class Block(NamedTuple):
    """A 3x3 convolution, its activation, and perhaps a max-pooling that halves the picture."""

    channels: int
    stride: int = 1
    pool: bool = False
    relu: bool = False  # with the first weights of He et al. 2015, which belong to it; otherwise GELU


def pooled(width: int) -> list[Block]:
    """The reference's blocks: two of them end in max-pooling."""
    return [Block(width // 2), Block(width // 2, pool=True), Block(width, pool=True), Block(width)]


def strided(width: int, strides: tuple[int, ...]) -> list[Block]:
    """The same weights, but the convolutions step over pixels: a tenth of the arithmetic, and far fewer epochs."""
    channels = (width // 2, width // 2, width, width)
    return [Block(c, stride=s, relu=True) for c, s in zip(channels, strides, strict=True)]


class ImageEncoder(nn.Module):
    """Blocks of convolutions, a mean over the picture, a linear layer: 69,728 parameters with `pooled` or `strided`."""

    def __init__(self, blocks: list[Block], embed_dim: int = 64, pooling: str = "mean"):
        super().__init__()
        self.blocks, self.pooling, inputs = blocks, pooling, [3, *(block.channels for block in blocks)]
        self.convs = nn.ModuleList(
            nn.Conv2d(c_in, block.channels, 3, stride=block.stride, padding=1)
            for c_in, block in zip(inputs[:-1], blocks, strict=True)
        )
        self.projection = nn.Linear(inputs[-1], embed_dim)
        for conv in (conv for conv, block in zip(self.convs, blocks, strict=True) if block.relu):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)

    def features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 64, H / s, W / s), s = 4 pooled and 8 strided: what the last convolution sees where."""
        x = standardize(images)
        if self.blocks[0].stride > 1:
            x = x.contiguous(memory_format=torch.channels_last)  # one place's channels side by side: fewer copies
        for conv, block in zip(self.convs, self.blocks, strict=True):
            x = F.relu(conv(x), inplace=True) if block.relu else F.gelu(conv(x))  # (B, C, h, w)
            x = F.max_pool2d(x, 2) if block.pool else x
        return x

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D) embeddings, not yet normalised."""
        x = self.features(images)  # (B, C, h, w)
        return self.projection(x.mean(dim=(2, 3)) if self.pooling == "mean" else x.amax(dim=(2, 3)))


class TextEncoder(nn.Module):
    """Word plus position vectors, averaged over the real words, normalised and projected."""

    def __init__(self, vocab_size: int = 10, context_length: int = 4, embed_dim: int = 64):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, embed_dim, padding_idx=0)
        self.positions = nn.Parameter(0.01 * torch.randn(context_length, embed_dim))  # as in Radford et al.'s code
        self.norm = nn.LayerNorm(embed_dim)
        self.projection = nn.Linear(embed_dim, embed_dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) token ids, 0 for padding -> (B, D) embeddings, not yet normalised."""
        real = (tokens != 0).unsqueeze(-1)  # (B, L, 1)
        x = (self.tokens(tokens) + self.positions[: tokens.shape[1]]) * real  # (B, L, D)
        return self.projection(self.norm(x.sum(dim=1) / real.sum(dim=1)))  # (B, D)


IMAGE_ENCODERS = {
    "pooled": lambda c: ImageEncoder(pooled(c.width), c.embed_dim, c.pooling),
    "strided": lambda c: ImageEncoder(strided(c.width, c.strides), c.embed_dim, c.pooling),
    "transformer": lambda c: VisionTransformer(c.width, c.embed_dim),
}


def _is(kind: type, value: object) -> bool:
    """Whether a value is a whole number (int), or any finite number (float); True and False are none."""
    numbers = int if kind is int else (int, float)
    return isinstance(value, numbers) and not isinstance(value, bool) and math.isfinite(value)


def _are(kind: type, values: object, count: int) -> bool:
    return isinstance(values, tuple) and len(values) == count and all(_is(kind, value) for value in values)


@dataclass(frozen=True)
class Config:
    """What a model is built from. The model carries it, and its file keeps it."""

    image_encoder: str = "pooled"  # a key of IMAGE_ENCODERS
    width: int = 64  # channels of the last convolution, or numbers per patch
    strides: tuple[int, ...] = (2, 2, 2, 1)  # of "strided"
    pooling: str = "mean"  # over all places, or "max"; a transformer takes the mean
    embed_dim: int = 64
    vocab_size: int = 10  # padding included
    context_length: int = 4
    logit_scale: float = 1 / 0.07  # at the start (Radford et al. 2021, section 2.5)
    max_logit_scale: float | None = 100.0  # None: it may also fall below 1
    logit_bias: float | None = None  # at the start, for a sigmoid loss

    def __post_init__(self) -> None:
        encoder, most = self.image_encoder, self.max_logit_scale
        known, unit = encoder in IMAGE_ENCODERS, 4 if encoder == "transformer" else 2  # heads, or halves
        poolings = ("mean",) if encoder == "transformer" else ("mean", "max")
        rules = (  # what must hold, of what, and in words
            (known, "image_encoder", f"one of {', '.join(IMAGE_ENCODERS)}"),
            (_is(int, self.width) and self.width >= unit and self.width % unit == 0, "width", f"a multiple of {unit}"),
            (_are(int, self.strides, 4) and min(self.strides) > 0, "strides", "four whole numbers above 0"),
            (self.pooling in poolings, "pooling", f"{' or '.join(poolings)} for this encoder"),
            (_is(int, self.embed_dim) and self.embed_dim > 0, "embed_dim", "a whole number above 0"),
            (_is(int, self.vocab_size) and self.vocab_size > 1, "vocab_size", "2 or more, padding included"),
            (_is(int, self.context_length) and self.context_length > 0, "context_length", "a whole number above 0"),
            (_is(float, self.logit_scale) and self.logit_scale > 0, "logit_scale", "a number above 0"),
            (most is None or (_is(float, most) and most >= 1), "max_logit_scale", "a number from 1 on, or None"),
            (self.logit_bias is None or _is(float, self.logit_bias), "logit_bias", "a number, or None"),
        )
        for holds, name, wanted in rules:
            if not holds:
                raise InputError(f"{name}={getattr(self, name)!r} builds no model; it must be {wanted}")


class ToyCLIP(nn.Module):
    """Both encoders and one temperature: 74,913 parameters (the reference model of Mohapatra 2026).

    The weights follow from the seed alone: torch's own initialisation, with the global generator left as it was.
    Each encoder has a stream of its own: the words of two models of one seed start alike, whatever sees the pictures.

    >>> sum(p.numel() for p in ToyCLIP().parameters())
    74913
    """

    def __init__(self, config: Config = Config(), seed: int = 0):
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(streams.number(seed, "image encoder"))
            self.image_encoder = IMAGE_ENCODERS[config.image_encoder](config)
            torch.manual_seed(streams.number(seed, "text encoder"))
            self.text_encoder = TextEncoder(config.vocab_size, config.context_length, config.embed_dim)
        self.log_logit_scale = nn.Parameter(torch.tensor(math.log(config.logit_scale)))
        if config.logit_bias is not None:
            self.logit_bias = nn.Parameter(torch.tensor(config.logit_bias))

    def forward(self, images: Tensor, tokens: Tensor) -> Tensor:
        """Scaled cosine similarities, pictures in rows and captions in columns, (B, B)."""
        image_embeddings = F.normalize(self.image_encoder(images), dim=-1)  # (B, D)
        text_embeddings = F.normalize(self.text_encoder(tokens), dim=-1)  # (B, D)
        return self.logit_scale * image_embeddings @ text_embeddings.T  # (B, D) @ (D, B)

    @property
    def logit_scale(self) -> Tensor:
        """1 / temperature."""
        return self.log_logit_scale.exp()

    @torch.no_grad()
    def clamp_logit_scale(self) -> None:
        """Bring the scale back into [1, 100], to be called after every step of training (Radford et al. 2021)."""
        if self.config.max_logit_scale is not None:
            self.log_logit_scale.clamp_(0, math.log(self.config.max_logit_scale))

    @property
    def device(self) -> torch.device:
        return self.log_logit_scale.device

    def embed_images(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) bytes, or floats in [0, 1] -> (B, D) of length 1; ImageError if they are something else."""
        dtype = self.log_logit_scale.dtype
        if images.ndim != 4 or not len(images) or images.shape[1] != 3 or images.dtype not in (torch.uint8, dtype):
            raise ImageError(f"expected pictures (B, 3, H, W), {dtype}, got {images.dtype} {tuple(images.shape)}")
        return F.normalize(self.image_encoder(images), dim=-1)

    def embed_texts(self, tokens: Tensor) -> Tensor:
        """(B, L) token ids -> (B, D) of length 1; CaptionError if they are not what this model's tokenizer writes."""
        words, length = self.config.vocab_size, self.config.context_length
        if tokens.ndim != 2 or not len(tokens) or tokens.shape[1] != length or tokens.dtype != torch.int64:
            raise CaptionError(f"expected int64 token ids (B, {length}), got {tokens.dtype} {tuple(tokens.shape)}")
        if not 0 <= tokens.min() <= tokens.max() < words or not tokens.any(dim=1).all():
            raise CaptionError(f"expected ids from 0 to {words - 1}, a word in every row; encode with the tokenizer")
        return F.normalize(self.text_encoder(tokens), dim=-1)
