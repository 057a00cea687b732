"""What if: the training of CLIP with one thing changed, in two worlds (chapter Batch size and temperature)."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.data import CAPTIONS, Pairs, Tokenizer, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import LossNotFiniteError, lookup
from toyclip.infonce import info_nce, same
from toyclip.lab.study import Study
from toyclip.recipes import FAST, Recipe
from toyclip.studies.frequency.concepts import choose, draw_concepts, words
from toyclip.train import Loss, batches, contrastive, fit, one_thread, twins_masked
from toyclip.zero_shot import predict

ADAMW = replace(FAST, name="adamw", batch_size=64, muon_lr=None)  # the fast model, the article's optimiser
EPOCHS = {"shapes": 4, "emoji": 4}  # 16,384 and 32,768 pictures seen
TEST_SEED = 1_000_000  # is added to a world's seed, for pictures that it never trains on


@dataclass(frozen=True)
class World:
    """Pairs to train on, their number a power of two, and a test among all captions."""

    training: Pairs
    test: Pairs
    captions: Tensor  # (C, L) token ids, all different
    vocab_size: int

    @property
    def tokens(self) -> Tensor:
        """Token ids of each training picture's caption, (N, L)."""
        return self.captions[self.training.captions]

    def accuracy(self, model: ToyCLIP) -> float:
        """Share of the test pictures whose own caption is the nearest of all."""
        with torch.no_grad():
            answers = predict(model, self.test.pixels, model.embed_texts(self.captions))  # (T,)
        return (answers == self.test.classes).double().mean().item()


def shapes(seed: int) -> World:
    """16 captions, 4,096 pictures."""
    captions, tokenizer = Tokenizer().encode(CAPTIONS), Tokenizer()  # (16, 4)
    return World(draw_pairs(256, seed), draw_pairs(30, seed + TEST_SEED), captions, len(tokenizer.words))


def emoji(seed: int) -> World:
    """256 captions, 8,192 pictures of emoji that the seed chooses."""
    concepts = choose(256, seed)
    training, test = draw_concepts(concepts, [32] * 256, seed), draw_concepts(concepts, [4] * 256, seed + TEST_SEED)
    tokenizer = words(concepts)
    return World(training, test, tokenizer.encode(tokenizer.words[1:]), len(tokenizer.words))  # captions (256, 1)


WORLDS = {"shapes": shapes, "emoji": emoji}


def make_world(name: str, seed: int) -> World:
    """One of WORLDS.

    Raises:
        InputError: if there is none of this name.
    """
    return lookup(WORLDS, name, "world")(seed)


def pictures_ask(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """Half of the loss: each picture looks for its caption."""
    logits = model(images, tokens)  # (B, B)
    return F.cross_entropy(logits, torch.arange(len(logits)))


def captions_ask(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The other half: each caption looks for its picture."""
    logits = model(images, tokens)  # (B, B)
    return F.cross_entropy(logits.T, torch.arange(len(logits)))


def without_normalization(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
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
    fixed: bool = False,
    every_epoch: bool = True,
    **config: float | None,
) -> tuple[ToyCLIP, list[dict]]:
    """Train a new model in a world.

    Args:
        fixed: whether the logit scale stays where it starts.
        every_epoch: whether to test the model after every epoch.
        config: of the model, where it differs: logit_scale, max_logit_scale, logit_bias.

    Returns:
        The model, and for each epoch loss, logit_scale and perhaps accuracy; no epochs if the loss stopped being a
        number.
    """
    shape = {"vocab_size": world.vocab_size, "context_length": world.captions.shape[1]}
    model = ToyCLIP(Config(image_encoder=recipe.image_encoder, **shape, **config), seed)
    model.log_logit_scale.requires_grad_(not fixed)
    order, epochs = batches(len(world.training), recipe.batch_size, recipe.epochs, seed), []
    try:
        with one_thread():
            for loss, scale in fit(model, world.training.pixels, world.tokens, recipe, order, loss_of):
                score = {"accuracy": world.accuracy(model)} if every_epoch else {}
                epochs.append({"loss": loss, "logit_scale": scale} | score)
    except LossNotFiniteError:
        return model, []
    return model, epochs


SIGLIP = {"logit_scale": 10.0, "logit_bias": -10.0}  # where Zhai et al. 2023 start
VARIANTS: dict[str, dict] = {  # keyword arguments of `learn`
    "learned": {},
    "pictures ask": {"loss_of": pictures_ask},
    "captions ask": {"loss_of": captions_ask},
    "fixed at 1": {"logit_scale": 1.0, "fixed": True},
    "fixed at 14.29": {"fixed": True},
    "fixed at 100": {"logit_scale": 100.0, "fixed": True},
    "from 100, clamped": {"logit_scale": 100.0},
    "from 100, unclamped": {"logit_scale": 100.0, "max_logit_scale": None},
    "unclamped": {"max_logit_scale": None},
    "not normalised": {"loss_of": without_normalization},
    "twins left out": {"loss_of": twins_masked},
}


def variants(seed: int) -> dict[str, dict[str, dict]]:
    """Accuracy by epoch and last logit scale of every variant in both worlds (claims S13 and S14)."""
    results: dict[str, dict[str, dict]] = {}
    for name, epochs in EPOCHS.items():
        world, results[name] = make_world(name, seed), {}
        for variant, options in VARIANTS.items():
            _, history = learn(world, replace(ADAMW, epochs=epochs), seed, **options)
            results[name][variant] = {
                "accuracy": [epoch["accuracy"] for epoch in history] or [0.0] * epochs,
                "logit_scale": history[-1]["logit_scale"] if history else None,
            }
    return results


STUDIES = (Study("variants", variants, seeds=6),)
