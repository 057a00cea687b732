"""Few labels: who gets which, what each method may move, and where a learned prompt starts."""

import numpy as np
import pytest
import torch
from studies.real_encoders.small_minilm import WIDTH, small_minilm

from toyclip.errors import InputError
from toyclip.studies.real_encoders import few_labels
from toyclip.studies.real_encoders.features import concept_names, pictures, vendor_names
from toyclip.studies.real_encoders.few_labels import NEW, WRITTEN, Effort, Prompted, Tuned, deal, said, scaled
from toyclip.studies.real_encoders.heads import Training, train_heads
from toyclip.studies.real_encoders.transfer import ALL


@pytest.fixture(scope="module", autouse=True)
def taught():
    """MiniLM in miniature, heads after a short training; what is kept of them is forgotten again."""
    told = []

    def short(shown, captions, training, seed):
        told.append((shown, captions))
        return train_heads(shown, captions, Training(updates=20), seed)

    reader = small_minilm()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few_labels, "reader", lambda: reader)
        patch.setattr(few_labels, "train_heads", short)
        forget()
        yield told
    forget()


def forget() -> None:
    said.cache_clear()
    few_labels.introduced.cache_clear()


@pytest.mark.parametrize("count", [1, 3, 8])
def test_every_new_concept_gets_as_many_labels_by_trained_vendors_and_they_are_right(count):
    new, labelled, labels = deal(3, count, shuffled=False)
    assert len(set(new.tolist())) == NEW
    assert torch.equal(labelled.concepts, new[labels])
    assert labels.bincount().tolist() == [count] * NEW
    assert {vendor_names()[v] for v in labelled.vendors.tolist()} <= set(ALL)
    keys = list(zip(labelled.concepts.tolist(), labelled.vendors.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    fewer = deal(3, 1, shuffled=False)
    assert torch.equal(fewer[0], new)  # the same concepts, and their first drawing among the others
    assert {tuple(row.tolist()) for row in fewer[1].features} <= {tuple(row.tolist()) for row in labelled.features}


def test_shuffled_labels_are_as_many_of_each_and_mostly_wrong():
    new, labelled, labels = deal(3, 8, shuffled=True)
    assert labels.bincount().tolist() == [8] * NEW
    assert (labelled.concepts == new[labels]).double().mean() < 0.2


def test_concepts_and_drawings_are_the_seeds_own():
    assert not torch.equal(deal(0, 1, shuffled=False)[0], deal(1, 1, shuffled=False)[0])


def test_heads_were_introduced_on_all_other_concepts(taught):
    few_labels.introduced(5)
    shown, captions = taught[-1]
    new, _, _ = deal(5, 1, shuffled=False)
    assert set(shown.concepts.tolist()) == set(range(len(concept_names()))) - set(new.tolist())
    assert {vendor_names()[v] for v in shown.vendors.tolist()} == set(ALL)
    assert [len(rows) for rows in captions] == [len(concept_names())] * 2


def test_captions_reach_the_heads_centred_and_of_one_spread():
    rows = scaled(said(""))
    assert rows.mean(dim=0).abs().max() < 1e-5
    assert rows.std(dim=0).numpy() == pytest.approx(np.full(WIDTH, WIDTH**-0.5), abs=1e-4)
    assert not torch.allclose(scaled(said(WRITTEN)), rows, atol=0.1)


@pytest.mark.parametrize("own", [False, True])
def test_a_learned_prompt_starts_as_the_written_one_and_nothing_else_moves(own):
    new, labelled, labels = deal(0, 3, shuffled=False)
    heads, names = few_labels.introduced(0), [concept_names()[c] for c in new]
    model, written = Prompted(heads, names, own), Tuned(heads, scaled(said(WRITTEN)[new]))
    shown = labelled.features
    with torch.no_grad():
        assert torch.allclose(model(shown), written(shown), atol=1e-5)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 3 * WIDTH * (NEW if own else 1)
    before = [p.clone() for p in heads.parameters()] + [v.clone() for v in few_labels.reader().weights.values()]
    start = model.prompt.detach().clone()
    few_labels.learn(model, shown, labels, 12, 0.05)
    after = [*heads.parameters(), *few_labels.reader().weights.values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert ((model.prompt - start).abs().amax(dim=(1, 2)) > 0.01).all()
    with torch.no_grad():
        assert nats(model, shown, labels) < nats(written, shown, labels) - 0.05


def nats(model: Prompted | Tuned, shown: torch.Tensor, labels: torch.Tensor) -> float:
    return torch.nn.functional.cross_entropy(model.logit_scale * model(shown), labels).item()


def right(cosines: torch.Tensor, labels: torch.Tensor) -> float:
    return (cosines.argmax(dim=1) == labels).double().mean().item()


def test_fine_tuning_moves_a_copy_of_the_heads():
    new, labelled, labels = deal(0, 3, shuffled=False)
    heads = few_labels.introduced(0)
    model = Tuned(heads, scaled(said(WRITTEN)[new]))
    few_labels.learn(model, labelled.features, labels, 60, 1e-2)
    assert not torch.equal(model.heads.picture_head.weight, heads.picture_head.weight)
    assert not torch.equal(model.heads.caption_head.weight, heads.caption_head.weight)
    assert right(model(labelled.features), labels) > 0.9


def test_probe_tells_two_heaps_apart_and_takes_one_label_of_each():
    heaps = torch.tensor([[3.0, 0], [0, 3.0]])
    asked = heaps.repeat(5, 1) + 0.1 * torch.randn(10, 2, generator=torch.Generator().manual_seed(0))
    assert few_labels.probe(heaps, torch.tensor([1, 0]), asked).tolist() == [1, 0] * 5


def test_every_method_is_asked_about_the_new_concepts_by_vendors_never_seen(monkeypatch):
    asked = []
    monkeypatch.setattr(few_labels, "probe", lambda shown, labels, x: asked.append((shown, x)) or torch.zeros(len(x)))
    result = few_labels.few_labels("3 labels", 0, Effort(updates=2))
    new, labelled, _ = deal(0, 3, shuffled=False)
    unseen = pictures().by("Twemoji", "OpenMoji")
    expected = unseen[torch.isin(unseen.concepts, new)].features
    assert len(expected) == 2 * NEW
    assert torch.equal(asked[0][0], labelled.features)
    assert torch.equal(asked[0][1], expected)
    assert torch.equal(asked[1][1], labelled.features)
    assert result["linear probe"] == {"new drawings": 1 / NEW, "labelled": 1 / NEW}
    assert set(result) == {
        "bare name", "written prompt", "learned prompt", "a prompt for each class", "fine-tuning", "linear probe",
    }  # fmt: skip


def test_unknown_condition_is_refused():
    with pytest.raises(InputError, match="there is no condition '2 labels'; choose one of 1 label, 3 labels"):
        few_labels.few_labels("2 labels", 0)
