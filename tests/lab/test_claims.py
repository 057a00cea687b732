"""A verdict takes its sentence from the table and its word from the measured parts, and is read back as printed."""

import re
from dataclasses import replace

import nbformat
import numpy as np
import pytest

from toyclip.errors import InputError
from toyclip.lab import claims as claims_module
from toyclip.lab.claims import (
    VERDICTS,
    Claim,
    Effect,
    Verdict,
    box,
    claims,
    collect,
    collected,
    outcome,
    picture,
    read_verdicts,
    verdict,
)

ROWS = 'id,source,sentence\nS4,mohapatra2026,the loss stays at 1.5\nF12,sun2025,"rare, and hard"\n'


RUN = {"seeds": 8, "recipe": "fast"}
EFFECT = Effect("accuracy, %", 62.54321, 60.0, 65.0, 76.2)


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, instead of displaying it."""
    bundles = []
    monkeypatch.setattr(claims_module, "display", lambda data, raw: bundles.append(data))
    return bundles


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "claims.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def test_claims_are_read_in_their_order(table):
    assert list(claims(table).values()) == [
        Claim("S4", "mohapatra2026", "the loss stays at 1.5"),
        Claim("F12", "sun2025", "rare, and hard"),
    ]


@pytest.mark.parametrize(
    "text", ["", "id,sentence\nS1,so\n", ROWS + "S5,me\n", ROWS + "S5,me,\n", ROWS + "S4,me,twice\n"]
)
def test_table_that_is_not_whole_is_refused(table, text):
    table.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="claims"):
        claims(table)


def test_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match="no table of claims"):
        claims(tmp_path / "claims.csv")


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ({"a": True}, "holds"),
        ({"a": np.True_, "b": True}, "holds"),
        ({"a": True, "b": np.False_}, "holds in part"),
        ({"a": False, "b": False, "c": True}, "holds in part"),
        ({"a": False}, "wrong"),
        ({}, "not here"),
    ],
)
def test_outcome_follows_from_the_parts(parts, word, table, shown):
    assert outcome(parts) == word
    assert word in VERDICTS
    verdict("F12", parts, "so <many>", table=table, **RUN)
    (data,) = shown
    claim, said, rests = data["text/plain"].splitlines()
    assert claim == "F12: rare, and hard"
    assert re.fullmatch(rf"Verdict: \S {word}\. so <many>", said)
    assert rests == "Seeds: 8. Recipe: fast."
    assert f">{rests}<" in data["text/html"]
    assert f'class="verdict {word.replace(" ", "-")}"' in data["text/html"]
    assert "so &lt;many&gt;" in data["text/html"]


@pytest.mark.parametrize("part", [1, 0.97, "yes", None, np.array([True])])
def test_part_that_is_neither_true_nor_false_is_refused(part, table, shown):
    with pytest.raises(TypeError, match="true or false"):
        verdict("S4", {"fine": True, "not": part}, "one seed", table=table, **RUN)
    assert shown == []


def test_claim_that_is_not_in_the_table_is_refused(table, shown):
    with pytest.raises(InputError, match="no claim 'S5'; choose one of S4, F12"):
        verdict("S5", {"a": True}, "one seed", table=table, **RUN)
    assert shown == []


def test_verdicts_are_read_back_as_they_were_shown(table, shown, monkeypatch):
    verdict("S4", {"a": False}, '10 of "10" seeds & more', table=table, seeds="none: a count", recipe="any")
    verdict("F12", {"a": False, "b": True}, "Twice.", table=table, effect=replace(EFFECT, between="seeds"), **RUN)
    shown.append({"text/html": '<div class="verdict">no data</div>', "text/plain": "X"})
    outputs = [nbformat.v4.new_output("display_data", data=data) for data in shown]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("verdict()", outputs=outputs)])
    nbformat.write(notebook, table.parent / "chapter.ipynb")
    found = read_verdicts(table.parent / "chapter.ipynb")
    assert found == [
        Verdict("S4", "the loss stays at 1.5", "wrong", '10 of "10" seeds & more', "none: a count", "any"),
        Verdict(
            *("F12", "rare, and hard", "holds in part", "Twice.", "8", "fast"),
            Effect("accuracy, %", 62.5, 60, 65, 76.2, "seeds"),
        ),
    ]
    assert [box(v) for v in found] == [data["text/html"] for data in shown[:2]]

    monkeypatch.setattr(claims_module, "COLLECTED", table.parent / "verdicts.json")
    collect([table.parent / "chapter.ipynb"])
    assert collected(table.parent / "verdicts.json") == [("chapter", v) for v in found]


def test_picture_places_what_was_found_between_its_bounds_and_the_claim_where_it_belongs():
    drawn = picture(Effect("points", 2.0, 1.0, 4.0, claimed=5.0))
    x = {name: float(re.search(pattern, drawn)[1]) for name, pattern in PLACES.items()}
    assert x["low"] < x["found"] < x["high"] < x["claimed"]
    assert (x["found"] - x["low"]) / (x["high"] - x["low"]) == pytest.approx(1 / 3, abs=0.01)
    assert "points: 2 (95 % interval 1 to 4), claimed 5" in drawn
    assert "points: 2 (seeds 1 to 4)" in picture(Effect("points", 2.0, 1.0, 4.0, between="seeds"))


def test_picture_of_one_number_has_no_width():
    drawn = picture(Effect("points", 2.0, 2.0, 2.0))
    assert {float(re.search(PLACES[name], drawn)[1]) for name in ("low", "found", "high")} == {60.0}


PLACES = {
    "low": r'd="M([\d.]+) 10H[\d.]+" class="found"',
    "high": r'd="M[\d.]+ 10H([\d.]+)" class="found"',
    "found": r'cx="([\d.]+)"',
    "claimed": r'd="M([\d.]+) 2V18" class="claimed"',
}
