"""Documents whose lines answer one question, and prompts made of such lines (helper of shots).

A line is a colour, a shape and an invented word. The word stands for the colour, or else for the shape, and which of
the two it is, is the same in a whole document. Each invented word has both meanings, one among colours and one among
shapes. The first word of a document may say which question is answered, or leave it to the lines.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import COLORS, SHAPES, Tokenizer
from toyclip.errors import lookup
from toyclip.studies.language.decoding import score
from toyclip.studies.taxonomy.language import PADDING, LanguageModel, descend, surprise

QUESTIONS = ("colour", "shape")
UNSAID = "thing"  # the first word of a document that does not say its question
NAMES = ("dax", "wug", "fep", "lom")  # name i stands for colour i and for shape i
TOKENIZER = Tokenizer((*COLORS, *SHAPES, *NAMES, *QUESTIONS, UNSAID), context_length=28)
EXAMPLES = ("varied", "a colour of its own", "one colour")


@dataclass(frozen=True)
class Lessons:
    """How much is read and asked."""

    updates: int = 500
    batch_size: int = 32
    width: int = 32
    counts: tuple[int, ...] = (0, 1, 2, 4, 8)  # examples in a prompt
    prompts: int = 400
    lines: int = 9  # of a document


LESSONS = Lessons()


def lines(question: np.ndarray, color: np.ndarray, shape: np.ndarray) -> Tensor:
    """Token ids of lines, three words each, (N, L) -> (N, 3 L).

    Args:
        question: (N,), 0 where a name stands for the colour, 1 where it stands for the shape.
        color: (N, L), 0 to 3.
        shape: (N, L), 0 to 3.

    >>> told = lines(np.array([1]), np.array([[0, 2]]), np.array([[3, 1]]))
    >>> TOKENIZER.decode(told)
    ['red cross lom green square wug']
    """
    meant = np.where(question[:, None] == 1, shape, color)  # (N, L)
    first = [TOKENIZER.ids[words[0]] for words in (COLORS, SHAPES, NAMES)]
    told = np.stack([start + part for start, part in zip(first, (color, shape, meant), strict=True)], axis=2)
    return torch.from_numpy(told).flatten(1)  # (N, 3 L)


def heads(question: np.ndarray, said: np.ndarray) -> Tensor:
    """The first word of each document: its question, where that is said, (N,) and (N,) bool -> (N, 1)."""
    ids = np.array([TOKENIZER.ids[word] for word in QUESTIONS])  # (2,)
    return torch.from_numpy(np.where(said, ids[question], TOKENIZER.ids[UNSAID]))[:, None]


def documents(count: int, length: int, bursts: float, seed: int) -> Tensor:
    """What the model reads, (count, 1 + 3 length); every other document says its question.

    Args:
        length: lines of each.
        bursts: share of documents whose lines all have one colour, as a text often stays with its subject.
    """
    rng = streams.rng(seed, "documents")
    question, said = rng.integers(2, size=(2, count))  # (N,) each
    color, shape = rng.integers(4, size=(2, count, length))  # (N, L) each
    stays = rng.uniform(size=(count, 1)) < bursts  # (N, 1)
    color = np.where(stays, color[:, :1], color)  # (N, L)
    return torch.cat([heads(question, said == 1), lines(question, color, shape)], dim=1)


def names_alone(tokens: Tensor) -> Tensor:
    """The same documents, but all that is no invented word is padding, about which nothing is asked, (B, T) -> (B, T).

    What colour comes next is chance, and would drown what can be learned.

    >>> names_alone(lines(np.array([1]), np.array([[0]]), np.array([[3]])))
    tensor([[ 0,  0, 12]])
    """
    first = TOKENIZER.ids[NAMES[0]]
    return tokens.where((tokens >= first) & (tokens < first + len(NAMES)), PADDING)


def examples(kind: str, count: int, length: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Colours and shapes of the examples and of what is asked after them, (count, length + 1) each.

    What is asked comes last. Its name as a colour is not its name as a shape, so that only who reads the question is
    right. Where examples have one colour, that is not the colour that is asked for.

    Args:
        kind: "varied": both by lot; "a colour of its own": examples of a shape have the colour of its own name, so that
            both questions have one answer; "one colour".

    Raises:
        InputError: if there is no such kind.
    """
    color, shape = rng.integers(4, size=(2, count, length + 1))  # (N, L + 1) each
    color[:, -1] = (shape[:, -1] + rng.integers(1, 4, size=count)) % 4
    other = (color[:, -1:] + rng.integers(1, 4, size=(count, 1))) % 4  # (N, 1)
    shown = {"varied": color[:, :-1], "a colour of its own": shape[:, :-1], "one colour": other.repeat(length, axis=1)}
    return np.concatenate([lookup(shown, kind, "kind of examples"), color[:, -1:]], axis=1), shape


def answers(model: LanguageModel, prompts: Tensor) -> Tensor:
    """Which of the four names the model finds likeliest after each prompt, (B, T) -> (B,)."""
    names = torch.tensor([[TOKENIZER.ids[name]] for name in NAMES])  # (4, 1)
    found = [score(model, prompts, name.expand(len(prompts), 1)) for name in names]  # 4 of (B,)
    return torch.stack(found, dim=1).argmax(dim=1)


@torch.no_grad()
def ask(model: LanguageModel, kind: str, count: int, said: bool, lessons: Lessons, seed: int) -> dict[str, float]:
    """Share of right answers to prompts of so many examples, for both questions.

    Args:
        said: whether the prompt begins with its question.

    Returns:
        "colour" and "shape": share right; "copied": of the answers to the first question, the share that say the name
        of the last example once more, which is right by chance or not at all.
    """
    shares = {}
    for q, question in enumerate(QUESTIONS):
        color, shape = examples(kind, lessons.prompts, count, streams.rng(seed, "prompts", kind, question, count))
        asked = np.full(lessons.prompts, q)  # (N,)
        told = torch.cat([heads(asked, np.full(len(asked), said)), lines(asked, color, shape)[:, :-1]], dim=1)
        meant, answer = (shape, color)[question == "colour"], answers(model, told).numpy()  # (N, L + 1), (N,)
        shares[question] = round((answer == meant[:, -1]).mean().item(), 4)
        if count and question == "colour":
            shares["copied"] = round((answer == meant[:, -2]).mean().item(), 4)
    return shares


def reader(bursts: float, seed: int, lessons: Lessons) -> LanguageModel:
    """A language model that has read such documents, asked for every invented word in them."""
    model = LanguageModel(len(TOKENIZER.words), TOKENIZER.context_length, width=lessons.width, seed=seed)
    read = documents(lessons.updates * lessons.batch_size, lessons.lines, bursts, seed)
    rest = iter(read.split(lessons.batch_size))

    def loss() -> Tensor:
        tokens = next(rest)  # (B, T)
        return surprise(model(tokens), names_alone(tokens))

    descend(model, loss, lessons.updates)
    return model


def prompted(bursts: float, seed: int, lessons: Lessons = LESSONS) -> dict:
    """A language model asked with and without the question, and after more and more examples.

    Returns:
        "said" and "unsaid", whether a prompt begins with its question: kind of examples -> for each count, question ->
        share right.
    """
    model = reader(bursts, seed, lessons)
    return {
        "said" if said else "unsaid": {
            kind: [ask(model, kind, count, said, lessons, seed) for count in lessons.counts] for kind in EXAMPLES
        }
        for said in (True, False)
    }
