"""The real pair: what is told and what is tested, grades against their definitions, and a world as clear as day."""

import itertools
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score, f1_score

from toyclip.studies.real_encoders import kinds
from toyclip.studies.real_encoders.features import Pictures, vendor_names
from toyclip.studies.real_encoders.kinds import ARMS, CONDITIONS, Arm, align, measure, taught, vectors
from toyclip.studies.real_encoders.leaves import Leaves, hold_out, leaves_of, read
from toyclip.studies.real_encoders.ranking import grades, luck
from toyclip.studies.real_encoders.transfer import ALL, CHOSEN_ON, REPORTED_ON
from toyclip.studies.taxonomy.kinds import coherence


@pytest.fixture(scope="module")
def unicode() -> Leaves:
    return leaves_of("Unicode")


@pytest.fixture(scope="module")
def out(unicode) -> np.ndarray:
    return hold_out(unicode, 1)


def test_luck_is_the_mean_over_all_ways_in_which_kinds_can_be_dealt_out():
    scores = np.random.default_rng(0).normal(size=7)
    for right in (1, 3, 6):
        deals = [np.isin(np.arange(7), chosen) for chosen in itertools.combinations(range(7), right)]
        assert luck(7, right) == pytest.approx(np.mean([average_precision_score(deal, scores) for deal in deals]))


def test_grades_are_scikit_learns_and_kinds_without_a_picture_have_none():
    rng = np.random.default_rng(1)
    scores, truth = rng.normal(size=(40, 3)), rng.uniform(size=(40, 3)) < 0.3
    truth[:, 1] = False
    found = grades(scores, truth)
    assert all(values[1] is None for values in found.values())
    for k in (0, 2):
        called = scores[:, k] >= np.sort(scores[:, k])[-truth[:, k].sum()]
        assert found["ap"][k] == pytest.approx(average_precision_score(truth[:, k], scores[:, k]), abs=1e-4)
        assert found["f1"][k] == pytest.approx(f1_score(truth[:, k], called), abs=1e-4)


@pytest.mark.parametrize("name", ARMS)
def test_kinds_are_told_of_as_many_leaves_as_said_and_of_none_held_out(name, unicode, out):
    arm = ARMS[name]
    shown, told = taught(arm, unicode, np.arange(len(unicode.names)), out, 1)
    assert not shown[out].any()
    assert shown.sum() / (~out).sum() == pytest.approx(arm.taught, abs=0.02)
    left_out = kinds.withheld(arm, unicode, 1)
    assert len(left_out) == 16 * arm.withheld
    expected = unicode.truth & shown[:, None]
    expected[:, left_out] = False
    assert np.array_equal(told.numpy(), expected)
    assert all(arm.taught == 0 or shown[unicode.group == k].any() or arm.taught < 0.11 for k in range(16))


def test_more_leaves_are_told_where_fewer_were_and_under_other_names_their_words_kinds(unicode, out):
    few, more = (taught(ARMS[f"{n} of 10 leaves"], unicode, np.arange(len(unicode.names)), out, 1)[0] for n in (3, 7))
    assert (more | ~few).all()
    said = np.roll(np.arange(len(unicode.names)), 40)
    _, told = taught(Arm(taught=1.0), unicode, said, out, 1)
    assert np.array_equal(told.numpy()[~out], unicode.truth[said][~out])


def test_arms_differ_from_the_first_in_what_they_say():
    for name, arm in ARMS.items():
        changed = {f.name for f in fields(Arm) if getattr(arm, f.name) != getattr(Arm(), f.name)}
        assert changed == {
            field
            for field, words in {
                "text": ("random", "dealt"), "layers": ("middle",), "words": ("within", "across", "wholes"),
                "taught": ("of 10", "all leaves", "% of"), "withheld": ("% of",),
            }.items() if any(word in name for word in words)
        }  # fmt: skip
    assert {table for table, _ in CONDITIONS.values()} == {"Unicode", "WordNet"}
    assert all(arm == ARMS[name.partition(", ")[2]] for name, (_, arm) in CONDITIONS.items())


def test_vectors_are_minilms_or_random_or_its_with_kinds_dealt_out(unicode):
    names, asked = read(unicode.names), read(unicode.kinds)
    own, dealt, lots = (vectors(Arm(text=text), unicode, 1) for text in ("MiniLM", "kinds dealt out", "random"))
    assert torch.equal(own[0], names)
    assert torch.equal(own[1], asked)
    assert torch.equal(dealt[0], names)
    assert not (dealt[1] == asked).all(dim=1).any()
    assert torch.allclose(dealt[1].sum(dim=0), asked.sum(dim=0), atol=1e-5)
    for random, rows in zip(lots, (names, asked), strict=True):
        assert random.shape == rows.shape
        assert (random * rows).sum(dim=1).abs().max() < 0.3
        assert torch.allclose(random.norm(dim=1), torch.ones(len(rows)))
    assert (lots[0] @ lots[1].T).abs().max() < 0.3


