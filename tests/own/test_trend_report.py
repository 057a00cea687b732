"""The report of a trend: its numbers, what it concludes, when it refuses to, and the command that prints it."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from toyclip.errors import InputError
from toyclip.figures.own import draw_trend
from toyclip.own import trend_report
from toyclip.own.concept_table import Concepts, concepts
from toyclip.own.table_files import write_table
from toyclip.own.trend_report import trend
from toyclip.own.trend_words import ENOUGH, in_lines, too_little


def invented(
    seed: int = 0, n: int = 200, sets: int = 3, slope: float = 0.1, noise: float = 0.1, zeros: float = 0.2, **others
):
    """A table whose accuracy rises by `slope` per decade within sets; other counts scatter about the own ones."""
    rng = np.random.default_rng([3, seed])
    x, g = rng.uniform(0, 4, n), rng.integers(sets, size=n)
    count = np.where(rng.random(n) < zeros, 0, np.round(10**x))
    y = np.clip(0.3 + slope * np.log10(np.maximum(count, 1)) + 0.05 * g + noise * rng.standard_normal(n), 0, 1)
    other = {
        name: np.round(10 ** np.clip(x + scatter * rng.standard_normal(n), 0, None)) for name, scatter in others.items()
    }
    names = np.array([f"c{i}" for i in range(n)])
    return Concepts(names, np.array([f"s{i}" for i in g]), count, y, other, np.full(n, ""))


@pytest.fixture(scope="module")
def report():
    return trend(invented(count_near=0.05, count_far=1.5), resamples=200)


def test_numbers_of_both_rules_are_those_of_scipy(report):
    table = invented(count_near=0.05, count_far=1.5)
    for rule, kept in (("one", table.count >= 0), ("out", table.count > 0)):
        found = report["rules"][rule]
        line = stats.linregress(np.log10(np.maximum(table.count[kept], 1)), table.accuracy[kept])
        assert found["concepts"] == kept.sum()
        assert found["slope"][0] == pytest.approx(100 * line.slope)
        assert found["r"][0] == pytest.approx(line.rvalue)
        assert sum(b["n"] for b in found["bins"]) == kept.sum() == sum(found["bins_within_n"])
    assert report["rules"]["one"]["bins"][0]["from"] == 0
    assert report["rules"]["out"]["bins"][0]["from"] >= 1
    assert report["rules"]["out"]["p"] == pytest.approx(1 / 201)


def test_other_counts_are_compared_on_the_same_concepts_by_the_same_rule():
    table = invented(count_far=1.0)
    far = table.others["count_far"]
    far[:50], far[50:80] = np.nan, 0
    found = trend(table, resamples=100)["others"]["count_far"]
    for rule, both in (("one", ~np.isnan(far)), ("out", (far > 0) & (table.count > 0))):
        own, other, y = (v[both] for v in (table.count, far, table.accuracy))
        told = [stats.pearsonr(np.log10(np.maximum(v, 1)), y).statistic for v in (own, other)]
        assert found[rule]["concepts"] == both.sum()
        assert [found[rule]["r_own"], found[rule]["r_other"]] == pytest.approx(told)
        assert found[rule]["r_difference"][0] == pytest.approx(told[0] - told[1])
        low, high = found[rule]["r_difference"][1:]
        assert low < told[0] - told[1] < high


def test_seeds_of_a_concept_are_not_taken_for_more_concepts(monkeypatch):
    """Ten seeds whose counts differ by one pair, and accuracies that have nothing to do with them."""
    monkeypatch.setattr(trend_report, "held_out", lambda *_: {})
    monkeypatch.setattr(trend_report, "mixed_model", lambda *_: {"left_out": "not asked"})
    rng, found = np.random.default_rng(0), []
    concept, seed = np.repeat(np.arange(40), 10), np.tile(np.arange(10), 40)
    for _ in range(40):
        count = np.round(10 ** rng.uniform(1, 4, 40))[concept] + rng.integers(2, size=400)
        y = np.clip(rng.uniform(0.3, 0.7, 40)[concept] + 0.02 * rng.standard_normal(400), 0, 1)
        table = Concepts(concept.astype(str), np.full(400, ""), count, y, {}, seed.astype(str))
        found.append(trend(table, resamples=100)["rules"]["one"]["p"])
    assert (np.array(found) < 0.05).sum() <= 6  # 2 of 40 are expected


def test_difference_from_the_same_counts_is_nothing_in_every_resample():
    table = invented(n=60)
    same = Concepts(**{**vars(table), "others": {"count_same": table.count.copy()}})
    found = trend(same, resamples=100)
    assert found["others"]["count_same"]["out"]["r_within_difference"] == pytest.approx([0, 0, 0], abs=1e-12)
    assert found["rules"]["out"]["verdict"] == "common"


def test_other_counts_that_are_worse_by_less_than_can_be_told_are_as_good():
    found = trend(invented(4, n=60, count_near=0.3), resamples=200)
    value, low, _ = found["others"]["count_near"]["out"]["r_within_difference"]
    assert low < 0 < value
    assert found["rules"]["out"]["verdict"] == "common"


def test_sets_are_told_one_by_one(report):
    table = invented(count_near=0.05, count_far=1.5)
    for row in report["by_set"]:
        own = (table.dataset == row["set"]) & (table.count > 0)
        line = stats.linregress(np.log10(table.count[own]), table.accuracy[own])
        assert (row["out"]["concepts"], row["out"]["slope"]) == (own.sum(), pytest.approx(100 * line.slope))


def test_report_is_json_and_the_same_for_the_same_seed(report):
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert trend(invented(count_near=0.05, count_far=1.5), resamples=200) == report
    assert trend(invented(count_near=0.05, count_far=1.5), resamples=200, seed=1) != report


@pytest.mark.parametrize(
    ("table", "kind", "says"),
    [
        (invented(count_near=0.001), "common", "count_near cannot be told from its own counts within sets"),
        (invented(count_far=3.0), "own", "better than those of any other corpus"),
        (invented(), "alone", "Without the counts of another corpus"),
        (invented(slope=-0.1), "falls", "falls with the count"),
        (invented(2, slope=0.0, n=900, noise=0.05), "none", "No trend is seen"),
        (invented(slope=0.0, n=40, noise=0.4), "too little", "Not enough data to say: within sets the slope may be"),
        (invented(n=25), "too little", "at least 30 are needed"),
    ],
)  # fmt: skip
def test_conclusion_is_the_one_that_the_table_was_made_for(table, kind, says):
    found = trend(table, resamples=200)
    assert found["rules"]["out"]["verdict"] == kind
    assert says in found["words"]
    assert found["words"] == in_lines(found)[-1]


def test_counts_that_hardly_differ_are_too_little():
    table = invented(zeros=0)
    near = Concepts(**{**vars(table), "count": 100 + 10 * np.log10(table.count).round()})
    assert "decades; at least 1 is needed" in trend(near, resamples=100)["words"]


def test_zero_rule_that_decides_is_said_to():
    """All of the trend is one between concepts that are never named and the rest."""
    table = invented(slope=0.0, n=600, zeros=0.5, noise=0.1)
    split = Concepts(**{**vars(table), "accuracy": np.where(table.count == 0, 0.1, table.accuracy)})
    words = trend(split, resamples=200)["words"]
    assert "The rule for zero counts decides" in words
    assert "The rule for zero counts decides" not in trend(invented(), resamples=200)["words"]


def test_only_few_concepts_with_a_count_leave_one_rule_out():
    table = invented(n=60)
    few = Concepts(**{**vars(table), "count": np.where(np.arange(60) < 2, 10, 0)})
    found = trend(few, resamples=100)
    assert found["rules"]["out"]["left_out"] == "only 2 concepts"
    assert "cannot be said" in "\n".join(in_lines(found))


@pytest.mark.parametrize("y", [np.arange(40) / 39, np.arange(40) % 2], ids=["line", "steps"])
def test_trend_without_any_scatter_is_told(y):
    """Accuracies on a line, or 0 below a count and 1 above."""
    table = Concepts(np.arange(40).astype(str), np.full(40, ""), 10.0 ** (4 * y), y * 1.0, {}, np.full(40, ""))
    found = trend(table, resamples=100)
    assert found["rules"]["one"]["slope"] == pytest.approx([25, 25, 25])
    assert found["rules"]["one"]["held_out"]["line"] == pytest.approx(0, abs=1e-9)
    assert "gain" not in found["rules"]["one"]["held_out"]
    assert "S gains, % of square  cannot be said" in "\n".join(in_lines(found))


def test_sets_of_one_concept_each_leave_nothing_to_draw_and_have_no_interval(monkeypatch):
    monkeypatch.setattr(trend_report, "mixed_model", lambda *_: {"left_out": "not asked"})
    one = invented(n=40)
    table = Concepts(**{**vars(one), "dataset": one.concept, "others": {"count_b": one.count[::-1].copy()}})
    found = trend(table, resamples=100)
    assert found["rules"]["one"]["slope"] is found["rules"]["one"]["r"] is None
    assert found["others"]["count_b"]["one"]["r_difference"] is None
    assert "points per decade       cannot be said" in "\n".join(in_lines(found))


def test_seeds_with_counts_of_their_own_are_drawn_with_their_concept():
    """Twice the same rows under two seeds are no more evidence: intervals stay as wide."""
    one = invented(n=80)
    twice = Concepts(
        *(np.concatenate([v, v]) for v in (one.concept, one.dataset, one.count, one.accuracy)),
        {},
        np.repeat(["0", "1"], 80),
    )
    widths = [np.ptp(trend(t, resamples=1000)["rules"]["out"]["slope_within"][1:]) for t in (one, twice)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"count": np.full(200, 7.0)}, "every count is 7"),
        ({"accuracy": np.zeros(200)}, "every accuracy is 0.0%"),
    ],
)
def test_table_that_has_no_trend_to_speak_of_is_refused(changed, says):
    with pytest.raises(InputError, match=says):
        trend(Concepts(**{**vars(invented()), **changed}))


def test_too_few_rows_or_resamples_are_refused():
    with pytest.raises(InputError, match="needs at least 3"):
        trend(invented(n=2))
    with pytest.raises(InputError, match="too few"):
        trend(invented(), resamples=50)


def test_enough_is_what_the_docstring_says(report):
    assert f"below {ENOUGH}" in too_little.__doc__
    assert too_little(report["rules"]["out"]) is None


@pytest.mark.parametrize("seed", range(16))
def test_odd_tables_are_refused_or_reported_whole(seed, tmp_path):
    """Few rows, a set a row, accuracies of 0 and 1 alone, counts that are nearly all 0 or unknown elsewhere."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([2, 3, 4, 8, 31]))
    count = np.round(10 ** rng.uniform(0, rng.choice([0.5, 4]), n)) * (rng.random(n) < rng.choice([0.1, 0.5, 1]))
    accuracy = [rng.random(n), np.round(rng.random(n)), (rng.random(n) < 0.1).astype(float)][seed % 3]
    other = [np.full(n, 5.0), np.full(n, np.nan), np.where(rng.random(n) < 0.3, np.nan, count)][seed % 3]
    sets = np.array([f"s{i}" for i in rng.integers(rng.choice([1, 2, n]), size=n)])
    names = np.array([f"c{i}" for i in range(n)])
    table = Concepts(names, sets, count, accuracy, {"count_other": other}, np.full(n, ""))
    try:
        found = trend(table, resamples=100)
    except InputError:
        return
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    lines = in_lines(found)
    assert "nan" not in " ".join(lines)
    if n <= 8:
        assert lines[-1].count("Not enough data to say") >= 1
    draw_trend(table, found, tmp_path / "p.png")


