"""`diagnose` on losses written after the manner of two public projects, right and with each fault.

They are written from what the projects' functions take, return and do. One gathers features itself, by way of
torch.distributed, with two switches: whether the gather passes gradients on, and whether each process computes its own
rows only. The other gets a matrix of similarities from the model and averages a caption and a picture loss.
"""

import math

import pytest
import torch
import torch.distributed as dist
import torch.distributed.nn
import torch.nn.functional as F
from torch import Tensor

from toyclip.chunked import chunked_info_nce
from toyclip.errors import InputError
from toyclip.infonce import info_nce
from toyclip.loss_checks import random_batch
from toyclip.own.loss import Finding, diagnose
from toyclip.own.measured import measure
from toyclip.own.pretend import each_process
from toyclip.own.usual_mistakes import mistakes, right
from toyclip.studies.infonce import wrong_losses

PROCESSES = 3


def wrong(findings: list[Finding]) -> dict[str, str]:
    return {finding.property: finding.wrong for finding in findings if finding.wrong}


class GatheringLoss:
    """In the style of open_clip: unit features and the scale come in, features of all processes are gathered."""

    def __init__(self, world_size=1, local_loss=False, gather_with_grad=False, own_in_place=True, count_on=True):
        self.world_size, self.local_loss, self.gather_with_grad = world_size, local_loss, gather_with_grad
        self.own_in_place, self.count_on = own_in_place, count_on

    def gather(self, features: Tensor) -> Tensor:
        if self.gather_with_grad:
            return torch.cat(dist.nn.all_gather(features))
        parts = [torch.zeros_like(features) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, features)
        if self.own_in_place and not self.local_loss:
            parts[dist.get_rank()] = features
        return torch.cat(parts)

    def logits(self, images: Tensor, texts: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        if self.world_size == 1:
            return scale * images @ texts.T, scale * texts @ images.T
        all_images, all_texts = self.gather(images), self.gather(texts)
        if self.local_loss:
            return scale * images @ all_texts.T, scale * texts @ all_images.T
        logits = scale * all_images @ all_texts.T
        return logits, logits.T

    def __call__(self, images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
        per_image, per_text = self.logits(images, texts, scale)
        labels = torch.arange(len(per_image))
        if self.local_loss and self.world_size > 1 and self.count_on:
            labels = labels + dist.get_rank() * len(labels)
        return (F.cross_entropy(per_image, labels) + F.cross_entropy(per_text, labels)) / 2


def contrastive(logits: Tensor) -> Tensor:
    return F.cross_entropy(logits, torch.arange(len(logits)))


def from_similarity(per_text: Tensor) -> Tensor:
    """In the style of transformers: similarities of a batch come in, captions in rows."""
    return (contrastive(per_text) + contrastive(per_text.t())) / 2.0


def soft(logits: Tensor, targets: Tensor) -> Tensor:
    return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets.T)) / 2


