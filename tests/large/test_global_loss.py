"""The loss of many processes against torch's gradients of the whole matrix in one, in float64."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from crew import many
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from toyclip.errors import RecipeError
from toyclip.large.global_loss import gather, global_info_nce
from toyclip.large.processes import Processes
from toyclip.large.wrong_losses import WRONG_LOSSES

DIM, SCALE = 6, 14.0
SPLITS = {2: [(4, 4), (5, 3), (7, 0)], 4: [(2, 2, 2, 2), (3, 0, 2, 1), (0, 1, 1, 0)]}
CHUNKS = (None, 1, 3)


def embeddings(pairs: int) -> list[Tensor]:
    """Pictures and captions of length 1, and a scale."""
    both = F.normalize(torch.randn(2, pairs, DIM, generator=torch.Generator().manual_seed(pairs)).double(), dim=2)
    return [both[0], both[1], torch.tensor(SCALE).double()]


def by_torch(pairs: int) -> list[Tensor]:
    """Loss and gradients of one process, by torch's cross-entropy on the whole square."""
    images, texts, scale = (x.requires_grad_() for x in embeddings(pairs))
    logits, answers = scale * images @ texts.T, torch.arange(pairs)
    loss = (F.cross_entropy(logits, answers) + F.cross_entropy(logits.T, answers)) / 2
    loss.backward()
    return [loss.detach(), images.grad, texts.grad, scale.grad]


def parts(processes: Processes) -> list[list[np.ndarray]]:
    """For every split and chunk, what this process finds: its loss and the gradients of what it holds."""
    found = []
    for split in SPLITS[processes.size]:
        for chunk in CHUNKS:
            images, texts, scale = embeddings(sum(split))
            own = [x.split(split)[processes.rank].clone().requires_grad_() for x in (images, texts)]
            scale.requires_grad_()
            loss = global_info_nce(*own, scale, processes, processes.sizes(len(own[0])), chunk)
            loss.backward()
            found.append([x.numpy() for x in (loss.detach(), *(x.grad for x in own), scale.grad)])
    return found


@pytest.mark.parametrize("size", SPLITS)
def test_mean_over_processes_is_the_loss_of_one_and_so_are_the_gradients(size):
    """As DistributedDataParallel takes it: everything is summed and divided by the number of processes."""
    by_rank = many(parts, size)
    cases = [(split, chunk) for split in SPLITS[size] for chunk in CHUNKS]
    for (split, chunk), found in zip(cases, zip(*by_rank, strict=True), strict=True):
        loss, images, texts, scale = by_torch(sum(split))
        mean = [np.mean([f[i] for f in found]) for i in (0, 3)]
        joined = [np.concatenate([f[i] for f in found]) / size for i in (1, 2)]
        for mine, right in zip([*mean, *joined], [loss, scale, images, texts], strict=True):
            np.testing.assert_allclose(mine, right.numpy(), rtol=1e-12, atol=1e-14, err_msg=f"{split} {chunk}")


@settings(max_examples=30)
@given(st.integers(2, 20), st.none() | st.integers(1, 25))
def test_one_process_has_the_loss_of_torch(pairs, chunk):
    images, texts, scale = (x.requires_grad_() for x in embeddings(pairs))
    loss = global_info_nce(images, texts, scale, Processes(), [pairs], chunk)
    loss.backward()
    for mine, right in zip([loss.detach(), images.grad, texts.grad, scale.grad], by_torch(pairs), strict=True):
        torch.testing.assert_close(mine, right, rtol=1e-12, atol=1e-14)


def test_knowing_nothing_costs_log_of_the_whole_batch():
    one = torch.ones(5, 1)
    assert global_info_nce(one, one, torch.tensor(9.0), Processes(), [5]).item() == pytest.approx(math.log(5))


@pytest.mark.parametrize(("sizes", "chunk"), [([1], None), ([0], None), ([4], 0)])
def test_impossible_sizes_are_refused(sizes, chunk):
    rows = torch.ones(sizes[0], 3)
    with pytest.raises(RecipeError, match="at least two pairs"):
        global_info_nce(rows, rows, torch.tensor(1.0), Processes(), sizes, chunk)


# --- the gather ------------------------------------------------------------------------------------------------------


def gathered(processes: Processes) -> tuple[list, list]:
    """Rows of all, and the gradient of a function of all of them that differs between processes."""
    own = torch.full((processes.rank + 1, 2), float(processes.rank)).requires_grad_()
    everything = gather(own, processes, processes.sizes(len(own)))
    (everything * 10**processes.rank * torch.arange(len(everything))[:, None]).sum().backward()
    return everything.tolist(), own.grad.tolist()


def test_gather_gives_all_rows_in_order_and_brings_the_gradients_of_all_back():
    for rank, (rows, gradient) in enumerate(many(gathered, 2)):
        assert rows == [[0, 0], [1, 1], [1, 1]]
        assert gradient == [[[0, 0]], [[11, 11], [22, 22]]][rank]  # weighted 1 by rank 0 and 10 by rank 1


# --- the wrong losses ------------------------------------------------------------------------------------------------


def wrongly(processes: Processes) -> dict[str, list[np.ndarray]]:
    """With each of the wrong losses: this process's loss, and its gradients at pictures and scale."""
    found = {}
    for name, loss_of in WRONG_LOSSES.items():
        images, texts, scale = embeddings(8)
        own = [x.split([5, 3])[processes.rank].clone().requires_grad_() for x in (images, texts)]
        loss = loss_of(*own, scale.requires_grad_(), processes, [5, 3])
        loss.backward()
        found[name] = [x.numpy() for x in (loss.detach(), own[0].grad, scale.grad)]
    return found


def test_each_wrong_loss_goes_wrong_in_its_own_way():
    first, second = many(wrongly, 2)
    right_loss, right, _, to_scale = (x.numpy() for x in by_torch(8))
    loss, found, scale = {}, {}, {}
    for name in WRONG_LOSSES:
        loss[name], scale[name] = ((first[name][i] + second[name][i]) / 2 for i in (0, 2))
        found[name] = np.concatenate([first[name][1], second[name][1]]) / 2
    assert loss["others_detached"] == pytest.approx(right_loss)
    assert np.linalg.norm(found["others_detached"] - right) > 0.2 * np.linalg.norm(right)
    np.testing.assert_allclose(2 * found["whole_matrix_others_detached"], right, rtol=1e-9)
    assert scale["whole_matrix_others_detached"] == pytest.approx(to_scale)
    assert loss["own_pairs_only"] < right_loss - 0.1
