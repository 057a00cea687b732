"""Figures of Drawing what was rarely seen: what is on the canvas is what was handed in, where its label says it is."""

from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from toyclip.errors import InputError
from toyclip.figures import generation, style

SCRIPTS = {  # mean, and the ends of its interval
    "Latin": (0.60, 0.55, 0.66), "Arabic": (0.40, 0.37, 0.42), "Greek": (0.70, 0.69, 0.72), "Bengali": (0.50, 0.4, 0.6)
}  # fmt: skip
NAN = float("nan")
COUNTS = (1, 8, 64)
ACCURACY = np.array([[0.1, NAN, 0.9], [NAN, 0.2, 0.8], [0.3, 0.6, 1.0], [0.2, 0.4, NAN]])


@pytest.fixture
def shown(monkeypatch):
    """What would be displayed: [(figure, alternative text, further arguments)], each drawn once, for its places."""
    seen = []

    def keep(figure, alt, **how):
        with plt.rc_context(style.STYLE):
            figure.canvas.draw()
        seen.append((figure, alt, how))

    monkeypatch.setattr(style, "show", keep)
    yield seen
    for figure, *_ in seen:
        plt.close(figure)


def pictures(count: int, seed: int, side: int = 16) -> torch.Tensor:
    """Pictures of noise, no two alike and none symmetrical."""
    return torch.randint(256, (count, 3, side, side), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def on_canvas(axes, x: float, y: float, side: int = 16) -> np.ndarray:
    """What is drawn within one picture of width 1 about (x, y), at the middle of each of its pixels, (3, H, W)."""
    canvas = np.asarray(axes.figure.canvas.buffer_rgba())[..., :3]  # (rows, columns, 3)
    at = ((np.arange(side) + 0.5) / side - 0.5) * 2 * generation.HALF  # (side,)
    columns, rows = axes.transData.transform(np.stack([x + at, y + at], axis=1)).T  # (side,) each
    return canvas[len(canvas) - 1 - rows.astype(int)][:, columns.astype(int)].transpose(2, 0, 1)


def overlaps(artists) -> list[tuple[str, str]]:
    boxes = [(artist.get_text(), artist.get_window_extent()) for artist in artists if artist.get_text()]
    return [(a, b) for (a, box), (b, other) in combinations(boxes, 2) if box.overlaps(other)]


ROWS = {
    "1,024 · tiger": (pictures(2, 0), pictures(4, 1)),
    "64 · stuffed flatbread": (pictures(2, 2), pictures(4, 3)),
    "1 · sloth": (pictures(1, 4), pictures(3, 5)),
}


@pytest.mark.parametrize("heads", [("pictures", "drawings"), ("drawings", "nearest training picture")])
def test_sheet_shows_every_picture_pixel_by_pixel_in_its_row_and_group(shown, heads):
    generation.sheet(ROWS, "Often seen, well drawn", "what is seen", heads=heads)
    ((figure, alt, how),) = shown
    (axes,) = figure.axes
    assert (alt, how) == ("what is seen", {})
    assert figure.get_suptitle() == "Often seen, well drawn"
    assert len(axes.images) == 2 * 6 + 1 + 3
    second = 2 + generation.GAP
    for y, (real, drawn) in enumerate(ROWS.values()):
        for start, group in ((0, real), (second, drawn)):
            for i, picture in enumerate(group.numpy()):
                assert np.array_equal(on_canvas(axes, start + i, y), picture), (y, start, i)
    assert [" ".join(text.get_text().split()) for text in axes.get_yticklabels()] == list(ROWS)
    for head, text, start in zip(heads, axes.texts, (0, second), strict=True):
        box, (edge, top) = text.get_window_extent(), axes.transData.transform((start - generation.HALF, -0.47))
        assert text.get_text() == head
        assert box.x0 == pytest.approx(edge, abs=2)
        assert box.y0 >= top
    assert overlaps([*axes.texts, *axes.get_yticklabels(), figure._suptitle]) == []


@pytest.mark.parametrize("columns", [(1, 1), (3, 5), (5, 5)])
@pytest.mark.parametrize("name", ["1", "1,024 · tiger", "4 · Japanese “application” button"])
def test_sheet_fits_a_phone_whatever_its_labels(shown, columns, name):
    """Of 360 px it has the width at which the book's text stays legible, and no picture is too small to be seen."""
    left, right = columns
    generation.sheet({name: (pictures(left, 0), pictures(right, 1))}, "Often seen", "what is seen")
    ((figure, *_),) = shown
    (axes,) = figure.axes
    box = figure.get_tightbbox(figure.canvas.get_renderer())
    assert box.width < 1.06 * style.WIDTH
    a_picture = np.diff(axes.transData.transform([(0, 0), (1, 0)])[:, 0])[0] / figure.dpi
    assert 0.2 < a_picture <= generation.LARGEST + 0.15
    assert min(text.get_fontsize() for text in (*axes.texts, *axes.get_yticklabels())) >= 11


@pytest.mark.parametrize("wrong", [pictures(1, 0) / 255.0, pictures(1, 0).permute(0, 2, 3, 1), pictures(1, 0)[0]])
def test_what_is_no_picture_is_refused(shown, wrong):
    with pytest.raises(InputError, match=r"\(3, H, W\) of uint8"):
        generation.sheet({"1": (pictures(1, 0), wrong)}, "Often seen", "what is seen")
    plt.close("all")


def test_film_shows_its_frames_in_order_with_the_time_below_each(shown):
    films = {"tiger": pictures(4, 0), "sloth": pictures(4, 1)}
    times = [0, 0.2, 0.45, 1]
    generation.film(films, times, "One noise, two pictures", "what is seen")
    ((figure, alt, how),) = shown
    (axes,) = figure.axes
    assert (alt, how) == ("what is seen", {})
    assert len(axes.images) == 8
    tops = sorted({image.get_extent()[3] + generation.HALF for image in axes.images})
    for y, frames in zip(tops, films.values(), strict=True):
        for x, frame in enumerate(frames.numpy()):
            assert np.array_equal(on_canvas(axes, x, y), frame)
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["tiger", "0", "0.2", "0.45", "1", "sloth", "0", "0.2", "0.45", "1"]
    places = {i: axes.texts[i].get_window_extent() for i in range(10)}
    for strip, y in enumerate(tops):
        for x in range(4):
            box, (middle, bottom) = places[5 * strip + 1 + x], axes.transData.transform((x, y + generation.HALF))
            assert (box.x0 + box.x1) / 2 == pytest.approx(middle, abs=2)
            assert bottom - 0.5 * box.height < box.y1 <= bottom
        assert places[5 * strip].y0 >= axes.transData.transform((0, y - generation.HALF))[1]
    assert overlaps([*axes.texts, figure._suptitle]) == []


@pytest.mark.parametrize("frames", [3, 5])
def test_film_needs_a_frame_for_each_time(shown, frames):
    with pytest.raises(InputError, match=f"sloth: {frames} frames for 4 times"):
        generation.film({"sloth": pictures(frames, 0)}, [0, 0.3, 0.6, 1], "From noise", "what is seen")
    plt.close("all")


def test_curves_of_scripts_pass_their_gaps_and_their_mean_leaves_them_out(shown):
    generation.scripts(COUNTS, ACCURACY, SCRIPTS, {"Arabic", "Bengali"}, "The count decides")
    (above, _), (*faint, heavy) = shown[0][0].axes, shown[0][0].axes[0].lines
    drawn = [dict(zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True)) for line in faint]
    given = [{c: 100 * v for c, v in zip(COUNTS, row, strict=True) if v == v} for row in ACCURACY]
    assert drawn == given
    for count, value in zip(COUNTS, heavy.get_ydata(), strict=True):
        got = [row[count] for row in given if count in row]
        assert value == pytest.approx(sum(got) / len(got))
    assert heavy.get_linewidth() > 2 * max(line.get_linewidth() for line in faint)
    assert max(line.get_alpha() for line in faint) <= 0.5
    assert above.get_xscale() == "log"


