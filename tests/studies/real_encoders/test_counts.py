"""Frequency by lot with real encoders: who gets how many drawings, how often, and under which condition."""

from collections import Counter

import numpy as np
import pytest

from toyclip.studies.real_encoders import counts, transfer
from toyclip.studies.real_encoders.counts import CONDITIONS, COUNTS, deal, drawn
from toyclip.studies.real_encoders.features import pictures
from toyclip.studies.real_encoders.heads import Training

SHOWN = pictures().by(*transfer.ALL, views=counts.VIEWS)
SHOWN = SHOWN[SHOWN.concepts < 24]


def test_every_count_is_dealt_equally_often_and_another_concept_gets_it_under_another_seed():
    dealt = np.array([deal(400, seed) for seed in range(40)])  # (40, 400)
    assert all(Counter(row.tolist()) == dict.fromkeys(COUNTS, 100) for row in dealt)
    assert np.array_equal(deal(400, 3), dealt[3])
    assert all(len(set(column)) == len(COUNTS) for column in dealt.T[:50])
    assert abs(np.corrcoef(dealt[0], dealt[1])[0, 1]) < 0.2


@pytest.mark.parametrize("name", CONDITIONS)
def test_rows_and_drawings_are_as_the_condition_says(name):
    differ, exposure = CONDITIONS[name]
    dealt = deal(24, seed=1)
    rows = drawn(SHOWN, dealt, differ, exposure, seed=1)
    for concept, count in enumerate(dealt.tolist()):
        own = rows.concepts == concept
        drawings = set(zip(rows.vendors[own].tolist(), rows.views[own].tolist(), strict=True))
        assert len(drawings) == (count if differ else 1)
        assert own.sum() == (count if exposure else max(COUNTS))


def test_conditions_of_one_seed_share_their_drawings():
    """What differs is how many and how often, not which."""
    dealt = deal(24, seed=2)
    sets = []
    for differ, exposure in CONDITIONS.values():
        rows = drawn(SHOWN, dealt, differ, exposure, seed=2)
        sets.append(set(zip(rows.concepts.tolist(), rows.vendors.tolist(), rows.views.tolist(), strict=True)))
    assert sets[2] < sets[1] == sets[0]


def test_hits_are_those_of_two_pictures_of_every_concept(monkeypatch):
    monkeypatch.setattr(transfer, "CONCEPTS", 24)
    monkeypatch.setattr(counts, "Arm", lambda: transfer.Arm(training=Training(updates=40, batch_size=32)))
    found = counts.frequency("as it comes", 0)
    assert found["counts"] == deal(24, 0).tolist()
    assert len(found["hits"]) == 24
    assert set(found["hits"]) <= {0, 1, 2}
    assert 0.1 < np.mean(found["hits"]) / 2 < 1
