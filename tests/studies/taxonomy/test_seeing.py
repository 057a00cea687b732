"""Encoders: what they may see, which drawings belong together, and that words stay out of it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError
from toyclip.pairs import Pairs
from toyclip.studies.taxonomy import seeing
from toyclip.studies.taxonomy.kinds import deal

COUNTS = [3, 1, 2, 5]


def pictures(seed: int = 0) -> Pairs:
    classes = torch.arange(len(COUNTS)).repeat_interleave(torch.tensor(COUNTS))
    noise = np.random.default_rng(seed).integers(0, 256, size=(len(classes), 3, 32, 32), dtype=np.uint8)
    return Pairs(torch.from_numpy(noise), classes, classes)


def test_held_out_leaves_are_never_seen_and_all_others_are():
    taxonomy = deal(2)
    seen = {e.character for e in seeing.others(taxonomy)}
    for leaf, out in zip(taxonomy.leaves, taxonomy.held_out, strict=True):
        assert (leaf.character in seen) != out
    assert len(seen) == 1377 - 48


def test_partner_is_another_drawing_of_the_same():
    classes, found = pictures().classes, set()
    for seed in range(60):
        partner = seeing.partner(classes, seed)
        assert torch.equal(classes[partner], classes)
        alone = partner == torch.arange(len(classes))
        assert classes[alone].tolist() == [1]
        found |= set(enumerate(partner.tolist()))
    assert len(found) == sum(n * (n - 1) if n > 1 else 1 for n in COUNTS)  # every other drawing, under some seed


def test_views_are_told_apart_by_emoji_alone():
    """Against the loss by hand: of each first drawing's cosines with second drawings, other pairs of its emoji out."""
    pairs, model = pictures(), ToyCLIP(seed=1)
    numbers = torch.tensor([0, 1, 4, 7])  # emoji 0, 0, 2, 3
    loss = seeing.two_views(pairs, 0)(model, pairs.pixels[numbers], numbers[:, None])
    second = pairs.pixels[seeing.partner(pairs.classes, 0)[numbers]]
    with torch.no_grad():
        logits = model.logit_scale * model.embed_images(pairs.pixels[numbers]) @ model.embed_images(second).T
    kept = (pairs.classes[numbers][:, None] != pairs.classes[numbers]) | torch.eye(4, dtype=torch.bool)
    expected = [
        -F.log_softmax(table[i][mask[i]], dim=0)[mask[i][:i].sum()]
        for table, mask in ((logits, kept), (logits.T, kept.T))
        for i in range(4)
    ]
    assert loss.item() == pytest.approx(torch.stack(expected).mean().item(), rel=1e-4)


@pytest.mark.parametrize(("how", "words", "images"), [("views", False, True), ("words", True, True)])
def test_words_are_learned_only_where_there_are_any(how, words, images):
    before = seeing.school(pictures(), "untrained", seed=0)
    after = seeing.school(pictures(), how, seed=0, updates=2, batch_size=4)

    def moved(part: str) -> bool:
        pairs = zip(getattr(before, part).parameters(), getattr(after, part).parameters(), strict=True)
        return any(not torch.equal(a, b) for a, b in pairs)

    assert moved("image_encoder") == images
    assert moved("text_encoder") == words
    assert not any(p.requires_grad for p in after.parameters())


def test_unknown_encoder_is_refused():
    with pytest.raises(InputError, match="there is no encoder 'eyes'; choose one of views, words, untrained"):
        seeing.school(pictures(), "eyes", 0)
    assert seeing.ENCODERS == ("views", "words", "untrained")


def test_look_is_the_mean_of_the_last_convolution():
    model, pixels = seeing.school(pictures(), "untrained", 0), pictures(1).pixels
    assert torch.allclose(model.image_encoder.projection(seeing.look(model, pixels)), model.image_encoder(pixels))


def test_instances_are_learned():
    """Noise of eight kinds: two pictures of one kind differ little, and end up nearest to each other."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, size=(8, 1, 3, 32, 32))
    shown = (base + rng.integers(-30, 30, size=(8, 4, 3, 32, 32))).clip(0, 255).astype(np.uint8)
    classes = torch.arange(8).repeat_interleave(4)
    pairs = Pairs(torch.from_numpy(shown.reshape(32, 3, 32, 32)), classes, classes)
    model = seeing.school(pairs, "views", 0, updates=40, batch_size=16)
    x = model.embed_images(pairs.pixels)
    nearest = (x @ x.T - 2 * torch.eye(32)).argmax(dim=1)
    assert (classes[nearest] == classes).float().mean() > 0.9
