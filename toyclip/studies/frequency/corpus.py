"""A corpus whose frequencies chance has given out, one model, and its accuracy concept by concept (chapter 5)."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from toyclip.data import Tokenizer
from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError, RecipeError
from toyclip.pictures import Emoji
from toyclip.studies.frequency.concepts import SIZE, choose, words
from toyclip.train import RECIPES, Recipe, contrastive, fit

EXTENT = (14.0, 30.0)  # px, width of the emoji after it is turned
TINT = (0.6, 1.4)  # factor on each colour channel of a picture
NOISE = 0.05  # standard deviation of the Gaussian noise on every pixel and channel, 0 to 1
TEST_SEED = 1_000_000  # is added to a seed, for pictures that nothing trains on
FAST = RECIPES["fast"]
Loss = Callable[[ToyCLIP, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Size:
    """How large a run is: the chapter's, the study's and the tests' differ in nothing else."""

    levels: int = 11  # counts 1, 2, 4, ..., 2 ** (levels - 1)
    per_level: int = 10  # concepts that get each of these counts
    updates: int = 640
    batch_size: int = 128
    test: int = 20  # pictures of each concept to test on

    @property
    def concepts(self) -> int:
        """How many concepts there are, 110 in the study."""
        return self.levels * self.per_level


FULL = Size()


@dataclass(frozen=True)
class Corpus:
    """Pictures, what they show, and the word that stands under them."""

    pictures: Tensor  # (N, 3, 32, 32) uint8
    shown: Tensor  # (N,) int64, positions in the list of concepts
    said: Tensor  # (N,) the same, of the word; differs from `shown` where a pair is mismatched

    def __len__(self) -> int:
        return len(self.shown)

    def __getitem__(self, index: Tensor) -> "Corpus":
        return Corpus(self.pictures[index], self.shown[index], self.said[index])

    def counts(self, concepts: int) -> np.ndarray:
        """How many pairs carry each concept's word, (K,)."""
        return torch.bincount(self.said, minlength=concepts).numpy()


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
    return np.random.default_rng(seed).permutation(ladder)


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

    Harder than `concepts.draw_concept`, where a dozen pictures of an emoji are enough. Turning cuts the corners off a
    few emoji: at worst a twelfth of one.

    Returns:
        (32, 32, 3) uint8 RGB.

    >>> draw(vocabulary(3)[0][0], np.random.default_rng(0)).shape
    (32, 32, 3)
    """
    width = round(rng.uniform(*EXTENT))
    turned = concept.sprite.rotate(rng.uniform(0, 360), Image.Resampling.BILINEAR)
    sprite = turned.resize((width, width), Image.Resampling.BOX)
    picture = Image.new("RGB", (SIZE, SIZE), tuple(rng.integers(0, 256, size=3).tolist()))
    x, y = rng.integers(0, SIZE - width, size=2, endpoint=True).tolist()
    picture.paste(sprite, (x, y), sprite)
    pixels = np.asarray(picture, dtype=np.float32) * rng.uniform(*TINT, size=3).astype(np.float32)
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    return (pixels + 255 * NOISE * noise).round().clip(0, 255).astype(np.uint8)


def draw_corpus(concepts: Sequence[Emoji], counts: Sequence[int], seed: int) -> Corpus:
    """So many pictures of each concept, each with its own word.

    Every concept has a stream of its own: of its first n pictures, none changes when more are drawn.

    Raises:
        InputError: if there is not one count, 0 or more, for each concept, or nothing to draw.
    """
    if len(counts) != len(concepts) or min(counts, default=0) < 0 or not sum(counts):
        raise InputError(f"{len(concepts)} concepts, {len(counts)} counts; give one count, 0 or more, for each concept")
    streams = [np.random.default_rng([seed, c]) for c in range(len(concepts))]
    pixels = [draw(c, rng) for c, n, rng in zip(concepts, counts, streams, strict=True) for _ in range(n)]
    pictures = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous()  # (N, 3, 32, 32)
    shown = torch.arange(len(concepts)).repeat_interleave(torch.as_tensor(np.asarray(counts)))  # (N,)
    return Corpus(pictures, shown, shown)


@functools.lru_cache(maxsize=2)  # one seed's conditions mostly start from the same corpus
def base_corpus(size: Size, seed: int) -> Corpus:
    """The corpus of a seed, its counts dealt out by chance."""
    return draw_corpus(vocabulary(size.concepts)[0], assign(size, seed), seed)


@functools.lru_cache(maxsize=2)
def held_out_corpus(size: Size, seed: int) -> Corpus:
    """Pictures that nothing trains on, equally many of each concept, drawn afresh for each seed."""
    return draw_corpus(vocabulary(size.concepts)[0], [size.test] * size.concepts, seed + TEST_SEED)


def new_model(size: Size, seed: int) -> ToyCLIP:
    """The fast model with one word for each concept."""
    return ToyCLIP(vocab_size=size.concepts + 1, context_length=1, strided=True, seed=seed)


def learn(
    model: ToyCLIP,
    corpus: Corpus,
    tokens: Tensor,
    size: Size,
    seed: int,
    loss_of: Loss = contrastive,
    recipe: Recipe = FAST,
) -> float:
    """Train for exactly `size.updates` batches, however large the corpus: it is gone through again and again.

    Args:
        tokens: (N, L), token ids of each pair's caption.
        seed: of the order of the pairs.

    Returns:
        The mean loss in nats.

    Raises:
        RecipeError: if the corpus is empty, or a batch has fewer than two pairs.
    """
    if not len(corpus):
        raise RecipeError("the corpus holds no pair; draw at least one picture")
    generator = torch.Generator().manual_seed(seed)
    wanted = size.updates * size.batch_size
    rounds = -(-wanted // len(corpus))
    order = torch.cat([torch.randperm(len(corpus), generator=generator) for _ in range(rounds)])[:wanted]  # (M,)

    def of_batch(model: ToyCLIP, index: Tensor, tokens: Tensor) -> Tensor:
        return loss_of(model, corpus.pictures[index] / 255, tokens)

    once = replace(recipe, epochs=1, batch_size=size.batch_size)
    history = fit(model, order, tokens[order], once, seed, evaluate=lambda model: float("nan"), loss_of=of_batch)
    return history.epochs[-1].loss


@torch.no_grad()
def similarity(model: ToyCLIP, pictures: Tensor, captions: Tensor) -> Tensor:
    """Cosine of every picture with every caption, (N, 3, H, W) uint8 and (K, L) -> (N, K)."""
    embedded = torch.cat([model.embed_images(part / 255) for part in pictures.split(512)])  # (N, D)
    return embedded @ model.embed_texts(captions).T


def hits(cosine: Tensor, classes: Tensor) -> list[int]:
    """How many pictures of each concept have its word nearest, K numbers.

    Args:
        cosine: (N, K).
        classes: (N,).
    """
    right = cosine.argmax(dim=1) == classes  # (N,)
    return torch.bincount(classes[right], minlength=cosine.shape[1]).tolist()