# --- the command -----------------------------------------------------------------------------------------------------


def command(*arguments: object) -> subprocess.CompletedProcess:
    words = [sys.executable, "-m", "toyclip", "trend", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A table as wide as the one of the frequency paper."""
    table = invented(n=80)
    path = tmp_path_factory.mktemp("wide") / "wide.csv"
    columns = {"dataset": table.dataset, "concept": table.concept, "count_a": table.count.astype(int)}
    columns |= {"count_b": table.count.astype(int)[::-1], "acc_M_a": 100 * table.accuracy}
    write_table(path, {name: list(values) for name, values in columns.items()})
    return path


def test_command_prints_stores_and_draws(wide, tmp_path):
    options = ("--count", "count_a", "--accuracy", "acc_M_a", "--resamples", 100)
    done = command(wide, *options, "--json", tmp_path / "r.json", "--picture", tmp_path / "p.png")
    assert (done.returncode, done.stderr) == (0, "")
    held = json.loads((tmp_path / "r.json").read_text())
    assert held.pop("command").startswith("toyclip trend ")
    columns = {
        k: v.tolist() for k, v in vars(invented(n=80)).items() if k in ("dataset", "concept", "count", "accuracy")
    }
    columns["count_b"] = columns["count"][::-1]
    again = trend(concepts(columns), resamples=100)
    assert held["rules"]["out"]["slope"] == pytest.approx(again["rules"]["out"]["slope"])
    assert max(map(len, done.stdout.splitlines())) <= max(100, len(str(tmp_path)) + len("/p.png:"))
    *_, words, drawn = done.stdout.strip().split("\n\n")
    assert held["words"] == " ".join(words.split())
    alt = " ".join(drawn.split()).partition(": ")[2]
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.info["Description"] == alt
    assert re.search(r"rises by \d+\.\d points per tenfold count", alt)


def test_picture_as_svg_has_its_title_and_is_the_same_again(tmp_path):
    table = invented(n=60)
    found = trend(table, resamples=100)
    alt = draw_trend(table, found, tmp_path / "one.svg")
    draw_trend(table, found, tmp_path / "two.svg")
    text = (tmp_path / "one.svg").read_text()
    assert f"<title>{alt}</title>" in text
    assert text == (tmp_path / "two.svg").read_text()
    with pytest.raises(InputError, match=r"\.png or \.svg"):
        draw_trend(table, found, tmp_path / "p.pdf")


@pytest.mark.parametrize(
    ("options", "says"),
    [([], "--count one of count_a, count_b"), (["--picture", "p.pdf"], "ends in .png or .svg")],
)
def test_command_refuses_in_one_line(wide, options, says):
    done = command(wide, *options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_stored_report_of_real_models_has_its_source_and_no_concepts():
    from toyclip.assets.make_real_trend import MODELS, PLACE, SOURCE

    held = json.loads(PLACE.read_text(encoding="utf-8"))
    assert {name: held[name] for name in SOURCE} == SOURCE
    assert list(held["models"]) == list(MODELS)
    for (count, accuracy), report in zip(MODELS.values(), held["models"].values(), strict=True):
        assert report["command"].endswith(f"--count {count} --accuracy {accuracy}")
        assert (report["concepts"], len(report["by_set"])) == (3468, 17)
    told = [(round(r["rules"]["one"]["r"][0], 2), round(r["rules"]["out"]["r"][0], 2)) for r in held["models"].values()]
    assert told == [(0.61, 0.41), (0.51, 0.31), (0.27, 0.24), (0.22, -0.02)]  # numpy.corrcoef of the authors' numbers
