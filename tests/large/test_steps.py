"""A step of two and of four processes is that of one, through real encoders and DistributedDataParallel."""

import pytest
import torch
from crew import many

from toyclip.errors import InputError, RecipeError
from toyclip.large.processes import Processes
from toyclip.large.proof import Gap, batch_of_the_world, gap_in, gaps
from toyclip.large.steps import Towers, step
from toyclip.large.training import Run
from toyclip.recipes import FAST

CASES = [(21, None, True), (21, 4, True), (3, None, True), (3, 1, True), (64, None, False), (64, 7, False)]


def right_gaps(processes: Processes) -> list[Gap]:
    return [gap_in(processes, "global_info_nce", size, chunk, 0, doubles) for size, chunk, doubles in CASES]


@pytest.mark.parametrize("processes", [2, 4])
def test_loss_and_gradients_are_those_of_a_single_process(processes):
    """Batches that do not divide, of 3 pairs among 4 processes too; to ten digits in float64, to 1e-5 in float32."""
    first, *others = many(right_gaps, processes)
    assert all(other == first for other in others)  # the same everywhere, bit by bit
    for (size, chunk, doubles), found in zip(CASES, first, strict=True):
        tolerance = 1e-10 if doubles else 1e-5
        assert found.loss_off < tolerance, (size, chunk, found)
        assert found.gradient_off < tolerance, (size, chunk, found)
        assert found.angle < 0.01, (size, chunk, found)
        assert found.length == pytest.approx(1, abs=tolerance), (size, chunk, found)


def wrong_gaps(processes: Processes) -> list[Gap]:
    return [gap_in(processes, name, 32, None, 0) for name in ("others_detached", "whole_matrix_others_detached")]


def test_gradient_without_the_way_back_through_the_gather_is_far_off():
    detached, whole = many(wrong_gaps, 2)[0]
    assert detached.loss_off < 1e-5
    assert detached.angle > 10
    assert whole.length < 0.7


def test_unknown_loss_is_refused_before_a_process_is_started():
    with pytest.raises(InputError, match="there is no loss 'mine'; choose one of global_info_nce"):
        gaps(["global_info_nce", "mine"])


def test_impossible_batches_are_refused():
    images, tokens = batch_of_the_world(4, seed=0)
    towers = Towers(Run.new(FAST, 0).model)
    with pytest.raises(InputError, match="4 pictures cannot be paired with 3 captions"):
        step(towers, images, tokens[:3], Processes())
    with pytest.raises(RecipeError, match="cannot take 0 pairs at a time"):
        step(towers, images, tokens, Processes(), chunk=0)
    with pytest.raises(RecipeError, match="at least two pairs"):
        step(towers, images[:1], tokens[:1], Processes())


def test_batch_of_the_world_holds_all_classes_each_picture_with_its_caption():
    images, tokens = batch_of_the_world(20, seed=0)
    assert images.shape == (20, 3, 32, 32)
    assert len(tokens.unique(dim=0)) == 16
    assert torch.equal(tokens[:4], tokens[16:])
