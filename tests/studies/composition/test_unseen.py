"""Compositions: which pairs are kept against what a Latin square must have, what a model saw against what is told."""

from collections.abc import Callable
from functools import partial
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from studies.samples import names
from torch import Tensor

from toyclip.data import Pairs
from toyclip.encoders import Config
from toyclip.errors import InputError
from toyclip.studies.composition import unseen as composition
from toyclip.studies.composition.grid import CAPTIONS, COLORS, SHAPES
from toyclip.studies.composition.unseen import (
    GridSize,
    borrowed,
    coverage_run,
    factored_run,
    latin_square,
    learn_grid,
    parts_run,
    shares_of_parts,
)
from toyclip.studies.frequency.corpus import caption_counts

TINY = GridSize(pictures=64, updates=2, batch_size=4, test=1)
SEEDS = range(5)


def other_weights(model) -> dict[str, Tensor]:
    """All but the filters."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if ".convs." not in name}


@pytest.fixture
def learned(monkeypatch) -> list[dict]:
    """What each model was trained on, and its filters before and after; `learn` itself is as it was."""
    seen, real = [], composition.learn

    def filters(model) -> list[Tensor]:
        return [p.detach().clone() for p in model.image_encoder.convs.parameters()]

    def learn(model, corpus, tokens, run, seed, device):
        before, others = filters(model), other_weights(model)
        loss = real(model, corpus, tokens, run, seed, device=device)
        seen.append({"model": model, "corpus": corpus, "tokens": tokens, "run": run, "seed": seed, "before": before,
                     "after": filters(model), "others": others})  # fmt: skip
        return loss

    monkeypatch.setattr(composition, "learn", learn)
    return seen


@pytest.fixture
def drawn(monkeypatch) -> list[tuple[list[int], int]]:
    """Counts and seed of every corpus; all pictures are black, and no model is trained."""
    seen = []

    def draw_grid(counts, seed):
        seen.append((list(counts), seed))
        shown = torch.arange(64).repeat_interleave(torch.tensor(counts))
        return Pairs(torch.zeros(len(shown), 3, 32, 32, dtype=torch.uint8), shown, shown)

    monkeypatch.setattr(composition, "draw_grid", draw_grid)
    monkeypatch.setattr(composition, "learn", Mock(return_value=1.0))
    return seen


def counts_of(run: Callable[..., dict], *arguments: object) -> tuple[np.ndarray, np.ndarray]:
    """Counts and diagonals of a run, (8, 8) and (8, 8)."""
    result = run(*arguments)
    return np.reshape(result["counts"], (8, 8)), np.reshape(result["diagonal"], (8, 8))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_diagonal_has_every_colour_and_every_shape_once(seed):
    square = latin_square(seed)
    assert square.shape == (8, 8)
    for diagonal in range(8):
        colors, shapes = np.nonzero(square == diagonal)
        assert sorted(colors) == sorted(shapes) == list(range(8))


def test_every_pair_is_left_out_under_some_seed_and_kept_under_another():
    assert len({latin_square(seed).tobytes() for seed in range(20)}) == 20
    kept = np.stack([latin_square(seed) >= 2 for seed in range(60)])
    assert kept.any(axis=0).all()
    assert not kept.all(axis=0).any()
    assert kept.mean() == 0.75


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_are_log_spaced_add_up_to_1_and_are_dealt_to_colours_and_shapes_apart(seed):
    colors, shapes = shares_of_parts(seed)
    for shares in (colors, shapes):
        assert shares.sum() == pytest.approx(1)
        assert np.diff(np.log(np.sort(shares))) == pytest.approx(np.full(7, np.log(64) / 7))
        assert not np.array_equal(shares, shares_of_parts(seed + 1)[0])
    assert not np.array_equal(colors, shapes)


def test_frequency_of_its_parts_does_not_tell_whether_a_pair_is_left_out():
    """Under 60 seeds each rank of a colour with each rank of a shape, the two most frequent too, is left out once."""
    unseen = np.zeros((8, 8))
    for seed in range(60):
        colors, shapes = (shares.argsort().argsort() for shares in shares_of_parts(seed))
        np.add.at(unseen, (colors[:, None], shapes), latin_square(seed) < composition.UNSEEN)
    assert unseen.min() > 0
    assert unseen.max() < 60


@pytest.mark.parametrize("partners", [-1, 0, 8, 64])
def test_partners_that_leave_nothing_to_see_or_nothing_unseen_are_refused(partners):
    with pytest.raises(InputError, match=rf"cannot have {partners} of 8 partners and leave some unseen; use 1 to 7"):
        coverage_run(partners, TINY, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_unequal_parts_leave_two_diagonals_out_and_follow_the_shares_elsewhere(seed, drawn):
    counts, diagonal = counts_of(parts_run, GridSize(test=1), seed)
    assert np.array_equal(diagonal, latin_square(seed))
    assert not counts[diagonal < 2].any()
    assert counts.sum() == 4096
    colors, shapes = shares_of_parts(seed)
    expected = np.where(diagonal < 2, 0, np.outer(colors, shapes))
    assert np.abs(counts - 4096 * expected / expected.sum()).max() < 1
    for axis in (1, 0):  # marginal frequencies, too: what a diagonal takes from one it takes from all
        wanted = expected.sum(axis) / expected.sum()
        assert counts.sum(axis) / 4096 == pytest.approx(wanted, abs=8 / 4096)


@pytest.mark.parametrize("partners", range(1, 8))
def test_every_word_is_equally_frequent_whatever_the_number_of_partners(partners, drawn):
    """Up to one picture for each partner, where 4096 does not divide."""
    counts, diagonal = counts_of(coverage_run, partners, GridSize(test=1), 2)
    assert np.array_equal(diagonal, latin_square(2))
    assert np.array_equal(counts > 0, diagonal < partners)  # more partners keep those there were
    for axis in (0, 1):
        assert ((counts > 0).sum(axis) == partners).all()
        assert np.abs(counts.sum(axis) - 4096 / 8).max() < partners
    assert np.ptp(counts[counts > 0]) <= 1
    assert counts.sum() == 4096


@pytest.mark.parametrize(
    ("run", "seen"), [(lambda: parts_run(TINY, 1), range(2, 8)), (lambda: coverage_run(3, TINY, 1), range(3))]
)
def test_unseen_pairs_have_no_picture_and_all_filters_are_learned(run, seen, learned):
    result = run()
    (row,) = learned
    assert {result["diagonal"][pair] for pair in row["corpus"].classes.tolist()} == set(seen)
    assert caption_counts(row["corpus"], 64).tolist() == result["counts"]
    assert all(not torch.equal(a, b) for a, b in zip(row["before"], row["after"], strict=True))


@pytest.mark.parametrize(
    ("run", "lenders"), [(lambda: factored_run(2, TINY, 0), 7), (lambda: borrowed(0, TINY), 2)], ids=["7", "borrowed"]
)
def test_filters_come_frozen_from_a_model_that_has_seen_its_diagonals_and_not_the_last(run, lenders, learned):
    """The pupil ends with its teacher's filters, bit by bit, and every other weight of it has moved."""
    result = run()
    teacher, pupil = learned
    diagonal = np.array(result["diagonal"])
    assert set(teacher["corpus"].classes.tolist()) == set(np.flatnonzero(diagonal < lenders).tolist())
    assert len(teacher["corpus"]) == len(pupil["corpus"]) == 64
    assert not set(names(teacher["corpus"])) & set(names(pupil["corpus"]))
    assert teacher["seed"] != pupil["seed"] == 0
    assert set(pupil["corpus"].classes.tolist()) == set(np.flatnonzero(diagonal < 2).tolist())
    for new, trained, start, end in zip(
        *(row[k] for row in (teacher, pupil) for k in ("before", "after")), strict=True
    ):
        assert not torch.equal(new, trained)
        assert torch.equal(trained, start)
        assert torch.equal(start, end)
    assert all(not torch.equal(start, pupil["model"].get_parameter(name)) for name, start in pupil["others"].items())


