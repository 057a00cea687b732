"""The two encoders and the joint model (chapter 2)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip.errors import CaptionError, ImageError

PIXEL_MEAN, PIXEL_STD = 0.18, 0.26  # of the training pictures, all channels together


class ImageEncoder(nn.Module):
    """Four 3x3 convolutions, a mean over the picture, a linear layer: 69,728 parameters either way.

    The reference halves the picture by max-pooling and uses GELU. The strided variant has the same weights, but its
    convolutions step over pixels, its activation is ReLU and its first weights are those of He et al. 2015: a tenth of
    the arithmetic, and far fewer epochs. Both standardise the pixels first, as CLIP does; the source is silent on it.
    """

    def __init__(self, embed_dim: int = 64, strided: bool = False):
        super().__init__()
        widths, strides = [(3, 32), (32, 32), (32, 64), (64, 64)], (2, 2, 2, 1) if strided else (1, 1, 1, 1)
        self.convs = nn.ModuleList(
            nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1)
            for (c_in, c_out), stride in zip(widths, strides, strict=True)
        )
        self.projection = nn.Linear(64, embed_dim)
        self.strided = strided
        if strided:
            for conv in self.convs:
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
                nn.init.zeros_(conv.bias)

    def features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) float pictures in [0, 1] -> (B, 64, h, w): what the last convolution sees at each place.

        Two neighbouring places are 4 pixels apart in the reference, so h = H / 4; in the strided variant 8, h = H / 8.

        Raises:
            ImageError: if the shape or the dtype is another one.
        """
        dtype = self.projection.weight.dtype
        if images.ndim != 4 or images.shape[1] != 3 or images.dtype != dtype:
            raise ImageError(f"expected {dtype} pictures (B, 3, H, W), got {images.dtype} {tuple(images.shape)}")
        x = (images - PIXEL_MEAN) / PIXEL_STD  # (B, 3, H, W)
        if self.strided:
            x = x.contiguous(memory_format=torch.channels_last)  # one place's channels side by side: fewer copies
        for i, conv in enumerate(self.convs):
            x = F.relu(conv(x), inplace=True) if self.strided else F.gelu(conv(x))  # (B, 32 or 64, h, w)
            if not self.strided and i in (1, 2):
                x = F.max_pool2d(x, 2)  # (B, 32 or 64, h/2, w/2)
        return x

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D) embeddings, not yet normalised."""
        return self.projection(self.features(images).mean(dim=(2, 3)))  # (B, 64) -> (B, D)


class TextEncoder(nn.Module):
    """Word plus position vectors, averaged over the real words, normalised and projected."""

    def __init__(self, vocab_size: int = 10, context_length: int = 4, embed_dim: int = 64):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, embed_dim, padding_idx=0)
        self.positions = nn.Parameter(0.01 * torch.randn(context_length, embed_dim))  # as in Radford et al.'s code
        self.norm = nn.LayerNorm(embed_dim)
        self.projection = nn.Linear(embed_dim, embed_dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) token ids, 0 for padding -> (B, D) embeddings, not yet normalised.

        Raises:
            CaptionError: if the shape or the dtype is another one, an id is none, or a row is nothing but padding.
        """
        length = len(self.positions)
        if tokens.ndim != 2 or tokens.shape[1] != length or tokens.dtype != torch.int64:
            raise CaptionError(f"expected int64 token ids (B, {length}), got {tokens.dtype} {tuple(tokens.shape)}")
        if not 0 <= tokens.min() <= tokens.max() < self.tokens.num_embeddings:
            raise CaptionError(
                f"token ids must be 0 to {self.tokens.num_embeddings - 1}; encode with the same tokenizer"
            )
        real = (tokens != 0).unsqueeze(-1)  # (B, L, 1)
        if not real.any(dim=1).all():
            raise CaptionError("a caption is nothing but padding; every caption needs at least one word")
        x = (self.tokens(tokens) + self.positions) * real  # (B, L, D)
        return self.projection(self.norm(x.sum(dim=1) / real.sum(dim=1)))  # (B, D)


class ToyCLIP(nn.Module):
    """Both encoders and one temperature: 74,913 parameters (the reference model of Mohapatra 2026).

    The weights follow from the seed alone: torch's own initialisation, with the global generator left as it was.

    >>> sum(p.numel() for p in ToyCLIP().parameters())
    74913
    """

    def __init__(
        self, embed_dim: int = 64, vocab_size: int = 10, context_length: int = 4, strided: bool = False, seed: int = 0
    ):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.image_encoder = ImageEncoder(embed_dim, strided)
            self.text_encoder = TextEncoder(vocab_size, context_length, embed_dim)
        self.log_logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))  # Radford et al. 2021, section 2.5

    @property
    def logit_scale(self) -> Tensor:
        """1 / temperature; the stored logarithm is clamped to [0, log 100] in use."""
        return self.log_logit_scale.clamp(0, math.log(100)).exp()

    @property
    def device(self) -> torch.device:
        return self.log_logit_scale.device

    def embed_images(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D) of length 1."""
        return F.normalize(self.image_encoder(images), dim=-1)

    def embed_texts(self, tokens: Tensor) -> Tensor:
        """(B, L) -> (B, D) of length 1."""
        return F.normalize(self.text_encoder(tokens), dim=-1)

    def forward(self, images: Tensor, tokens: Tensor) -> Tensor:
        """Scaled cosine similarities, pictures in rows and captions in columns, (B, B)."""
        return self.logit_scale * self.embed_images(images) @ self.embed_texts(tokens).T  # (B, D) @ (D, B)
