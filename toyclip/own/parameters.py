"""Where the parameters of a CLIP of Hugging Face are, from its configuration alone: ViT-B/32 part by part."""

import re
from typing import TYPE_CHECKING

import torch
from torch import nn

from toyclip.errors import lookup

if TYPE_CHECKING:
    from transformers import CLIPConfig, SiglipConfig

PARTS = (  # what stands in a parameter's name, which part of the model it belongs to
    (r"^logit_(scale|bias)", "temperature"),
    (r"_projection\.", "projection"),
    (r"embeddings\.(patch|token)_", "patch or word embedding"),
    (r"embeddings\.class_", "class embedding"),
    (r"embeddings\.position_", "positions"),
    (r"layers\.\d+\.self_attn", "layers: attention"),
    (r"layers\.\d+\.mlp", "layers: perceptron"),
    (r"layers\.\d+\.layer_norm", "layers: normalisation"),
    (r"norm", "normalisation outside"),
    (r"\.head\.", "head"),
)
TOWERS = (("vis", "pictures"), ("text", "captions"))  # how the names of a tower's parameters begin

NAMED = {  # what differs from the defaults of CLIPConfig (Radford et al. 2021)
    "ViT-B/32": {},
    "ViT-B/16": {"vision_config": {"patch_size": 16}},
    "ViT-L/14": {
        "vision_config": {
            "patch_size": 14, "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
            "num_attention_heads": 16,
        },
        "text_config": {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12},
        "projection_dim": 768,
    },
}  # fmt: skip


def named(name: str) -> "CLIPConfig":
    """The configuration of one of OpenAI's Vision Transformers; InputError if it is not in `NAMED`.

    >>> named("ViT-L/14").vision_config.hidden_size
    1024
    """
    from transformers import CLIPConfig

    return CLIPConfig(**lookup(NAMED, name, "architecture"))


def parts(config: "CLIPConfig | SiglipConfig") -> dict[tuple[str, str], int]:
    """How many parameters each part of a model of this configuration has; (tower, part), "" for what is in no tower.

    The model is built without memory for its weights. The defaults of `CLIPConfig` are ViT-B/32 (Radford et al. 2021).

    >>> from transformers import CLIPConfig
    >>> table = parts(CLIPConfig())
    >>> table["captions", "patch or word embedding"], sum(table.values())
    (25296896, 151277313)
    """
    table = {}
    for name, parameter in on_paper(config).named_parameters():
        tower = next((tower for beginning, tower in TOWERS if name.startswith(beginning)), "")
        part = next(part for pattern, part in PARTS if re.search(pattern, name))
        table[tower, part] = table.get((tower, part), 0) + parameter.numel()
    return table


def on_paper(config: "CLIPConfig | SiglipConfig") -> nn.Module:
    """The model of a configuration, with shapes but without numbers: it takes no memory, and can be counted."""
    with torch.device("meta"):
        return _built(config)


def untrained(config: "CLIPConfig | SiglipConfig", seed: int) -> nn.Module:
    """The model of a configuration with the weights that transformers begins with; they follow from the seed alone.

    >>> from transformers import CLIPConfig
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> config = CLIPConfig(text_config=sizes, vision_config=sizes)
    >>> one, other = (untrained(config, seed=0).visual_projection.weight for _ in range(2))
    >>> torch.equal(one, other)
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _built(config)


def _built(config: "CLIPConfig | SiglipConfig") -> nn.Module:
    from transformers import CLIPModel, SiglipModel

    return (CLIPModel if config.model_type == "clip" else SiglipModel)(config)
