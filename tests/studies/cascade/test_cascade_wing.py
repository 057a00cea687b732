"""Hubs, pairs, falsifiers, ablations, sums: who was trained on what, and readings worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score
from studies.samples import names, same_weights, tiny_world

from toyclip import streams
from toyclip.data import draw_pairs
from toyclip.recipes import FAST
from toyclip.studies.cascade import ablations, emergent, hubs, pairing, space
from toyclip.studies.cascade.pairing import Size, captions_of, heard, pictures_of, scores
from toyclip.train import train

TINY = Size(pairs=4, test=2, epochs=1, batch_size=16)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Forty-eight pictures and two updates make a hub."""
    quick = replace(FAST, epochs=2, batch_size=16)
    monkeypatch.setattr(hubs, "FAST", quick)
    monkeypatch.setattr(hubs, "world", tiny_world)
    monkeypatch.setattr(ablations, "STOPS", (2, 4, 6))
    for updates in (4, 12, 20, 40):  # of six that there are
        monkeypatch.setitem(ablations.ARMS, f"hub of {updates} updates", {"updates": {4: 2, 12: 4}.get(updates, 6)})
    for kept in (hubs.hub, pairing.heard, emergent.sounds_of, emergent.lender, hubs.checkpoints, ablations.shown):
        kept.cache_clear()
    yield
    for kept in (hubs.hub, pairing.heard, emergent.sounds_of, emergent.lender, hubs.checkpoints, ablations.shown):
        kept.cache_clear()


@pytest.fixture
def tied(monkeypatch) -> list[dict]:
    """What every sound encoder was trained on."""
    seen, real = [], pairing.bind

    def bind(encoder, spectra, anchors, **options):
        bound = real(encoder, spectra, anchors, **options)
        seen.append({"spectra": spectra, "anchors": anchors, "options": options, "bound": bound})
        return bound

    monkeypatch.setattr(pairing, "bind", bind)
    return seen


# --- hubs ------------------------------------------------------------------------------------------------------------


def test_hub_is_the_model_that_the_recipe_trains(monkeypatch):
    monkeypatch.setattr("toyclip.train.world", tiny_world)
    model, _ = train(hubs.FAST, 3)
    assert same_weights(model, hubs.hub(3))


def test_checkpoints_are_copies_on_the_way_and_frozen():
    found = hubs.checkpoints(1, stops=(0, 2, 6, 99))
    assert list(found) == [0, 2, 6]
    assert same_weights(found[6], hubs.hub(1))
    assert not same_weights(found[0], found[2])
    assert not same_weights(found[2], found[6])
    assert not any(p.requires_grad for model in found.values() for p in model.parameters())


def test_hub_of_another_width_is_another_model():
    assert hubs.hub(0, 4).config.width == 4
    assert hubs.hub(0).config.width == 64


# --- pairs -----------------------------------------------------------------------------------------------------------


def test_pictures_with_a_sound_are_none_of_the_hub_s_nor_of_the_test():
    pairs = heard(TINY, 0)
    own = set(names(pairs.pictures))
    assert len(own) == 64
    others = [*tiny_world(0), draw_pairs(4, streams.number(0, "pictures to test on"))]
    assert not own & {name for other in others for name in names(other)}
    assert torch.equal(pairs.classes, torch.arange(16).repeat_interleave(2))
    assert len({s.numpy().tobytes() for s in torch.cat([pairs.spectra, pairs.test])}) == 64 + 32
    assert not torch.equal(pairs.spectra, heard(TINY, 1).spectra)


def test_scores_of_a_matrix_worked_out_by_hand():
    captions, classes = torch.eye(16), torch.arange(16).repeat_interleave(2)
    sounds = captions[classes].clone()
    sounds[0], sounds[5] = captions[3], captions[7]  # two of 32 are taken for another class
    found = scores(sounds, captions, classes)
    assert found["accuracy"] == accuracy_score(classes, (sounds @ captions.T).argmax(dim=1)) == 30 / 32
    assert found["by_class"] == [1, 2, 1, *[2] * 13]
    assert 26 / 32 <= found["found"] <= 30 / 32
    assert scores(captions[classes], captions, classes)["found"] == 1
    assert scores(captions[(classes + 1) % 16], captions, classes) == {
        "accuracy": 0.0, "found": 0.0, "by_class": [0] * 16,
    }  # fmt: skip


