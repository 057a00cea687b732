"""The checks of Re-weighting what is there: a right answer passes, and wrong ones are told what is wrong."""

import math

from exercises.judge import answers

from toyclip.exercises import reweighting


def perplexity(log_p):
    return math.exp(-sum(log_p) / len(log_p))


CASES = [
    (reweighting.any_object, lambda n, k: 1 / n + (n - 1) / n / k, None),
    (reweighting.any_object, lambda n, k: 1 / k, "looked at the scene"),
    (reweighting.any_object, lambda n, k: 1 / n, "by chance"),
    (reweighting.any_object, lambda n, k: 0.6, "earns 0.5000"),
    (reweighting.ratio, lambda after, alone: perplexity(after) / perplexity(alone), None),
    (reweighting.ratio, lambda after, alone: perplexity(alone) / perplexity(after), "upside down"),
    (reweighting.ratio, lambda after, alone: math.exp(sum(alone) - sum(after)), "mean over words"),
    (reweighting.ratio, lambda after, alone: 1.0, "make 0.4966"),
    (reweighting.pull, lambda p, r: p * (r - (p * r).sum()), None),
    (reweighting.pull, lambda p, r: p * r, "without the mean"),
    (reweighting.pull, lambda p, r: r - (p * r).sum(), "never chosen"),
    (reweighting.pull, lambda p, r: p * (r - r.mean()), "over answers"),
    (reweighting.pull, lambda p, r: p, "are not [0.6, 0.3, 0.1]"),
    (reweighting.emulate, lambda wide, tuned, narrow: (wide + tuned - narrow).log_softmax(0), None),
    (reweighting.emulate, lambda wide, tuned, narrow: wide + tuned - narrow, "add up to 0.62"),
    (reweighting.emulate, lambda wide, tuned, narrow: wide - tuned + narrow, "sign"),
    (reweighting.emulate, lambda wide, tuned, narrow: (wide + tuned).log_softmax(0), "still in the sum"),
    (reweighting.emulate, lambda wide, tuned, narrow: (wide.exp() + tuned.exp() - narrow.exp()).log(), "logarithms"),
    (reweighting.emulate, lambda wide, tuned, narrow: wide, "do not get [0.7, 0.2, 0.1]"),
]

test_answers = answers(reweighting, CASES)
