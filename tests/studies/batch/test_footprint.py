"""What the steps take is measured by the operating system in a process of its own."""

import gc

import pytest
import torch
from torch import Tensor

from toyclip.errors import RecipeError
from toyclip.studies.batch import footprint


def test_cached_step_needs_less_memory_than_the_square_alone():
    """4,096 pairs in a new process: the square in float32 is 64 MiB, the pictures' bytes are 12."""
    row = footprint.measure("cached", 4096, chunk=64, seed=1)
    assert 12 < row["above_mb"] < 50
    assert row["above_mb"] == row["peak_mb"] - row["idle_mb"]
    assert 0 < row["seconds"] < 600
    assert [row[key] for key in ("step", "batch_size", "chunk", "threads")] == ["cached", 4096, 64, 1]


def test_both_steps_measure_the_same_loss_on_the_same_random_pictures():
    losses = [footprint._measure_here(step, 9, 4, seed, 1)["loss"] for seed in (1, 2) for step in ("cached", "plain")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[2] == pytest.approx(losses[3], rel=1e-6)
    assert abs(losses[0] - losses[2]) > 1e-4


def test_pictures_are_no_part_of_the_idle_process(monkeypatch):
    """Memory is the number of pictures in batches of 16 that exist; the step that warms torch up has 64."""

    def pictures() -> int:
        found = [x for x in gc.get_objects() if type(x) is Tensor and x.dtype == torch.uint8]
        return sum(len(x) for x in found if x.shape == (16, 3, 32, 32))

    monkeypatch.setattr(footprint, "_peak_mb", pictures)
    row = footprint._measure_here("cached", 16, chunk=16, seed=0, threads=1)
    assert row["idle_mb"] == 0
    assert row["above_mb"] >= 16


@pytest.mark.parametrize(
    ("given", "message"),
    [(("exact", 64), "no step 'exact'"), (("plain", 1), "at least two pairs"), (("cached", 64, 0), "at least one")],
    ids=str,
)
def test_what_cannot_be_measured_is_refused_before_a_process_starts(given, message, monkeypatch):
    monkeypatch.setattr(footprint, "ProcessPoolExecutor", lambda *_, **__: pytest.fail("starts a process"))
    with pytest.raises(RecipeError, match=message):
        footprint.measure(*given)


def test_both_steps_are_measured_and_the_plain_one_only_as_far_as_it_is_safe(monkeypatch):
    """At 16,384 the plain step takes 5 GiB; at twice that it would take more than many machines have."""
    monkeypatch.setattr(footprint, "measure", lambda step, batch_size, seed: (step, batch_size, seed))
    found = footprint.footprint(seed=4)
    assert [size for step, size, _ in found if step == "cached"] == [512, 1024, 2048, 4096, 8192, 16384, 32768]
    assert [size for step, size, _ in found if step == "plain"] == [512, 1024, 2048, 4096, 8192, 16384]
    assert {seed for *_, seed in found} == {4}
