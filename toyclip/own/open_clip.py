"""A model of OpenCLIP with the manners of this book's; the package itself is not imported, its objects come in."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from toyclip.encoders import ToyCLIP
from toyclip.errors import CaptionError
from toyclip.own.hugging_face import Reads
from toyclip.own.opening import Opened, open_picture


class OpenCLIP(ToyCLIP):
    """A model of `open_clip.create_model_and_transforms` to which every function of the book can be applied.

    Its pictures are what the transform that comes with it makes: floats that are scaled already.
    """

    def __init__(self, model: nn.Module):
        nn.Module.__init__(self)  # what ToyCLIP builds is here already
        self.open_clip = model
        self.log_logit_scale = model.logit_scale
        if getattr(model, "logit_bias", None) is not None:  # trained with the sigmoid loss
            self.logit_bias = model.logit_bias
        self.config = Reads(model.vocab_size, model.context_length, None if hasattr(self, "logit_bias") else 100.0)

    def image_encoder(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) as the transform makes them -> (B, D) embeddings, not yet normalised."""
        return self.open_clip.encode_image(images)

    def text_encoder(self, tokens: Tensor) -> Tensor:
        """(B, L) token ids -> (B, D) embeddings, not yet normalised."""
        return self.open_clip.encode_text(tokens)


class Ids:
    """A tokenizer of `open_clip.get_tokenizer`, which cuts a caption off where it becomes too long."""

    def __init__(self, tokenizer: Callable[[list[str]], Tensor], context_length: int):
        self.tokenizer, self.context_length = tokenizer, context_length

    def encode(self, captions: Sequence[str]) -> Tensor:
        """Token ids of each caption, (N, context_length) int64; CaptionError if one is empty."""
        if isinstance(captions, str) or not all(text.strip() for text in captions):
            raise CaptionError(f"expected a list of captions with a word in each, got {captions!r}")
        return self.tokenizer(list(captions))


def from_open_clip(
    model: nn.Module, preprocess: Callable[[Image.Image], Tensor], tokenizer: Callable[[list[str]], Tensor]
) -> Opened:
    """What `own.opening.opened` returns, from the three things that OpenCLIP hands out.

    With `open_clip.create_model_and_transforms(name)`, take the last of its three results for `preprocess`, and
    `open_clip.get_tokenizer(name)` for `tokenizer`; then `own.scoring.score` runs over a folder of pictures.
    """

    def read(path: str | Path) -> Tensor:
        return preprocess(open_picture(path))  # (3, H, W)

    def fit(pictures: Tensor) -> Tensor:
        return torch.stack([preprocess(Image.fromarray(p.permute(1, 2, 0).numpy())) for p in pictures])

    clip = OpenCLIP(model).eval()
    return Opened(clip, Ids(tokenizer, model.context_length), read, fit, "a photo of a {}")
