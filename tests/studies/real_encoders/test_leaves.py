"""Leaves and kinds of two tables, renamings against what a permutation must keep, and MiniLM's stored vectors."""

from itertools import combinations, product

import numpy as np
import pytest
import torch

from toyclip.errors import InputError
from toyclip.studies.real_encoders.features import concept_names
from toyclip.studies.real_encoders.leaves import APART, TABLES, hold_out, leaves_of, read, rename
from toyclip.studies.taxonomy.kinds import KINDS

both = pytest.mark.parametrize("table", TABLES)


@both
def test_leaves_are_the_concepts_that_they_are_called_after(table):
    leaves = leaves_of(table)
    assert tuple(concept_names()[i] for i in leaves.concepts) == leaves.names
    assert len(set(leaves.names)) == len(leaves.names)
    assert leaves.truth.any(axis=1).all()
    assert leaves.truth.sum(axis=0).min() >= 6
    for kind, own in zip(leaves.kinds, leaves.truth.T, strict=True):
        assert not any(kind in name.lower() for name, of_it in zip(leaves.names, own, strict=True) if of_it)


def test_kinds_of_unicode_are_those_of_the_chapter_and_each_leaf_has_one():
    leaves = leaves_of("Unicode")
    assert leaves.kinds == tuple(KINDS)
    assert (leaves.truth.sum(axis=1) == 1).all()
    assert np.array_equal(leaves.group, leaves.truth.argmax(axis=1))


def test_kinds_of_wordnet_stand_above_one_another_as_they_do_there():
    leaves = leaves_of("WordNet")
    below = {kind: {n for n, of in zip(leaves.names, own, strict=True) if of}
             for kind, own in zip(leaves.kinds, leaves.truth.T, strict=True)}  # fmt: skip
    assert below["bovid"] < below["ungulate"] < below["placental"] < below["mammal"] < below["vertebrate"]
    assert below["motor vehicle"] < below["vehicle"] < below["conveyance"]
    assert not below["mammal"] & below["device"]
    assert {"koala", "tiger"} <= below["mammal"]
    assert "penguin" in below["bird"] & below["vertebrate"]
    alike = [{a, b} for a, b in combinations(below, 2) if below[a] == below[b]]
    assert alike == [{"food", "matter"}]  # two senses of food together are all the matter that there is here
    assert leaves.kinds[leaves.group[leaves.names.index("goat")]] == "bovid"


@both
def test_one_leaf_in_four_of_each_smallest_kind_is_held_out_by_lot(table):
    leaves = leaves_of(table)
    out = hold_out(leaves, 0)
    for k in np.unique(leaves.group):
        count = (leaves.group == k).sum()
        assert out[leaves.group == k].sum() == max(1, round(count / APART))
    assert not np.array_equal(out, hold_out(leaves, 1))


@pytest.mark.parametrize(
    ("table", "how"), [*product(TABLES, ("as they are", "within", "across")), ("Unicode", "wholes")]
)
def test_renaming_keeps_and_breaks_what_its_name_says(table, how):
    leaves, own = leaves_of(table), np.arange(len(leaves_of(table).names))
    out = hold_out(leaves, 3)
    said, group = rename(how, leaves, out, 3), leaves.group
    if how == "wholes":
        assert not (group[said] == group).any()
        assert all(len(set(group[said][group == k])) == 1 for k in np.unique(group))
        assert np.array_equal(out[said], out)  # what is held out stays held out
        return
    assert sorted(said) == own.tolist()
    assert np.array_equal(said[out], own[out])
    moved = (said != own)[~out]
    assert {"as they are": 0, "within": 0.8, "across": 0.9}[how] <= moved.mean() <= (how != "as they are")
    assert (group[said] == group)[~out].mean() < 0.25 if how == "across" else np.array_equal(group[said], group)


def test_vectors_are_of_length_one_and_mean_what_words_mean():
    words = ["tiger", "koala", "hammer", "mammal", "tool"]
    rows = read(words)
    assert torch.allclose(rows.norm(dim=1), torch.ones(5))
    tiger, koala, hammer, mammal, tool = rows
    assert tiger @ koala > tiger @ hammer
    assert hammer @ tool > hammer @ mammal
    assert torch.equal(read(words[::-1]), rows.flip(0))
    for table in TABLES:
        assert len(read(leaves_of(table).names)) == len(leaves_of(table).names)
        assert len(read(leaves_of(table).kinds)) == len(leaves_of(table).kinds)


def test_word_without_a_vector_and_unknown_table_are_refused():
    with pytest.raises(InputError, match=r"no vector is stored of 'quokka'; make kinds\.safetensors again"):
        read(["koala", "quokka"])
    with pytest.raises(InputError, match="there is no table 'Roget'; choose one of Unicode, WordNet"):
        leaves_of("Roget")
