"""The only thing that is learned: from what a picture looks like to a vector that a language model can read."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip import streams
from toyclip.data import Tokenizer
from toyclip.errors import InputError
from toyclip.studies.taxonomy.language import LanguageModel, descend

AIMS = ("caption", "word")


class Mapping(nn.Module):
    """Features of a picture -> a vector in place of a word: one hidden layer, 20,704 parameters.

    >>> sum(p.numel() for p in Mapping().parameters())
    20704
    """

    def __init__(self, features: int = 64, hidden: int = 160, width: int = 64, seed: int = 0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(streams.number(seed, "mapping"))
            self.layers = nn.Sequential(nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) -> (B, W)."""
        return self.layers(features)


def align(
    mapping: Mapping,
    model: LanguageModel,
    words: Tokenizer,
    features: Tensor,
    captions: Sequence[str],
    seed: int,
    aim: str = "caption",
    updates: int = 300,
    batch_size: int = 64,
) -> float:
    """Train a mapping, in place; the language model stays as it is.

    Args:
        features: (N, F), of the pictures.
        captions: what follows each picture, such as "is called otter"; all of equal length.
        aim: "caption": the model, which reads the picture in place of a word, has to go on with the last word of the
            caption; "word": what comes out has to be that word's own vector, whatever the model says.

    Returns:
        The mean loss of the last tenth: nats, or a squared distance.

    Raises:
        InputError: if the captions differ in length, or there is no such aim.
    """
    rows = words.encode(captions)  # (N, L)
    rows = rows[:, : int((rows != 0).sum(dim=1).max())]  # (N, T)
    if not rows.all():
        raise InputError("captions of different lengths cannot be aligned together; give each as many words")
    if aim not in AIMS:
        raise InputError(f"there is no aim {aim!r}; choose one of {', '.join(AIMS)}")
    generator = streams.generator(seed, "alignment")

    def loss() -> Tensor:
        batch = torch.randint(len(features), (batch_size,), generator=generator)  # (B,)
        seen, tokens = mapping(features[batch]), rows[batch]  # (B, W), (B, T)
        if aim == "word":
            return F.mse_loss(seen, model.words(tokens[:, -1]))
        vectors = torch.cat([seen[:, None], model.words(tokens[:, :-1])], dim=1)  # (B, T, W)
        return F.cross_entropy(model.read(vectors)[:, -1], tokens[:, -1])

    return descend(mapping, loss, updates)
