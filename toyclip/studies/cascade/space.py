"""What lies where in a space of three modalities: gaps between them, and sums across them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.data import COLORS, SHAPES, Tokenizer
from toyclip.encoders import ToyCLIP
from toyclip.studies.cascade.pairing import captions_of, scores


def distance(one: Tensor, other: Tensor) -> float:
    """How far apart the middles of two clouds are, (N, D) and (M, D): the modality gap of Liang et al. 2022."""
    return (one.mean(dim=0) - other.mean(dim=0)).norm().item()


def gaps(sounds: Tensor, pictures: Tensor, captions: Tensor, classes: Tensor) -> dict:
    """How far the three modalities lie apart, and whether it matters.

    Args:
        sounds: (T, D).
        pictures: (T, D), of the same classes as the sounds.
        captions: (16, D).
        classes: (T,).

    Returns:
        gap: between the middles of each two.
        own: mean cosine of a sound with its own caption, the pictures and the other sounds of its class.
        strangers_first: share of the sounds that lie nearer to a sound of another class than to their own caption.
        centred: accuracy after each modality has been moved to have its middle at zero.
    """
    alike = classes[:, None] == classes  # (T, T)
    among = (sounds @ sounds.T).fill_diagonal_(torch.nan)  # (T, T)
    named = (sounds * captions[classes]).sum(dim=1)  # (T,)
    strangers = among.masked_fill(alike, -torch.inf).nan_to_num(-torch.inf).amax(dim=1)  # (T,)
    centred = [F.normalize(x - x.mean(dim=0), dim=-1) for x in (sounds, captions)]
    return {
        "gap": {
            "pictures and captions": distance(pictures, captions),
            "sounds and pictures": distance(sounds, pictures),
            "sounds and captions": distance(sounds, captions),
        },
        "own": {
            "caption": named.mean().item(),
            "pictures": (sounds @ pictures.T)[alike].mean().item(),
            "sounds": among[alike].nanmean().item(),
        },
        "strangers_first": (strangers > named).double().mean().item(),
        "centred": scores(*centred, classes)["accuracy"],
    }


@torch.no_grad()
def words_of(model: ToyCLIP) -> Tensor:
    """Where the eight words lie, each alone, colours first, (8, D)."""
    return model.embed_texts(Tokenizer().encode([*COLORS, *SHAPES]))


def sums(start: Tensor, classes: Tensor, words: Tensor, captions: Tensor) -> dict[str, float]:
    """ "red circle - red + blue": share of all such sums that lie nearest to the caption they should.

    Every start is asked for each colour, and each shape, that it has not got.

    Args:
        start: (N, D) unit vectors.
        classes: (N,).
        words: (8, D), colours first.
        captions: (16, D), among which the answer is looked for, the start's own included.

    Returns:
        "exchanged": for the sum as it should be; "only added": without taking the old word away; "wrong word taken":
        with a third word of the kind taken away in its place.
    """
    side = len(SHAPES)
    right: dict[str, list[Tensor]] = {"exchanged": [], "only added": [], "wrong word taken": []}
    for kind, own in ((0, classes // side), (1, classes % side)):
        table = words[kind * side : (kind + 1) * side]  # (4, D)
        for turn in range(1, side):
            new, third = (own + turn) % side, (own + turn % (side - 1) + 1) % side  # (N,) each
            wanted = (new * side + classes % side) if kind == 0 else (classes // side * side + new)  # (N,)
            taken = {"exchanged": table[own], "only added": 0, "wrong word taken": table[third]}
            for name, old in taken.items():
                answers = ((start - old + table[new]) @ captions.T).argmax(dim=1)  # (N,)
                right[name].append(answers == wanted)
    return {name: torch.cat(found).double().mean().item() for name, found in right.items()}


def readings(model: ToyCLIP, stranger: ToyCLIP, sounds: Tensor, pictures: Tensor, classes: Tensor) -> dict:
    """All of it for one hub.

    Args:
        model: the hub.
        stranger: another model, whose words must not fit.
        sounds: (T, D).
        pictures: (T, D), of the same classes.
        classes: (T,).

    Returns:
        gaps, and sums that start from a caption, a picture and a sound, and from a sound with the stranger's words.
    """
    captions = captions_of(model)
    starts = {
        "caption": (captions, torch.arange(len(captions)), words_of(model)),
        "picture": (pictures, classes, words_of(model)),
        "sound": (sounds, classes, words_of(model)),
        "sound, another model's words": (sounds, classes, words_of(stranger)),
    }
    return {
        "gaps": gaps(sounds, pictures, captions, classes),
        "sums": {name: sums(*start, captions) for name, start in starts.items()},
    }