@pytest.mark.parametrize("run", [lambda: factored_run(2, TINY, 0), lambda: borrowed(0, TINY)], ids=["7", "borrowed"])
def test_pupil_takes_nothing_but_the_filters(run, learned):
    """Its pictures, its other weights and their order are those of the run without filters."""
    run()
    coverage_run(2, TINY, 0)
    teacher, pupil, plain = learned
    assert torch.equal(pupil["corpus"].pixels, plain["corpus"].pixels)
    assert all(torch.equal(pupil["others"][name], start) for name, start in plain["others"].items())
    assert pupil["seed"] == plain["seed"] == 0
    assert pupil["run"] == plain["run"] == teacher["run"]
    drawn = [name for name in plain["others"] if name.endswith("projection.weight")]
    assert not any(torch.equal(teacher["others"][name], plain["others"][name]) for name in drawn)


@pytest.mark.parametrize("run", [lambda: factored_run(3, TINY, 7), lambda: borrowed(7, TINY)], ids=["7", "borrowed"])
def test_no_two_corpora_have_the_same_seed(run, drawn):
    run()
    (_, filters), (_, training), (counts, test) = drawn
    assert training == 7
    assert counts == [1] * 64
    assert min(abs(a - b) for a, b in [(filters, training), (training, test), (filters, test)]) > 100_000


