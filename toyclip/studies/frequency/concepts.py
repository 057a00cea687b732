"""A second world: hundreds of emoji as concepts, each with a word of its own."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from toyclip import streams
from toyclip.data import Pairs, Tokenizer, render
from toyclip.errors import InputError
from toyclip.pictures import Emoji, emoji

SIZE = 32  # px, width and height of a picture
EXTENT = (20.0, 30.0)  # px, longer side of the emoji as it stands in the picture
ROTATION = 15.0  # degrees either way
BACKGROUND = (0.0, 0.35)  # grey level, 0 black to 1 white
NOISE = 0.02  # standard deviation of the Gaussian noise on every pixel and channel, 0 to 1


def choose(count: int, seed: int) -> list[Emoji]:
    """A random choice of `count` different emoji, in random order.

    Raises:
        InputError: if there are not so many.

    >>> len({e.character for e in choose(300, seed=0)})
    300
    """
    everything = emoji()
    if not 1 <= count <= len(everything):
        raise InputError(f"cannot choose {count} of {len(everything)} emoji; ask for 1 to {len(everything)}")
    return [everything[i] for i in streams.rng(seed, "concepts").permutation(len(everything))[:count]]


def turned(concept: Emoji, angle: float, extent: float) -> Image.Image:
    """The emoji turned by so many degrees, all of it, its longer side `extent` px, RGBA.

    >>> max(turned(choose(1, seed=0)[0], angle=30.0, extent=20.0).size)
    20
    """
    whole = concept.sprite.rotate(angle, Image.Resampling.BILINEAR, expand=True)
    whole = whole.crop(whole.getchannel("A").getbbox())
    size = [max(1, round(side * extent / max(whole.size))) for side in whole.size]
    return whole.resize(size, Image.Resampling.BOX)


def draw_concept(concept: Emoji, rng: np.random.Generator) -> np.ndarray:
    """One picture of an emoji at a random place, size and rotation, on a random dark grey.

    Returns:
        (SIZE, SIZE, 3) uint8 RGB.

    >>> draw_concept(choose(1, seed=0)[0], np.random.default_rng(0)).shape
    (32, 32, 3)
    """
    extent, angle, grey = rng.uniform((EXTENT[0], -ROTATION, BACKGROUND[0]), (EXTENT[1], ROTATION, BACKGROUND[1]))
    sprite = turned(concept, angle, round(extent))
    picture = Image.new("RGB", (SIZE, SIZE), (round(255 * grey),) * 3)
    picture.paste(sprite, tuple(rng.integers(0, SIZE - np.array(sprite.size), endpoint=True).tolist()), sprite)
    pixels = np.asarray(picture, dtype=np.float32)
    return (pixels + rng.normal(0, 255 * NOISE, pixels.shape)).round().clip(0, 255).astype(np.uint8)


def draw_concepts(concepts: Sequence[Emoji], counts: Sequence[int], seed: int) -> Pairs:
    """Draw each concept as often as `counts` says; a picture's class is the position of its concept.

    Raises:
        InputError: if there is not one count, 0 or more, for each concept, or nothing to draw.

    >>> draw_concepts(choose(3, seed=0), counts=[2, 0, 1], seed=0).classes.tolist()
    [0, 0, 2]
    """
    rng = streams.rng(seed, "pictures")
    return render(lambda c, rng: draw_concept(concepts[c], rng), counts, streams=[rng] * len(concepts))


def words(concepts: Sequence[Emoji]) -> Tokenizer:
    """A vocabulary of one word for each concept, its Unicode name with hyphens: nothing leaks from name to name.

    >>> words(choose(2, seed=0)).encode(words(choose(2, seed=0)).words[1:]).shape
    torch.Size([2, 1])
    """
    return Tokenizer(["-".join(c.name.lower().split()) for c in concepts], context_length=1)