def test_scripts_are_sorted_with_their_intervals_and_joined_ones_have_another_sign(shown):
    generation.scripts(COUNTS, ACCURACY, SCRIPTS, {"Arabic", "Bengali"}, "The count decides")
    _, below = shown[0][0].axes
    names = [text.get_text() for text in below.get_yticklabels()]
    assert names == ["Greek", "Latin", "Bengali", "Arabic"]
    assert below.yaxis_inverted()  # the first is on top
    signs = {}
    for bar, (y, name) in zip(below.containers, enumerate(names), strict=True):
        point, _, (ends,) = bar
        (start, stop), (mean, low, high) = ends.get_segments()[0], SCRIPTS[name]
        assert point.get_xydata().tolist() == [[pytest.approx(100 * mean), y]]
        assert (*start, *stop) == pytest.approx((100 * low, y, 100 * high, y))
        signs.setdefault((point.get_marker(), to_hex(point.get_color())), []).append(name)
    assert sorted(signs.values()) == [["Bengali", "Arabic"], ["Greek", "Latin"]]
    for one, other in pairwise(signs):
        assert one[0] != other[0]
        assert one[1] != other[1]
    color_of = {name: color for (_, color), same in signs.items() for name in same}
    assert [to_hex(line.get_color()) for line in shown[0][0].axes[0].lines[:-1]] == [color_of[name] for name in SCRIPTS]
    words = {text.get_text(): text for text in below.texts}
    for word, name in (("not joined", "Greek"), ("joined", "Bengali")):
        box = words[word].get_window_extent()
        assert to_hex(words[word].get_color()) == color_of[name]
        assert (box.y0 + box.y1) / 2 == pytest.approx(below.transData.transform((0, names.index(name)))[1], abs=3)
        low, high = below.transData.transform([(100 * edge, 0) for edge in SCRIPTS[name][1:]])[:, 0]
        assert box.x1 <= low or box.x0 >= high
        assert below.get_window_extent().x0 <= box.x0 < box.x1 <= below.get_window_extent().x1 + 1


