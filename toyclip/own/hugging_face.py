"""A CLIP or SigLIP of Hugging Face as a model of this book: two encoders and a tokenizer are all that is exchanged."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from toyclip.encoders import ToyCLIP
from toyclip.errors import CaptionError, ImageError, ModelFileError

KINDS = ("clip", "siglip")  # what config.json calls them


class Pictures(nn.Module):
    """A Vision Transformer with its projection, behind the scaling of pixels that its weights expect."""

    def __init__(self, tower: nn.Module, projection: nn.Module, size: tuple[int, int], mean: Sequence, std: Sequence):
        super().__init__()
        self.tower, self.projection, self.size = tower, projection, size
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)  # (3, 1, 1)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)  # (3, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) bytes, or floats in [0, 1] -> (B, D) embeddings, not yet normalised.

        Raises:
            ImageError: if they have another size than the model was built for.
        """
        if tuple(images.shape[2:]) != self.size:
            told = "{} x {} pixels".format(*images.shape[2:])
            raise ImageError(f"pictures of {told}; this model reads {self.size[0]} x {self.size[1]}, resize them first")
        x = images.to(self.mean.dtype) / 255 if images.dtype == torch.uint8 else images  # (B, 3, H, W)
        return self.projection(self.tower(pixel_values=(x - self.mean) / self.std).pooler_output)


class Captions(nn.Module):
    """A text Transformer with its projection; no mask, since nothing that pads comes before what is read out."""

    def __init__(self, tower: nn.Module, projection: nn.Module):
        super().__init__()
        self.tower, self.projection = tower, projection

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) token ids -> (B, D) embeddings, not yet normalised."""
        return self.projection(self.tower(input_ids=tokens).pooler_output)


class Reads(NamedTuple):
    """Of the toy's `Config` what is asked for after a model is built."""

    vocab_size: int
    context_length: int
    max_logit_scale: float | None


class HuggingFaceCLIP(ToyCLIP):
    """A `CLIPModel` or `SiglipModel` of transformers to which every function of the book can be applied.

    The weights are those of the model that was handed in, not a copy: what `toyclip.train.fit` does to one it does to
    the other, and the other's `save_pretrained` writes it. The matrix of similarities, the temperature, its bounds and
    the checks of what comes in are the toy's own code. A SigLIP has `logit_bias`, too, and a scale without bounds.

    Args:
        model: a `CLIPModel` or a `SiglipModel`.
        mean: of the pixels' values from 0 to 1, three channels, as in the model's preprocessor_config.json.
        std: their standard deviation, in the same order.

    Raises:
        ModelFileError: if it is a model of another kind.

    >>> from transformers import CLIPConfig, CLIPModel
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> config = CLIPConfig(text_config=sizes, vision_config=sizes | {"image_size": 32, "patch_size": 16})
    >>> model = HuggingFaceCLIP(CLIPModel(config), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    >>> model(torch.zeros(3, 3, 32, 32), torch.tensor([[49406, 320, 49407]] * 2)).shape
    torch.Size([3, 2])
    """

    def __init__(self, model: nn.Module, mean: Sequence[float], std: Sequence[float]):
        nn.Module.__init__(self)  # what ToyCLIP builds is here already
        if (kind := model.config.model_type) not in KINDS:
            raise ModelFileError(f"a model of kind {kind!r}; give one of {', '.join(KINDS)}")
        text, size = model.config.text_config, model.config.vision_config.image_size
        size = (size, size) if isinstance(size, int) else tuple(size)
        self.hugging_face = [model]  # in a list, so that its weights are not counted twice
        self.image_encoder = Pictures(model.vision_model, getattr(model, "visual_projection", nn.Identity()),
                                      size, mean, std)  # fmt: skip
        self.text_encoder = Captions(model.text_model, getattr(model, "text_projection", nn.Identity()))
        self.log_logit_scale = model.logit_scale
        if kind == "siglip":
            self.logit_bias = model.logit_bias
        self.config = Reads(text.vocab_size, text.max_position_embeddings, 100.0 if kind == "clip" else None)


class Pieces:
    """A tokenizer of transformers with the manners of the toy's: word pieces, and captions of one length.

    Args:
        tokenizer: of the model; it must know how to pad.
        context_length: how many pieces the model reads, those for the beginning and the end included.
    """

    def __init__(self, tokenizer: object, context_length: int):
        self.tokenizer, self.context_length = tokenizer, context_length

    def encode(self, captions: Sequence[str]) -> Tensor:
        """Ids of the pieces of each caption, (N, context_length) int64.

        Raises:
            CaptionError: if a caption is empty, does not fit, or holds a character for which there is no piece.
        """
        if isinstance(captions, str):
            raise CaptionError(f"expected a list of captions, got the single string {captions!r}; write [{captions!r}]")
        captions, room = list(captions), self.context_length - self.tokenizer.num_special_tokens_to_add()
        for text, ids in zip(captions, self.tokenizer(captions, add_special_tokens=False)["input_ids"], strict=True):
            if not ids:
                raise CaptionError("the caption is empty; write at least one word")
            if self.tokenizer.unk_token_id in ids:
                raise CaptionError(
                    f"{text!r} holds something this model's tokenizer has no piece for; write it otherwise"
                )
            if len(ids) > room:
                raise CaptionError(f"{text!r} has {len(ids)} word pieces; at most {room} fit")
        rows = self.tokenizer(captions, padding="max_length", max_length=self.context_length)["input_ids"]
        return torch.tensor(rows, dtype=torch.int64)  # (N, L)

    def decode(self, tokens: Tensor) -> list[str]:
        """The captions of a (N, L) tensor of token ids, without padding, beginning and end."""
        return self.tokenizer.batch_decode(tokens, skip_special_tokens=True)
