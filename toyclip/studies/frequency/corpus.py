"""A corpus whose frequencies chance has given out, one model, and its accuracy concept by concept."""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from toyclip import streams
from toyclip.data import Pairs, Tokenizer, render
from toyclip.encoders import Config, ToyCLIP
from toyclip.pictures import Emoji
from toyclip.recipes import Recipe
from toyclip.studies.frequency.concepts import SIZE, choose, turned, words
from toyclip.train import Loss, batches, contrastive, finish, fit
from toyclip.zero_shot import similarities

EXTENT = (14.0, 30.0)  # px, longer side of the emoji after it is turned
TINT = (0.6, 1.4)  # factor on each colour channel of a picture
NOISE = 0.05  # standard deviation of the Gaussian noise on every pixel and channel, 0 to 1
TEST_SEED = 1_000_000  # is added to a seed, for pictures that nothing trains on
STRIDED = Config(image_encoder="strided")
RECIPE = Recipe("corpus", epochs=1, batch_size=128, lr=3e-3, one_cycle=True, image_encoder="strided", muon_lr=0.12)


@dataclass(frozen=True)
class Size:
    """How large a run is: the chapter's, the study's and the tests' differ in nothing else."""

    levels: int = 11  # counts 1, 2, 4, ..., 2 ** (levels - 1)
    per_level: int = 10  # concepts that get each of these counts
    updates: int = 640
    batch_size: int = RECIPE.batch_size
    test: int = 20  # pictures of each concept to test on

    @property
    def concepts(self) -> int:
        """How many concepts there are, 110 in the study."""
        return self.levels * self.per_level


FULL = Size()


def caption_counts(corpus: Pairs, concepts: int) -> np.ndarray:
    """How many pairs carry each concept's word, (K,)."""
    return torch.bincount(corpus.captions, minlength=concepts).numpy()


@functools.cache
def vocabulary(concepts: int) -> tuple[list[Emoji], Tokenizer]:
    """The concepts, the same for all seeds, and a word for each: only their counts change from seed to seed."""
    chosen = choose(concepts, seed=0)
    return chosen, words(chosen)


def assign(size: Size, seed: int) -> np.ndarray:
    """The count of each concept, (K,): a fixed ladder of counts, dealt out to the concepts by chance.

    >>> sorted(assign(Size(levels=3, per_level=2), seed=0).tolist())
    [1, 1, 2, 2, 4, 4]
    """
    ladder = np.repeat(2 ** np.arange(size.levels), size.per_level)
    return streams.rng(seed, "lots").permutation(ladder)


def whole(weights: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers in proportion to weights that add up to `total`: rounded down, then the largest remainders up.

    >>> whole(np.array([[1.0, 2.0], [4.0, 0.0]]), total=10)
    array([[1, 3],
           [6, 0]])
    """
    wanted = weights * total / weights.sum()
    counts = np.floor(wanted).astype(int)
    up = np.argsort((counts - wanted).ravel(), kind="stable")[: total - counts.sum()]
    counts.ravel()[up] += 1
    return counts


def draw(concept: Emoji, rng: np.random.Generator) -> np.ndarray:
    """One picture of an emoji: any place, size and rotation, on any colour, in any light.

    Harder than `concepts.draw_concept`, where a dozen pictures of an emoji are enough.

    Returns:
        (32, 32, 3) uint8 RGB.

    >>> draw(vocabulary(3)[0][0], np.random.default_rng(0)).shape
    (32, 32, 3)
    """
    extent, angle = round(rng.uniform(*EXTENT)), rng.uniform(0, 360)
    sprite = turned(concept, angle, extent)
    picture = Image.new("RGB", (SIZE, SIZE), tuple(rng.integers(0, 256, size=3).tolist()))
    picture.paste(sprite, tuple(rng.integers(0, SIZE - np.array(sprite.size), endpoint=True).tolist()), sprite)
    pixels = np.asarray(picture, dtype=np.float32) * rng.uniform(*TINT, size=3).astype(np.float32)
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    return (pixels + 255 * NOISE * noise).round().clip(0, 255).astype(np.uint8)


def draw_corpus(concepts: Sequence[Emoji], counts: Sequence[int], seed: int) -> Pairs:
    """So many pictures of each concept, each with its own word.

    Every concept has a stream of its own: of its first n pictures, none changes when more are drawn.
    """
    each = [streams.rng(seed, "pictures", c) for c in range(len(concepts))]
    return render(lambda c, rng: draw(concepts[c], rng), counts, each)


@functools.lru_cache(maxsize=2)  # one seed's conditions mostly start from the same corpus
def base_corpus(size: Size, seed: int) -> Pairs:
    """The corpus of a seed, its counts dealt out by chance."""
    return draw_corpus(vocabulary(size.concepts)[0], assign(size, seed), seed)


@functools.lru_cache(maxsize=2)
def held_out_corpus(size: Size, seed: int) -> Pairs:
    """Pictures that nothing trains on, equally many of each concept, drawn afresh for each seed."""
    return draw_corpus(vocabulary(size.concepts)[0], [size.test] * size.concepts, seed + TEST_SEED)


def new_model(size: Size, seed: int, config: Config = STRIDED) -> ToyCLIP:
    """The fast model, or another one, with one word for each concept."""
    return ToyCLIP(replace(config, vocab_size=size.concepts + 1, context_length=1), seed)


def learn(
    model: ToyCLIP,
    corpus: Pairs,
    tokens: Tensor,
    size: Size,
    seed: int,
    loss_of: Loss = contrastive,
    recipe: Recipe = RECIPE,
    device: str = "cpu",
) -> float:
    """Train for exactly `size.updates` batches, however large the corpus: it is gone through again and again.

    Every round goes through all pairs in a new order, the last batch of a round perhaps smaller.

    Args:
        tokens: (N, L), token ids of each pair's caption.
        seed: of the order of the pairs.
        device: where to train; the model is back on the processor afterwards.

    Returns:
        The mean loss in nats.

    Raises:
        RecipeError: if the corpus is smaller than a batch, or a batch has fewer than two pairs.
    """
    once = replace(recipe, epochs=1, batch_size=size.batch_size)
    rounds = batches(len(corpus), size.batch_size, size.updates, seed)  # more than enough
    order = list(itertools.islice(itertools.chain.from_iterable(rounds), size.updates))  # U of (B,)
    loss = finish(fit(model.to(device), corpus.pixels.to(device), tokens.to(device), once, [order], loss_of))
    model.cpu()
    return loss


@torch.no_grad()
def similarity(model: ToyCLIP, pixels: Tensor, captions: Tensor) -> Tensor:
    """Cosine of every picture with every caption, (N, 3, H, W) uint8 and (K, L) -> (N, K)."""
    return similarities(model, pixels, model.embed_texts(captions))


def hits(cosine: Tensor, classes: Tensor) -> list[int]:
    """How many pictures of each concept have its word nearest, K numbers.

    Args:
        cosine: (N, K).
        classes: (N,).
    """
    right = cosine.argmax(dim=1) == classes  # (N,)
    return torch.bincount(classes[right], minlength=cosine.shape[1]).tolist()
