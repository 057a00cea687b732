"""A causal language model in plain PyTorch, which can also read vectors in place of words (chapter Taxonomy).

It stands here and not in the core, which is CLIP and nothing else; chapters that come later may import it.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip import streams
from toyclip.train import one_thread

PADDING = 0  # the token id that fills a sentence to its length, and that nothing is asked about


class Block(nn.Module):
    """One layer of a transformer: every word looks back at what stands before it, then thinks for itself."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        parts = self.qkv(self.norms[0](x)).unflatten(2, (3, self.heads, -1))  # (B, T, 3, H, W / H)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (B, H, T, W / H) each
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, W / H)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norms[1](x))


class LanguageModel(nn.Module):
    """A causal transformer that predicts the next word; the vectors by which words go in also score what comes out.

    The weights follow from the seed alone, and the global generator stays as it was.

    >>> model = LanguageModel(vocab_size=10, context_length=8)
    >>> model(torch.ones(2, 5, dtype=torch.int64)).shape
    torch.Size([2, 5, 10])
    """

    def __init__(
        self, vocab_size: int, context_length: int, width: int = 64, layers: int = 2, heads: int = 4, seed: int = 0
    ):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(streams.number(seed, "language model"))
            self.words = nn.Embedding(vocab_size, width)
            self.positions = nn.Embedding(context_length, width)
            self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
            self.norm = nn.LayerNorm(width)
            nn.init.normal_(self.words.weight, std=width**-0.5)
            nn.init.normal_(self.positions.weight, std=width**-0.5)

    def read(self, vectors: Tensor) -> Tensor:
        """Logits of the next word after each place, (B, T, W) vectors in place of words -> (B, T, V)."""
        x = vectors + self.positions.weight[: vectors.shape[1]]  # (B, T, W)
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.words.weight.T

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next word after each place, (B, T) token ids -> (B, T, V)."""
        return self.read(self.words(tokens))


def surprise(logits: Tensor, tokens: Tensor) -> Tensor:
    """Mean surprise at each next word of the sentences, in nats, padding left out.

    Args:
        logits: (B, T, V), of the word after each place.
        tokens: (B, T), the sentences themselves.

    >>> round(surprise(torch.zeros(1, 3, 8), torch.tensor([[5, 2, 0]])).item(), 4)      # knowing nothing: log 8
    2.0794
    """
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=PADDING)


def one_cycle(step: int, steps: int) -> float:
    """What part of the highest rate a step is taken with: up for a tenth of the steps, down along a cosine.

    >>> [round(one_cycle(step, 20), 2) for step in (0, 1, 2, 11, 19)]
    [0.5, 1.0, 1.0, 0.5, 0.01]
    """
    up = max(1, steps // 10)
    return min((step + 1) / up, (1 + math.cos(math.pi * max(0, step - up) / max(1, steps - up))) / 2)


def descend(trained: nn.Module, loss_of: Callable[[], Tensor], updates: int, lr: float = 3e-3) -> float:
    """Train all weights of a module, in place, by AdamW in one cycle; the mean loss of the last tenth.

    Args:
        loss_of: draws the next batch and returns its loss, ().
    """
    optimizer, losses = torch.optim.AdamW(trained.parameters(), weight_decay=0.01, fused=True), []
    with one_thread():
        for step in range(updates):
            loss = loss_of()
            trained.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
            optimizer.param_groups[0]["lr"] = lr * one_cycle(step, updates)
            optimizer.step()
            losses.append(loss.item())
    last = losses[-max(1, updates // 10) :]
    return sum(last) / len(last)


def teach(model: LanguageModel, batches: Sequence[Tensor]) -> float:
    """Train a language model on batches of sentences, (B, T) token ids each; its last losses' mean, in nats."""
    rest = iter(batches)

    def loss() -> Tensor:
        tokens = next(rest)  # (B, T)
        return surprise(model(tokens), tokens)

    return descend(model, loss, len(batches))
