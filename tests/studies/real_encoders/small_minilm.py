"""MiniLM in miniature, with weights by chance, for tests that must run without the extra `real`."""

import re
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from toyclip.studies.real_encoders.features import concept_names
from toyclip.studies.real_encoders.minilm import HEADS, LAYERS, MiniLM

WIDTH, WIDE = 2 * HEADS, 36


def small_minilm() -> MiniLM:
    """It knows the words of all concepts and of the written prompt, and its embeddings have 24 dimensions."""
    known = sorted({word for name in concept_names() for word in re.findall(r"\w+", name.lower())} | {"a", "of"})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "picture", *known]
    draw = torch.Generator().manual_seed(0)

    def some(*shape: int) -> torch.Tensor:
        return 0.3 * torch.randn(shape, generator=draw)

    weights = {
        "embeddings.word_embeddings.weight": some(len(pieces), WIDTH),
        "embeddings.token_type_embeddings.weight": some(2, WIDTH),
        "embeddings.position_embeddings.weight": some(40, WIDTH),
    }
    shapes = {"attention.self.query": (WIDTH, WIDTH), "attention.self.key": (WIDTH, WIDTH),
              "attention.self.value": (WIDTH, WIDTH), "attention.output.dense": (WIDTH, WIDTH),
              "intermediate.dense": (WIDE, WIDTH), "output.dense": (WIDTH, WIDE)}  # fmt: skip
    norms = ["embeddings.LayerNorm"]
    for layer in (f"encoder.layer.{i}" for i in range(LAYERS)):
        for name, (out, into) in shapes.items():
            weights |= {f"{layer}.{name}.weight": some(out, into), f"{layer}.{name}.bias": some(out)}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for name in norms:
        weights |= {f"{name}.weight": 1 + some(WIDTH), f"{name}.bias": some(WIDTH)}
    with tempfile.TemporaryDirectory() as folder:
        save_file(weights, Path(folder) / "model.safetensors")
        (Path(folder) / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
        return MiniLM(Path(folder))
