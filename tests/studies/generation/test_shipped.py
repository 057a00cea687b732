"""The generators that come with the package are those of the studies: they draw what the stored runs say they drew."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from toyclip.errors import InputError
from toyclip.lab.study import stored
from toyclip.studies.generation import lots, scripts
from toyclip.studies.generation.judging import nearest_seen
from toyclip.studies.generation.shipped import NAMES, file_of, shipped
from toyclip.studies.generation.trial import GUIDED, drawings
from toyclip.studies.generation.unet import UNet

OF_STUDY = {  # what a run of seed 0 was trained on, and how it was stored
    "emoji": (
        lots.WHOLE,
        lambda: lots.world_of(lots.LADDER, 0),
        lambda: lots.deal("dealt", lots.LADDER, 0),
        "generation_lots",
    ),
    "letters": (
        scripts.WHOLE,
        lambda: scripts.world_of("dealt", scripts.LADDER),
        lambda: scripts.deal(False, scripts.LADDER, 0),
        "generation_scripts",
    ),
}


def test_there_is_one_file_for_each_and_no_other_is_asked_for():
    assert {path.name for path in file_of("emoji").parent.glob("generator_*")} == {file_of(n).name for n in NAMES}
    with pytest.raises(InputError, match="emoji, letters"):
        shipped("faces")


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_all_there_finite_and_small(name):
    weights, model = load_file(file_of(name)), UNet(OF_STUDY[name][0].ladder.concepts)
    assert {key: value.shape for key, value in weights.items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert all(value.dtype == torch.float16 and value.isfinite().all() for value in weights.values())
    assert file_of(name).stat().st_size < 1e6


@pytest.mark.parametrize("name", NAMES)
def test_they_draw_what_the_study_drew(name):
    """Distances to the nearest training picture, concept by concept; other concepts are elsewhere."""
    scope, world, counts, study = OF_STUDY[name]
    run = stored(study)["results"]["dealt"][0]
    assert run["counts"] == counts().tolist()
    corpus, concepts = world()(counts(), 0), scope.ladder.concepts
    drawn = drawings(shipped(name), concepts, scope.drawings, seed=0, guidance=GUIDED)
    near = nearest_seen(drawn.pixels, corpus.pixels)[0].view(concepts, -1).median(dim=1).values.numpy()
    assert np.abs(near - np.array(run["near"]["drawn"])).mean() < 0.005
    other = np.abs(np.roll(near, 1) - np.array(run["near"]["drawn"])).mean()
    assert other > 0.02
