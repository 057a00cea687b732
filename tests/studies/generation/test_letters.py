"""Letters as they are drawn: equally complex by choice, within the picture, turned little, light on dark."""

from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from toyclip.errors import InputError
from toyclip.studies.generation import letters as wing
from toyclip.studies.generation.letters import CUTS, SPRITE, Letter, alike, draw_letter, draw_letters, letters, unlike


def made_up(box: tuple[int, int, int, int]) -> Letter:
    cell = Image.new("L", (SPRITE, SPRITE))
    cell.paste(255, box)
    return Letter("made up", "?", 1.0, False, (cell,) * CUTS)


def test_eight_scripts_three_of_them_joined_and_no_letter_twice():
    counted = Counter(x.script for x in letters())
    assert len(counted) == 8
    assert min(counted.values()) >= 20
    assert {x.script for x in letters() if x.joined} == {"Arabic", "Devanagari", "Bengali"}
    assert len({x.letter for x in letters()}) == len(letters())
    assert all(
        cut.size == (SPRITE, SPRITE) and max(cut.getbbox()[2:]) >= SPRITE - 1 for x in letters() for cut in x.cuts
    )


def test_the_four_cuts_of_a_letter_are_alike_and_bold_is_bolder():
    ink = np.array([[np.asarray(cut, dtype=float) for cut in x.cuts] for x in letters()]) / 255  # (N, 4, H, W)
    weight = ink.mean(axis=(2, 3))
    assert (weight[:, 1] > weight[:, 0]).mean() > 0.95
    assert (weight[:, 3] > weight[:, 2]).mean() > 0.95
    flat = ink[:, ::2].reshape(len(ink), 2, -1)
    flat = flat - flat.mean(axis=2, keepdims=True)
    flat /= np.linalg.norm(flat, axis=2, keepdims=True)
    between = flat[:, 0] @ flat[:, 1].T  # sans against serif
    assert (between.argmax(axis=1) == np.arange(len(ink))).mean() > 0.6


@pytest.mark.parametrize("per_script", [5, 6])
def test_scripts_are_equally_complex_where_they_are_to_be(per_script):
    means = [np.mean([x.complexity for x in alike(per_script) if x.script == s]) for s in wing.scripts()]
    every = [np.mean([x.complexity for x in letters() if x.script == s]) for s in wing.scripts()]
    assert (max(means) - min(means)) / np.mean(means) < 0.05
    assert (max(every) - min(every)) / np.mean(every) > 0.4  # as they come they are not


def test_the_run_is_the_best_of_all_runs_of_neighbours():
    for script in wing.scripts():
        ordered = sorted(x.complexity for x in letters() if x.script == script)
        off = min(abs(np.mean(ordered[i : i + 6]) - wing.TARGET) for i in range(len(ordered) - 5))
        taken = [x.complexity for x in alike(6) if x.script == script]
        assert abs(np.mean(taken) - wing.TARGET) == pytest.approx(off)


def test_simple_and_complex_ones_are_a_scripts_own_extremes():
    chosen = unlike(6)
    assert [x.script for x in chosen] == [s for s in wing.scripts() for _ in range(6)]
    for script in wing.scripts():
        ordered = sorted(x.complexity for x in letters() if x.script == script)
        assert [x.complexity for x in chosen if x.script == script] == ordered[:3] + ordered[-3:]


@pytest.mark.parametrize("choose", [alike, unlike])
def test_more_letters_than_there_are_or_none_are_refused(choose):
    for per_script in (0, 99):
        with pytest.raises(InputError, match=r"Latin has 28 letters here; ask for 1 to 28"):
            choose(per_script)


def test_pictures_are_grey_of_one_size_and_light_on_dark():
    pictures = np.stack([draw_letter(x, np.random.default_rng(i)) for i, x in enumerate(letters())])
    assert pictures.shape[1:] == (16, 16, 3)
    assert pictures.dtype == np.uint8
    assert (pictures[..., :1] == pictures).all()
    dark, light = np.quantile(pictures, (0.1, 0.98), axis=(1, 2, 3))
    assert (dark < 0.3 * 255).all()
    assert (light > dark + 0.25 * 255).all()


def test_the_longer_side_is_as_asked_and_the_letter_lies_within():
    sides, places = [], set()
    for seed in range(300):
        picture = draw_letter(made_up((0, 15, SPRITE, 25)), np.random.default_rng(seed))[:, :, 0].astype(int)
        lit = picture > 0.5 * 255
        rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
        sides.append(columns[-1] - columns[0] + 1)
        places.add((rows[0], columns[0]))
        assert lit.sum() > 20  # nothing is cut off: the bar is 3 px or more by 12
    assert 10 <= min(sides) < max(sides) <= 16
    assert len(places) > 15


def test_all_four_cuts_occur_equally_often(monkeypatch):
    cells = []
    for i in range(CUTS):
        cell = Image.new("L", (SPRITE, SPRITE))
        cell.paste(255, (0, 0, SPRITE, 8 + 8 * i))
        cells.append(cell)
    bars = Letter("made up", "?", 1.0, False, tuple(cells))
    monkeypatch.setattr(wing, "ROTATION", 0.0)
    lit = [(draw_letter(bars, np.random.default_rng(s))[:, :, 0] > 127).any(axis=1).sum() for s in range(400)]
    heights = np.digitize(lit, (4.5, 7.5, 10.5))
    assert np.bincount(heights, minlength=4).min() > 60


def test_letters_are_turned_a_little_both_ways():
    """The slant of a long bar, fitted through its ink."""
    slants = []
    for seed in range(200):
        picture = draw_letter(made_up((0, 17, SPRITE, 23)), np.random.default_rng(seed))[:, :, 0].astype(float)
        ink = np.clip(picture - 0.35 * 255, 0, None)  # (16, 16), the ground and its noise taken off
        (y, x), weight = np.indices(ink.shape), ink / ink.sum()
        slants.append(np.degrees(np.arctan(np.polyfit(x.ravel(), y.ravel(), 1, w=np.sqrt(weight.ravel()))[0])))
    assert wing.ROTATION * 0.7 < max(slants) < wing.ROTATION + 2
    assert -wing.ROTATION - 2 < min(slants) < -wing.ROTATION * 0.7


def test_noise_is_as_strong_as_it_says(monkeypatch):
    monkeypatch.setattr(wing, "GROUND", (0.2, 0.2))
    monkeypatch.setattr(wing, "ROTATION", 0.0)
    pictures = [draw_letter(made_up((0, 15, SPRITE, 25)), np.random.default_rng(s))[:, :, 0] for s in range(100)]
    ground = np.concatenate([x[x < 0.35 * 255] for x in pictures]) / 255
    assert ground.std() == pytest.approx(wing.NOISE, rel=0.2)
    assert ground.mean() == pytest.approx(0.2, abs=0.01)


def test_the_first_pictures_of_a_letter_stay_when_more_are_drawn():
    chosen = alike(1)[:2]
    few, many = draw_letters(chosen, [2, 1], 5), draw_letters(chosen, [4, 3], 5)
    assert torch.equal(few.pixels, many.pixels[[0, 1, 4]])
    assert many.classes.tolist() == [0] * 4 + [1] * 3
    assert not torch.equal(few.pixels, draw_letters(chosen, [2, 1], 6).pixels)