# --- who is tied to what ---------------------------------------------------------------------------------------------


def test_cascade_knows_pictures_alone(tied, monkeypatch):
    """No word is looked at before the encoder is done; the same anchors come from the pictures by themselves."""
    monkeypatch.setattr(emergent, "captions_of", lambda model: captions_of(model) if tied else pytest.fail("too soon"))
    emergent.cascade(TINY, 0)
    (row,) = tied
    assert torch.equal(row["spectra"], heard(TINY, 0).spectra)
    assert torch.equal(row["anchors"], pictures_of(hubs.hub(0), heard(TINY, 0).pictures))


def test_ceiling_is_tied_to_its_captions(tied):
    emergent.direct(TINY, 0)
    expected = captions_of(hubs.hub(0)).repeat_interleave(4, dim=0)
    assert torch.equal(tied[0]["anchors"], expected)


def test_hub_is_not_changed_by_what_is_tied_to_it():
    before = hubs.frozen(hubs.hub(0))
    for name in emergent.RUNS:
        emergent.emergent(name, 0, TINY)
    assert same_weights(before, hubs.hub(0))


def test_broken_hub_differs_in_the_words_alone(tied, monkeypatch):
    asked = []
    monkeypatch.setattr(emergent, "captions_of", lambda model: asked.append(model) or captions_of(model))
    emergent.broken_hub(TINY, 0)
    emergent.cascade(TINY, 0)
    assert len(tied) == 1  # the same ears
    *others, own = asked
    assert len(others) == emergent.OTHERS == 2
    assert same_weights(own, hubs.hub(0))
    assert not any(same_weights(other, own) for other in others)
    assert not same_weights(others[0], others[1])


def test_shuffled_pairs_are_the_same_pictures_in_another_order(tied):
    emergent.shuffled(TINY, 0)
    emergent.cascade(TINY, 0)
    mixed, own = (row["anchors"] for row in tied)
    assert sorted(map(tuple, mixed.tolist())) == sorted(map(tuple, own.tolist()))
    assert (mixed == own).all(dim=1).double().mean() < 0.2


def test_neighbours_go_by_what_their_names_say():
    """Without an encoder: sounds that were trained on find themselves, and their own pictures' captions."""
    pairs, model = heard(TINY, 0), hubs.hub(0)
    again = pairing.Heard(pairs.pictures, pairs.spectra, pairs.spectra, pairs.pictures.classes)
    expected = scores(pictures_of(model, pairs.pictures), captions_of(model), pairs.pictures.classes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emergent, "heard", lambda size, seed: again)
        assert emergent.by_ear(TINY, 0) == expected
        patch.setattr(emergent, "sounds_of", lambda *_: pictures_of(model, pairs.pictures))
        assert emergent.through_a_picture(TINY, 0) == expected


@pytest.mark.parametrize("partners", [1, 2, 3])
def test_missing_compositions_have_no_sound_in_training_and_every_word_keeps_its_partners(partners, tied):
    result = emergent.missing(partners, False, TINY, 5)
    unheard = np.reshape(result["unheard"], (4, 4))
    assert (unheard.sum(axis=0) == 4 - partners).all()
    assert (unheard.sum(axis=1) == 4 - partners).all()
    pairs = heard(TINY, 5)
    kept = [row for row, c in zip(pairs.spectra, pairs.pictures.classes, strict=True) if not unheard.ravel()[c]]
    assert torch.equal(tied[0]["spectra"], torch.stack(kept))
    updates = tied[0]["options"]["epochs"] * len(kept)
    assert abs(updates - TINY.epochs * 64) <= len(kept) / 2


