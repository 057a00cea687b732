"""Decoding against probabilities taken apart by hand, and against many draws."""

import itertools

import pytest
import torch

from toyclip.errors import InputError
from toyclip.studies.language.decoding import greedy, log_likelihoods, sample, score
from toyclip.studies.taxonomy.language import LanguageModel, surprise, teach

WORDS = 5  # of the vocabulary, padding left out


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    """One that has learned a little of sentences whose third word is the first."""
    generator = torch.Generator().manual_seed(0)
    model = LanguageModel(WORDS + 1, 5, width=16, layers=1, heads=2)
    first, second = torch.randint(1, WORDS + 1, (2, 32 * 40), generator=generator)
    teach(model, torch.stack([first, second, first], dim=1).split(32))
    return model.eval()


def by_hand(model: LanguageModel, sentence: list[int], start: int) -> float:
    """Log-probability of all words from `start` on, each asked with a call of its own."""
    total = 0.0
    for i in range(start, len(sentence)):
        total += model(torch.tensor([sentence[:i]]))[0, -1].log_softmax(0)[sentence[i]].item()
    return total


def test_a_score_is_the_sum_over_its_words(model):
    prompts, answers = torch.tensor([[2, 4], [5, 1]]), torch.tensor([[2, 3], [1, 1]])
    found = score(model, prompts, answers)
    expected = [by_hand(model, [*p, *a], 2) for p, a in zip(prompts.tolist(), answers.tolist(), strict=True)]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


def test_all_answers_of_a_length_share_one(model):
    """With padding, which no decoding says but which the model can find likely, they are all there is."""
    answers = torch.tensor(list(itertools.product(range(1, WORDS + 1), repeat=2)))
    prompts = torch.tensor([[2]]).expand(len(answers), 1)
    assert score(model, prompts, answers).exp().sum().item() == pytest.approx(1.0, abs=0.05)


def test_padding_costs_nothing_and_the_mean_is_the_loss(model):
    tokens = torch.tensor([[3, 2, 3, 0], [1, 4, 1, 2]])
    told = log_likelihoods(model, tokens)
    assert told[0, 2] == 0
    assert -told.sum().item() / 5 == pytest.approx(surprise(model(tokens), tokens).item(), abs=1e-5)


def test_greedy_takes_the_likeliest_each_time(model):
    prompts = torch.tensor([[2, 4], [5, 1]])
    said = greedy(model, prompts, 2)
    assert said[:, 0].tolist() == [2, 5]  # it has learned to copy
    for row, prompt in zip(said.tolist(), prompts.tolist(), strict=True):
        rivals = [by_hand(model, [*prompt, row[0], w], 3) for w in range(1, WORDS + 1)]
        assert row[1] == rivals.index(max(rivals)) + 1


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_words_are_drawn_as_often_as_the_model_says(model, temperature):
    draws, prompt = 4000, torch.tensor([[2, 4]])
    said = sample(model, prompt.expand(draws, 2), 1, torch.Generator().manual_seed(1), temperature)[:, 0]
    logits = model(prompt)[0, -1].clone()
    logits[0] = -torch.inf
    expected = (logits / temperature).softmax(0)
    assert torch.allclose(torch.bincount(said, minlength=WORDS + 1) / draws, expected, atol=0.03)


def test_what_is_drawn_goes_on_from_what_was_drawn(model):
    """Two words at once are as the second after the first, with the same generator."""
    prompts = torch.tensor([[2, 4]] * 6)
    both = sample(model, prompts, 2, torch.Generator().manual_seed(2))
    generator = torch.Generator().manual_seed(2)
    first = sample(model, prompts, 1, generator)
    assert torch.equal(both[:, :1], first)
    assert torch.equal(both[:, 1:], sample(model, torch.cat([prompts, first], dim=1), 1, generator))


@pytest.mark.parametrize("decode", [lambda m, p: greedy(m, p, 3), lambda m, p: sample(m, p, 3, torch.Generator())])
def test_padding_is_never_said(decode):
    model = LanguageModel(3, 6, width=8, layers=1, heads=1)
    with torch.no_grad():
        model.norm.bias.copy_(50 * model.words.weight[0])  # padding is by far the likeliest
    assert (decode(model, torch.ones(20, 2, dtype=torch.int64)) > 0).all()


def test_a_temperature_of_nothing_is_refused(model):
    with pytest.raises(InputError, match="use greedy"):
        sample(model, torch.tensor([[2]]), 1, torch.Generator(), 0.0)
