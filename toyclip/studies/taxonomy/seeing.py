"""Image encoders that have never heard of a kind: taught without a word, with leaf words, or not at all."""

from dataclasses import replace

import torch
from torch import Tensor

from toyclip import streams
from toyclip.encoders import ToyCLIP
from toyclip.errors import lookup
from toyclip.infonce import info_nce, mask_twins, same
from toyclip.pairs import Pairs
from toyclip.pictures import Emoji, emoji
from toyclip.studies.frequency.corpus import RECIPE, STRIDED, Size, learn
from toyclip.studies.taxonomy.kinds import Taxonomy
from toyclip.train import Loss, contrastive

ENCODERS = ("views", "words", "untrained")


def others(taxonomy: Taxonomy) -> list[Emoji]:
    """All emoji but the leaves that are held out: what an image encoder may learn from.

    >>> from toyclip.studies.taxonomy.kinds import deal
    >>> len(others(deal(0)))
    1329
    """
    kept = {leaf.character for leaf, out in zip(taxonomy.leaves, taxonomy.held_out, strict=True) if out}
    return [e for e in emoji() if e.character not in kept]


def partner(classes: Tensor, seed: int) -> Tensor:
    """For every picture the number of another drawing of the same thing, (N,); its own where there is no other.

    Args:
        classes: (N,), all pictures of a class in a row.
    """
    counts = classes.bincount()[classes]  # (N,)
    first = torch.searchsorted(classes, classes)  # (N,), where the row of its class begins
    rng = streams.generator(seed, "partners")
    steps = 1 + (torch.rand(len(classes), generator=rng) * (counts - 1).clamp(min=1)).long()  # (N,)
    return first + (torch.arange(len(classes)) - first + steps) % counts


def two_views(pairs: Pairs, seed: int) -> Loss:
    """Instance discrimination: which of the batch's second drawings shows the same emoji as this first one?

    No word takes part. Two pairs that show one emoji are no negatives of each other.

    Returns:
        A loss for `fit`, whose tokens are the pictures' own numbers, (N, 1).
    """
    others = partner(pairs.classes, seed)  # (N,)

    def loss(model: ToyCLIP, images: Tensor, numbers: Tensor) -> Tensor:
        numbers = numbers[:, 0]  # (B,)
        first, second = model.embed_images(images), model.embed_images(pairs.pixels[others[numbers]])  # (B, D) each
        return info_nce(mask_twins(model.logit_scale * first @ second.T, same(pairs.classes[numbers])))

    return loss


def school(pairs: Pairs, how: str, seed: int, updates: int = 300, batch_size: int = 64) -> ToyCLIP:
    """A model whose image encoder has learned from these pictures, frozen.

    Args:
        how: "views": two drawings of one emoji belong together, no words; "words": every emoji has a word of its own,
            none of them a kind; "untrained": the first weights.

    Raises:
        InputError: if there is no such way.
    """
    ways = {  # loss, and what stands in the tokens' place
        "views": (lambda: two_views(pairs, seed), torch.arange(len(pairs))),
        "words": (lambda: contrastive, pairs.captions + 1),
        "untrained": (lambda: contrastive, pairs.captions + 1),
    }
    loss, tokens = lookup(ways, how, "encoder")
    model = ToyCLIP(replace(STRIDED, vocab_size=int(pairs.captions.max()) + 2, context_length=1), seed)
    if how != "untrained":
        size = Size(updates=updates, batch_size=batch_size)
        learn(model, pairs, tokens[:, None], size, seed, loss_of=loss(), recipe=RECIPE)
    return model.requires_grad_(False)


def look(model: ToyCLIP, pixels: Tensor) -> Tensor:
    """What the last convolution sees, averaged over the picture, (N, 3, H, W) uint8 -> (N, 64)."""
    return torch.cat([model.image_encoder.features(part).mean(dim=(2, 3)) for part in pixels.split(512)])
