"""What if: the training of CLIP with one thing changed, in two worlds (chapter 7)."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip.data import Tokenizer, draw_pairs
from toyclip.encoders import ToyCLIP
from toyclip.errors import LossNotFiniteError
from toyclip.infonce import info_nce, same
from toyclip.studies.frequency.concepts import choose, draw_concepts, words
from toyclip.studies.zero_shot.captions import CAPTIONS
from toyclip.train import RECIPES, History, Recipe, contrastive, fit

Loss = Callable[[ToyCLIP, Tensor, Tensor], Tensor]
ADAMW = replace(RECIPES["fast"], name="adamw", batch_size=64, muon_lr=None)  # the fast model, the article's optimiser
EPOCHS = {"shapes": 4, "emoji": 4}  # 16,384 and 32,768 pictures seen
TEST_SEED = 1_000_000  # is added to a world's seed, for pictures that it never trains on


@dataclass(frozen=True)
class World:
    """Pictures with their captions, and a test among all captions."""

    images: Tensor  # (N, 3, 32, 32), N a power of two
    classes: Tensor  # (N,) positions in captions
    test_images: Tensor  # (T, 3, 32, 32)
    test_classes: Tensor  # (T,)
    captions: Tensor  # (C, L) token ids, all different
    vocab_size: int

    @property
    def tokens(self) -> Tensor:
        """Token ids of each picture's caption, (N, L)."""
        return self.captions[self.classes]

    def accuracy(self, model: ToyCLIP) -> float:
        """Share of the test pictures whose own caption is the nearest of all."""
        with torch.no_grad():
            scores = model.embed_images(self.test_images) @ model.embed_texts(self.captions).T  # (T, C)
        return (scores.argmax(dim=1) == self.test_classes).double().mean().item()


def make_world(name: str, seed: int) -> World:
    """The world of 16 captions ("shapes", 4,096 pictures) or of 256 ("emoji", 8,192), whose emoji the seed chooses."""
    if name == "shapes":
        training, test, tokenizer = draw_pairs(256, seed), draw_pairs(30, seed + TEST_SEED), Tokenizer()
        captions = tokenizer.encode(CAPTIONS)  # (16, 4)
    else:
        concepts = choose(256, seed)
        training, test = draw_concepts(concepts, [32] * 256, seed), draw_concepts(concepts, [4] * 256, seed + TEST_SEED)
        tokenizer = words(concepts)
        captions = tokenizer.encode(tokenizer.words[1:])  # (256, 1)
    return World(
        training.images, training.classes, test.images, test.classes, captions, vocab_size=len(tokenizer.words)
    )


def pictures_ask(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """Half of the loss: each picture looks for its caption."""
    logits = model(images, tokens)  # (B, B)
    return F.cross_entropy(logits, torch.arange(len(logits)))


def captions_ask(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The other half: each caption looks for its picture."""
    logits = model(images, tokens)  # (B, B)
    return F.cross_entropy(logits.T, torch.arange(len(logits)))


def duplicates_masked(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """Pairs with the same caption are no negatives of each other."""
    return info_nce(model(images, tokens), same(tokens))


def unclamped(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The learned scale may leave [1, 100]."""
    return info_nce(model.log_logit_scale.exp() * model.embed_images(images) @ model.embed_texts(tokens).T)


def without_normalisation(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """Dot products of the raw embeddings instead of cosines."""
    return info_nce(model.logit_scale * model.image_encoder(images) @ model.text_encoder(tokens).T)


def sigmoid(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """Each of the B x B pairs is a question of its own, yes on the diagonal (SigLIP, Zhai et al. 2023); summed / B."""
    logits = model(images, tokens) + model.logit_bias  # (B, B)
    answers = 2 * torch.eye(len(logits)) - 1  # (B, B) 1 or -1
    return -F.logsigmoid(answers * logits).sum() / len(logits)


def sigmoid_twins(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The same, with yes for every pair that carries the picture's caption."""
    logits = model(images, tokens) + model.logit_bias  # (B, B)
    return -F.logsigmoid((2 * same(tokens).float() - 1) * logits).sum() / len(logits)


def learn(
    world: World,
    recipe: Recipe,
    seed: int,
    loss_of: Loss = contrastive,
    scale: float | None = None,
    fixed: bool = False,
    bias: float | None = None,
    every_epoch: bool = True,
) -> tuple[ToyCLIP, History | None]:
    """Train a new model in a world; without a history if its loss stopped being a number.

    Args:
        scale: where the logit scale starts instead of 1 / 0.07.
        fixed: whether it stays there.
        bias: where the bias of the sigmoid loss starts; without it the model has none.
        every_epoch: whether to test the model after every epoch; otherwise the history's accuracies are no numbers.
    """
    model = ToyCLIP(
        vocab_size=world.vocab_size, context_length=world.captions.shape[1], strided=recipe.strided, seed=seed
    )
    if scale is not None:
        model.log_logit_scale.data.fill_(math.log(scale))
    model.log_logit_scale.requires_grad_(not fixed)
    if bias is not None:
        model.logit_bias = nn.Parameter(torch.tensor(bias))
    evaluate = world.accuracy if every_epoch else lambda model: float("nan")
    try:
        return model, fit(model, world.images, world.tokens, recipe, seed, evaluate, loss_of=loss_of)
    except LossNotFiniteError:
        return model, None


SIGLIP = {"scale": 10.0, "bias": -10.0}  # where Zhai et al. 2023 start
VARIANTS: dict[str, dict] = {  # keyword arguments of `learn`
    "learned": {},
    "pictures ask": {"loss_of": pictures_ask},
    "captions ask": {"loss_of": captions_ask},
    "fixed at 1": {"scale": 1.0, "fixed": True},
    "fixed at 14.29": {"fixed": True},
    "fixed at 100": {"scale": 100.0, "fixed": True},
    "from 100, clamped": {"scale": 100.0},
    "from 100, unclamped": {"scale": 100.0, "loss_of": unclamped},
    "unclamped": {"loss_of": unclamped},
    "not normalised": {"loss_of": without_normalisation},
    "twins left out": {"loss_of": duplicates_masked},
}


def variants(seed: int) -> dict[str, dict[str, dict]]:
    """Accuracy by epoch and last logit scale of every variant in both worlds (claims S13 and S14)."""
    results: dict[str, dict[str, dict]] = {}
    for name, epochs in EPOCHS.items():
        world, results[name] = make_world(name, seed), {}
        for variant, options in VARIANTS.items():
            _, history = learn(world, replace(ADAMW, epochs=epochs), seed, **options)
            last = history.epochs[-1] if history else None
            results[name][variant] = {
                "accuracy": [epoch.accuracy for epoch in history.epochs] if history else [0.0] * epochs,
                "logit_scale": last.logit_scale if last else None,
            }
    return results


STUDIES: dict[str, tuple[Callable[[int], object], int]] = {  # what is done for one seed, and how many seeds
    "variants": (variants, 6),
}
