"""Classifiers from sentences against embeddings averaged by hand; intervals and recall against closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from toyclip import zero_shot
from toyclip.data import CLASSES, COLORS, Pairs, Tokenizer
from toyclip.encoders import ToyCLIP
from toyclip.errors import CaptionError, InputError

PROMPTS = zero_shot.class_prompts()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model(images) -> ToyCLIP:
    """Untrained, but with the pictures' embeddings centred, so that they do not all point the same way."""
    model = ToyCLIP(seed=0).requires_grad_(False)
    model.image_encoder.projection.bias -= model.image_encoder(images).mean(dim=0)
    return model


class Oracle(torch.nn.Module):
    """A model that is always right, or always wrong: the first pixel of a picture says its class."""

    device = torch.device("cpu")

    def __init__(self, sign: float = 1.0):
        super().__init__()
        self.sign = sign

    def embed_images(self, images: torch.Tensor) -> torch.Tensor:
        return self.sign * torch.eye(16)[(16 * images[:, 0, 0, 0]).long()]

    def embed_texts(self, tokens: torch.Tensor) -> torch.Tensor:
        words = [frozenset(text.split()) for text in Tokenizer().decode(tokens)]
        return torch.stack([torch.tensor([float(words_of <= w) for words_of in map(set, CLASSES)]) for w in words])


def pictures_that_say_their_class(classes: torch.Tensor) -> Pairs:
    return Pairs((classes / 16).reshape(-1, 1, 1, 1).expand(-1, 3, 2, 2), classes)


# --- classifiers -----------------------------------------------------------------------------------------------------


def test_model_that_is_always_right_gets_everything_right_and_its_opposite_nothing():
    pairs = pictures_that_say_their_class(torch.arange(16).repeat(3))
    assert zero_shot.accuracy(Oracle(), pairs, Tokenizer()) == 1
    assert zero_shot.accuracy(Oracle(sign=-1), pairs, Tokenizer()) == 0


def test_accuracy_is_the_share_that_is_right():
    pairs = pictures_that_say_their_class(torch.arange(16))
    wrong = Pairs(pairs.images, torch.cat([pairs.classes[:12], pairs.classes[:4]]))
    assert zero_shot.accuracy(Oracle(), wrong, Tokenizer()) == 0.75


def test_order_of_the_classes_does_not_matter(model, images):
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    weights = zero_shot.classifier(model, PROMPTS, Tokenizer())
    reordered = zero_shot.classifier(model, [PROMPTS[i] for i in order], Tokenizer())
    torch.testing.assert_close(reordered, weights[order])
    predicted = zero_shot.predict(model, images, weights)
    assert torch.equal(order[zero_shot.predict(model, images, reordered)], predicted)
    assert len(predicted.unique()) > 3


def test_similarities_are_cosines_in_any_number_of_parts(model, images):
    weights = zero_shot.classifier(model, PROMPTS, Tokenizer())
    pictures = model.image_encoder(images).double().numpy()
    texts = model.text_encoder(Tokenizer().encode([p for [p] in PROMPTS])).double().numpy()
    cosines = pictures @ texts.T / np.outer(np.linalg.norm(pictures, axis=1), np.linalg.norm(texts, axis=1))
    for batch_size in (7, 40, 512):
        found = zero_shot.similarities(model, images, weights, batch_size)
        assert found.numpy() == pytest.approx(cosines, abs=1e-4)
    assert (zero_shot.predict(model, images, weights).numpy() == cosines.argmax(axis=1)).all()


