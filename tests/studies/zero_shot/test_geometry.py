"""Numbers about the embedding space against scikit-learn and plain loops."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import OneHotEncoder

from toyclip.data import CLASSES
from toyclip.studies.zero_shot import geometry

RNG = np.random.default_rng(0)
LABELS = torch.tensor(RNG.integers(16, size=50))
COSINES = torch.tensor(RNG.uniform(-1, 1, size=(50, 16)))


@pytest.mark.parametrize("dim", [1, 7, 64])
def test_additive_share_is_that_of_a_linear_regression_on_the_attributes(dim):
    attributes = OneHotEncoder().fit_transform(CLASSES).toarray()
    assert attributes.shape == (16, 8)
    means = RNG.normal(size=(16, dim)) + attributes @ RNG.normal(size=(8, dim))
    fitted = LinearRegression().fit(attributes, means).predict(attributes)
    explained = 1 - ((means - fitted) ** 2).sum() / ((means - means.mean(axis=0)) ** 2).sum()
    assert geometry.additive_r2(torch.tensor(means)) == pytest.approx(explained)


@pytest.mark.parametrize("cosines", [COSINES, COSINES - 2], ids=["either sign", "all negative"])
def test_margin_by_loops(cosines):
    for row, label, found in zip(cosines.tolist(), LABELS.tolist(), geometry.margin(cosines, LABELS), strict=True):
        assert found.item() == row[label] - max(row[:label] + row[label + 1 :])


def test_shared_attributes_by_loops():
    expected = np.zeros(15)
    for row, label in zip(COSINES.tolist(), LABELS.tolist(), strict=True):
        others = sorted((c for c in range(16) if c != label), key=lambda c: -row[c])
        for rank, other in enumerate(others):
            expected[rank] += any(a == b for a, b in zip(CLASSES[label], CLASSES[other], strict=True)) / len(LABELS)
    found = geometry.shares_attribute(COSINES, LABELS).numpy()
    assert found == pytest.approx(expected)
    assert found.sum() == pytest.approx(6)  # three of the same colour, three of the same shape


def test_class_means_by_loops():
    embeddings, labels = torch.tensor(RNG.normal(size=(64, 5))), torch.arange(16).repeat(4)
    for label, mean in enumerate(geometry.class_means(embeddings, labels)):
        expected = np.mean([e for e, own in zip(embeddings.numpy(), labels, strict=True) if own == label], axis=0)
        assert mean.numpy() == pytest.approx(expected)


def silhouette_by_loops(embeddings: np.ndarray, labels: np.ndarray) -> float:
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    apart, scores = 1 - unit @ unit.T, []
    for i, own in enumerate(labels):
        near = apart[i, (labels == own) & (np.arange(len(labels)) != i)].mean()
        far = min(apart[i, labels == other].mean() for other in set(labels) - {own})
        scores.append((far - near) / max(far, near))
    return float(np.mean(scores))


@pytest.mark.parametrize("noise", [0.01, 0.3, 10.0])
def test_silhouette_by_loops(noise):
    labels = np.arange(4).repeat(6)
    embeddings = np.eye(4, 8)[labels] + noise * RNG.normal(size=(24, 8))
    found = geometry.clusters(torch.tensor(embeddings), torch.tensor(labels))
    assert found == pytest.approx(silhouette_by_loops(embeddings, labels))
    assert -1 <= found <= 1
    if noise == 0.01:
        assert found > 0.95
