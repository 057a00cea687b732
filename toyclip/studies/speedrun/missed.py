"""What the fast recipe misses, seed by seed, and whether a third epoch would find it (chapter Speedrun)."""

from dataclasses import replace

from toyclip.data import CAPTIONS, Tokenizer, world
from toyclip.lab.study import Study
from toyclip.recipes import FAST, Recipe
from toyclip.train import train
from toyclip.zero_shot import classifier, predict


def misses(recipe: Recipe, seed: int) -> list[list[int]]:
    """Of each held-out picture that is named wrong after training, its class and the class that it is taken for."""
    model, _ = train(recipe, seed)
    _, held_out = world(seed)
    said = predict(model, held_out.pixels, classifier(model, CAPTIONS, Tokenizer()))  # (N,)
    return [
        [truth, answer]
        for truth, answer in zip(held_out.classes.tolist(), said.tolist(), strict=True)
        if truth != answer
    ]


def missed(seed: int, recipe: Recipe = FAST) -> dict[str, list[list[int]]]:
    """The misses of the fast recipe, and of the same with one epoch more, on the same pictures."""
    return {"fast": misses(recipe, seed), "one epoch more": misses(replace(recipe, epochs=recipe.epochs + 1), seed)}


STUDIES = (Study("missed", missed, seeds=200),)
