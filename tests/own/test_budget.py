"""The arithmetic on paper: against torch's counters, OpenCLIP's published profile, and tensors that were made."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import SIZES
from torch.utils.flop_counter import FlopCounterMode

from toyclip.own import budget
from toyclip.own.activations import activation_bytes, saved_bytes
from toyclip.own.parameters import named, on_paper, parts, untrained

transformers = pytest.importorskip("transformers")

PROFILE = {  # OpenCLIP, docs/model_profile.csv: millions of parameters, then GFLOP of a picture and of a caption
    "ViT-B/32": (151.28, 8.82, 5.96),
    "ViT-B/16": (149.62, 35.13, 5.96),
    "ViT-L/14": (427.62, 162.03, 13.3),
}


def measured(config) -> tuple[int, int]:
    """What torch counts of the forward pass of a picture and of a caption."""
    model, counts = on_paper(config), []
    image = torch.empty(1, 3, config.vision_config.image_size, config.vision_config.image_size, device="meta")
    tokens = torch.zeros(1, config.text_config.max_position_embeddings, dtype=torch.int64, device="meta")
    for work in (
        lambda: model.get_image_features(pixel_values=image),
        lambda: model.get_text_features(input_ids=tokens),
    ):
        with FlopCounterMode(display=False) as counter:
            work()
        counts.append(counter.get_total_flops())
    return tuple(counts)


@pytest.mark.parametrize("name", PROFILE)
def test_operations_and_parameters_are_those_openclip_publishes(name):
    config, (millions, picture, caption) = named(name), PROFILE[name]
    assert round(sum(parts(config).values()) / 1e6, 2) == millions
    told = [2 * tower.multiply_adds / 1e9 for tower in budget.towers(config)]
    assert told == pytest.approx([picture, caption], abs=0.006)


tower = st.fixed_dictionaries(
    {"hidden_size": st.sampled_from([8, 24]), "intermediate_size": st.integers(1, 40),
     "num_hidden_layers": st.integers(1, 3), "num_attention_heads": st.sampled_from([1, 4])}
)  # fmt: skip


@given(tower, tower, st.sampled_from([(32, 16), (30, 6), (8, 8)]), st.integers(1, 20), st.integers(1, 20))
@settings(max_examples=4)
def test_operations_are_those_that_torch_counts(vision, text, sizes, length, ends):
    picture = {"image_size": sizes[0], "patch_size": sizes[1]}
    config = transformers.CLIPConfig(
        vision_config=vision | picture, text_config=text | {"max_position_embeddings": length}, projection_dim=ends
    )
    assert tuple(2 * tower.multiply_adds for tower in budget.towers(config)) == measured(config)


def test_parts_of_vit_b_32_by_hand():
    """From the paper's sizes: width 768 and 512, 12 layers each, 49 patches of 32 x 32 x 3, 77 of 49,408 words."""
    picture, caption = "pictures", "captions"
    assert parts(transformers.CLIPConfig()) == {
        (picture, "class embedding"): 768,
        (picture, "patch or word embedding"): 32 * 32 * 3 * 768,
        (picture, "positions"): 50 * 768,
        (picture, "layers: attention"): 12 * 4 * (768 * 768 + 768),
        (picture, "layers: perceptron"): 12 * (2 * 768 * 3072 + 3072 + 768),
        (picture, "layers: normalisation"): 12 * 2 * 2 * 768,
        (picture, "normalisation outside"): 2 * 2 * 768,
        (picture, "projection"): 768 * 512,
        (caption, "patch or word embedding"): 49_408 * 512,
        (caption, "positions"): 77 * 512,
        (caption, "layers: attention"): 12 * 4 * (512 * 512 + 512),
        (caption, "layers: perceptron"): 12 * (2 * 512 * 2048 + 2048 + 512),
        (caption, "layers: normalisation"): 12 * 2 * 2 * 512,
        (caption, "normalisation outside"): 2 * 512,
        (caption, "projection"): 512 * 512,
        ("", "temperature"): 1,
    }
    assert sum(parts(transformers.CLIPConfig()).values()) == 151_277_313


def test_parts_of_a_siglip_leave_nothing_out():
    config = transformers.SiglipConfig(vision_config=SIZES, text_config=SIZES)
    table = parts(config)
    assert sum(table.values()) == sum(p.numel() for p in untrained(config, seed=0).parameters())
    assert table["", "temperature"] == 2


def test_similarities_are_a_product_that_torch_counts():
    small = transformers.CLIPConfig(projection_dim=24)
    images, texts = torch.empty(2, 40, 24, device="meta", requires_grad=True).unbind()
    with FlopCounterMode(display=False) as counter:
        (images @ texts.T).sum().backward()
    assert budget.step_operations(small, batch=40)[1] == counter.get_total_flops()


