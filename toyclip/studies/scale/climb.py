"""From the toy to CLIP one rung at a time, each asked for the same pictures (chapter From the toy to CLIP).

Concepts are emoji at any place, a little turned, on dark greys. The first 200 of a seed are shown by every rung, and
asked for among their 200 English names; the next 100 are shown by none.
"""

import itertools
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import Pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import lookup
from toyclip.infonce import info_nce, mask_twins, same
from toyclip.lab.study import Study
from toyclip.pictures import Emoji
from toyclip.recipes import Recipe
from toyclip.studies.frequency.concepts import draw_concepts
from toyclip.studies.frequency.corpus import TEST_SEED
from toyclip.studies.scale.captions import LANGUAGES, Pieces, Words, captions, name, named
from toyclip.studies.scale.text import TextTransformer
from toyclip.train import batches, finish, fit
from toyclip.vit import VisionTransformer
from toyclip.zero_shot import classifier, predict


@dataclass(frozen=True)
class Rung:
    """What a model is made of and what it is shown."""

    image_encoder: str = "strided"  # or "transformer", over 16 patches of 8 x 8 pixels
    width: int = 64
    text_encoder: str = "mean"  # of the words' vectors, or "transformer"
    captions: str = "one"  # a concept, or "many": its name in sentences, and keywords
    languages: tuple[str, ...] = ("en",)
    twins: str = "compared"  # two pictures of one concept in a batch, or "masked"
    batch_size: int = 64
    updates: int = 400
    concepts: int = 200  # that are shown, of which the first 200 are asked for
    pictures: int = 12  # of each
    lr: float = 3e-3


TOY = Rung()
STEPS = (  # each keeps all that came before
    ("text encoder", {"text_encoder": "transformer"}),
    ("captions", {"captions": "many"}),
    ("batch", {"batch_size": 128}),
    ("corpus", {"concepts": 600}),
    ("image encoder", {"image_encoder": "transformer"}),
)
LADDER = dict(
    zip(
        ("the toy", *(f"+ {step}" for step, _ in STEPS)),
        itertools.accumulate(
            (change for _, change in STEPS), lambda rung, change: replace(rung, **change), initial=TOY
        ),
        strict=True,
    )
)
CONTROL = "+ captions, twice the updates"  # the pictures of the rung above it, and not its batch
BESIDE = {
    "captions, words averaged": replace(TOY, captions="many"),
    CONTROL: replace(LADDER["+ captions"], updates=2 * TOY.updates),
    "+ batch, twins masked": replace(LADDER["+ batch"], twins="masked"),
    "+ captions, five languages": replace(LADDER["+ captions"], languages=tuple(LANGUAGES)),
    "corpus alone": replace(TOY, concepts=600),
    "image encoder alone": replace(TOY, image_encoder="transformer"),
}
WIDTHS = {f"width {width}": replace(TOY, width=width) for width in (16, 128)}
RUNGS = LADDER | BESIDE | WIDTHS


@dataclass(frozen=True)
class Size:
    """How much is asked; and by what the shown is divided in tests."""

    asked: int = 200
    unseen: int = 100
    test: int = 10  # pictures of each
    part: int = 1  # of what is shown that tests do without: 10 leaves a tenth


FULL = Size()


