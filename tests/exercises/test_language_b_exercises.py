"""The checks about formats and emulated fine-tuning: a right answer passes, and wrong ones are told what is wrong."""

from exercises.judge import answers

from toyclip.exercises import language_b as language

CASES = [
    (language.pull, lambda p, r: p * (r - (p * r).sum()), None),
    (language.pull, lambda p, r: p * r, "without the mean"),
    (language.pull, lambda p, r: r - (p * r).sum(), "never chosen"),
    (language.pull, lambda p, r: p * (r - r.mean()), "over answers"),
    (language.pull, lambda p, r: p, "are not [0.6, 0.3, 0.1]"),
    (language.emulate, lambda wide, tuned, narrow: (wide + tuned - narrow).log_softmax(0), None),
    (language.emulate, lambda wide, tuned, narrow: wide + tuned - narrow, "add up to 0.62"),
    (language.emulate, lambda wide, tuned, narrow: wide - tuned + narrow, "sign"),
    (language.emulate, lambda wide, tuned, narrow: (wide + tuned).log_softmax(0), "still in the sum"),
    (language.emulate, lambda wide, tuned, narrow: (wide.exp() + tuned.exp() - narrow.exp()).log(), "logarithms"),
    (language.emulate, lambda wide, tuned, narrow: wide, "do not get [0.7, 0.2, 0.1]"),
]

test_answers = answers(language, CASES)
