"""CLIP's own kind of text encoder: a causal transformer read at the last word (Radford et al. 2021, section 2.4)."""

import torch
from torch import Tensor, nn

from toyclip.studies.taxonomy.language import Block


class TextTransformer(nn.Module):
    """Two blocks of causal self-attention; the vector at the last word of the caption is projected.

    >>> TextTransformer(vocab_size=10, context_length=4)(torch.tensor([[1, 2, 3, 0]])).shape
    torch.Size([1, 64])
    """

    def __init__(self, vocab_size: int, context_length: int, embed_dim: int = 64, width: int = 64):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, width, padding_idx=0)
        self.positions = nn.Parameter(0.01 * torch.randn(context_length, width))  # (L, W)
        self.blocks = nn.ModuleList(Block(width, heads=4) for _ in range(2))
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, embed_dim, bias=False)
        nn.init.normal_(self.tokens.weight, std=0.02)
        with torch.no_grad():
            self.tokens.weight[0] = 0

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) token ids, 0 for padding at the end -> (B, D) embeddings, not yet normalised."""
        x = self.tokens(tokens) + self.positions[: tokens.shape[1]]  # (B, L, W)
        for block in self.blocks:
            x = block(x)
        last = (tokens != 0).sum(dim=1) - 1  # (B,)
        return self.projection(self.norm(x[torch.arange(len(x)), last]))  # (B, D)
