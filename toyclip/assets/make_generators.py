"""Train the two generators that come with the package, the runs of seed 0 of their studies, and keep their weights.

    python -m toyclip.assets.make_generators       # about four minutes on one core

Weights are kept in 16 bits: 0.9 MB each. tests/studies/generation/test_shipped.py compares what they draw with what the
studies stored of the same runs.
"""

import sys

import torch
from safetensors import torch as safetensors

from toyclip.files import write_whole
from toyclip.pairs import Pairs
from toyclip.studies.generation import lots, scripts
from toyclip.studies.generation.shipped import file_of
from toyclip.studies.generation.trial import generator


def emoji() -> Pairs:
    """What the generator of emoji learned from."""
    return lots.world_of(lots.LADDER, seed=0)(lots.deal("dealt", lots.LADDER, seed=0), 0)


def letters() -> Pairs:
    """What the generator of letters learned from."""
    return scripts.world_of("dealt", scripts.LADDER)(scripts.deal(False, scripts.LADDER, seed=0), 0)


RUNS = {"emoji": emoji, "letters": letters}


def main(names: list[str]) -> None:
    """Train and keep those that are named, or both."""
    for name in names or RUNS:
        corpus = RUNS[name]()
        model, loss = generator(corpus, int(corpus.classes.max()) + 1, seed=0)
        weights = {key: value.to(torch.float16).contiguous() for key, value in model.state_dict().items()}
        write_whole(file_of(name), lambda beside, held=weights: beside.write_bytes(safetensors.save(held)))
        print(f"{file_of(name).name}: loss {loss:.4f}, {file_of(name).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
