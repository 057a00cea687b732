"""Tiny models of Hugging Face, in the format of the large ones, with random weights; made on the spot, no network."""

import functools
import tempfile
from pathlib import Path

from toyclip.data import CAPTIONS

SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
LENGTH = 12


@functools.cache
def clip_tokenizer():
    """Byte pairs as CLIP has them, learned from the toy's captions: each of its words is one piece."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer().train_new_from_iterator(list(CAPTIONS), vocab_size=600)


def clip_config(**vision):
    from transformers import CLIPConfig

    tokenizer = clip_tokenizer()
    ends = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    text = SIZES | {"vocab_size": len(tokenizer), "max_position_embeddings": LENGTH} | ends
    return CLIPConfig(
        text_config=text, vision_config=SIZES | {"image_size": 32, "patch_size": 16} | vision, projection_dim=8
    )


def siglip_config():
    from transformers import SiglipConfig

    text = SIZES | {"vocab_size": 40, "max_position_embeddings": LENGTH, "projection_size": 16}
    return SiglipConfig(text_config=text, vision_config=SIZES | {"image_size": 32, "patch_size": 16})


def siglip_tokenizer():
    """Whole words, as a fast tokenizer that names no class of its own; ends in a token, as SigLIP's does."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for caption in CAPTIONS for word in caption.split()} | {"photo", "of"})
    plain = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["</s>", "<unk>", *words])}, "<unk>"))
    plain.normalizer, plain.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    plain.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="</s>", pad_token="</s>", unk_token="<unk>")


def saved(kind: str) -> Path:
    """A folder with a whole tiny model, kind "clip" or "siglip"; it stays until the process ends."""
    return _saved(kind)[0]


@functools.cache
def _saved(kind: str):
    from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil
    from transformers.utils.logging import disable_progress_bar

    from toyclip.own.parameters import untrained

    disable_progress_bar()
    holder = tempfile.TemporaryDirectory()
    folder = Path(holder.name) / f"tiny-{kind}"
    if kind == "clip":
        processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
        model, tokenizer = untrained(clip_config(), seed=0), clip_tokenizer()
    else:
        processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
        model, tokenizer = untrained(siglip_config(), seed=0), siglip_tokenizer()
    for part in (model, tokenizer, processor):
        part.save_pretrained(folder)
    return folder, holder
