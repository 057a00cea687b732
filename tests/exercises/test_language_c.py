"""The checks of the exercises about thoughts and leaks: right answers pass, wrong ones are told what is wrong."""

from exercises.judge import answers

from toyclip.exercises import language_c

CASES = [
    (language_c.reward, lambda after, without: after.log() - without.log()[:, None], None),
    (language_c.reward, lambda after, without: (after / without[:, None]).log(), None),
    (language_c.reward, lambda after, without: after - without[:, None], "differences of logarithms"),
    (language_c.reward, lambda after, without: after.log() - after.log().mean(dim=1, keepdim=True), "with each other"),
    (language_c.reward, lambda after, without: without.log()[:, None] - after.log(), "punished"),
    (language_c.reward, lambda after, without: after.log().mean(dim=1) - without.log(), "its own reward"),
    (language_c.reward, lambda after, without: after / without[:, None], "not 2.000"),
    (language_c.largest_factor, lambda before: 1 / before, None),
    (language_c.largest_factor, lambda before: 1 - before, "quotient"),
    (language_c.largest_factor, lambda before: (1 - before) / before, "odds against"),
    (language_c.largest_factor, lambda before: 1000.0, "rise to 1"),
]


test_answer_is_judged = answers(language_c, CASES)
