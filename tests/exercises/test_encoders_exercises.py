"""A right answer to an exercise of chapter 2 passes, and every mistake is told what is wrong with it."""

import torch
from exercises.judge import answers

from toyclip import checkpoint
from toyclip.encoders import Config, ToyCLIP
from toyclip.exercises import encoders as exercises


def masked(words, positions, tokens):
    real = (tokens != 0)[..., None]
    return ((words[tokens] + positions) * real).sum(dim=1) / real.sum(dim=1)


def padding_counted(words, positions, tokens):
    return (words[tokens] + positions).mean(dim=1)


def padding_divides(words, positions, tokens):
    return ((words[tokens] + positions) * (tokens != 0)[..., None]).mean(dim=1)


def positions_forgotten(words, positions, tokens):
    return masked(words, 0 * positions, tokens)


TRAINED = checkpoint.load()[0].text_encoder.positions.detach()
START = ToyCLIP(Config(image_encoder="strided"), seed=0).text_encoder.positions.detach()
LEARNED = TRAINED - (TRAINED[3] / START[3]).median() * START

CASES = [
    (exercises.fifth_convolution, (28, 9 * 64 * 64 + 64), None),
    (exercises.mean_of_words, masked, None),
    (exercises.learned_positions, LEARNED, None),
    (exercises.blind_to, "places", None),
    (exercises.fifth_convolution, (22, 9 * 64 * 64 + 64), "gradient"),
    (exercises.fifth_convolution, (28, 9 * 64 * 64), "biases"),
    (exercises.mean_of_words, padding_counted, "real words"),
    (exercises.mean_of_words, padding_divides, "real words"),
    (exercises.mean_of_words, positions_forgotten, "another mean"),
    (exercises.mean_of_words, lambda words, positions, tokens: words[tokens], "shape"),
    (exercises.learned_positions, TRAINED - START, "fourth position"),
    (exercises.learned_positions, torch.zeros(4, 64), "one number"),
    (exercises.learned_positions, LEARNED[:3], "shape"),
    (exercises.blind_to, "colours", "changes by"),
    (exercises.blind_to, "left", "places"),
]

test_answer_is_judged = answers(exercises, CASES)
