"""Figures say their data and their text: in what is compared, and in the picture itself."""

import ast
import base64
import inspect
import io
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from toyclip import encoders, infonce, train, zero_shot
from toyclip.errors import InputError
from toyclip.figures import drawing, style


def figure(value: float = 0.5) -> plt.Figure:
    drawn, axes = style.new()
    axes.plot([0, 1], [value, 1])
    return drawn


@pytest.fixture
def shown(monkeypatch):
    """What `show` has displayed: (data by type, metadata)."""
    outputs = []
    monkeypatch.setattr(style, "display", lambda data, metadata, raw: outputs.append((data, metadata)))
    return outputs


@pytest.mark.parametrize("seeds", [2, 5, 20])
def test_interval_of_a_mean_is_that_of_scipy(seeds):
    values = np.random.default_rng(seeds).normal(0.7, 0.1, seeds)
    low, high = stats.t.interval(0.95, seeds - 1, loc=values.mean(), scale=stats.sem(values))
    assert style.interval(values) == pytest.approx((high - low) / 2)


def test_bars_do_not_call_99_6_a_hundred(shown):
    style.bars({"one left out": np.array([0.995, 0.997]), "all": np.array([1.0, 1.0])}, "What was left out")
    said = "What was left out. Mean held-out accuracy (number of seeds): one left out 99.6 % (2), all 100 % (2)."
    assert shown[0][1]["image/png"]["alt"] == said


@pytest.mark.parametrize(
    ("how", "compared"),
    [
        ({}, "The loss ends at 1.50."),
        ({"live": True}, "The loss ends at #."),
        ({"stored": True}, f"The loss ends at 1.50. [drawn: {style.fingerprint(figure())}]"),
    ],
)
def test_text_and_data_are_compared_and_lie_in_the_picture(shown, how, compared):
    style.show(figure(), "The loss\n   ends at 1.50.", **how)
    ((data, metadata),) = shown
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert metadata == {"image/png": {"alt": "The loss ends at 1.50."}}
    assert data["text/plain"] == compared
    assert picture.text["Description"] == "The loss ends at 1.50."
    assert picture.text["Comment"] == style.fingerprint(figure())


def test_numbers_of_every_form_are_left_out():
    text = "Mean of 1,024 seeds: −0.30 to +5 %, 3 x 32; from conv 1 to 16."
    assert style.without_numbers(text) == "Mean of # seeds: # to # %, # x #; from conv # to #."


DRAWINGS = [
    lambda axes, v: axes.plot([0, 1], [v, 1]),
    lambda axes, v: axes.barh(["a"], [v]),
    lambda axes, v: axes.hist([v, v, 2 * v]),
    lambda axes, v: axes.scatter([0], [v]),
    lambda axes, v: axes.fill_between([0, 1], 0, [v, 1]),
    lambda axes, v: axes.errorbar([0], [1], [v]),
    lambda axes, v: axes.imshow([[v, 1]]),
    lambda axes, v: axes.axhline(v),
    lambda axes, v: axes.text(0, 0, f"{v:.2g}"),
    lambda axes, v: axes.set_xlabel(f"{v:.2g}"),
    lambda axes, v: axes.set_title(f"{v:.2g}"),
    lambda axes, v: style.title(axes.figure, f"{v:.2g}"),
]


@pytest.mark.parametrize("draw", DRAWINGS)
def test_fingerprint_follows_the_data_and_not_the_last_digit(draw):
    def of(value: float) -> str:
        drawn, axes = style.new()
        draw(axes, value)
        plt.close(drawn)
        return style.fingerprint(drawn)

    assert of(0.5) == of(0.5 * (1 + 1e-9))
    assert of(0.5) != of(0.51)


def test_source_is_shown_without_docstrings_and_refusals(monkeypatch):
    told = []
    monkeypatch.setattr(style, "display", lambda markdown: told.append(markdown.data))
    style.show_source(style.without_numbers, infonce.mask_twins)
    assert told[0].splitlines() == [
        "```python",
        "def without_numbers(text: str) -> str:",
        '    return re.sub(r"[-−+]?\\d[\\d,.]*\\b", "#", text)',
        "def mask_twins(logits: Tensor, same_caption: Tensor) -> Tensor:",
        "    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)  # (B, B)",
        "    return logits.masked_fill(same_caption & ~own, -torch.inf)",
        "```",
    ]


@pytest.mark.parametrize("thing", [train.fit, infonce.info_nce, encoders.ToyCLIP, zero_shot.classifier])
def test_what_is_shown_of_a_source_still_is_that_code(thing):
    shown = ast.unparse(ast.parse(style.shown_source(thing)))
    whole = ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(thing))))
    assert all(line in whole for line in shown.splitlines())
    assert '"""' not in shown
    assert "raise " not in shown


@pytest.mark.parametrize("lit", drawing.SAYS)
def test_drawing_of_clip_colours_one_part(lit, shown, monkeypatch):
    monkeypatch.setattr(drawing, "show", lambda drawn, alt: shown.append((drawn, alt)))
    drawing.clip(lit, "CLIP")
    ((drawn, alt),) = shown
    colours = {plt.matplotlib.colors.to_hex(patch.get_facecolor()) for patch in drawn.axes[0].patches}
    colours |= {line.get_color() for line in drawn.axes[0].lines}
    plt.close(drawn)
    assert bool(colours & {style.ACCENT, *style.PAINT.values()})
    assert alt.endswith(f"In colour: {drawing.SAYS[lit]}.")


def test_part_that_clip_lacks_is_refused():
    with pytest.raises(InputError, match="no part of CLIP 'tail'"):
        drawing.clip("tail", "CLIP")
