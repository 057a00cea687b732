"""Another image encoder, to see what does not depend on convolutions (chapter Lots)."""

import torch
from torch import Tensor, nn

from toyclip.data import standardize


class VisionTransformer(nn.Module):
    """Two blocks of self-attention over 64 patches of 4 x 4 pixels, then their mean (Dosovitskiy et al. 2021)."""

    def __init__(self, width: int, embed_dim: int = 64, patch: int = 4, image_size: int = 32):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.positions = nn.Parameter(0.02 * torch.randn((image_size // patch) ** 2, width))
        block = (width, 4, 2 * width, 0.0, "gelu")  # 4 heads, hidden layer twice as wide, no dropout
        self.blocks = nn.Sequential(
            *(nn.TransformerEncoderLayer(*block, batch_first=True, norm_first=True) for _ in range(2))
        )
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, embed_dim)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D) embeddings, not yet normalised."""
        x = self.patches(standardize(images)).flatten(2).transpose(1, 2)  # (B, P, W)
        return self.projection(self.norm(self.blocks(x + self.positions)).mean(dim=1))  # (B, D)
