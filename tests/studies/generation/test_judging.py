"""The judges: distances by hand and by SciPy, scores of stand-ins that are right, wrong, or always the same."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from studies.generation.small import TINY
from torch import nn

from toyclip.pairs import Pairs
from toyclip.studies.generation import judging
from toyclip.studies.generation.judging import Judges, energy_distance, nearest_seen, own_cosine, scores
from toyclip.studies.generation.lots import world_of

K = 3


class ByBrightness(nn.Module):
    """Knows a picture by how bright it is: concept c is c times 100 bright."""

    device = torch.device("cpu")

    def embed_images(self, images):
        bright = images.double().mean(dim=(1, 2, 3)) / (255 if images.dtype == torch.uint8 else 1) * 2.55  # (B,)
        return torch.stack([bright.cos(), bright.sin()], dim=1).float()

    def embed_texts(self, tokens):
        angle = (tokens[:, 0] - 1).double()
        return torch.stack([angle.cos(), angle.sin()], dim=1).float()


def plain(levels: list[int]) -> torch.Tensor:
    """One picture of each brightness, (N, 3, 4, 4) uint8."""
    return torch.tensor(levels, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4).contiguous()


def pairs(levels: list[int], classes: list[int]) -> Pairs:
    return Pairs(plain(levels), torch.tensor(classes), torch.tensor(classes))


def test_energy_distance_is_that_of_its_formula_by_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 4)), rng.normal(1, 2, size=(5, 4))
    within = [cdist(x, x).sum() / (len(x) * (len(x) - 1)) for x in (a, b)]
    found = energy_distance(torch.from_numpy(a), torch.from_numpy(b))
    assert found == pytest.approx(2 * cdist(a, b).mean() - sum(within))
    assert found == pytest.approx(energy_distance(torch.from_numpy(b), torch.from_numpy(a)))


def test_energy_distance_is_nothing_in_the_mean_and_grows_with_the_shift():
    generator = torch.Generator().manual_seed(0)
    clouds = [torch.randn(2, 12, 3, generator=generator) for _ in range(400)]
    same = torch.tensor([energy_distance(*pair) for pair in clouds])
    assert abs(same.mean()) < 3 * same.std() / 20  # unbiased: it is below nothing as often as above
    apart = [torch.tensor([energy_distance(a, b + shift) for a, b in clouds]).mean() for shift in (0.5, 1.0, 2.0)]
    assert 0.1 < apart[0] < apart[1] < apart[2]


def test_energy_distance_sees_that_one_picture_is_printed_again_and_again():
    generator = torch.Generator().manual_seed(0)
    real, fresh = torch.randn(2, 200, 3, generator=generator)
    assert energy_distance(fresh[:1].expand(200, -1), real) > energy_distance(fresh, real) + 0.5


def test_perfect_drawings_get_full_marks_and_exchanged_ones_none():
    jury, real = Judges(ByBrightness(), ByBrightness()), pairs([0, 0, 100, 100, 200, 200], [0, 0, 1, 1, 2, 2])
    right = scores(jury, real, real, K)
    assert right["named"] == right["classified"] == [2, 2, 2]
    assert right["cosine"] == pytest.approx([1, 1, 1], abs=1e-3)
    assert right["distance"] == pytest.approx([0, 0, 0], abs=1e-3)
    exchanged = scores(jury, pairs([100, 100, 200, 200, 0, 0], [0, 0, 1, 1, 2, 2]), real, K)
    assert exchanged["named"] == exchanged["classified"] == [0, 0, 0]
    assert max(exchanged["cosine"]) < 0.7
    assert min(exchanged["distance"]) > 0.5


def test_each_judge_is_asked_for_what_is_his():
    class Never(ByBrightness):
        def embed_texts(self, tokens):
            return -super().embed_texts(tokens)

    real = pairs([0, 0, 100, 100, 200, 200], [0, 0, 1, 1, 2, 2])
    blind_clip, blind_classifier = (
        scores(Judges(*jury), real, real, K) for jury in ((Never(), ByBrightness()), (ByBrightness(), Never()))
    )
    assert (sum(blind_clip["named"]), sum(blind_clip["classified"])) == (0, 6)
    assert (sum(blind_classifier["named"]), sum(blind_classifier["classified"])) == (6, 0)
    assert max(blind_clip["cosine"]) < 0 < min(blind_classifier["cosine"])


def test_own_cosine_is_the_mean_over_the_pictures_of_a_concept():
    cosine = torch.tensor([[0.1, 0.9], [0.3, 0.8], [0.5, 0.4]])
    assert own_cosine(cosine, torch.tensor([0, 0, 1])) == [0.2, 0.4]


def test_the_nearest_training_picture_is_found_at_its_distance():
    seen = plain([0, 51, 255])
    distance, which = nearest_seen(plain([60, 250, 0]), seen)
    assert which.tolist() == [1, 2, 0]
    assert distance.tolist() == pytest.approx([2 * 9 / 255, 2 * 5 / 255, 0], abs=1e-4)


def test_many_pictures_are_compared_as_each_alone():
    generator = torch.Generator().manual_seed(0)
    asked, seen = (torch.randint(0, 256, (n, 3, 4, 4), generator=generator, dtype=torch.uint8) for n in (300, 20))
    distance, which = nearest_seen(asked, seen)
    for i in (0, 255, 256, 299):
        alone = ((asked[i].double() - seen.double()) / 127.5).square().mean(dim=(1, 2, 3)).sqrt()
        assert which[i] == alone.argmin()
        assert distance[i].item() == pytest.approx(alone.min().item(), rel=1e-4)


def test_the_judges_saw_every_concept_equally_often_in_pictures_of_their_own(monkeypatch):
    asked = []
    world = world_of(TINY.ladder, 0)

    def watched(counts, seed):
        asked.append((list(counts), seed))
        return world(counts, seed)

    jury = judging.judges(watched, TINY.ladder, 7, equal=4)
    assert [counts for counts, _ in asked] == [[4, 4, 4]] * 2
    seeds = [seed for _, seed in asked]
    assert len({*seeds, 7, 7 + judging.AWAY["test"], 7 + judging.AWAY["perfect"]}) == 5
    assert not torch.equal(jury.clip.text_encoder.tokens.weight, jury.classifier.text_encoder.tokens.weight)


def test_the_classifier_learns_by_all_words_and_the_clip_by_its_batch(monkeypatch):
    losses = []
    monkeypatch.setattr(
        judging, "learn", lambda model, corpus, tokens, size, seed, loss_of, device: losses.append(loss_of)
    )
    judging.judges(world_of(TINY.ladder, 0), TINY.ladder, 0, equal=2)
    assert losses[0] is judging.contrastive
    model, images = ByBrightnessClip(), plain([0, 100]).float() / 255
    told = losses[1](model, images, torch.tensor([[1], [2]])).item()
    assert told == pytest.approx(
        nn.functional.cross_entropy(model(images, judging.words(K)), torch.tensor([0, 1])).item()
    )


class ByBrightnessClip(ByBrightness):
    def forward(self, images, tokens):
        return 10 * self.embed_images(images) @ self.embed_texts(tokens).T
