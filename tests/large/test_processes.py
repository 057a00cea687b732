"""Processes that meet, exchange rows of any number, and end together whatever happens to one of them."""

import os
import pickle
import signal
import time

import pytest
import torch
from crew import many

from toyclip.errors import InputError, LossNotFiniteError, ProcessLostError, RecipeError
from toyclip.large import processes as module
from toyclip.large.processes import Processes, joined, member
from toyclip.large.steps import shared, step
from toyclip.large.together import together
from toyclip.large.training import Run
from toyclip.recipes import FAST

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # by which torchrun tells a process who it is


def exchange(processes: Processes) -> tuple:
    """Rows of 0, 1, 2 processes, 3 - rank each."""
    sizes = processes.sizes(2 - processes.rank)
    own = torch.full((2 - processes.rank, 2), 10.0 + processes.rank)
    total = processes.sum(torch.tensor([1.0, processes.rank]))
    return processes.rank, sizes, processes.rows(own, sizes).tolist(), total.tolist(), processes.waited > 0


def test_all_know_the_rows_of_all_in_the_order_of_their_ranks():
    told = many(exchange, 3)
    assert [rank for rank, *_ in told] == [0, 1, 2]
    for _, sizes, rows, total, waited in told:
        assert sizes == [2, 1, 0]
        assert rows == [[10, 10], [10, 10], [11, 11]]
        assert total == [3, 3]
        assert waited


def test_a_process_alone_exchanges_with_nobody():
    with joined() as alone:
        rows = torch.ones(3, 2)
        assert (alone.rank, alone.size, alone.sizes(3), alone.waited) == (0, 1, [3], 0.0)
        assert alone.rows(rows, [3]) is rows
        assert alone.sum(rows) is rows


@pytest.mark.parametrize("there", [{"RANK"}, {"WORLD_SIZE"}, {"RANK", "MASTER_ADDR", "MASTER_PORT"}])
def test_a_cluster_that_sets_some_variables_of_torchrun_makes_no_crew(there, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in there:
        monkeypatch.setenv(name, "0")
    assert not module.under_torchrun()
    with joined() as alone:
        assert (alone.group, alone.size) == (None, 1)


@pytest.mark.parametrize("wrong", [{"RANK": "one"}, {"WORLD_SIZE": ""}, {"MASTER_ADDR": None}, {"MASTER_PORT": "x"}])
def test_variables_of_torchrun_that_cannot_be_used_are_one_line(wrong, monkeypatch):
    right = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    for name, value in (right | wrong).items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    told = r"cannot meet the other processes .*; start them with torchrun"
    with pytest.raises(RecipeError, match=told) as error, joined():
        pass
    assert len(str(error.value).splitlines()) == 1


def failing(processes: Processes, what: str) -> int:
    """Rank 1 fails in some way while rank 0 waits for it."""
    if processes.rank == 1:
        if what == "input":
            raise InputError("the shard is empty; write it again")
        if what == "loss":
            raise LossNotFiniteError("the loss is nan")
        if what == "bug":
            raise KeyError("a slip")
        if what == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "silent":
            time.sleep(60)
    return processes.sizes(1)[0]


@pytest.mark.parametrize(
    ("what", "error", "told"),
    [("input", InputError, "shard is empty"), ("loss", LossNotFiniteError, "nan"), ("bug", RuntimeError, "KeyError"),
     ("killed", ProcessLostError, "another process has ended"),
     ("silent", ProcessLostError, "did not answer in time; start all of them again")],
)  # fmt: skip
def test_one_that_fails_ends_all_with_its_own_error_and_nobody_waits_for_ever(what, error, told):
    start = time.monotonic()
    with pytest.raises(error, match=told):
        many(failing, 2, what, patience=6)
    assert time.monotonic() - start < 30


def test_why_a_process_cannot_be_started_is_told():
    """The others have not been started then, and cannot be ended."""
    with pytest.raises((pickle.PicklingError, AttributeError), match="pickle"):
        together(lambda processes: 1, 2)


def test_an_error_of_a_process_alone_is_its_own():
    """Whatever words it has: there is no other process that could be gone."""

    def loss_of(*arguments: object) -> None:
        raise RuntimeError("cannot restore the store of NCCL")

    run = Run.new(FAST, seed=0)
    images, tokens = torch.zeros(2, 3, 32, 32), torch.ones(2, 4, dtype=torch.int64)
    with pytest.raises(RuntimeError, match="cannot restore"):
        step(shared(run.model, Processes()), images, tokens, Processes(), loss_of=loss_of)


def test_other_errors_of_torch_are_left_as_they_are():
    with pytest.raises(RuntimeError, match="shape"), module.contact():
        raise RuntimeError("shape mismatch")
    with pytest.raises(ProcessLostError, match="another process"), module.contact():
        raise RuntimeError("[../third_party/gloo/transport/tcp/pair.cc:534] Connection closed by peer")


def test_devices_that_cannot_be_shared_are_refused():
    for device, told in (("mps", "cannot share the device 'mps'"), ("cuda", "1 processes or more, but 0 GPUs")):
        store = torch.distributed.HashStore()
        if device == "cuda" and torch.cuda.is_available():
            continue
        with pytest.raises(RecipeError, match=told), member(store, 0, 1, device):
            pass
    assert not torch.distributed.is_initialized()
