"""Checks of the reader's answers to the exercises of the chapter Taxonomy."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import average_precision_score

from toyclip import streams
from toyclip.lab.answers import answer
from toyclip.studies.taxonomy import kinds


@answer
def kept(given: float) -> str | None:
    """How many of 160 leaves on average keep a word of their own kind when words are dealt out across all kinds."""
    taxonomy = kinds.deal(0)
    own = [(taxonomy.kind[kinds.rename("across", s)] == taxonomy.kind)[~taxonomy.held_out].sum() for s in range(200)]
    right = float(np.mean(own))
    if abs(given - right) < 0.5:
        return None
    if abs(given - right / 10) < 0.1:
        return "that is how many keep their own word; any word of their kind will do"
    return f"dealing the words out 200 times leaves {'more' if right > given else 'fewer'} than {given:g} on average"


@answer
def precision(given: Callable[[np.ndarray, np.ndarray], float]) -> str | None:
    """Scores (N,) and truth (N,) bool -> average precision."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        truth = rng.permutation(np.arange(40) < 6)
        scores = rng.uniform(size=40) + 0.3 * truth
        found, right = float(given(scores.copy(), truth.copy())), average_precision_score(truth, scores)
        if np.isclose(found, right):
            continue
        if np.isclose(found, average_precision_score(truth, -scores)):
            return "you rank the lowest score first"
        if np.isclose(found, truth.mean()):
            return "that is the share of right ones among all, what luck earns"
        if np.isclose(found, truth[np.argsort(-scores)[: truth.sum()]].mean()):
            return "that looks at one place of the ranking; take the mean over the places of all right ones"
        return f"40 pictures with 6 right ones: you say {found:.3f}, and it is {right:.3f}"
    return None


@answer
def two_steps(given: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> str | None:
    """p(word | picture), (N, L), and p(kind | word), (L, K) -> p(kind | picture), (N, K)."""
    rng = np.random.default_rng(0)
    names, told = rng.dirichlet(np.ones(7), size=5), rng.dirichlet(np.ones(3), size=7)
    right = np.array([[sum(n * t[k] for n, t in zip(row, told, strict=True)) for k in range(3)] for row in names])
    found = np.asarray(given(names.copy(), told.copy()), dtype=float)
    if found.shape != right.shape:
        return f"from (5, 7) and (7, 3) comes (5, 3), and you return {found.shape}"
    if np.allclose(found, right):
        return None
    if np.allclose(found, told[names.argmax(axis=1)]):
        return "that trusts the likeliest word alone; every word counts by its probability"
    if not np.allclose(found.sum(axis=1), 1):
        return f"the kinds of a picture should add up to 1, and yours add up to {found.sum(axis=1)[0]:.2f}"
    return "these are probabilities, but not the mean over all words, each by its probability"


@answer
def strangers(given: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> str | None:
    """Kinds (L,) and a generator -> whose word each leaf gets, (L,): another one's of its kind, and each word once."""
    kind, tables = np.repeat(np.arange(6), (2, 3, 4, 5, 8, 9)), set()
    for seed in range(20):
        table = np.asarray(given(kind.copy(), streams.rng(seed, "strangers")))
        if table.shape != kind.shape or not np.issubdtype(table.dtype, np.integer):
            return f"expected the number of a leaf for each of {len(kind)}"
        if sorted(table.tolist()) != list(range(len(kind))):
            return "some word is given out twice, and another one never"
        if (kind[table] != kind).any():
            return "a leaf got a word of another kind"
        if stayed := int((table == np.arange(len(kind))).sum()):
            return f"{stayed} of {len(kind)} leaves kept their own word"
        tables.add(table.tobytes())
    return None if len(tables) > 1 else "every generator gets the same table; draw from the one that is given"