def test_text_of_scripts_says_the_numbers_and_fits(shown):
    generation.scripts(COUNTS, ACCURACY, SCRIPTS, {"Arabic", "Bengali"}, "The count\ndecides")
    _, alt, how = shown[0]
    assert how == {"stored": True}
    assert alt == (
        "The count decides. Mean of 4 scripts: 20 % at 1, 90 % at 64. Over all counts: Greek 70, Latin 60, Bengali 50, "
        "Arabic 40 %; widest interval 20 points. Joined: Bengali, Arabic."
    )
    eight = {f"A long name {i}": (0.5, 0.4, 0.6) for i in range(8)}
    generation.scripts(
        [1, 1024], np.full((8, 2), 0.5), eight, list(eight)[:3], "A message of some length, said in full"
    )
    assert len(shown[1][1]) <= 400


@pytest.mark.parametrize(
    ("accuracy", "joined", "says"),
    [
        (ACCURACY[:3], set(), "4 scripts by 3 counts"),
        (ACCURACY.T, set(), "4 scripts by 3 counts"),
        (np.where(np.arange(3) == 1, NAN, ACCURACY), set(), "a number at each count"),
        (ACCURACY, {"Thai"}, "Thai is none of the scripts: Latin"),
    ],
)
def test_scripts_that_do_not_fit_are_refused(shown, accuracy, joined, says):
    with pytest.raises(InputError, match=says):
        generation.scripts(COUNTS, accuracy, SCRIPTS, joined, "The count decides")
    assert shown == []
