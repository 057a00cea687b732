"""Tables of concepts: what is read is what was written, and what means nothing is refused in one sentence."""

import csv
import gzip
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyclip.errors import InputError
from toyclip.own.concept_table import concepts
from toyclip.own.table_files import read_table, write_table

CAT = {"concept": ["cat", "dog", "nan"], "count": ["0", "10", "1e3"], "accuracy": ["0.1", "0.5", "1"]}


def table(**changed) -> dict:
    """The small table with some columns changed, or without those set to None."""
    return {name: values for name, values in {**CAT, **changed}.items() if values is not None}


# --- files -----------------------------------------------------------------------------------------------------------

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(str.strip).filter(bool)


@given(st.lists(st.tuples(CELL, CELL), min_size=1))
def test_what_is_written_is_read_again(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("tables") / "t.csv"
    write_table(path, {"concept": [a for a, _ in rows], "b": [b for _, b in rows]})
    assert read_table([path]) == {"concept": [a for a, _ in rows], "b": [b for _, b in rows]}
    with open(path, encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["concept", "b"], *map(list, rows)]


def test_csv_of_a_spreadsheet_packed_or_not_is_read(tmp_path):
    text = '\ufeffconcept,count,accuracy\r\n"crane, bird",3,\r\n\r\nNone,0,0.5\r\n'
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", newline="")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    told = {"concept": ["crane, bird", "None"], "count": ["3", "0"], "accuracy": [None, "0.5"]}
    assert read_table([tmp_path / "t.csv"]) == told == read_table([tmp_path / "t.csv.gz"])


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("t.csv", b"a,b\n1,2\n1,2,3\n", "line 3 .* has 3 cells, its header 2"),
        ("t.csv", b"a,a\n1,2\n", "each once"),
        ("t.csv", b"", "must name every column"),
        ("t.csv", b'a,b\n"1,2\n', "is not CSV"),
        ("t.csv", b"\xff\xfe\x00", "not UTF-8"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-20], "cannot read"),
        ("t.csv.gz", gzip.compress(b"", mtime=0)[:10] + b"\xff" * 30, "cannot read"),
        ("t.csv.gz", b"a,b\n", "cannot read"),
        ("t.json", b"{", "is not JSON"),
        ("t.json", b"[1]", "JSON object"),
        ("x_search_counts.json", b'{"cat": true}', "neither"),
        ("x_search_counts.json", b'{"cat": 3}', "both kinds"),
    ],
)
def test_damaged_file_is_refused(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=says):
        read_table([tmp_path / name])


def test_missing_file_and_two_tables_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_table([tmp_path / "none.csv"])
    with pytest.raises(InputError, match="got 2 files"):
        read_table(["a.csv", "b.json"])


