"""What is read from the file of features: as much of it as four bits can hold, and who drew what."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toyclip.errors import InputError
from toyclip.studies.real_encoders import features
from toyclip.studies.real_encoders.features import (
    STEP,
    concept_names,
    description,
    pictures,
    quantise,
    restore,
    texts,
    vendor_names,
)


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 99))
def test_what_is_restored_is_off_by_half_a_step_or_lies_beyond_the_last_level(rows, fours, seed):
    values = 1.5 * torch.randn(rows, 4 * fours, generator=torch.Generator().manual_seed(seed))
    again = restore(quantise(values))
    assert quantise(values).shape == (rows, fours)
    near = values.abs() < 2 * STEP
    assert ((again - values).abs()[near] <= STEP / 2 + 1e-5).all()
    assert (again.abs()[~near] > STEP).all()
    assert (again.sign() * values.sign() >= 0)[values != 0].all()


def test_four_levels_of_this_width_lose_as_little_of_a_bell_curve_as_they_can():
    """Max (1960) found 0.1188 of the variance, and a best width of 0.9957."""
    values = torch.randn(2000, 100, generator=torch.Generator().manual_seed(0))
    assert (restore(quantise(values)) - values).square().mean().item() == pytest.approx(0.1188, abs=1e-3)


def test_every_emoji_is_there_once_for_every_vendor_and_view():
    found = pictures()
    keys = list(zip(found.concepts.tolist(), found.vendors.tolist(), found.views.tolist(), strict=True))
    assert len(set(keys)) == len(keys) == len(found)
    assert len(vendor_names()) == 10
    for vendor in ("Noto", "Fluent", "Fluent flat", "Noto v1", "EmojiOne", "Twemoji", "OpenMoji"):
        assert sorted(found.by(vendor).concepts.tolist()) == list(range(len(concept_names())))
    for vendor in ("Twemoji", "OpenMoji"):  # of which nothing but what is tested was kept
        assert set(found.by(vendor, views=features.VIEWS).views.tolist()) == {0}
    assert set(found.by("Noto", views=features.VIEWS).views.tolist()) == {0, 1, 2}


def test_pictures_of_one_emoji_are_more_alike_than_those_of_two():
    """By two vendors, in whichever layer: rows are where the file says."""
    for layers in (("last",), ("middle",)):
        one, other = (pictures(layers).by(v).features for v in ("Noto", "Twemoji"))
        cosine = torch.nn.functional.normalize(one, dim=1) @ torch.nn.functional.normalize(other, dim=1).T
        assert cosine.diag().mean() > cosine.mean() + 0.2


def test_captions_of_one_emoji_are_more_alike_than_those_of_two():
    for style in ("sentence", "tags", "kind", "other kind"):
        one, other = (torch.nn.functional.normalize(texts(s), dim=1) for s in ("name", style))
        cosine = one @ other.T
        assert cosine.diag().mean() > cosine.mean() + 0.3, style


def test_power_scales_the_axes_and_the_mean_length_is_one():
    whole, white, half = (pictures(power=p).features for p in (1.0, 0.0, 0.5))
    for rows in (whole, white, half, texts(), pictures(("last", "middle")).features[:, :256]):
        assert rows.square().sum(dim=1).mean().item() == pytest.approx(1, abs=1e-4)
    spread = [rows.std(dim=0) for rows in (whole, white, half)]
    assert np.corrcoef(spread[2].numpy(), (spread[0] * spread[1]).sqrt().numpy())[0, 1] > 0.999
    assert spread[0].max() / spread[0].min() > 2 * spread[1].max() / spread[1].min()


def test_both_layers_stand_side_by_side():
    both = pictures(("last", "middle")).features
    assert torch.equal(both[:, : pictures().features.shape[1]], pictures().features)
    assert torch.equal(both[:, pictures().features.shape[1] :], pictures(("middle",)).features)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: pictures(("first",)), "there are no features of"),
        (lambda: pictures(()), "there are no features of"),
        (lambda: texts("poem"), "there is no style of captions 'poem'"),
        (lambda: pictures().by("Apple"), "there is no vendor 'Apple'; choose one of Noto"),
        (lambda: pictures().by("Noto", views=("upside down",)), "there is no view"),
    ],
)
def test_what_is_not_there_is_refused(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_a_kind_by_lot_is_never_ones_own():
    assert set(description()["captions"]) == {"name", "sentence", "tags", "kind", "other kind"}
    assert not torch.isclose(texts("kind"), texts("other kind")).all(dim=1).any()
