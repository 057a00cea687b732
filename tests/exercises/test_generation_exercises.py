"""The checks of Drawing what was rarely seen: a right answer passes, and wrong ones are told what is wrong."""

import numpy as np
import torch
from exercises.judge import answers
from scipy.stats import linregress
from sklearn.neighbors import NearestNeighbors

from toyclip.exercises import generation


def line(pictures, noise, times):
    return torch.lerp(noise, pictures, times.view(-1, 1, 1, 1)), pictures - noise


def other_way(pictures, noise, times):
    return torch.lerp(pictures, noise, times.view(-1, 1, 1, 1)), noise - pictures


def along_columns(pictures, noise, times):
    return (1 - times) * noise + times * pictures, pictures - noise


def what_is_left(pictures, noise, times):
    point, _ = line(pictures, noise, times)
    return point, pictures - point


def neighbours(drawings, pictures):
    """By scikit-learn, whose mean of squares is its squared distance over the number of values."""
    flat, seen = drawings.flatten(1).numpy(), pictures.flatten(1).numpy()
    distances, _ = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(seen).kneighbors(flat)
    return distances[:, 0] / flat.shape[1] ** 0.5


def apart(drawings, pictures):
    return drawings[:, None] - pictures


def rms(drawings, pictures):
    return apart(drawings, pictures).square().mean(dim=(2, 3, 4)).sqrt()


def quotients(accuracy, counts):
    with np.errstate(invalid="ignore", divide="ignore"):
        return (accuracy[0] - accuracy[1]) / np.log10(counts[0] / counts[1])


def moved(accuracy, counts):
    which = counts[0] != counts[1]
    return quotients(accuracy[:, which], counts[:, which])


def by_least_squares(accuracy, counts):
    more = np.log10(counts[0]) - np.log10(counts[1])
    return 100 * np.linalg.lstsq(more[:, None], accuracy[0] - accuracy[1], rcond=None)[0].item()


def unpaired(accuracy, counts):
    return 100 * linregress(np.log10(counts).ravel(), accuracy.ravel()).slope


CASES = [
    (generation.guided, lambda told, untold, g: g * told + (1 - g) * untold, None),
    (generation.guided, lambda told, untold, g: (1 + g) * told - g * untold, "own answer"),
    (generation.guided, lambda told, untold, g: g * untold + (1 - g) * told, "changed places"),
    (generation.guided, lambda told, untold, g: g * (told - untold), "in common"),
    (generation.guided, lambda told, untold, g: g * told, "walks faster"),
    (generation.guided, lambda told, untold, g: torch.lerp(untold, told, min(g, 1.0)), "guidance of 2"),
    (generation.guided, lambda told, untold, g: told[0], "shape"),
    (generation.pair, line, None),
    (generation.pair, other_way, "the other way"),
    (generation.pair, along_columns, "three more axes"),
    (generation.pair, lambda p, n, t: (line(p, n, t)[0], n - p), "back into the noise"),
    (generation.pair, what_is_left, "every time"),
    (generation.pair, lambda p, n, t: (line(p, n, t)[0], p), "velocities are not"),
    (generation.pair, lambda p, n, t: (line(p, n, t**2)[0], p - n), "off in the mean"),
    (generation.pair, lambda p, n, t: (t, p - n), "twice"),
    (generation.nearest, neighbours, None),
    (generation.nearest, lambda d, p: rms(d, p).min(dim=1).values, None),
    (generation.nearest, lambda d, p: rms(d, p).mean(dim=1), "one that is near"),
    (generation.nearest, lambda d, p: apart(d, p).abs().mean(dim=(2, 3, 4)).amin(dim=1), "absolute"),
    (generation.nearest, lambda d, p: rms(d, p).amin(dim=1).square(), "root is missing"),
    (generation.nearest, lambda d, p: torch.cdist(d.flatten(1), p.flatten(1)).amin(dim=1), "root of a sum"),
    (generation.nearest, lambda d, p: rms(d, p).diagonal(), "its number"),
    (generation.nearest, lambda d, p: rms(d, p).amin(dim=0), "shape (7,)"),
    (generation.nearest, lambda d, p: rms(d, p).amax(dim=1), "is a copy"),
    (generation.same_concept, lambda a, n: 100 * moved(a, n).mean(), None),
    (generation.same_concept, lambda a, n: 100 * moved(a[::-1], n[::-1]).mean(), None),
    (generation.same_concept, by_least_squares, None),
    (generation.same_concept, unpaired, "with each other"),
    (generation.same_concept, lambda a, n: unpaired(a[:1], n[:1]), "with each other"),
    (generation.same_concept, lambda a, n: 100 * moved(a, n).mean() / np.log(10), "base 10"),
    (generation.same_concept, lambda a, n: 100 * np.abs(moved(a, n)).mean(), "sign"),
    (generation.same_concept, lambda a, n: 100 * moved(a[::-1], n).mean(), "changed places"),
    (generation.same_concept, lambda a, n: 100 * quotients(a, n).mean(), "leave them out"),
    (generation.same_concept, lambda a, n: 100 * np.nan_to_num(quotients(a, n), posinf=0, neginf=0).mean(), "as if"),
    (generation.same_concept, lambda a, n: moved(a, n).mean(), "hundredth"),
    (generation.same_concept, lambda a, n: 100 * np.median(moved(a, n)), "nine concepts"),
]

test_answers = answers(generation, CASES)