def test_parquet_needs_pyarrow_and_says_so(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "t.parquet"
    try:
        pandas.DataFrame({"concept": ["cat", None], "count": [1, 2]}).to_parquet(path)
    except ImportError:
        path.write_bytes(b"PAR1")
        with pytest.raises(InputError, match="pip install pyarrow"):
            read_table([path])
    else:
        assert read_table([path]) == {"concept": ["cat", None], "count": [1, 2]}


def test_the_papers_two_kinds_of_file_become_one_table(tmp_path):
    """Names as in the authors' repository: one set's name begins as another's does, and letters differ in case."""
    files = {
        "pets_class_results.json": {"RN50": {"full": 9, "classwise": {"Tabby Cat": 10.0, "pug": 30.0}}},
        "pets_big_class_results.json": {"RN50": {"full": 9, "classwise": {"pug": 70.0}}},
        "pets_cc3m_i0.7_search_counts.json": {"tabby cat": 5, "pug": 0},
        "pets_big_cc3m_i0.7_search_counts.json": {"pug": 8},
        "coco_cc3m_i0.7_search_counts.json": {"pug": 99},
    }
    for name, held in files.items():
        (tmp_path / name).write_text(json.dumps(held))
    assert read_table([tmp_path / name for name in files]) == {
        "dataset": ["pets", "pets", "pets_big"],
        "concept": ["Tabby Cat", "pug", "pug"],
        "count_cc3m_i0.7": [5, 0, 8],
        "acc_RN50": [10.0, 30.0, 70.0],
    }
    (tmp_path / "pets_simple_results.json").write_text('{"RN50": {"classwise": {"pug": 1}}}')
    with pytest.raises(InputError, match="one prompt"):
        read_table([*(tmp_path / name for name in files), tmp_path / "pets_simple_results.json"])


# --- what is in them -------------------------------------------------------------------------------------------------


def test_columns_become_numbers_and_a_concept_called_nan_stays():
    found = concepts(table(count_other=["", "4", None] and [None, "4", "0"]))
    assert found.concept.tolist() == ["cat", "dog", "nan"]
    assert (found.count.tolist(), found.accuracy.tolist()) == ([0, 10, 1000], [0.1, 0.5, 1])
    assert found.others["count_other"].tolist() == pytest.approx([np.nan, 4, 0], nan_ok=True)
    assert concepts(table(country=["at", "de", "fr"])).others == {}


@pytest.mark.parametrize(
    ("values", "unit", "shares"),
    [
        ([0, 0.3, 1], None, [0, 0.3, 1]),
        ([0, 30, 2.5], None, [0, 0.3, 0.025]),
        ([0, 0.3, 1], "percent", [0, 0.003, 0.01]),
        ([0, 0.01, 0.02], "share", [0, 0.01, 0.02]),
    ],
)
def test_unit_of_the_accuracy_follows_the_rule(values, unit, shares):
    assert concepts(table(accuracy=values), unit=unit).accuracy.tolist() == pytest.approx(shares)


@pytest.mark.parametrize(
    ("changed", "options", "says"),
    [
        ({"accuracy": [0, 0.01, 0.02]}, {}, "shares or percent"),
        ({"accuracy": [0, 0.5, 1.2]}, {}, "shares or percent"),
        ({"accuracy": [0, 0.5, 1.2]}, {"unit": "share"}, "holds 1.2 in row 3"),
        ({"accuracy": [0, 50, 101]}, {}, "from 0 to 100"),
        ({"accuracy": [-1, 50, 99]}, {}, "holds -1 in row 1"),
        ({"accuracy": [0, 50, 99]}, {"unit": "points"}, "no unit 'points'"),
        ({"accuracy": None}, {}, "no column 'accuracy'"),
        ({"accuracy": None, "acc_B": [1, 2, 3]}, {}, "--accuracy one of acc_B"),
        ({"count": None, "count_X": [1, 2, 3]}, {}, "--count one of count_X"),
        ({"count": [0, "many", 2]}, {}, "'many' in column 'count', row 2"),
        ({"count": [0, "inf", 2]}, {}, "not a number"),
        ({"count": [0, "nan", 2]}, {}, "not a number"),
        ({"count": [0, -3, 2]}, {}, "holds -3"),
        ({"count": [0, 0.5, 2]}, {}, "at least 1"),
        ({"count_X": [0, -1, 2]}, {}, "'count_X' holds -1"),
        ({"correct": [1, 4, 2], "n": [3, 3, 3]}, {}, "0 to n right answers"),
        ({"correct": [0, 0, 0], "n": [3, 0, 3]}, {}, "at least one test picture"),
        ({"concept": ["cat", "cat", "dog"]}, {}, "'cat' is there twice"),
        ({"concept": ["cat", None, "dog"]}, {}, "has no concept"),
        ({"concept": None}, {}, "no column 'concept'"),
        ({"model": ["A", "B", "B"]}, {}, "choose with --model one of A, B"),
        ({"model": ["A", "B", "B"]}, {"model": "C"}, "no model 'C'"),
        ({}, {"model": "A"}, "no column 'model'"),
    ],
)
def test_what_means_nothing_is_refused(changed, options, says):
    with pytest.raises(InputError, match=says):
        concepts(table(**changed), **options)


def test_rows_without_a_value_are_left_out_and_counted():
    found = concepts(table(count=["0", None, "7"]))
    assert found.concept.tolist() == ["cat", "nan"]
    assert found.notes == ("left out for want of a count or an accuracy: 1",)


def test_correct_and_n_win_and_one_model_is_chosen():
    columns = table(correct=[1, 2, 3], n=[4, 4, 4], model=["A", "B", "B"])
    assert concepts(columns, model="B").accuracy.tolist() == [0.5, 0.75]
    assert concepts(columns, model="A").called == ("count", "correct / n")


def test_seeds_are_averaged_unless_their_counts_differ():
    rows = {"concept": ["a", "a", "b", "b"], "seed": [0, 1, 0, 1], "accuracy": [0.2, 0.4, 0.6, 0.6]}
    mean = concepts({**rows, "count": [5, 5, 9, 9]})
    assert (mean.concept.tolist(), mean.count.tolist()) == (["a", "b"], [5, 9])
    assert mean.accuracy.tolist() == pytest.approx([0.3, 0.6])
    assert len(concepts({**rows, "count": [5, 7, 9, 9]})) == 4
    with pytest.raises(InputError, match="twice"):
        concepts({**rows, "count": [5, 5, 9, 9], "seed": [0, 0, 0, 1]})


def test_same_concept_in_two_sets_is_two():
    assert len(concepts(table(concept=["cat", "cat", "cat"], dataset=["a", "b", "c"]))) == 3


def test_csv_in_and_out_is_what_pandas_reads(tmp_path):
    pandas = pytest.importorskip("pandas")
    write_table(tmp_path / "t.csv", CAT)
    frame = pandas.read_csv(io.StringIO((tmp_path / "t.csv").read_text()), keep_default_na=False)
    assert frame["count"].tolist() == concepts(read_table([tmp_path / "t.csv"])).count.tolist()
