"""A training in several processes is the training of one, and goes through every pair once an epoch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from crew import many
from hypothesis import given
from hypothesis import strategies as st

from toyclip import streams, train
from toyclip.data import CAPTIONS, Tokenizer, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import InputError, LossNotFiniteError
from toyclip.large.global_loss import global_info_nce
from toyclip.large.processes import Processes
from toyclip.large.training import InMemory, Run, fit
from toyclip.recipes import FAST, REFERENCE, Recipe

QUICK = replace(FAST, batch_size=24)


def world(doubles: bool = True, pairs: int = 73) -> tuple[torch.Tensor, torch.Tensor]:
    """73 pairs in batches of 24: the last is a pair alone, which is left out."""
    drawn = draw_pairs(per_class=5, seed=0)
    images = drawn.images.double() if doubles else drawn.pixels
    return images[-pairs:], Tokenizer().encode(CAPTIONS)[drawn.captions[-pairs:]]


def trained(processes: Processes, recipe: Recipe, pairs: int, chunk: int | None) -> tuple[list, np.ndarray]:
    """What came after each epoch, and the weights, in float64."""
    run = Run.new(recipe, seed=3)
    run.model.double()
    source = InMemory(*world(pairs=pairs), recipe.batch_size, processes)
    told = list(fit(run, recipe, source, processes, chunk))
    return told, torch.cat([p.detach().flatten() for p in run.model.parameters()]).numpy()


@pytest.mark.parametrize(("size", "recipe", "pairs", "chunk"), [
    (1, QUICK, 73, None), (2, QUICK, 73, None), (4, replace(QUICK, epochs=1), 75, 4),
    (2, replace(REFERENCE, epochs=2, batch_size=12), 15, 5),
])  # fmt: skip
def test_weights_are_those_of_the_training_in_one_process(size, recipe, pairs, chunk):
    """By `toyclip.train.fit`. In float64: in float32 rounding grows from step to step, in whatever order one adds."""
    model = ToyCLIP(Config(image_encoder=recipe.image_encoder), seed=3).double()
    order = train.batches(pairs, recipe.batch_size, recipe.epochs, seed=3)
    expected = list(train.fit(model, *world(pairs=pairs), recipe, order))
    weights = torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()
    by_rank = many(trained, size, recipe, pairs, chunk) if size > 1 else [trained(Processes(), recipe, pairs, chunk)]
    for told, found in by_rank:
        np.testing.assert_allclose(np.array(told), np.array(expected), rtol=1e-8)
        np.testing.assert_allclose(found, weights, rtol=1e-6, atol=1e-8)
        assert np.array_equal(found, by_rank[0][1])  # the same in every process, bit by bit


@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 99), st.data())
def test_processes_share_every_batch_of_the_single_process(pairs, size, seed, drawn):
    batch_size = drawn.draw(st.integers(2, pairs))
    images, tokens = torch.arange(pairs).view(-1, 1, 1, 1), torch.arange(pairs)[:, None]
    sources = [InMemory(images, tokens, batch_size, Processes(rank, size)) for rank in range(size)]
    orders = [streams.generator(seed, "order") for _ in sources]
    for expected in train.batches(pairs, batch_size, 2, seed):
        epochs = [list(source.epoch(order)) for source, order in zip(sources, orders, strict=True)]
        joined = [torch.cat([part[1] for part in parts]).flatten().tolist() for parts in zip(*epochs, strict=True)]
        assert [batch for batch in joined if len(batch) > 1] == [batch.tolist() for batch in expected]
        assert all(torch.equal(i.flatten(), t.flatten()) for epoch in epochs for i, t in epoch)
        assert all(source.steps == len(expected) for source in sources)


def test_loss_that_is_not_finite_stops_the_run_before_it_touches_a_weight():
    losses = iter([1.0, torch.nan])

    def loss_of(*arguments):
        return global_info_nce(*arguments) * next(losses)

    run = Run.new(QUICK, seed=0)
    seen = []
    progress = fit(run, QUICK, InMemory(*world(doubles=False), 24, Processes()), Processes(), loss_of=loss_of,
                   after_step=lambda: seen.append([p.detach().clone() for p in run.model.parameters()]))  # fmt: skip
    with pytest.raises(LossNotFiniteError, match="loss is nan at step 1; lower"):
        next(progress)
    assert all(map(torch.equal, seen[-1], run.model.parameters()))


@pytest.mark.parametrize("wrong", [torch.inf, torch.nan])
def test_gradient_that_is_not_finite_stops_the_run_before_it_touches_a_weight(wrong):
    factors, seen = iter([1.0, wrong]), []
    run = Run.new(QUICK, seed=0)
    weight = next(run.model.parameters())
    weight.register_hook(lambda gradient: gradient * next(factors))  # the loss is as it should be
    progress = fit(run, QUICK, InMemory(*world(doubles=False), 24, Processes()), Processes(),
                   after_step=lambda: seen.append([p.detach().clone() for p in run.model.parameters()]))  # fmt: skip
    with pytest.raises(LossNotFiniteError, match=f"gradient's length is {wrong} at step 1; lower"):
        next(progress)
    assert len(seen) == 1
    assert all(map(torch.equal, seen[-1], run.model.parameters()))


def test_what_cannot_be_trained_is_refused():
    images, tokens = world(doubles=False)
    with pytest.raises(InputError, match="batch of 74 cannot be drawn from 73 pairs"):
        InMemory(images, tokens, 74, Processes())
    with pytest.raises(InputError, match="no two pairs"):
        next(fit(Run.new(QUICK, 0), QUICK, InMemory(images[:1], tokens[:1], 1, Processes()), Processes()))