def test_ensemble_is_the_mean_of_unit_vectors_normalised_again(model):
    templates = ("a {color} {shape}", "{color} {shape}", "{shape}")
    found = zero_shot.classifier(model, zero_shot.class_prompts(templates), Tokenizer()).double()
    for (color, shape), weights in zip(CLASSES, found, strict=True):
        vectors = model.text_encoder(Tokenizer().encode([t.format(color=color, shape=shape) for t in templates]))
        unit = [v.double().numpy() / np.linalg.norm(v) for v in vectors]
        mean = np.mean(unit, axis=0)
        assert np.linalg.norm(mean) < 0.999
        assert weights.numpy() == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_template_is_used(model):
    """The classifier holds the whole sentence, word for word, and not the bare words."""
    weights = zero_shot.classifier(model, PROMPTS, Tokenizer())
    sentence, words = model.embed_texts(Tokenizer().encode(["a blue square", "blue square"]))
    found = weights[CLASSES.index(("blue", "square"))]
    torch.testing.assert_close(found, sentence)
    assert (found - words).abs().max() > 0.01
    assert zero_shot.class_prompts(("{shape} {color}", "a {color}"))[0] == ["circle red", "a red"]


def test_accuracy_uses_the_templates_it_is_given():
    """With the colour alone, a picture's own class and three others tie; the first of them wins."""
    pairs = pictures_that_say_their_class(torch.arange(16))

    class ByColour(Oracle):
        def embed_texts(self, tokens: torch.Tensor) -> torch.Tensor:
            colours = [[color in text.split() for color, _ in CLASSES] for text in Tokenizer().decode(tokens)]
            return torch.tensor(colours).float()

    assert zero_shot.accuracy(ByColour(), pairs, Tokenizer(), ["{color}"]) == len(COLORS) / 16


@pytest.mark.parametrize("prompts", [[], [["a red circle"], []]])
def test_class_without_a_caption_is_refused(model, prompts):
    with pytest.raises(InputError, match="at least one caption"):
        zero_shot.classifier(model, prompts, Tokenizer())


def test_unknown_word_and_bare_string_are_refused(model):
    for prompts in ([["a purple circle"]], ["a red circle"]):
        with pytest.raises(CaptionError):
            zero_shot.classifier(model, prompts, Tokenizer())


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (1, 10), (5, 10), (10, 10), (478, 480), (480, 480)])
def test_interval_by_wilsons_formula(successes, trials, confidence):
    z, p = norm.ppf((1 + confidence) / 2), successes / trials
    middle = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))
    low, high = zero_shot.interval(successes, trials, confidence)
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-12)
    assert 0 <= low <= p <= high <= 1


# --- retrieval -------------------------------------------------------------------------------------------------------


def recall_by_sorting(similarity: np.ndarray, relevant: np.ndarray, k: int) -> float:
    """Sort each row from best to worst, irrelevant items first where they tie, and look at the first k."""
    found = 0
    for scores, good in zip(similarity, relevant, strict=True):
        ranking = sorted(zip(-scores, good, strict=True))
        found += any(is_good for _, is_good in ranking[:k])
    return found / len(similarity)


@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_recall_by_sorting_with_few_and_many_ties(levels):
    rng = np.random.default_rng(levels)
    similarity = rng.integers(levels, size=(30, 9)) / levels
    relevant = rng.random((30, 9)) < 0.25
    relevant[:, 0] |= ~relevant.any(axis=1)
    for k in range(1, 10):
        found = zero_shot.recall_at_k(torch.tensor(similarity), torch.tensor(relevant), k)
        assert found == recall_by_sorting(similarity, relevant, k)


def test_constant_scorer_earns_nothing_until_all_are_returned():
    scores, relevant = torch.zeros(5, 5), torch.eye(5, dtype=torch.bool)
    assert [zero_shot.recall_at_k(scores, relevant, k) for k in (1, 4, 5)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("similarity", "relevant", "k"),
    [
        (torch.zeros(2, 3), torch.ones(3, 2, dtype=torch.bool), 1),
        (torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool), 0),
        (torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool), 4),
        (torch.zeros(2, 3), torch.tensor([[True, False, False], [False, False, False]]), 1),
    ],
)
def test_retrieval_that_has_no_answer_is_refused(similarity, relevant, k):
    with pytest.raises(InputError, match="relevant item per query"):
        zero_shot.recall_at_k(similarity, relevant, k)


def test_model_that_returns_nan_earns_nothing():
    assert zero_shot.recall_at_k(torch.full((3, 3), torch.nan), torch.eye(3, dtype=torch.bool), k=1) == 0
