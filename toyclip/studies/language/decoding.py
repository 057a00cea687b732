"""What a language model says and how likely it finds what others say: greedy, sampled, scored (helper of all here).

Prompts of one call have one length, since a word's place is counted from the left.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from toyclip.errors import InputError
from toyclip.studies.taxonomy.language import PADDING, LanguageModel


@torch.no_grad()
def greedy(model: LanguageModel, prompts: Tensor, words: int) -> Tensor:
    """The likeliest next word, and after it the next, (B, T) token ids -> (B, words).

    >>> model = LanguageModel(vocab_size=10, context_length=8)
    >>> greedy(model, torch.ones(2, 5, dtype=torch.int64), words=3).shape
    torch.Size([2, 3])
    """
    return _go_on(model, prompts, words, lambda log_p: log_p.argmax(dim=1))


@torch.no_grad()
def sample(
    model: LanguageModel, prompts: Tensor, words: int, generator: torch.Generator, temperature: float = 1.0
) -> Tensor:
    """Each next word drawn with the probability that the model gives it, (B, T) token ids -> (B, words).

    Args:
        temperature: divides the logits; 1 is the model's own, less is bolder.

    Raises:
        InputError: if the temperature is not above zero.
    """
    if not temperature > 0:
        raise InputError(f"temperature {temperature} is not above 0; for the likeliest words use greedy")

    def draw(log_p: Tensor) -> Tensor:
        return torch.multinomial((log_p / temperature).softmax(dim=1), 1, generator=generator)[:, 0]

    return _go_on(model, prompts, words, draw)


def _go_on(model: LanguageModel, prompts: Tensor, words: int, choose: Callable[[Tensor], Tensor]) -> Tensor:
    """The words that `choose` takes one after another, of (B, V) log-probabilities each time; padding is never one."""
    tokens = prompts
    for _ in range(words):
        log_p = model(tokens)[:, -1].log_softmax(dim=1)  # (B, V)
        log_p[:, PADDING] = -torch.inf
        tokens = torch.cat([tokens, choose(log_p)[:, None]], dim=1)  # (B, T + 1)
    return tokens[:, prompts.shape[1] :]


def log_likelihoods(model: LanguageModel, tokens: Tensor) -> Tensor:
    """How likely the model finds each next word of the sentences, (B, T) token ids -> (B, T - 1) nats, padding 0.

    Every word is asked after the ones that truly stand before it (teacher forcing), not after what the model would say.
    """
    log_p = model(tokens[:, :-1]).log_softmax(dim=2)  # (B, T - 1, V)
    told = log_p.gather(2, tokens[:, 1:, None])[:, :, 0]  # (B, T - 1)
    return told.masked_fill(tokens[:, 1:] == PADDING, 0.0)


def score(model: LanguageModel, prompts: Tensor, answers: Tensor) -> Tensor:
    """Log-probability of each answer after its prompt, (B, T) and (B, A) token ids -> (B,), in nats.

    >>> model = LanguageModel(vocab_size=10, context_length=8)
    >>> prompt = torch.tensor([[3, 4]])
    >>> probabilities = [score(model, prompt, torch.tensor([[word]])).exp().item() for word in range(1, 10)]
    >>> round(sum(probabilities), 2) <= 1.0
    True
    """
    return log_likelihoods(model, torch.cat([prompts, answers], dim=1))[:, prompts.shape[1] - 1 :].sum(dim=1)