def world(rung: Rung, size: Size, seed: int) -> tuple[list[Emoji], list[Emoji]]:
    """The concepts that are shown, those asked for first, and the ones that no rung shows."""
    everything = named()
    order = streams.rng(seed, "concepts").permutation(len(everything))
    chosen = [everything[i] for i in order]
    shown = max(size.asked, rung.concepts // size.part)
    first, hidden, more = chosen[: size.asked], chosen[size.asked :][: size.unseen], chosen[size.asked + size.unseen :]
    return [*first, *more][:shown], hidden


def build(rung: Rung, vocab_size: int, context_length: int, seed: int) -> ToyCLIP:
    """The model of a rung: the toy, with other encoders in the place of its own."""
    config = Config("strided", rung.width, vocab_size=vocab_size, context_length=context_length)
    model = ToyCLIP(config, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(streams.number(seed, "transformers"))
        if rung.image_encoder == "transformer":
            model.image_encoder = VisionTransformer(rung.width, config.embed_dim, patch=8)
        if rung.text_encoder == "transformer":
            model.text_encoder = TextTransformer(vocab_size, context_length)
    return model


def learn(rung: Rung, shown: list[Emoji], corpus: Pairs, size: Size, seed: int) -> tuple[ToyCLIP, Words | Pieces]:
    """A trained model and what turns texts into numbers for it."""
    rng, each = streams.rng(seed, "captions"), len(corpus) // len(shown)
    if rung.captions == "one":
        lines = [name(concept) for concept in shown for _ in range(each)]
        tokenizer = Words(lines, context_length=12)
    else:
        lines = [line for concept in shown for line in captions(concept, rng, each, rung.languages)]
        tokenizer = Pieces(lines, vocab_size=2000, context_length=24)
    model = build(rung, tokenizer.vocab_size, tokenizer.context_length, seed)
    tokens = torch.cat([tokenizer.encode(lines), corpus.classes[:, None]], dim=1)  # (N, L + 1), the concept last
    updates, batch = max(2, rung.updates // size.part), max(2, rung.batch_size // size.part)
    recipe = Recipe("climb", 1, batch, lr=rung.lr, one_cycle=True, image_encoder=rung.image_encoder, muon_lr=0.12)
    rounds = itertools.chain.from_iterable(batches(len(corpus), batch, updates, seed))
    order = list(itertools.islice(rounds, updates))  # U of (B,)
    finish(fit(model, corpus.pixels, tokens, recipe, [order], LOSSES[rung.twins]))
    return model, tokenizer


def compared(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The loss of CLIP; the last column of the tokens, the concept, is for others."""
    return info_nce(model(images, tokens[:, :-1]))


def masked(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The same, but pairs of one concept, whatever their captions, are no negatives of each other."""
    return info_nce(mask_twins(model(images, tokens[:, :-1]), same(tokens[:, -1:])))


LOSSES = {"compared": compared, "masked": masked}


def asked(model: ToyCLIP, tokenizer: Words | Pieces, concepts: list[Emoji], pictures: Pairs, language: str) -> float:
    """Share of pictures whose concept's name in a language is the nearest of all the concepts' names."""
    weights = classifier(model, [name(concept, language) for concept in concepts], tokenizer)  # (K, D)
    return round((predict(model, pictures.pixels, weights) == pictures.classes).double().mean().item(), 4)


def climb(rung: str, seed: int, size: Size = FULL) -> dict:
    """Train one rung and ask it.

    Returns:
        accuracy on new pictures by "shown" language (of 200 names) and on concepts never shown ("unseen", of 100
        English names); the model's parameters, and the pictures it went through.

    Raises:
        InputError: if there is no such rung.
    """
    made = lookup(RUNGS, rung, "rung")
    shown, hidden = world(made, size, seed)
    corpus = draw_concepts(shown, [max(2, made.pictures // size.part)] * len(shown), seed)
    model, tokenizer = learn(made, shown, corpus, size, seed)
    first = shown[: size.asked]
    tests = [draw_concepts(part, [size.test] * len(part), seed + TEST_SEED) for part in (first, hidden)]
    return {
        "shown": {language: asked(model, tokenizer, first, tests[0], language) for language in LANGUAGES},
        "unseen": asked(model, tokenizer, hidden, tests[1], "en"),
        "parameters": sum(p.numel() for p in model.parameters()),
        "pictures": made.batch_size * made.updates,
    }


STUDIES = (Study("climb", climb, seeds=5, conditions=tuple(RUNGS)),)
