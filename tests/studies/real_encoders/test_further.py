"""Further steps: whose pictures these are, and what describes them without any training."""

import json
from importlib.resources import files

import numpy as np
import pytest
import torch

from toyclip.errors import InputError
from toyclip.studies.real_encoders import features, further
from toyclip.studies.real_encoders.features import concept_names, pictures, texts
from toyclip.studies.real_encoders.further import FURTHER, LANGUAGES, alike, bridged, far_pictures, nearest, spoken
from toyclip.studies.real_encoders.heads import split
from toyclip.studies.real_encoders.transfer import STEPS


def unit(rows: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(rows, dim=1)


@pytest.mark.parametrize("kind", FURTHER)
@pytest.mark.parametrize("layers", [("last",), ("last", "middle")])
def test_far_pictures_are_like_drawings_of_their_own_concepts(kind, layers):
    """They lie in one space with the drawings, row for row; or nothing said about them would mean anything."""
    found, drawn = far_pictures(kind, layers), pictures(layers).by("Noto").features
    assert found.features.shape == (len(found), drawn.shape[1])
    cosine = unit(found.features) @ unit(drawn).T
    own = cosine.gather(1, found.concepts[:, None])[:, 0]
    assert own.mean() > cosine.mean() + 0.05
    assert 0.5 < found.features.square().sum(dim=1).mean() / drawn.square().sum(dim=1).mean() < 2


def test_photographs_are_of_what_their_files_are_called():
    said = json.loads((files("toyclip.assets") / "far.json").read_text(encoding="utf-8"))
    shown = far_pictures("photographs")
    named = [concept_names()[c] for c in shown.concepts]
    assert len(said["photographs"]) == len(named) > 40
    assert (
        sum(path.rpartition("/")[2][:-4].lower() == name for path, name in zip(said["photographs"], named, strict=True))
        > 30
    )
    assert [concept_names()[c] for c in far_pictures("icons").concepts] == said["icons"]


def test_names_in_other_languages_are_rows_of_their_concepts():
    """What shares a word reads almost as in English; what does not is still nearer than another's, in German."""
    for language in LANGUAGES:
        cosine = unit(spoken(language)) @ unit(texts("name")).T
        if alike(language).sum() > 30:
            assert cosine.diag()[alike(language)].mean() > cosine.mean() + 0.3, language
    assert alike("German").sum() > 30
    assert alike("Arabic").sum() < 5  # such as "SOS"
    same = [i for i, name in enumerate(concept_names()) if name in ("koala", "taxi")]
    assert alike("German")[same].all()


def test_a_bridge_is_the_mean_of_class_names_weighted_by_how_likely_they_are():
    held, row = further._tensors(), 7
    words = spoken("classes").numpy()
    words = words / np.linalg.norm(words, axis=1, keepdims=True)
    expected = sum(
        int(p) * words[int(c)]
        for c, p in zip(held["bridge.photographs"][row], held["bridge.likely.photographs"][row], strict=True)
    )
    assert bridged("photographs").features[row].numpy() == pytest.approx(expected, rel=1e-3, abs=1e-2)
    likely = held["bridge.likely.drawings"].long()
    assert (likely[:, :-1] >= likely[:, 1:]).all()
    assert (likely.sum(dim=1) <= 260).all()


def test_bridged_drawings_are_those_of_the_steps_and_know_a_koala():
    found = bridged("drawings")
    assert len(found) == sum(len(pictures().by(*vendors)) for vendors in STEPS.values())
    koala = concept_names().index("koala")
    photo = bridged("photographs")
    place = nearest(photo.features[photo.concepts == koala], texts("name"))[0]
    assert place.argmax() == koala


def test_nearest_is_the_cosine():
    a, b = torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, -2.0]])
    assert nearest(a, b).numpy() == pytest.approx(np.array([[0.6, -0.8]]))


def test_without_training_nothing_is_learned_and_every_step_is_asked(monkeypatch):
    monkeypatch.setattr(further, "learn", lambda *_: pytest.fail("something was trained"))
    found = further.further("no training", 3)
    assert list(found["steps"]) == [*STEPS, *FURTHER]
    assert found["steps"]["photographs"]["trained"]["R@1"] > 0.3 > found["steps"]["icons"]["trained"]["R@1"]
    assert list(found["languages"]) == ["English", *LANGUAGES]


def test_a_language_is_asked_about_trained_concepts_alone():
    """With pictures that are their captions all is found, and another's name is not."""
    trained, _ = split(len(concept_names()), 0)
    names = texts("name")
    everything = torch.arange(len(names))
    shown = features.Pictures(names, everything, torch.zeros_like(everything), torch.zeros_like(everything))
    found = further.understood([nearest], shown, "English", trained)
    assert found["all"] == 1
    assert found["another's name"] < 0.1
    assert "other words" not in found
    german = further.understood([nearest], shown, "German", trained)
    assert german["all"] > german["other words"] > 0.015


def test_what_is_not_there_is_refused():
    with pytest.raises(InputError, match="there is no kind of pictures 'paintings'; choose one of icons, photographs"):
        far_pictures("paintings")
    with pytest.raises(InputError, match="there is no condition 'prayer'"):
        further.further("prayer", 0)