def test_alike_is_the_coherence_of_one_kind():
    looks = np.random.default_rng(0).normal(size=(12, 5))
    own = np.arange(12) % 3 == 0
    assert kinds.alike(looks, own) == pytest.approx(coherence(looks, own.astype(int))[1])


@pytest.fixture
def clear(monkeypatch, unicode):
    """Pictures that look like what MiniLM makes of their names, turned; a vendor in the test draws them with noise."""
    turn = torch.linalg.qr(torch.randn(384, 384, generator=torch.Generator().manual_seed(3)))[0]  # (384, 384)
    looks, who = read(unicode.names) @ turn, [*ALL, CHOSEN_ON, REPORTED_ON]
    noise = torch.randn(len(who), *looks.shape, generator=torch.Generator().manual_seed(4)) / 40
    features = (4 * (looks + noise)).flatten(0, 1)  # (10 L, 384)
    vendors = torch.tensor([vendor_names().index(vendor) for vendor in who]).repeat_interleave(len(looks))
    found = Pictures(features, unicode.concepts.repeat(len(who)), vendors, torch.zeros_like(vendors))
    monkeypatch.setattr(kinds, "pictures", lambda layers: found)
    return found


def mean(values: list[float | None]) -> float:
    return np.nanmean(np.array(values, dtype=float))


def test_kinds_are_found_where_they_are_seen_and_said_and_nowhere_else(clear, monkeypatch):
    """As well as the text finds them by their names, as each picture looks like its name."""
    monkeypatch.setattr(kinds, "UPDATES", 60)
    real, random, across = (measure("Unicode", ARMS[name], 1) for name in ("no kind shown", "random vectors", "across"))
    assert mean(real["seen"]["ap"]) > 0.8 * mean(real["text"]) > 0.4
    assert mean(real["held"]["ap"]) > 0.4
    for result in (random, across):
        assert mean(result["held"]["ap"]) < 0.2
    assert real["leaf"] > 0.8
    assert mean(real["coherence"]) > 0.1 > 0.05 > abs(mean(across["coherence"]))


def test_tested_are_the_vendors_own_drawings_of_leaves_that_were_not_told(clear, monkeypatch, unicode, out):
    asked = []
    monkeypatch.setattr(kinds, "grades", lambda scores, truth: asked.append(truth) or {"ap": []})
    monkeypatch.setattr(kinds, "UPDATES", 1)
    measure("Unicode", ARMS["7 of 10 leaves"], 1)
    shown, _ = taught(ARMS["7 of 10 leaves"], unicode, np.arange(len(unicode.names)), out, 1)
    _, seen, _, held, _ = asked
    assert np.array_equal(seen, unicode.truth[~out & ~shown])
    assert np.array_equal(held, unicode.truth[out])


def test_nothing_is_trained_on_the_vendor_or_on_leaves_that_are_held_out(clear, monkeypatch, unicode, out):
    given = []
    monkeypatch.setattr(kinds, "UPDATES", 1)
    monkeypatch.setattr(
        kinds, "align", lambda seen, owner, *rest: given.append((seen, owner)) or align(seen, owner, *rest)
    )
    measure("Unicode", Arm(), 1)
    ((seen, owner),) = given
    assert {vendor_names()[v] for v in seen.vendors.tolist()} == set(ALL)
    assert set(owner.tolist()) == set(np.arange(len(unicode.names))[~out].tolist())
    assert torch.equal(unicode.concepts[owner], seen.concepts)


def test_kind_that_is_not_told_is_no_wrong_answer(monkeypatch):
    """Of a leaf of two kinds, told both, the one not asked for this time costs nothing; nor does one never told."""
    monkeypatch.setattr(kinds, "UPDATES", 0)
    seen = Pictures(*(torch.ones(8, 4), *3 * [torch.zeros(8, dtype=torch.int64)]))
    names, asked = F.normalize(torch.randn(1, 6, generator=torch.Generator().manual_seed(0)), dim=1), torch.eye(6)[:3]
    losses = []
    monkeypatch.setattr(kinds, "descend", lambda mapping, loss, *_: losses.append(loss().item()) or 0.0)
    for told in ([True, True, False], [True, False, False], [False, False, False]):
        align(seen, torch.zeros(8, dtype=torch.int64), torch.zeros(1, dtype=torch.int64), names, asked,
              torch.tensor([told]), 0)  # fmt: skip
    assert losses == pytest.approx([0, 0, 0], abs=1e-5)


def test_study_reports_on_a_vendor_that_nothing_was_chosen_on(monkeypatch):
    asked = []
    monkeypatch.setattr(kinds, "measure", lambda *given: asked.append(given) or {})
    kinds.real_kinds("WordNet, within", 4)
    assert asked == [("WordNet", replace(Arm(), words="within"), 4)]
    assert measure.__defaults__ == (REPORTED_ON,)
    assert REPORTED_ON not in (*ALL, CHOSEN_ON)
