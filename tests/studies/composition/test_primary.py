"""The nine contrasts of the frequency chapters: Holm against statsmodels, contrasts against loops and the chapters."""

import numpy as np
import pytest
from scipy.stats import spearmanr, t
from statsmodels.stats.multitest import multipletests

from toyclip import trend
from toyclip.lab.study import stored
from toyclip.studies.composition import primary
from toyclip.studies.composition.readings import last_diagonal
from toyclip.studies.frequency.corpus import FULL


@pytest.fixture(scope="module")
def found() -> dict[str, list[np.ndarray]]:
    names = ("frequency_conditions", "frequency_models", "frequency_composition", "frequency_priming")
    return primary.contrasts(*(stored(name)["results"] for name in names))


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_that_of_statsmodels(seed):
    p = np.random.default_rng(seed).random(9) ** 4
    adjusted = primary.holm({str(i): float(value) for i, value in enumerate(p)})
    assert list(adjusted) == [str(i) for i in range(9)]
    assert list(adjusted.values()) == pytest.approx(multipletests(p, method="holm")[1])


def test_every_claim_has_a_row_a_seed(found):
    assert list(found) == [f"F{i}" for i in range(1, 10)]
    assert {claim: (len(rows), len(rows[0])) for claim, rows in found.items() if claim in ("F3", "F4", "F5")} == {
        "F3": (2, 8), "F4": (18, 4), "F5": (18, 4),
    }  # fmt: skip
    assert all(len(rows) == 1 and rows[0].shape == (8,) for c, rows in found.items() if c not in ("F3", "F4", "F5"))


def test_contrasts_are_those_that_the_chapters_take(found):
    pairs = stored("frequency_composition")["results"]
    assert found["F7"][0] == pytest.approx(last_diagonal(pairs["7 partners"]) - last_diagonal(pairs["2 partners"]))
    results = stored("frequency_conditions")["results"]
    x, y = trend.table(results["nearest quarter dropped, pixels"], FULL.test)
    assert found["F3"][0] == pytest.approx([np.polyfit(a, b, 1)[0] for a, b in zip(x, y, strict=True)])
    lessons = [seed["matched"] for seed in stored("frequency_priming")["results"]]
    assert found["F9"][0] == pytest.approx([spearmanr(s["before"], s["leak"]).statistic for s in lessons])
    model = stored("frequency_models")["results"]["transformer 32, noisy"]
    gaps = [s["rest"] - s["tail"] - s["rest, control"] + s["tail, control"] for s in model]
    assert any(np.allclose(row, gaps) for row in found["F5"])


def test_slope_lent_by_parts_is_that_of_a_loop(found):
    results = stored("frequency_composition")["results"]["unequal parts"]
    own, others = primary.lent_slopes(results)
    counts = np.array(results[2]["counts"], dtype=float).reshape(8, 8)
    rows = [
        (np.log10((counts[c].sum() * counts[:, s].sum()) ** 0.5 / counts.sum()), results[2]["hits"][8 * c + s] / 20)
        for c in range(8)
        for s in range(8)
        if results[2]["diagonal"][8 * c + s] < 2
    ]
    assert own[2] == pytest.approx(100 * np.polyfit(*zip(*rows, strict=True), 1)[0])
    assert found["F6"][0] == pytest.approx(own - others)


def test_p_is_the_largest_of_the_rows_and_two_sided():
    rows = [np.array([1.0, 2.0, 3.0, 5.0]), -np.array([1.0, 2.0, 3.0, 9.0])]
    expected = [2 * t.sf(abs(row.mean()) / (row.std(ddof=1) / 2), 3) for row in rows]
    assert primary.p_values({"A": rows}) == {"A": pytest.approx(max(expected))}