def test_a_step_of_training_is_three_forward_passes():
    """Up to the first layer's, whose inputs have no gradient: the pixels' share is counted, and not made."""
    config = transformers.CLIPConfig(vision_config=SIZES, text_config=SIZES, projection_dim=8)
    model, batch = on_paper(config), 5
    with FlopCounterMode(display=False) as counter:
        images = model.get_image_features(pixel_values=torch.empty(batch, 3, 224, 224, device="meta"))
        texts = model.get_text_features(input_ids=torch.zeros(batch, 77, dtype=torch.int64, device="meta"))
        (images.pooler_output.sum() + texts.pooler_output.sum()).backward()
    spared = 2 * batch * budget.towers(config)[0].patches * 32 * 32 * 3 * SIZES["hidden_size"]
    assert budget.step_operations(config, batch)[0] == counter.get_total_flops() + spared


def test_doubling_the_batch_doubles_the_encoders_and_quadruples_the_similarities():
    one, two = (budget.step_operations(transformers.CLIPConfig(), batch) for batch in (1000, 2000))
    assert (two[0] / one[0], two[1] / one[1]) == (2, 4)


def test_days_and_utilisation_undo_each_other():
    assert budget.utilisation(1e20, budget.gpu_days(1e20, 0.3, "V100"), "V100") == pytest.approx(0.3)
    assert budget.gpu_days(312e12 * 86_400, 0.5) == pytest.approx(2)


def test_what_was_reported():
    days = {(r.model, r.gpu): r.gpu_days for r in budget.REPORTED}
    assert days["RN50x64", "V100"] == 10_656
    assert days["ViT-L/14", "V100"] == 3072
    assert days["ViT-B/32", "A100"] == 192  # 4,600 hours of a processor, as OpenCLIP rounds it


def test_memory_is_that_of_tensors():
    assert budget.similarity_bytes(64) == torch.zeros(64, 64).nbytes
    strips = torch.zeros(16, 64).nbytes + torch.zeros(64, 16).nbytes
    assert budget.similarity_bytes(64, processes=4) == strips
    with pytest.raises(ValueError, match="do not split evenly"):
        budget.similarity_bytes(64, processes=5)
    model = untrained(transformers.CLIPConfig(vision_config=SIZES, text_config=SIZES), seed=0)
    optimizer = torch.optim.AdamW(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    held = [t for p in model.parameters() for t in (p, p.grad, *optimizer.state[p].values()) if t.shape == p.shape]
    scalars = [t for p in model.parameters() for t in optimizer.state[p].values() if t.shape != p.shape]
    assert all(t.numel() == 1 for t in scalars)
    count = sum(p.numel() for p in model.parameters())
    extra = 4 * sum(1 for p in model.parameters() if p.ndim == 0)  # a scalar's step has the shape of its moments
    assert budget.state_bytes(count) + extra == sum(t.nbytes for t in held)


def test_traffic_is_what_every_process_lacks():
    """By hand for four: three quarters of two matrices, there and back, and twice three quarters of the gradients."""
    embeddings, gradients = budget.step_traffic(parameters=1000, batch=64, embed_dim=8, processes=4)
    assert embeddings == 3 * (16 * 8 * 4) * 2 * 2
    assert gradients == 2 * 3 * (1000 // 4) * 4
    assert budget.step_traffic(1000, 64, 8, processes=1) == (0, 0)


def test_activations_on_paper_are_those_in_memory():
    text = SIZES | {"vocab_size": 50, "max_position_embeddings": 7}
    ends = {"bos_token_id": 48, "eos_token_id": 49}
    config = transformers.CLIPConfig(
        text_config=text | ends, vision_config=SIZES | {"image_size": 32, "patch_size": 16}
    )
    model = untrained(config, seed=0)
    model.set_attn_implementation("eager")
    real = saved_bytes(model, torch.zeros(3, 3, 32, 32), torch.zeros(3, 7, dtype=torch.int64))
    assert activation_bytes(config, batch=3) == real


class Line(torch.nn.Module):
    """Keeps its input for the gradient of its weights, and the result of `exp` for that of `exp` and of the square."""

    def __init__(self):
        super().__init__()
        self.weights = torch.nn.Linear(3, 5)

    def get_image_features(self, pixel_values):
        grown = self.weights(pixel_values).exp()
        return grown * grown

    def get_text_features(self, input_ids):
        return input_ids


def test_saved_tensors_are_counted_once_and_weights_never():
    images = torch.zeros(4, 3, requires_grad=True)
    assert saved_bytes(Line(), images, torch.zeros(4, 2)) == images.nbytes + torch.zeros(4, 5).nbytes
