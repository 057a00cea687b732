"""The checks of What scale and context buy: a right answer passes, and wrong ones are told what is wrong."""

import math

from exercises.judge import answers

from toyclip.exercises import context

CASES = [
    (context.reward, lambda after, without: after.log() - without.log()[:, None], None),
    (context.reward, lambda after, without: (after / without[:, None]).log(), None),
    (context.reward, lambda after, without: after - without[:, None], "differences of logarithms"),
    (context.reward, lambda after, without: after.log() - after.log().mean(dim=1, keepdim=True), "with each other"),
    (context.reward, lambda after, without: without.log()[:, None] - after.log(), "punished"),
    (context.reward, lambda after, without: after.log().mean(dim=1) - without.log(), "its own reward"),
    (context.reward, lambda after, without: after / without[:, None], "not 2.000"),
    (context.largest_factor, lambda before: 1 / before, None),
    (context.largest_factor, lambda before: 1 - before, "quotient"),
    (context.largest_factor, lambda before: (1 - before) / before, "odds against"),
    (context.largest_factor, lambda before: 1000.0, "rise to 1"),
    (context.accidental, lambda n: math.factorial(n) / n**n, None),
    (context.accidental, lambda n: n ** (1 - n), "all have one colour"),
    (context.accidental, lambda n: 1 / math.factorial(n), "any permutation"),
    (context.accidental, lambda n: 0.5, "with 3 shapes"),
    (context.sharpest, lambda length: 0.5 ** (1 / length), None),
    (context.sharpest, lambda length: 0.5**length, "how often all words"),
    (context.sharpest, lambda length: 1 - 0.5 / length, "can both be wrong"),
    (context.sharpest, lambda length: 0.5, "at length 5"),
]

test_answers = answers(context, CASES)
