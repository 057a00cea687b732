"""The checks of instructions and refined data: a right answer passes, and wrong ones are told what is wrong."""

import math

from exercises.judge import answers

from toyclip.exercises import language_a


def perplexity(log_p):
    return math.exp(-sum(log_p) / len(log_p))


CASES = [
    (language_a.any_object, lambda n, k: 1 / n + (n - 1) / n / k, None),
    (language_a.any_object, lambda n, k: 1 / k, "looked at the scene"),
    (language_a.any_object, lambda n, k: 1 / n, "by chance"),
    (language_a.any_object, lambda n, k: 0.6, "earns 0.5000"),
    (language_a.ratio, lambda after, alone: perplexity(after) / perplexity(alone), None),
    (language_a.ratio, lambda after, alone: perplexity(alone) / perplexity(after), "upside down"),
    (language_a.ratio, lambda after, alone: math.exp(sum(alone) - sum(after)), "mean over words"),
    (language_a.ratio, lambda after, alone: 1.0, "make 0.4966"),
]


test_answer_is_judged = answers(language_a, CASES)
