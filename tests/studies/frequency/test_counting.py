"""Tags against a softmax by numpy, counts against a loop over the pairs, lessons against what they must not hold."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from studies.samples import contents
from torch import Tensor

from toyclip.data import Pairs
from toyclip.studies.frequency import corpus as frequency
from toyclip.studies.frequency import counting as tagger
from toyclip.studies.frequency.corpus import Size, held_out_corpus
from toyclip.studies.frequency.interventions import CONDITIONS

TINY = Size(levels=3, per_level=5, updates=3, batch_size=4, test=2)
COLUMNS = ["true", "text", "image", "joint", "shown", "found"]


def model_of(scale: float, words: int = 4) -> SimpleNamespace:
    """A model whose embeddings are tables: of the words 1 to 4 the axes, of a picture its first pixels."""
    axes = torch.cat([torch.full((1, words), torch.nan), torch.eye(words)])  # nothing may ask for the padding
    return SimpleNamespace(
        text_encoder=SimpleNamespace(tokens=SimpleNamespace(num_embeddings=words + 1)),
        embed_images=lambda images: F.normalize(images.flatten(1)[:, :words].float(), dim=1),
        embed_texts=lambda captions: axes[captions[:, 0]],
        logit_scale=torch.tensor(scale, requires_grad=True),
        device="cpu",
    )


def pictures_of(rows: list[list[int]] | np.ndarray) -> Tensor:
    """Pictures (N, 3, 2, 2) that begin with these pixels."""
    first = torch.as_tensor(rows, dtype=torch.uint8)
    return F.pad(first, (0, 12 - first.shape[1])).view(-1, 3, 2, 2)


def random_pixels(count: int, words: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, size=(count, words))


def probabilities(rows: np.ndarray, scale: float) -> np.ndarray:
    cosine = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    powers = np.exp(scale * cosine)
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("scale", [1.0, 5.0, 14.0, 100.0])
@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.99])
def test_tag_is_the_word_whose_probability_exceeds_the_threshold(scale, threshold):
    rows = random_pixels(700)
    found = tagger.tag(model_of(scale), pictures_of(rows), threshold)
    expected = probabilities(rows, scale)
    clear = np.abs(expected - threshold) > 1e-4
    assert found.dtype == torch.bool
    assert found.shape == (700, 4)
    assert (found.numpy() == (expected > threshold))[clear].all()
    assert found.sum(dim=1).max() <= 1


def test_threshold_is_seven_tenths_unless_another_is_given():
    model, pictures = model_of(14.0), pictures_of(random_pixels(700))
    assert torch.equal(tagger.tag(model, pictures), tagger.tag(model, pictures, 0.7))
    numbers = [tagger.tag(model, pictures, threshold).sum().item() for threshold in (0.5, 0.6, 0.7, 0.8, 0.9)]
    assert numbers == sorted(set(numbers), reverse=True)


def test_real_tagger_has_a_column_for_each_word_but_the_padding():
    model, pictures = frequency.new_model(TINY, 0), held_out_corpus(TINY, 0).pixels
    found = tagger.tag(model, pictures, 0.0)
    assert found.shape == (30, 15)
    assert found.all()  # every probability is above 0
    logits = torch.cat([model(pictures / 255, torch.full((30, 1), word)).diag()[:, None] for word in range(1, 16)], 1)
    middle = logits.softmax(dim=1).median().item()
    assert torch.equal(tagger.tag(model, pictures, middle + 1e-6), logits.softmax(dim=1) > middle + 1e-6)


@pytest.mark.parametrize("pictures", [1, 3])
def test_tagger_learns_equally_many_pictures_of_each_concept_with_their_own_words(pictures, monkeypatch):
    lessons = []
    monkeypatch.setattr(
        tagger, "train_on", lambda *given, device: lessons.append((*given, device)) or ("the tagger", 0.0)
    )
    assert tagger.train_tagger(pictures, TINY, 0, "elsewhere") == "the tagger"
    ((corpus, size, seed, device),) = lessons
    assert (size, seed, device) == (TINY, tagger.TAGGER_SEED, "elsewhere")
    expected = frequency.draw_corpus(frequency.vocabulary(15)[0], [pictures] * 15, tagger.TAGGER_SEED)
    assert contents(corpus) == contents(expected)


def counted(corpus: Pairs, tags: Tensor, concepts: int) -> dict[str, list[int]]:
    """Pair by pair."""
    found = {name: [0] * concepts for name in COLUMNS}
    for shown, said, row in zip(corpus.classes.tolist(), corpus.captions.tolist(), tags.tolist(), strict=True):
        tagged = [c for c in range(concepts) if row[c]]
        found["shown"][shown] += 1
        found["text"][said] += 1
        found["true"][said] += shown == said
        for c in tagged:
            found["image"][c] += 1
            found["joint"][c] += c == said
            found["found"][c] += c == shown
    return found


@pytest.fixture
def guesses(monkeypatch):
    """A tagger that says what is shown, or what stands under it, or something else, or nothing."""
    corpus = CONDITIONS[tagger.CORPUS](TINY, 1)
    choices = torch.stack([corpus.classes, corpus.captions, (corpus.classes + 1) % 15, torch.full((35,), 15)])
    chosen = torch.randint(0, 4, (1, 35), generator=torch.Generator().manual_seed(0))
    tags = F.one_hot(choices.gather(0, chosen)[0], 16)[:, :15].bool()
    given = SimpleNamespace(taught=[], corpus=corpus, tags=tags)

    def tag(model: str, pictures: Tensor) -> Tensor:
        assert model == "the tagger"
        assert torch.equal(pictures, corpus.pixels)
        return tags

    monkeypatch.setattr(tagger, "train_tagger", lambda *asked: given.taught.append(asked) or "the tagger")
    monkeypatch.setattr(tagger, "tag", tag)
    return given


def test_columns_are_counted_pair_by_pair(guesses):
    found = tagger.counting("good tagger", 1, TINY)
    assert list(found) == COLUMNS
    assert found == counted(guesses.corpus, guesses.tags, 15)
    assert 0 < (guesses.corpus.captions != guesses.corpus.classes).sum() <= 7
    assert found["text"] == found["shown"] == frequency.assign(TINY, 1).tolist()  # mismatched, no word is lost
    assert len({tuple(column) for column in found.values()}) == 5  # of the others, none would do for another


def test_both_taggers_are_taught_as_much_as_their_names_say(guesses):
    for teacher in ("good tagger", "poor tagger"):
        tagger.counting(teacher, 1, TINY, "elsewhere")
    assert guesses.taught == [(256, TINY, 1, "elsewhere"), (32, TINY, 1, "elsewhere")]
    assert tagger.SCHOOLING.keys() == {"good tagger", "poor tagger"}