def test_what_is_said_to_sounds_never_heard_adds_up():
    found = emergent.missing(2, False, TINY, 0)
    unheard = np.array(found["unheard"])
    right = sum(n for n, missing in zip(found["by_class"], unheard, strict=True) if missing)
    assert found["said"]["both"] == right / (2 * unheard.sum())
    assert sum(found["said"][part] for part in ("both", "colour", "shape")) <= 1
    assert 0 <= found["said"]["heard"] <= 1 - found["said"]["both"]


def test_borrowed_filters_are_another_ear_s_and_the_head_alone_is_trained(tied):
    emergent.missing(2, True, TINY, 0)
    teacher, pupil = tied
    assert len(teacher["spectra"]) == 64  # all sixteen
    assert len(pupil["spectra"]) == 32
    assert not torch.equal(teacher["spectra"][:1], heard(TINY, 0).spectra[:1])
    lent, taken = teacher["bound"].encoder, pupil["bound"].encoder
    assert torch.equal(lent.first.weight, taken.first.weight)
    assert torch.equal(lent.second.weight, taken.second.weight)
    fresh = pairing.SoundEncoder(64, 0)
    assert not torch.equal(fresh.first.weight, taken.first.weight)
    assert not torch.equal(fresh.head[0].weight, taken.head[0].weight)
    assert not torch.equal(lent.head[0].weight, taken.head[0].weight)


def test_latin_square_changes_with_the_seed():
    assert len({tuple(emergent.diagonals(seed).tolist()) for seed in range(20)}) > 5


def test_poorer_hub_is_asked_for_its_own_pictures_and_for_the_sounds(monkeypatch, tied):
    """Both in the poorer hub's words, against scikit-learn's accuracy."""
    monkeypatch.setattr(ablations, "STOPS", (2, 4))
    monkeypatch.setitem(ablations.ARMS, "hub of 4 updates", {"updates": 2})
    found, poor = ablations.ablation("hub of 4 updates", 0, TINY), hubs.checkpoints(0, (2, 4))[2]
    test = draw_pairs(2, streams.number(0, "pictures to test on"))
    words = captions_of(poor)
    assert found["hub"] == accuracy_score(test.classes, (poor.embed_images(test.pixels) @ words.T).argmax(dim=1))
    heard_as = (tied[0]["bound"].embed(heard(TINY, 0).test) @ words.T).argmax(dim=1)
    assert found["accuracy"] == accuracy_score(heard(TINY, 0).classes, heard_as)
    assert not same_weights(poor, hubs.hub(0))
    assert torch.equal(tied[0]["anchors"], pictures_of(poor, heard(TINY, 0).pictures))


def test_pictures_that_a_hub_is_tested_on_are_none_that_sounds_are_tied_to():
    test = ablations.shown(0, 2)
    assert not set(names(test)) & set(names(heard(TINY, 0).pictures))
    assert torch.equal(test.classes, heard(TINY, 0).classes)


# --- ablations -------------------------------------------------------------------------------------------------------


def test_arms_are_what_their_names_say(tied):
    ran = {name: ablations.ablation(name, 0, TINY) for name in ablations.ARMS}
    rows = dict(zip(ran, tied, strict=True))
    base = rows["base"]
    assert base["options"] | {} == {"epochs": 1, "batch_size": 16, "seed": 0}
    for name, row in rows.items():
        scale = ran[name]["logit_scale"]
        if name.startswith("temperature") and "learned" not in name:
            assert scale == pytest.approx(1 / float(name.split()[1]), rel=1e-4)
        assert row["bound"].log_logit_scale.requires_grad == ("learned" in name)
        assert (len(row["bound"].encoder.head) > 1) == (name == "MLP head")
        if name.startswith("hub"):
            assert not torch.equal(row["anchors"], base["anchors"]) or name in (
                "hub of 20 updates",
                "hub of 40 updates",
            )
            continue
        assert torch.equal(row["anchors"][:64], base["anchors"]) == (
            name not in ("weak", "strong, colours kept", "strong")
        )
        times = {"twice as long": 2, "four times as long": 4}.get(name, 1)
        assert len(row["anchors"]) == len(row["spectra"]) == 64 * times


