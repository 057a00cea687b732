"""The same trend in other models and other corpora, and the tail as a test of its own (helper of chapter 5)."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from toyclip.encoders import PIXEL_MEAN, PIXEL_STD, ToyCLIP
from toyclip.errors import InputError
from toyclip.studies.frequency.corpus import FAST, Size, assign, held_out_corpus, hits, learn, new_model, similarity
from toyclip.studies.frequency.interventions import CONDITIONS
from toyclip.train import Recipe

SIZES = {"convolutions": (32, 64, 96), "transformer": (24, 32, 48)}  # channels, small to large
CORPORA = {"large": "base", "small": "1/4 of the corpus", "noisy": "40 % mismatched"}  # name -> condition
RARE = 4  # levels of counts that make up the tail: 1 to 8 pictures
OTHER = 500  # is added to a seed, for counts that have nothing to do with it
ADAMW = replace(FAST, name="adamw", muon_lr=None)  # what trains a transformer


class VisionTransformer(nn.Module):
    """Two blocks of self-attention over 64 patches of 4 x 4 pixels (Dosovitskiy et al. 2021), then their mean.

    Args:
        width: numbers per patch; four attention heads share them.
    """

    def __init__(self, width: int, embed_dim: int = 64, patch: int = 4, image_size: int = 32):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.positions = nn.Parameter(0.02 * torch.randn((image_size // patch) ** 2, width))
        self.blocks = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
                for _ in range(2)
            )
        )
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, embed_dim)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, D), not yet normalised."""
        x = self.patches((images - PIXEL_MEAN) / PIXEL_STD)  # (B, W, h, w)
        x = x.flatten(2).transpose(1, 2) + self.positions  # (B, P, W)
        return self.projection(self.norm(self.blocks(x)).mean(dim=1))  # (B, D)


def conv_encoder(model: ToyCLIP, width: int) -> None:
    """Give the fast model's image encoder other channels: width / 2, width / 2, width, width."""
    encoder = model.image_encoder
    steps = [(3, width // 2), (width // 2, width // 2), (width // 2, width), (width, width)]
    encoder.convs = nn.ModuleList(
        nn.Conv2d(c_in, c_out, 3, stride=conv.stride, padding=1)
        for (c_in, c_out), conv in zip(steps, encoder.convs, strict=True)
    )
    for conv in encoder.convs:
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        nn.init.zeros_(conv.bias)
    encoder.projection = nn.Linear(width, encoder.projection.out_features)


def build(architecture: str, width: int, size: Size, seed: int) -> tuple[ToyCLIP, Recipe]:
    """A new model and what to train it with; its weights follow from the seed.

    Raises:
        InputError: if there is no such architecture.

    >>> model, _ = build("transformer", 32, Size(levels=3, per_level=2), seed=0)
    >>> sum(p.numel() for p in model.image_encoder.parameters())
    22880
    """
    if architecture not in SIZES:
        raise InputError(f"there is no architecture {architecture!r}; choose one of {', '.join(SIZES)}")
    model = new_model(size, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if architecture == "transformer":
            model.image_encoder = VisionTransformer(width)
        else:
            conv_encoder(model, width)
    return model, ADAMW if architecture == "transformer" else FAST


def among(cosine: Tensor, shown: Tensor, concepts: Tensor) -> float:
    """Accuracy on the pictures of some concepts, their own words being the only answers.

    Args:
        cosine: (N, K).
        shown: (N,).
        concepts: (K,) bool.
    """
    rows = concepts[shown]  # (N,)
    answers = cosine[rows].masked_fill(~concepts, -torch.inf).argmax(dim=1)  # (n,)
    return (answers == shown[rows]).double().mean().item()


def model_run(architecture: str, width: int, corpus: str, size: Size, seed: int) -> dict:
    """One model on one corpus, tested on all concepts, and on tail and rest as two tests of their own.

    The control divides the concepts by the counts of another seed, which the model has nothing to do with.

    Returns:
        counts and hits of each concept; loss in nats; parameters of the image encoder; "rest", "tail", "rest, control"
        and "tail, control", accuracies with the words of the part alone as answers.
    """
    pairs, test = CONDITIONS[CORPORA[corpus]](size, seed), held_out_corpus(size, seed)
    captions = torch.arange(1, size.concepts + 1)[:, None]  # (K, 1)
    model, recipe = build(architecture, width, size, seed)
    loss = learn(model, pairs, captions[pairs.said], size, seed, recipe=recipe)
    cosine = similarity(model, test.pictures, captions)  # (N, K)
    result = {
        "counts": pairs.counts(size.concepts).tolist(),
        "hits": hits(cosine, test.shown),
        "loss": round(loss, 4),
        "parameters": sum(p.numel() for p in model.image_encoder.parameters()),
    }
    for counts, suffix in ((assign(size, seed), ""), (assign(size, seed + OTHER), ", control")):
        tail = torch.from_numpy(counts < 2**RARE)  # (K,)
        result["rest" + suffix] = round(among(cosine, test.shown, ~tail), 4)
        result["tail" + suffix] = round(among(cosine, test.shown, tail), 4)
    return result
