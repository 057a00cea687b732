"""What the page itself computes: the interval of its small study, and the pushes on its circle."""

import numpy as np
import pytest
import torch

from toyclip.infonce import info_nce
from toyclip.trend import mean_interval


@pytest.mark.parametrize("seeds", [5, 10])
def test_interval_of_a_study_is_students(seeds, js):
    differences = np.random.default_rng(seeds).normal(0.2, 0.1, seeds)
    found = js.run(
        'const { pairedInterval } = await import("./page/study.js"); return pairedInterval(Array.from(differences));',
        differences=differences,
    )
    assert [found[k] for k in ("mean", "low", "high")] == pytest.approx(mean_interval(differences), abs=1e-4)


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_points_on_the_circle_are_pushed_by_the_gradient_of_the_loss(scale, js):
    angles = np.random.default_rng(3).uniform(0, 2 * np.pi, 16)
    found = js.run(
        'const { circleLoss } = await import("./page/circle.js");'
        "return circleLoss(Array.from(angles.slice(0, 8)), Array.from(angles.slice(8)), scale);",
        angles=angles, scale=scale,
    )  # fmt: skip
    pictures, captions = torch.tensor(angles, requires_grad=True).split(8)
    loss = info_nce(scale * torch.cos(pictures[:, None] - captions))
    slopes = torch.autograd.grad(loss, (pictures, captions))
    assert found["loss"] == pytest.approx(loss.item(), abs=1e-5)
    for name, slope in zip(("dPictures", "dCaptions"), slopes, strict=True):
        np.testing.assert_allclose(found[name], slope.numpy(), atol=1e-5 * scale)
