"""Questions of five levels about coloured shapes, with a plain answer and a teacher's (helper of frontier).

An object is one word, such as "red-circle", so that a small model can find it; what is asked is always a colour, so
that a right answer cannot be told from a wrong one by the kind of its word.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip import streams
from toyclip.data import Tokenizer
from toyclip.studies.language.unread import draw_apart
from toyclip.studies.taxonomy.language import LanguageModel, descend

COLOURS = ("red", "green", "blue", "yellow")
SHAPES = ("circle", "square", "triangle", "cross")
QUESTIONS = ("left", "all", "of", "after", "mixed")  # one a level; how hard each is, a student's own ratios say
ORIGINAL, REFINED = ("well", "there", "is"), ("the", "answer", "is")  # before the colour that ends an answer
NOTHING, STOP = "nothing", ":"
OBJECTS, PROMPT, LONGEST = 3, 6, 10  # words of a scene, of it with a question, and with an answer
FIRST_COLOUR, FIRST_SHAPE, FIRST_QUESTION = 17, 21, 25  # token ids; objects are 1 to 16


def tokenizer() -> Tokenizer:
    """All words; those of one kind have consecutive ids.

    >>> [tokenizer().words[i] for i in (1, 2, 5, FIRST_COLOUR, FIRST_SHAPE, FIRST_QUESTION)]
    ['red-circle', 'red-square', 'green-circle', 'red', 'circle', 'left']
    """
    objects = [f"{colour}-{shape}" for colour in COLOURS for shape in SHAPES]
    others = dict.fromkeys([*ORIGINAL, *REFINED, NOTHING, STOP])
    return Tokenizer([*objects, *COLOURS, *SHAPES, *QUESTIONS, *others], context_length=LONGEST)


@dataclass(frozen=True)
class Lessons:
    """Questions about scenes, with what somebody answered and what the teacher made of it; all in token ids."""

    prompts: Tensor  # (N, 6)
    original: Tensor  # (N, 4), true, but no answer to the question
    refined: Tensor  # (N, 4), the answer
    levels: Tensor  # (N,), 0 to 4
    colours: Tensor  # (N, 3), of all objects


def draw(count: int, seed: int, what: str) -> Lessons:
    """Scenes of three objects of different shapes, and a question of any level about each.

    "left": the colour of the left object; "all": of a mixture of all three; "of": of a shape; "after": of the object
    after it, the first after the last; "mixed": of a mixture of these two. A mixture is the sum of the colours'
    numbers, its rest after division by four.

    Args:
        what: the purpose; questions for the "test" are in no other lessons.

    >>> lessons = draw(1, seed=0, what="test")
    >>> tokenizer().decode(torch.cat([lessons.prompts, lessons.refined], dim=1))
    ['red-triangle green-cross yellow-circle left triangle : the answer is red']
    """
    rng = streams.rng(seed, "lessons", what)
    return Lessons(*draw_apart(lambda n: any_lessons(n, rng), count, seed, asked=what == "test"))


def any_lessons(count: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """The same of all questions: prompts, original, refined, levels and colours, as in `Lessons`."""
    rows = torch.arange(count)  # (N,)
    colours = torch.from_numpy(rng.integers(len(COLOURS), size=(count, OBJECTS)))  # (N, 3)
    shapes = torch.from_numpy(rng.uniform(size=(count, len(SHAPES))).argsort(axis=1))[:, :OBJECTS]  # (N, 3)
    levels, asked = (torch.from_numpy(rng.integers(n, size=count)) for n in (len(QUESTIONS), OBJECTS))  # (N,) each
    here, after = colours[rows, asked], colours[rows, (asked + 1) % OBJECTS]  # (N,) each
    every = torch.stack([colours[:, 0], colours.sum(dim=1), here, after, here + after], dim=1)  # (N, 5)
    answers = every[rows, levels] % len(COLOURS)  # (N,)
    scene = 1 + len(SHAPES) * colours + shapes  # (N, 3)
    stop = torch.full((count,), tokenizer().ids[STOP])  # (N,)
    question = torch.stack([FIRST_QUESTION + levels, FIRST_SHAPE + shapes[rows, asked], stop], dim=1)  # (N, 3)
    original, refined = say(ORIGINAL, colours[:, 0]), say(REFINED, answers)  # (N, 4) each
    return torch.cat([scene, question], dim=1), original, refined, levels, FIRST_COLOUR + colours


def say(frame: tuple[str, ...], colours: Tensor) -> Tensor:
    """An answer: three words and a colour, (N,), 0 to 3 -> (N, 4) token ids."""
    ids = tokenizer().ids
    words = torch.tensor([ids[word] for word in frame]).expand(len(colours), -1)  # (N, 3)
    return torch.cat([words, FIRST_COLOUR + colours[:, None]], dim=1)


def blank(prompts: Tensor) -> Tensor:
    """Prompts of the same length that ask nothing, (N, 6) -> (N, 6)."""
    return torch.full_like(prompts, tokenizer().ids[NOTHING])


def learn(
    model: LanguageModel, prompts: Tensor, answers: Tensor, updates: int, seed: int, batch_size: int = 64
) -> LanguageModel:
    """A copy of the model, trained on answers: the words of prompts cost nothing.

    Args:
        prompts: (N, 6) token ids.
        answers: (N, 4) token ids.
    """
    model, rng = copy.deepcopy(model), streams.rng(seed, "order")
    tokens = torch.cat([prompts, answers], dim=1)  # (N, 10)

    def loss() -> Tensor:
        batch = tokens[torch.from_numpy(rng.integers(len(tokens), size=batch_size))]  # (B, 10)
        return F.cross_entropy(model(batch)[:, PROMPT - 1 : -1].flatten(0, 1), batch[:, PROMPT:].flatten())

    descend(model, loss, updates)
    return model