def in_chunks(images: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
    return chunked_info_nce(F.normalize(images, dim=1), F.normalize(texts, dim=1), log_scale.exp(), 3)


# --- what is right ---------------------------------------------------------------------------------------------------

GATHERED = {"takes": "features", "processes": PROCESSES}
RIGHT = {
    "open_clip, one process": (GatheringLoss(), {"takes": "features"}),
    "open_clip, local": (GatheringLoss(PROCESSES, True, True), GATHERED),
    "open_clip, whole with gradient": (GatheringLoss(PROCESSES, False, True), GATHERED),
    "transformers": (from_similarity, {"takes": "logits"}),
    "soft targets": (soft, {"takes": "targets"}),
    "toyclip": (wrong_losses.right, {}),
    "toyclip in chunks": (in_chunks, {}),
    "in float32": (lambda i, t, s: right(i.float(), t.float(), s.float()), {}),
    "of shape (1,)": (lambda i, t, s: right(i, t, s)[None], {}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_wrong_with_a_right_loss(name):
    loss, options = RIGHT[name]
    findings = diagnose(loss, **options)
    assert wrong(findings) == {}
    assert [f.property for f in findings if f.wrong is None] == (
        [] if "takes" not in options else ["the length of an embedding does not matter"]
    )
    assert len(findings) == (9 if options.get("takes") == "targets" else 8)


# --- what is wrong ---------------------------------------------------------------------------------------------------

VALUE, DIRECTION, SIZE = "the value is CLIP's", "the gradient has CLIP's direction", "the gradient has CLIP's size"
LENGTH, PLACES = "the length of an embedding does not matter", "pictures and captions can change places"
EQUAL, PERFECT = "equal embeddings cost log B", "perfect pairs cost what they should at every scale"
ORDER, SOFT = "pairs can stand in any order", "soft targets are transposed for the captions"
plain = GatheringLoss()
FAULTS = {  # loss, options, what is wrong with which property, others that must be wrong, too
    "not normalised": (wrong_losses.without_normalization, {}, {VALUE: "embeddings are not normalised"}, {LENGTH}),
    "one not normalised": (
        lambda i, t, s: info_nce(s.exp() * i @ F.normalize(t).T),
        {},
        {VALUE: "pictures' embeddings are not normalised"},
        {LENGTH, PLACES},
    ),
    "exponent twice": (
        lambda i, t, s: plain(i, t, s.exp()), {"takes": "features"}, {VALUE: "scale is exponentiated twice"}, {PERFECT}
    ),
    "exponent twice, from the log": (
        wrong_losses.scale_exponentiated_twice, {}, {VALUE: "scale is exponentiated twice"}, {PERFECT}
    ),
    "no exponent": (
        lambda i, t, s: plain(F.normalize(i), F.normalize(t), s), {}, {VALUE: "scale is not exponentiated"}, {PERFECT}
    ),
    "no scale": (
        lambda i, t, s: plain(i, t, 1), {"takes": "features"}, {VALUE: "left out", DIRECTION: "at the scale"}, {PERFECT}
    ),
    "one direction": (wrong_losses.one_direction, {}, {VALUE: "one direction only, pictures"}, {PLACES}),
    "other direction": (contrastive, {"takes": "logits"}, {VALUE: "one direction only, pictures"}, {PLACES}),
    "the same direction twice": (
        lambda x: (contrastive(x.T) + contrastive(x.T)) / 2,
        {"takes": "logits"},
        {VALUE: "one direction only, captions"},
        {PLACES},
    ),
    "shifted": (wrong_losses.shifted_labels, {}, {VALUE: "shifted by 7 against"}, {PERFECT, PLACES, ORDER}),
    "labels from 1": (
        lambda x: F.cross_entropy(x, (torch.arange(len(x)) + 1) % len(x)),
        {"takes": "logits"},
        {VALUE: "none of the usual"},
        {PERFECT, PLACES, ORDER},
    ),
    "added": (lambda x: 2 * from_similarity(x), {"takes": "logits"}, {VALUE: "added", SIZE: "2 times"}, {EQUAL}),
    "summed": (lambda x: len(x) * from_similarity(x), {"takes": "logits"}, {VALUE: "a sum", SIZE: "8 times"}, {EQUAL}),
    "in bits": (lambda x: from_similarity(x) / math.log(2), {"takes": "logits"}, {VALUE: "base 2"}, {EQUAL, SIZE}),
    "captions detached": (
        lambda i, t, s: right(i, t.detach(), s), {}, {DIRECTION: "none arrives at the captions"}, set()
    ),
    "scale detached": (lambda i, t, s: right(i, t, s.detach()), {}, {DIRECTION: "none arrives at the scale"}, set()),
    "all detached": (lambda i, t, s: right(i, t, s).detach(), {}, {DIRECTION: "none arrives at the pictures"}, set()),
    "half a gradient": (
        lambda i, t, s: (right(i.detach(), t, s) + right(i, t, s)) / 2, {}, {DIRECTION: "cosine 0.9"}, set()
    ),
    "targets made from embeddings": (wrong_losses.self_made_targets, {}, {VALUE: "none of the usual"}, {PERFECT}),
    "targets twisted": (
        lambda x, y: (F.cross_entropy(x, y) + F.cross_entropy(x.T, y)) / 2,
        {"takes": "targets"},
        {SOFT: "rows are used for columns"},
        set(),
    ),
    "targets ignored": (lambda x, y: from_similarity(x), {"takes": "targets"}, {SOFT: "none of the usual"}, set()),
    "gather without gradient, local": (
        GatheringLoss(PROCESSES, True, False), GATHERED, {DIRECTION: "comes without its gradient"}, set()
    ),
    "gather without gradient, whole": (
        GatheringLoss(PROCESSES, False, False), GATHERED, {SIZE: "0.333 times as large, since all compute"}, set()
    ),
    "gather without gradient, whole, own forgotten": (
        GatheringLoss(PROCESSES, False, False, own_in_place=False), GATHERED, {DIRECTION: "none arrives"}, set()
    ),
    "labels do not count on": (
        GatheringLoss(PROCESSES, True, True, count_on=False), GATHERED, {VALUE: "not count on by rank"}, {PERFECT}
    ),
    "nothing gathered": (plain, GATHERED, {VALUE: "each process compares its own pairs"}, {EQUAL, PERFECT, ORDER}),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named_and_shows_in_the_properties_that_it_breaks(name):
    loss, options, told, others = FAULTS[name]
    found = wrong(diagnose(loss, **options))
    for prop, why in told.items():
        assert why in found.get(prop, "nothing"), found
    assert others <= found.keys()
    if not others:
        assert found.keys() == told.keys()


def test_every_mistake_is_recognised_as_itself():
    """No two of them have the same value."""
    for name, mistake in mistakes(8, 1).items():
        found = wrong(diagnose(lambda i, t, s, mistake=mistake: mistake(i, t, s, 1)))
        assert found[VALUE].startswith(name)


def test_lines():
    assert str(Finding("a")) == "right   a"
    assert str(Finding("a", None)) == "unseen  a"
    assert str(Finding("a", "b")) == "WRONG   a: b"


# --- several processes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 4])
def test_value_and_gradients_of_processes_are_those_of_one(size):
    batch = random_batch(0, 8)
    alone = measure(right, batch, 1)
    loss = GatheringLoss(size, True, True)
    together = measure(lambda i, t, s: loss(F.normalize(i), F.normalize(t), s.exp()), batch, size)
    assert together.value == pytest.approx(alone.value, abs=1e-12)
    for one, other in zip(alone.gradients, together.gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_gathers_hand_out_what_all_gave_in_order():
    def compute(rank: int) -> Tensor:
        mine = torch.tensor([float(rank)])
        parts, whole = [torch.zeros(1) for _ in range(3)], torch.zeros(3)
        dist.all_gather(parts, mine)
        dist.all_gather_into_tensor(whole, 10 * mine)
        assert (dist.get_rank(), dist.get_world_size(), dist.is_initialized()) == (rank, 3, True)
        return torch.cat([*parts, whole])

    assert [r.tolist() for r in each_process(compute, 3)] == [[0, 1, 2, 0, 10, 20]] * 3
    assert not dist.is_initialized()


def test_processes_that_gather_unequally_would_wait_for_ever():
    def compute(rank: int) -> Tensor:
        if rank == 0:
            dist.nn.all_gather(torch.zeros(1))
        return torch.zeros(())

    with pytest.raises(InputError, match="wait for ever"):
        each_process(compute, 2)


@pytest.mark.filterwarnings("ignore:torch.distributed.nn.functional.all_gather is deprecated:FutureWarning")
def test_inside_real_processes_these_are_used():
    """One of gloo: there is nothing to gather, but everything goes through it."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        assert wrong(diagnose(GatheringLoss(2, True, True), takes="features", processes=5)) == {}
        assert wrong(diagnose(wrong_losses.one_direction))[PLACES]
    finally:
        dist.destroy_process_group()


# --- what cannot be tried --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "options", "told"),
    [
        (lambda i, t: 0, {}, "raised TypeError"),
        (lambda i, t, s: 0.5, {}, "returned float, not one number"),
        (lambda i, t, s: {"contrastive_loss": right(i, t, s)}, {}, "returned dict"),
        (lambda i, t, s: i @ t.T, {}, r"returned shape \(8, 8\)"),
        (from_similarity, {"takes": "logit"}, "choose one of embeddings, features, logits, targets"),
        (from_similarity, {"takes": "logits", "processes": 2}, "cannot be tried in 2 processes"),
        (right, {"processes": 0}, "in 0 processes"),
        (lambda i, t, s: dist.all_reduce(i), {}, "under torchrun"),
    ],
)
def test_what_cannot_be_tried_is_refused_in_one_sentence(loss, options, told):
    with pytest.raises(InputError, match=told) as error:
        diagnose(loss, **options)
    assert "\n" not in str(error.value)


def test_loss_that_is_not_finite_is_wrong():
    found = wrong(diagnose(lambda i, t, s: right(i, t, s) * math.nan))
    assert {VALUE, EQUAL, PERFECT, LENGTH, PLACES, ORDER, DIRECTION} <= found.keys()


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_gradient_that_is_not_finite_is_not_one_that_is_missing(number):
    def loss(images: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
        images.register_hook(lambda gradient: gradient * number)
        return right(images, texts, log_scale)

    told = wrong(diagnose(loss))
    assert told == {"the gradient has CLIP's direction": "that of the pictures is NaN or infinite"}
