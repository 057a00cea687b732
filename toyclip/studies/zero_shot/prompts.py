"""What a prompt reads from a picture, what its wording is worth, and words that nobody ever used (chapter 4)."""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import CLASSES, COLORS, SHAPES, Pairs, Rendering, Tokenizer, draw_pairs, world
from toyclip.encoders import Config, ToyCLIP
from toyclip.lab.study import Study
from toyclip.recipes import FAST, Recipe
from toyclip.studies.zero_shot.captions import fit_captions
from toyclip.zero_shot import accuracy, class_prompts, classifier, similarities

NAME, SENTENCE = "{color} {shape}", "a photo of a {color} {shape}"
STYLES = {"names": [NAME], "sentences": [SENTENCE], "both": [NAME, SENTENCE]}  # of captions, and of prompts
HARD = Rendering(noise=0.25)  # so that there is something to gain
INVENTED = tuple("".join(letters) for letters in product("bdfgklmnprst", "aeio", "x"))  # 48 words, three a class


def fit_texts(captions: Sequence[str], training: Pairs, tokenizer: Tokenizer, recipe: Recipe, seed: int) -> ToyCLIP:
    """A model of this tokenizer's vocabulary, trained on these pictures with these captions."""
    vocabulary = {"vocab_size": len(tokenizer.words), "context_length": tokenizer.context_length}
    return fit_captions(tokenizer.encode(captions), training, recipe, seed, **vocabulary)


def attributes(model: ToyCLIP, pairs: Pairs, prompts: Sequence[Sequence[str]], attribute: Tensor) -> float:
    """Share of pictures whose colour, or shape, is that of the prompt that wins among four.

    Args:
        prompts: for each of the four values one caption or several.
        attribute: (N,) which of the four each picture has.
    """
    cosine = similarities(model, pairs.pixels, classifier(model, prompts, Tokenizer()))  # (N, 4)
    return (cosine.argmax(dim=1) == attribute).double().mean().item()


def questions(seed: int, recipe: Recipe = FAST) -> dict[str, float]:
    """The same held-out pictures, asked for their colour and for their shape (claim Z5).

    By one word each, which no model has read alone; by four sentences each, averaged; and before training.
    """
    training, held_out = world(seed)
    untrained = ToyCLIP(Config(image_encoder=recipe.image_encoder), seed)
    trained = fit_texts([f"a {' '.join(CLASSES[c])}" for c in training.classes], training, Tokenizer(), recipe, seed)
    colour, shape = held_out.classes // len(SHAPES), held_out.classes % len(SHAPES)  # (N,) each
    kinds = {
        "colour": (colour, COLORS, [[f"a {c} {s}" for s in SHAPES] for c in COLORS]),
        "shape": (shape, SHAPES, [[f"a {c} {s}" for c in COLORS] for s in SHAPES]),
    }
    scores = {}
    for kind, (attribute, words, sentences) in kinds.items():
        scores[f"{kind}, a word"] = attributes(trained, held_out, words, attribute)
        scores[f"{kind}, four sentences"] = attributes(trained, held_out, sentences, attribute)
        scores[f"{kind}, untrained"] = attributes(untrained, held_out, words, attribute)
    return scores


def wordings(seed: int, recipe: Recipe = FAST) -> dict[str, float]:
    """Accuracy by the style of the captions read and that of the prompt, on usual and on noisy pictures (claim Z3).

    "both" as captions: a style by lot for each pair; as a prompt: the mean of both, as CLIP averages eighty.
    """
    training, held_out = world(seed)
    tests = {"held out": held_out, "noisy": draw_pairs(30, streams.number(seed, "noisy"), HARD)}
    tokenizer, rng = Tokenizer(("a", "photo", "of", *COLORS, *SHAPES), context_length=6), streams.rng(seed, "styles")
    scores = {}
    for read, styles in STYLES.items():
        lot = rng.integers(len(styles), size=len(training))  # (N,)
        written = class_prompts(styles)
        texts = [written[c][style] for c, style in zip(training.classes.tolist(), lot.tolist(), strict=True)]
        model = fit_texts(texts, training, tokenizer, recipe, seed)
        for prompt, templates in STYLES.items():
            for test, pairs in tests.items():
                score = accuracy(model, pairs, tokenizer, class_prompts(templates))
                scores[f"read {read}, asked with {prompt}, {test}"] = score
    return scores


def invented(seed: int, recipe: Recipe = FAST) -> float:
    """Held-out accuracy where every class is called by three invented words, shared with no other (claim S10)."""
    training, held_out = world(seed)
    names = [" ".join(INVENTED[3 * c : 3 * c + 3]) for c in range(len(CLASSES))]
    tokenizer = Tokenizer(INVENTED)
    model = fit_texts([names[c] for c in training.classes], training, tokenizer, recipe, seed)
    return accuracy(model, held_out, tokenizer, names)


def gap(seed: int, recipe: Recipe = FAST) -> dict[str, float]:
    """How far apart pictures and captions lie as two clouds, before and after training (claim S6).

    "gap" is the distance of the two means (Liang et al. 2022). Then, over the 16 classes: the mean squared way from
    the middle of a class's pictures to its caption, the part of it that is the same for all classes, and the mean
    squared way from that middle to a picture.
    """
    training, held_out = world(seed)
    untrained = ToyCLIP(Config(image_encoder=recipe.image_encoder), seed)
    trained = fit_texts([f"a {' '.join(CLASSES[c])}" for c in training.classes], training, Tokenizer(), recipe, seed)
    return {
        f"{when}, {what}": value
        for when, model in (("untrained", untrained), ("trained", trained))
        for what, value in ways(model, held_out).items()
    }


@torch.no_grad()
def ways(model: ToyCLIP, pairs: Pairs) -> dict[str, float]:
    """The four numbers of `gap` for one model."""
    images = model.embed_images(pairs.pixels)  # (N, D)
    texts = classifier(model, [caption for (caption,) in class_prompts()], Tokenizer())  # (16, D)
    middles = torch.stack([images[pairs.classes == c].mean(dim=0) for c in range(len(CLASSES))])  # (16, D)
    way = texts - middles  # (16, D)
    return {
        "gap": (images.mean(dim=0) - texts.mean(dim=0)).norm().item(),
        "to the caption": way.square().sum(dim=1).mean().item(),
        "common to all": way.mean(dim=0).square().sum().item(),
        "to a picture": (images - middles[pairs.classes]).square().sum(dim=1).mean().item(),
    }


STUDIES = (
    Study("questions", questions, seeds=10),
    Study("wordings", wordings, seeds=10),
    Study("invented", invented, seeds=10),
    Study("gap", gap, seeds=10),
)