@pytest.mark.parametrize("name", [*composition.runs(TINY), None])
def test_every_model_learns_where_it_is_told_to(name, drawn):
    run = borrowed if name is None else partial(composition.composition, name)
    run(0, TINY, "elsewhere")
    calls = composition.learn.call_args_list
    assert [call.kwargs for call in calls] == [{"device": "elsewhere"}] * len(calls)
    assert len(calls) == (2 if name is None or "filters" in name else 1)


def test_pictures_are_learned_with_their_own_captions(learned):
    counts = np.zeros((8, 8), dtype=int)
    counts[2, 5], counts[7, 0] = 3, 2
    model, _ = composition.train_grid(counts, GridSize(pictures=5, updates=3, batch_size=2), seed=4)
    (row,) = learned
    assert row["model"] is model
    expected = [f"a {COLORS[2]} {SHAPES[5]}"] * 3 + [f"a {COLORS[7]} {SHAPES[0]}"] * 2
    assert composition.TOKENIZER.decode(row["tokens"]) == expected
    assert (row["run"].updates, row["run"].batch_size, row["seed"]) == (3, 2, 4)
    assert model.config == Config(image_encoder="strided", vocab_size=18)


def test_hits_are_of_64_answers(learned):
    """Against the cosines of the model itself, caption by caption."""
    result = learn_grid(np.ones((8, 8), dtype=int), GridSize(pictures=64, updates=6, batch_size=16, test=2), seed=0)
    test, model = composition.draw_grid([2] * 64, composition.TEST_SEED), learned[0]["model"]
    with torch.no_grad():
        answers = (model.embed_images(test.pixels) @ model.embed_texts(CAPTIONS).T).numpy().argmax(axis=1)  # (128,)
    assert result["hits"] == [sum(answers[2 * k + i] == k for i in range(2)) for k in range(64)]
    assert sum(result["hits"]) > 0
    assert result["counts"] == [1] * 64
    assert 0 < result["loss"] == round(result["loss"], 4)


def test_conditions_are_what_their_names_say():
    """On four times the pictures, and four times the updates, only where the name has them."""
    grid, calls = GridSize(pictures=10, updates=3, batch_size=2, test=1), composition.runs(GridSize(10, 3, 2, 1))
    more, longer = GridSize(40, 3, 2, 1), GridSize(40, 12, 2, 1)
    assert calls.pop("unequal parts") == (parts_run, (grid,))
    for k in range(1, 8):
        assert calls.pop(f"{k} partners") == (coverage_run, (k, grid))
    for k in (1, 2, 3):
        assert calls.pop(f"{k} partners, 4 x pictures") == (coverage_run, (k, more))
        assert calls.pop(f"{k} partners, 4 x pictures and updates") == (coverage_run, (k, longer))
        assert calls.pop(f"{k} partners, filters that saw 7") == (factored_run, (k, grid))
    assert not calls
    assert composition.runs(composition.FULL).keys() == set(composition.STUDIES[0].conditions)
    assert GridSize() == GridSize(pictures=4096, updates=400, batch_size=64, test=20) == composition.FULL
