"""Classifiers from sentences against embeddings averaged by hand."""

import numpy as np
import pytest
import torch

from toyclip import zero_shot
from toyclip.data import CAPTIONS, CLASSES, COLORS, Pairs, Tokenizer
from toyclip.encoders import ToyCLIP
from toyclip.errors import CaptionError, InputError
from toyclip.zero_shot import accuracy, class_prompts, classifier, predict, similarities

TEMPLATES = ("a {color} {shape}", "{color} {shape}", "{shape}")


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randint(256, (40, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model(images) -> ToyCLIP:
    """Untrained, but with the pictures' embeddings centred, so that they do not all point the same way."""
    model = ToyCLIP(seed=0)
    with torch.no_grad():
        model.image_encoder.projection.bias -= model.image_encoder(images).mean(dim=0)
    return model


def unit(vectors: torch.Tensor) -> np.ndarray:
    vectors = vectors.detach().double().numpy()
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Oracle(torch.nn.Module):
    """A model that is always right, or always wrong: the first pixel of a picture says its class."""

    device = torch.device("cpu")

    def __init__(self, sign: float = 1.0):
        super().__init__()
        self.sign = sign

    def embed_images(self, images: torch.Tensor) -> torch.Tensor:
        return self.sign * torch.eye(16)[images[:, 0, 0, 0].long()]

    def embed_texts(self, tokens: torch.Tensor) -> torch.Tensor:
        """For each class whether the caption says nothing else."""
        words = [set(text.split()) - {"a"} for text in Tokenizer().decode(tokens)]
        return torch.tensor([[float(said <= {*pair}) for pair in CLASSES] for said in words])


def pictures_that_say_their_class(classes: torch.Tensor) -> Pairs:
    return Pairs(classes.to(torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 3, 2, 2), classes, classes)


# --- accuracy --------------------------------------------------------------------------------------------------------


def test_accuracy_is_the_share_of_pictures_whose_own_class_wins():
    """By what they show; the caption under a picture has no say."""
    pairs = pictures_that_say_their_class(torch.arange(16).repeat(3))
    assert accuracy(Oracle(), pairs, Tokenizer()) == 1
    assert accuracy(Oracle(sign=-1), pairs, Tokenizer()) == 0
    shown = pictures_that_say_their_class(torch.arange(16))
    wrong = torch.cat([torch.arange(12), torch.arange(4)])
    assert accuracy(Oracle(), Pairs(shown.pixels, wrong, torch.arange(16)), Tokenizer()) == 0.75
    assert accuracy(Oracle(), Pairs(shown.pixels, torch.arange(16), wrong), Tokenizer()) == 1


def test_accuracy_asks_with_the_prompts_it_is_given():
    """With the colour alone, a picture's own class and three others tie; the first of them wins."""
    pairs = pictures_that_say_their_class(torch.arange(16))
    assert accuracy(Oracle(), pairs, Tokenizer(), class_prompts(["{color}"])) == len(COLORS) / 16
    assert accuracy(Oracle(), pairs, Tokenizer(), CAPTIONS[1:] + CAPTIONS[:1]) == 0
    assert accuracy(Oracle(), pairs, Tokenizer(), list(CAPTIONS)) == 1
    assert accuracy(Oracle(), pairs, Tokenizer(), CAPTIONS[:4]) == 4 / 16


def test_accuracy_of_a_model_is_that_of_its_logits(model, images):
    """Against classes of which the model, by chance, gets some right."""
    right = model(images, Tokenizer().encode(CAPTIONS)).argmax(dim=1)
    classes = right.where(torch.arange(40) % 3 > 0, (right + 1) % 16)
    assert accuracy(model, Pairs(images, classes, classes), Tokenizer()) == pytest.approx(26 / 40)


# --- classifiers -----------------------------------------------------------------------------------------------------


def test_ensemble_is_the_mean_of_unit_vectors_normalised_again(model):
    found = classifier(model, class_prompts(TEMPLATES), Tokenizer()).numpy()
    for (color, shape), weights in zip(CLASSES, found, strict=True):
        vectors = model.text_encoder(Tokenizer().encode([t.format(color=color, shape=shape) for t in TEMPLATES]))
        mean = unit(vectors).mean(axis=0)
        assert np.linalg.norm(mean) < 0.999  # so it was worth the second division
        assert weights == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-6)


def test_prompts_are_read_word_for_word_one_or_several_a_class_in_their_order(model):
    mixed = [CAPTIONS[3], ["a red", "red"], [CAPTIONS[9]], ("blue square",)]
    texts = model.embed_texts(Tokenizer().encode([CAPTIONS[3], CAPTIONS[9], "blue square"]))
    torch.testing.assert_close(classifier(model, mixed, Tokenizer())[[0, 2, 3]], texts.detach())
    torch.testing.assert_close(
        classifier(model, CAPTIONS, Tokenizer()), classifier(model, class_prompts(), Tokenizer()), rtol=0, atol=0
    )
    assert class_prompts() == [[caption] for caption in CAPTIONS]
    assert class_prompts(("{shape} {color}", "a {color}"))[0] == ["circle red", "a red"]


def test_order_of_the_classes_does_not_matter(model, images):
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    weights = classifier(model, CAPTIONS, Tokenizer())
    reordered = classifier(model, [CAPTIONS[i] for i in order], Tokenizer())
    torch.testing.assert_close(reordered, weights[order])
    predicted = predict(model, images, weights)
    assert torch.equal(order[predict(model, images, reordered)], predicted)
    assert len(predicted.unique()) > 3


@pytest.mark.parametrize("batch_size", [1, 7, 40, 512])
def test_similarities_are_cosines_in_any_number_of_parts(batch_size, model, images):
    weights = classifier(model, CAPTIONS, Tokenizer())
    cosines = unit(model.image_encoder(images)) @ unit(model.text_encoder(Tokenizer().encode(CAPTIONS))).T
    assert similarities(model, images, weights, batch_size).numpy() == pytest.approx(cosines, abs=1e-4)
    assert (predict(model, images, weights).numpy() == cosines.argmax(axis=1)).all()


def test_nothing_that_classifies_keeps_a_graph(model, images):
    """The model's weights are there to be trained: each result would hold every activation otherwise."""
    assert all(p.requires_grad for p in model.parameters())
    weights = classifier(model, CAPTIONS, Tokenizer())
    for result in (
        weights,
        similarities(model, images, weights),
        similarities(model, images, weights.requires_grad_()),
    ):
        assert result.grad_fn is None


@pytest.mark.parametrize("prompts", [[], [["a red circle"], []], ["a red circle", ""]])
def test_class_without_a_caption_is_refused(model, prompts):
    with pytest.raises(InputError, match=r"at least one caption|caption is empty"):
        classifier(model, prompts, Tokenizer())


def test_unknown_word_is_refused(model):
    with pytest.raises(CaptionError, match="purple"):
        classifier(model, ["a purple circle"], Tokenizer())


def test_template_of_training_is_that_of_the_captions():
    assert zero_shot.TEMPLATE == "a {color} {shape}"
