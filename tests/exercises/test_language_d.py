"""The checks about shots and sizes: a right answer passes, and wrong ones are told what is wrong."""

import math

from exercises.judge import answers

from toyclip.exercises import language_d

CASES = [
    (language_d.accidental, lambda n: math.factorial(n) / n**n, None),
    (language_d.accidental, lambda n: n ** (1 - n), "all have one colour"),
    (language_d.accidental, lambda n: 1 / math.factorial(n), "any permutation"),
    (language_d.accidental, lambda n: 0.5, "with 3 shapes"),
    (language_d.sharpest, lambda length: 0.5 ** (1 / length), None),
    (language_d.sharpest, lambda length: 0.5**length, "how often all words"),
    (language_d.sharpest, lambda length: 1 - 0.5 / length, "can both be wrong"),
    (language_d.sharpest, lambda length: 0.5, "at length 5"),
]

test_answer_is_judged = answers(language_d, CASES)
