"""Checks of the reader's answers about formats and emulated fine-tuning (helper, no chapter)."""

from collections.abc import Callable

import torch
from torch import Tensor

from toyclip.lab.answers import answer


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
