"""Checks of the reader's answers in the chapter Re-weighting what is there (helper, no chapter)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from toyclip.lab.answers import answer


@answer
def any_object(given: Callable[[int, int], float]) -> str | None:
    """What it earns to say the right attribute of any of n objects, where each has one of k values by chance."""
    for objects, values in ((3, 4), (1, 4), (2, 2), (10, 5)):
        found, right = given(objects, values), 1 / objects + (1 - 1 / objects) / values
        if math.isclose(found, right, abs_tol=1e-9):
            continue
        if math.isclose(found, 1 / values, abs_tol=1e-9):
            return "that is a guess among all words of the right kind; this one has looked at the scene"
        if math.isclose(found, 1 / objects, abs_tol=1e-9):
            return "an object that was not asked about can have the same value by chance"
        return f"with {objects} objects and {values} values it earns {right:.4f}, not {found:.4f}"
    return None


@answer
def ratio(given: Callable[[list[float], list[float]], float]) -> str | None:
    """Perplexity of an answer after its question over that without one, from each word's log-probability in nats."""
    cases = (([-0.1, -0.2], [-0.1, -1.6]), ([-1.0, -2.0, -3.0], [-1.0, -2.0, -3.0]), ([-2.0], [-0.5]))
    for after, alone in cases:
        found, gain = given(after, alone), sum(after) - sum(alone)
        right = math.exp(-gain / len(after))
        if math.isclose(found, right, rel_tol=1e-6):
            continue
        if math.isclose(found, 1 / right, rel_tol=1e-6):
            return "upside down: the better the question helps, the smaller the ratio"
        if math.isclose(found, math.exp(-gain), rel_tol=1e-6):
            return "perplexity is a mean over words: divide by their number before the exponential"
        return f"log-probabilities {after} after the question and {alone} without it make {right:.4f}, not {found:.4f}"
    return None


@answer
def pull(given: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """How strongly REINFORCE pulls at each format's logit, (F,), from shares and mean rewards, (F,) each."""
    for shares, rewards in (([0.6, 0.3, 0.1], [0.2, 0.3, 0.4]), ([0.9, 0.08, 0.02], [0.5, 0.5, 1.0])):
        p, reward = torch.tensor(shares), torch.tensor(rewards)  # (F,) each
        found, mean = torch.as_tensor(given(p, reward)), (p * reward).sum()  # (F,), ()
        if torch.allclose(found, p * (reward - mean), atol=1e-5):
            continue
        if torch.allclose(found, p * reward, atol=1e-5):
            return "without the mean reward every format is pulled upwards, and a baseline changes what comes out"
        if torch.allclose(found, reward - mean, atol=1e-5):
            return "a format that is never chosen earns nothing: the lead counts as often as the format is drawn"
        if torch.allclose(found, p * (reward - reward.mean()), atol=1e-5):
            return "the mean reward is over answers, not over formats: a common format weighs more in it"
        return f"with shares {shares} and rewards {rewards} the pulls are not {[round(x, 3) for x in found.tolist()]}"
    return None


@answer
def emulate(given: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str | None:
    """Log-probabilities of emulated fine-tuning, (V,), from those of wide read, narrow tuned and narrow read."""
    wide, tuned, narrow = torch.tensor(  # (V,) each
        [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.4, 0.4, 0.2]]
    ).log()
    found, right = torch.as_tensor(given(wide, tuned, narrow)), wide + tuned - narrow  # (V,) each
    if torch.allclose(found, right.log_softmax(0), atol=1e-4):
        return None
    if torch.allclose(found, right, atol=1e-4):
        return f"their exponentials add up to {right.exp().sum():.2f}, and probabilities to 1"
    if torch.allclose(found.log_softmax(0), (wide - tuned + narrow).log_softmax(0), atol=1e-4):
        return "this takes away what tuning has added; look at the sign of the difference"
    if torch.allclose(found.log_softmax(0), (wide + tuned).log_softmax(0), atol=1e-4):
        return "what the narrow model has read is still in the sum; take it away"
    if torch.allclose(found.exp(), (wide.exp() + tuned.exp() - narrow.exp()), atol=1e-4):
        return "that adds probabilities, which can become negative; add their logarithms"
    return f"the three words do not get {[round(x, 3) for x in found.exp().tolist()]}"
