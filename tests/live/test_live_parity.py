"""The page's CLIP computes what torch computes: embeddings, loss, gradients, and weights after some updates."""

import parity
import pytest

KINDS = ["wasm", "plain"]
# As a part of a tensor's largest number, from torch in double precision; torch's own single precision is up to 3e-5
# away from it where Adam divides a gradient that is nearly 0 by its own size.
CLOSE = 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_and_logits_of_the_shipped_weights(js, kind):
    assert parity.forward(js, kind, 100) < 1e-6


@pytest.mark.parametrize("directions", ["both", "images", "texts"])
@pytest.mark.parametrize("size", [2, 17, 64])
def test_loss_and_its_gradient(js, size, directions):
    assert parity.loss(js, size, directions) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "directions"), [(2, "both"), (8, "texts"), (17, "images"), (32, "both")])
def test_gradients_of_every_parameter(js, kind, size, directions):
    differences = parity.gradients(js, kind, size, directions)
    assert len(differences) == 17
    assert max(differences.values()) < CLOSE, differences


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("pairs", "size", "options"),
    [
        (32, 32, {}),
        (128, 32, {}),
        (36, 8, {"directions": "images"}),  # four of 8 and one of 4
        (64, 17, {"directions": "texts"}),  # three of 17 and one of 13
        (64, 17, {"fixed_scale": 5.0, "epochs": 2, "one_cycle": False}),
        (18, 17, {"start_scale": 100.0}),  # the scale wants up and may not; the last pair alone is left out
    ],
    ids=["one update", "four updates", "pictures ask", "captions ask", "fixed scale, cosine", "highest scale"],
)
def test_weights_after_updates_on_the_same_batches(js, kind, pairs, size, options):
    for name, (apart, torch_apart) in parity.training(js, kind, pairs, size, **options).items():
        assert apart < max(CLOSE, 2 * torch_apart), f"{name}: {apart:.1e}, torch in 32 bits {torch_apart:.1e}"