def test_l2_is_twice_one_minus_the_cosine():
    pairs, model = heard(TINY, 0), hubs.hub(0)
    bound = pairing.tie(pairs.spectra, pictures_of(model, pairs.pictures), TINY, 0)
    anchors = pictures_of(model, pairs.pictures)
    cosine = F.cosine_similarity(bound.encoder(pairs.spectra), anchors, dim=1)
    assert ablations.squared(bound, pairs.spectra, anchors).item() == pytest.approx(
        (2 - 2 * cosine).mean().item(), rel=1e-4
    )


def test_augmentations_change_what_they_say_and_nothing_else():
    images = draw_pairs(4, 0).images
    shifted, cropped, turned = (
        ablations.LOOKS[name](images, streams.generator(0, "views"))
        for name in ("weak", "strong, colours kept", "strong")
    )
    for seen in (shifted, cropped, turned):
        assert seen.shape == images.shape
        assert 0 <= seen.min() <= seen.max() <= 1
        assert not torch.equal(seen, images)
    near = [torch.stack([images.roll((y, x), (2, 3)) for y in range(-3, 4)]) for x in range(-3, 4)]
    nearest = (torch.cat(near) - shifted).square().mean(dim=(2, 3, 4)).amin(dim=0)  # (N,) of all whole shifts
    assert nearest.max() < 0.02
    assert off_by(cropped, images).max() < 0.35
    assert 1.2 < off_by(turned, images).mean() < 1.9  # a turn by up to pi either way is pi / 2 on average
    assert torch.equal(ablations.LOOKS["none"](images, None), images)


def off_by(seen: torch.Tensor, images: torch.Tensor) -> np.ndarray:
    """How far each picture's hue has moved, in radians, 0 to pi."""
    return np.abs(np.angle(np.exp(1j * (mean_hue(seen) - mean_hue(images)))))


def mean_hue(images: torch.Tensor) -> np.ndarray:
    """The angle of each picture's colour around grey, in radians, by colorsys's own opponent axes."""
    r, g, b = images.double().mean(dim=(2, 3)).T
    return np.arctan2((0.211 * r - 0.523 * g + 0.312 * b).numpy(), (0.596 * r - 0.274 * g - 0.322 * b).numpy())


# --- gaps and sums ---------------------------------------------------------------------------------------------------


def test_gaps_of_clouds_whose_places_are_known():
    captions, classes = torch.eye(16), torch.arange(16).repeat_interleave(2)
    found = space.gaps(captions[classes], captions[classes], captions, classes)
    assert found["gap"] == pytest.approx(dict.fromkeys(found["gap"], 0.0), abs=1e-6)
    assert found["own"] == pytest.approx({"caption": 1.0, "pictures": 1.0, "sounds": 1.0})
    assert found["strangers_first"] == 0
    away = torch.zeros(32, 17)
    away[:, :16], away[:, 16] = captions[classes], 3.0
    sounds, words = F.normalize(away, dim=1), F.pad(captions, (0, 1))
    found = space.gaps(sounds, F.pad(captions[classes], (0, 1)), words, classes)
    assert found["gap"]["sounds and captions"] == pytest.approx(
        (sounds.mean(dim=0) - words.mean(dim=0)).norm().item(), abs=1e-6
    )
    assert found["gap"]["sounds and captions"] > 0.9
    assert found["strangers_first"] == 1
    assert found["centred"] == 1


def test_sums_in_a_space_that_is_made_of_words():
    """Each caption is the sum of two words: exchanging one is exact."""
    words = torch.eye(8)
    captions = F.normalize((words[:4, None] + words[None, 4:]).reshape(16, 8), dim=1)
    start, classes = captions * 2**0.5, torch.arange(16)
    found = space.sums(start, classes, words, captions)
    assert found["exchanged"] == 1
    assert found["wrong word taken"] < 1
    assert space.sums(start, classes, torch.zeros(8, 8), captions)["exchanged"] == 0  # nothing is exchanged
    swapped = space.sums(start, classes, words.flip(0), captions)
    assert swapped["exchanged"] < 0.5
