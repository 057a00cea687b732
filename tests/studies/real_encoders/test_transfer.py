"""The way down and what mends it: who is trained on, who is tested, and changed features against definitions."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from toyclip.errors import InputError
from toyclip.studies.real_encoders import transfer
from toyclip.studies.real_encoders.features import VIEWS, Pictures, concept_names, pictures, vendor_names
from toyclip.studies.real_encoders.heads import Training
from toyclip.studies.real_encoders.transfer import ALL, ARMS, POOL, STEPS, TWO, Arm

QUICK = Training(updates=3, batch_size=32)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Three updates on 40 concepts, whatever the arm."""
    monkeypatch.setattr(transfer, "CONCEPTS", 40)
    monkeypatch.setattr(transfer, "train_heads", lambda p, c, t, s, names=None: TRAINER(p, c, QUICK, s, names))


TRAINER = transfer.train_heads


@pytest.fixture
def trained(monkeypatch) -> list[dict]:
    """What each training was given; the training itself is as it was."""
    seen = []

    def train(shown, captions, training, seed, names=None):
        seen.append({"shown": shown, "captions": captions, "training": training, "seed": seed, "names": names})
        return TRAINER(shown, captions, QUICK, seed, names)

    monkeypatch.setattr(transfer, "train_heads", train)
    return seen


def who(shown: Pictures) -> set[str]:
    """The vendors of some pictures."""
    return {vendor_names()[v] for v in shown.vendors.tolist()}


@pytest.mark.parametrize("name", ARMS)
def test_no_arm_trains_on_what_is_tested(name, trained):
    """Neither on a vendor that recipes are chosen or reported on, nor on a concept held out."""
    transfer.mend(name, 1)
    held_out = set(transfer.split(40, 1)[1].tolist())
    assert len(trained) == ARMS[name].heads
    for run in trained:
        assert set(TWO) <= who(run["shown"]) <= set(ARMS[name].vendors)
        assert not who(run["shown"]) & {"Twemoji", "OpenMoji"}
        assert not set(run["shown"].concepts.tolist()) & held_out
        assert {VIEWS[v] for v in run["shown"].views.tolist()} == set(ARMS[name].views)
        assert len(run["captions"]) == 3
    assert len({run["seed"] for run in trained}) == len(trained)


def test_arms_differ_from_the_two_vendors_in_what_their_names_say():
    base = Arm()
    assert ARMS["two vendors"] == base == Arm(TWO, ("plain",), ("last",), 0.5, "", 1)
    assert ARMS["whitened"].power == 0
    assert ARMS["recoloured views"].views == ("plain", "recoloured")
    assert ARMS["outlined views"].views == ("plain", "outlined")
    assert ARMS["middle layers"].layers == ("last", "middle")
    assert set(ALL) == set(vendor_names()) - {"Twemoji", "OpenMoji"}
    assert ARMS["eight sets"].vendors == ALL
    last = ARMS["recipe"]
    assert (last.vendors, last.views, last.layers, last.heads) == (ALL, ("plain", "outlined"), ("last", "middle"), 5)


def test_every_step_asks_about_another_set_and_only_the_first_about_training_pictures():
    asked = list(STEPS.values())
    assert asked[0] == TWO
    assert len({v for vendors in asked for v in vendors}) == 5
    assert not set(TWO) & {v for vendors in asked[1:] for v in vendors}


@pytest.mark.parametrize("name", ["pairs", "shuffled pairs"])
def test_waterfall_trains_on_two_vendors_and_shuffles_only_trained_concepts(name, trained):
    found = transfer.waterfall(name, 2)
    (run,) = trained
    assert who(run["shown"]) == set(TWO)
    kept, held_out = transfer.split(40, 2)
    assert set(run["shown"].concepts.tolist()) == set(kept.tolist())
    if name == "pairs":
        assert run["names"] is None
    else:
        moved = run["names"]
        assert sorted(moved[kept].tolist()) == kept.tolist()
        assert (moved[kept] == kept).float().mean() < 0.2
        assert torch.equal(moved[held_out], held_out)
    assert list(found["steps"]) == [*STEPS, "training pictures, outlined"]
    assert found["chance"] == [1 / 32, 1 / 8]
    for step in found["steps"].values():
        for part in step.values():
            assert 0 <= part["R@1"] <= part["R@10"] <= 1


@pytest.mark.parametrize("count", range(1, len(POOL) + 1))
def test_lots_draw_that_many_vendors_and_the_same_concepts(count, trained):
    name = f"{count} vendor{'s'[: count > 1]}"
    results = [transfer.lots(name, seed) for seed in (0, 1, 2)]
    for run, result in zip(trained, results, strict=True):
        assert who(run["shown"]) == set(result["vendors"]) <= set(POOL)
        assert len(result["vendors"]) == count
        assert len(run["shown"]) == count * len(set(run["shown"].concepts.tolist()))  # all vendors drew all of them
    assert len({result["concepts"] for result in results}) == 1
    fewer = transfer.lots("1 vendor", 0)["vendors"]
    assert set(fewer) <= set(results[0]["vendors"])  # more vendors keep those there were


def test_own_statistics_leave_every_vendor_with_one_mean_and_deviation():
    given = pictures()
    changed = transfer.own_statistics(given, TWO)
    for vendor in vendor_names():
        part = changed.by(vendor).features
        assert part.mean(dim=0).abs().max() < 1e-5
        assert part.std(dim=0) == pytest.approx(given.features.std(dim=0), rel=1e-3)


def test_coral_gives_the_covariance_of_the_training_vendors_and_leaves_theirs():
    """Against scipy's square roots of matrices."""
    given = pictures()
    changed = transfer.coral(given, TWO)
    assert torch.equal(changed.by(*TWO).features, given.by(*TWO).features)
    source, target = (given.by(*v).features.double().numpy() for v in (TWO, ("OpenMoji",)))

    def loaded(features: np.ndarray) -> np.ndarray:
        covariance = np.cov(features.T)
        return covariance + 0.01 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))

    centred = target - target.mean(axis=0)
    expected = centred @ np.linalg.inv(sqrtm(loaded(target)).real) @ sqrtm(loaded(source)).real + source.mean(axis=0)
    assert changed.by("OpenMoji").features.numpy() == pytest.approx(expected, abs=1e-3)


def test_limit_of_concepts_holds_for_every_arm():
    assert transfer.prepared(Arm(change="CORAL")).concepts.max() == 39
    assert len(concept_names()) > 700


@pytest.mark.parametrize("run", [transfer.waterfall, transfer.mend, transfer.lots])
def test_unknown_condition_is_refused(run):
    with pytest.raises(InputError, match="there is no"):
        run("as you like it", 0)
