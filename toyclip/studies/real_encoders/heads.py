"""Two linear heads over frozen features, trained with the loss and the loop of this book (chapter Real encoders)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip import streams
from toyclip.infonce import info_nce, mask_twins, same
from toyclip.recipes import Recipe
from toyclip.studies.real_encoders.features import Pictures
from toyclip.train import batches, finish, fit

DIM = 256  # of the shared space


@dataclass(frozen=True)
class Training:
    """How heads are trained: so many updates, whatever the number of pictures.

    Chosen on Twemoji under seed 100, which no study uses.
    """

    updates: int = 300
    batch_size: int = 256
    lr: float = 3e-3
    weight_decay: float = 0.5
    noise: float = 0.0  # deviation of what is added to the features of pictures, in units of their own


class Heads(nn.Module):
    """One linear layer for pictures, one for captions, one temperature: all that is learned.

    >>> sum(p.numel() for p in Heads(pictures=256, captions=256).parameters())
    131585
    """

    def __init__(self, pictures: int, captions: int, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(streams.number(seed, "heads"))
            self.picture_head = nn.Linear(pictures, DIM)
            self.caption_head = nn.Linear(captions, DIM)
        self.log_logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    @property
    def logit_scale(self) -> Tensor:
        """1 / temperature."""
        return self.log_logit_scale.exp()

    @torch.no_grad()
    def clamp_logit_scale(self) -> None:
        """Bring the scale back into [1, 100], as CLIP does."""
        self.log_logit_scale.clamp_(0, math.log(100))

    def forward(self, pictures: Tensor, captions: Tensor) -> Tensor:
        """Cosines of (B, D) with (C, E) features, (B, C)."""
        return F.normalize(self.picture_head(pictures), dim=-1) @ F.normalize(self.caption_head(captions), dim=-1).T


def train_heads(
    pictures: Pictures, captions: Sequence[Tensor], training: Training, seed: int, names: Tensor | None = None
) -> tuple[Heads, float]:
    """Heads that have learned from pictures and captions of their concepts, and their last mean loss in nats.

    Args:
        captions: several styles, (C, E) each, row c for concept c; every step draws one for every pair.
        names: (C,) whose captions concept c gets; by default its own.
    """
    model = Heads(pictures.features.shape[1], captions[0].shape[1], seed)
    styles, draw = torch.stack(list(captions)), streams.generator(seed, "styles")  # (K, C, E)
    spread = pictures.features.std(dim=0)  # (D,)

    def loss_of(heads: Heads, features: Tensor, ids: Tensor) -> Tensor:
        said = styles[torch.randint(len(styles), ids.shape, generator=draw), ids if names is None else names[ids]]
        if training.noise:
            features = features + training.noise * spread * torch.randn(features.shape, generator=draw)
        return info_nce(mask_twins(heads.logit_scale * heads(features, said), same(ids)))

    size = min(training.batch_size, len(pictures))
    epochs = max(1, round(training.updates / math.ceil(len(pictures) / size)))
    recipe = Recipe("heads", epochs, size, training.lr, True, "frozen", weight_decay=training.weight_decay)
    order = batches(len(pictures), size, epochs, seed)
    return model, finish(fit(model, pictures.features, pictures.concepts, recipe, order, loss_of))


@torch.no_grad()
def ranks(models: Sequence[Heads], pictures: Pictures, captions: Tensor, candidates: Tensor) -> Tensor:
    """How many captions of other candidates are nearer to each picture than its own, (N,); 0 is right.

    Args:
        models: whose cosines are averaged.
        captions: (C, E).
        candidates: (K,) the concepts to choose from; those of all pictures are among them.
    """
    shown = pictures.features
    cosines = torch.stack([model(shown, captions[candidates]) for model in models]).mean(dim=0)  # (N, K)
    own = candidates[:, None] == pictures.concepts  # (K, N)
    right = cosines.gather(1, own.int().argmax(dim=0)[:, None])  # (N, 1)
    return (cosines > right).sum(dim=1)


def recall(models: Sequence[Heads], pictures: Pictures, captions: Tensor, concepts: Tensor) -> dict[str, float]:
    """Share of some concepts' pictures whose own caption is the nearest of all these concepts', or among the ten.

    Returns:
        R@1 and R@10, 0 to 1, to four digits.
    """
    place = ranks(models, pictures[torch.isin(pictures.concepts, concepts)], captions, concepts)
    return {f"R@{k}": round((place < k).double().mean().item(), 4) for k in (1, 10)}


def split(concepts: int, seed: int) -> tuple[Tensor, Tensor]:
    """Which concepts are trained, and which, one in five, are held out, by lot.

    >>> [len(part) for part in split(700, seed=0)]
    [560, 140]
    """
    order = torch.randperm(concepts, generator=streams.generator(seed, "held out"))
    return order[concepts // 5 :].sort().values, order[: concepts // 5].sort().values
