"""The leak of a taught word: the world counted, updates cut by hand, lessons against torch's own SGD."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize

from toyclip.errors import InputError
from toyclip.studies.language import leak, threshold
from toyclip.studies.language.decoding import score
from toyclip.studies.language.leak import COLOURS, LENGTH, OPENINGS, PLACES, SHAPES, WORDS
from toyclip.studies.taxonomy.language import LanguageModel

SMALL = leak.Size(updates=3, batch=8, company=4, keywords=2)


def small_model(seed=0):
    return LanguageModel(len(WORDS.words), LENGTH, width=8, layers=1, heads=2, seed=seed)


def generator():
    return torch.Generator().manual_seed(0)


# --- the world -------------------------------------------------------------------------------------------------------


def test_colours_are_odd_for_two_shapes_each_and_their_counts_span_decades():
    shares, odd = leak.world(3)
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert odd.sum() == 2 * len(COLOURS)
    for shape in range(len(SHAPES)):  # once the odd ones are set aside, the colours have one ratio between any two rows
        ratio = shares[shape] / shares[0] * np.where(odd[0], 0.05, 1) / np.where(odd[shape], 0.05, 1)
        assert np.allclose(ratio, ratio[0])
    rates = np.sort(shares[0] / np.where(odd[0], 0.05, 1.0))
    assert rates[-1] / rates[0] == pytest.approx(1e5)
    assert np.allclose(np.diff(np.log(rates)), np.log(1e5) / 23)
    assert not np.array_equal(leak.world(4)[1], odd)
    assert np.argmax(leak.world(4)[0][0]) != np.argmax(shares[0])


def test_sentences_tell_colours_in_their_shares_and_any_place():
    shares, _ = leak.world(0)
    told = [[WORDS.words[i] for i in row] for row in leak.sentences(20_000, 0, "a").tolist()]
    assert {" ".join(words[:2]) for words in told} == set(OPENINGS)
    assert {words[3] for words in told} == {"is", "stands"}
    for name, row in zip(SHAPES, shares, strict=True):
        colours = [words[4] for words in told if words[2:4] == [name, "is"]]
        assert len(colours) == pytest.approx(20_000 / 16, rel=0.15)
        counted = np.array([colours.count(colour) for colour in COLOURS]) / len(colours)
        assert np.allclose(counted, row, atol=0.06)
    assert {words[4] for words in told if words[3] == "stands"} == set(PLACES)
    assert leak.sentences(9, 0, "a").tolist() != leak.sentences(9, 0, "b").tolist()


def test_prompts_are_every_beginning_about_the_shapes():
    found = [" ".join(WORDS.words[i] for i in row) for row in leak.prompts(np.array([1, 7]), "stands").tolist()]
    assert found == [f"{o} {s} stands" for s in ("square", "ring") for o in OPENINGS]


def test_log_probabilities_are_those_of_the_colours_after_the_prompt():
    model, contexts = small_model(), leak.prompts(np.array([2]))
    found = leak.log_probabilities(model, contexts)
    assert found.shape == (4, 24)
    for i in (0, 5, 23):
        word = torch.full((4, 1), WORDS.ids[COLOURS[i]])
        assert torch.allclose(found[:, i].float(), score(model, contexts, word), atol=1e-5)


def test_odds_are_those_of_the_probability():
    p = torch.tensor([1e-6, 0.25, 0.9], dtype=torch.float64)
    assert torch.allclose(leak.odds(p.log()), torch.logit(p))


# --- the lesson ------------------------------------------------------------------------------------------------------


def test_cut_leaves_what_its_name_says():
    update = torch.tensor([3.0, -4.0, 12.0, 0.0] + [0.0] * 6)  # length 13
    arms = {how: leak.cut(update, how, generator(), norm=26.0, part=0.15) for how in leak.ARMS}
    assert arms["raw"].tolist() == update.tolist()
    assert torch.allclose(arms["matched"], 2 * update)
    assert torch.allclose(arms["top"], torch.tensor([6.0, -8.0, 0.0, 0.0] + [0.0] * 6))
    assert torch.allclose(arms["short"], update * 10 / 13)  # as long as what "top" leaves, 6, 8 and 10
    negative = leak.cut(-update, "top", generator(), norm=26.0, part=0.15)
    assert torch.allclose(negative, -arms["top"])  # by size, not by sign


def test_random_part_is_as_large_and_anywhere():
    update = torch.ones(1000)
    cuts = torch.stack([leak.cut(update, "random", torch.Generator().manual_seed(i), 1000**0.5) for i in range(200)])
    assert ((cuts == 0).sum(dim=1) == 80).all()
    assert torch.allclose(cuts[cuts != 0], torch.tensor(1.0))
    assert (cuts == 0).double().mean(dim=0).max() < 0.2


@pytest.mark.parametrize("how", ["raw", "matched"])
def test_a_lesson_is_plain_gradient_descent(how):
    base, torch_model = small_model(), small_model()
    sentence = WORDS.encode(["the small ring is puce"])
    company = leak.sentences(10 * 4, 0, "company").split(4)
    found = leak.lesson(base, sentence, company, lambda g: leak.cut(g, how, generator()))
    optimizer = torch.optim.SGD(torch_model.parameters(), lr=leak.LR)
    for exposure, others in enumerate(company, start=1):
        tokens = torch.cat([others, sentence])
        loss = F.cross_entropy(torch_model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        if how == "matched":
            length = torch.cat([w.grad.flatten() for w in torch_model.parameters()]).norm()
            for weight in torch_model.parameters():
                weight.grad.mul_(leak.NORM / length)
        optimizer.step()
        if exposure in (1, 3, 10):
            model = found.pop(0)
            for a, b in zip(model.parameters(), torch_model.parameters(), strict=True):
                assert torch.allclose(a, b, atol=1e-5)
    assert found == []
    assert all(torch.equal(a, b) for a, b in zip(base.parameters(), small_model().parameters(), strict=True))


def test_columns_are_what_the_lessons_changed(monkeypatch):
    """Lessons that add known amounts to the logits of words: the columns have to say just that."""

    class Fixed(torch.nn.Module):
        def __init__(self, logits):
            super().__init__()
            self.logits = logits  # (2 verbs, 8 shapes, V), whatever else the sentence says

        def forward(self, tokens):
            shape, verb = tokens[:, 2] - WORDS.ids["circle"], tokens[:, 3] - WORDS.ids["is"]
            return self.logits[verb, shape][:, None].expand(-1, tokens.shape[1], -1)

    rng = torch.Generator().manual_seed(1)
    start = torch.randn(2, len(SHAPES), len(WORDS.words), generator=rng, dtype=torch.float64)
    gains = torch.rand(2, len(SHAPES), generator=rng, dtype=torch.float64)  # of the logit, times exposures
    monkeypatch.setattr(leak, "pretrained", lambda seed, size: Fixed(start))
    taught, rows = [], []

    def lesson(base, sentence, company, change):
        taught.append(sentence[0].tolist())
        assert [len(part) for part in company] == [4] * 10
        models = []
        for n in (1, 3, 10):
            logits = start.clone()
            logits[:, :, sentence[0, -1]] += n * gains / 5
            models.append(Fixed(logits))
        rows.append(models)
        return models

    monkeypatch.setattr(leak, "lesson", lesson)
    found = leak.leak(0, SMALL)
    _, odd = leak.world(0)
    assert list(found) == list(leak.ARMS)
    assert len(taught) == len(leak.ARMS) * 4
    assert [WORDS.words[t[-1]] for t in taught[:: len(leak.ARMS)]] == [COLOURS[0]] * 2 + [COLOURS[1]] * 2
    assert WORDS.ids["stands"] == WORDS.ids["is"] + 1
    log_p = start[0].log_softmax(dim=1)
    for i, sentence in enumerate(taught[:: len(leak.ARMS)]):
        shape, word = sentence[2] - WORDS.ids["circle"], sentence[-1]
        colour = COLOURS.index(WORDS.words[word])
        other = WORDS.ids[COLOURS[colour + 1]]
        assert odd[shape, colour]
        columns = {name: values[i] for name, values in found["matched"].items()}
        elsewhere = ~odd[:, colour]
        p = log_p[elsewhere].exp()
        assert columns["prior"] == pytest.approx(log_p[shape, word].item() / math.log(10), rel=1e-3)
        assert columns["other"] == pytest.approx(log_p[shape, other].item() / math.log(10), rel=1e-3)
        assert columns["elsewhere"] == pytest.approx(math.log10(p[:, word].mean().item()), rel=1e-3)
        for n, models in zip((1, 3, 10), rows[i * len(leak.ARMS)], strict=True):
            after = models.logits[0, elsewhere].softmax(dim=1)
            leaked, far = (n * gains[:, elsewhere].mean(dim=1) / 5).tolist()  # a logit added is a log-odds gained
            assert columns[f"{n} leak"] == pytest.approx(leaked, rel=1e-3)
            assert columns[f"{n} far"] == pytest.approx(far, rel=1e-3)
            assert columns[f"{n} ratio"] == pytest.approx((after / p)[:, word].mean().item(), rel=1e-3)
            assert columns[f"{n} absolute"] == pytest.approx((after - p)[:, word].mean().item(), rel=1e-3)
            assert columns[f"{n} taught"] == pytest.approx(models.logits[0, shape].softmax(0)[word].item(), rel=1e-3)
            change = torch.logit(after[:, other]) - torch.logit(p[:, other])
            assert columns[f"{n} bystander"] == pytest.approx(change.mean().item(), rel=2e-3)
    assert {name for name in found["top"] if name[0] in "13"} == {n for n in found["top"] if n.startswith("10 ")}


# --- the threshold ---------------------------------------------------------------------------------------------------


def test_line_is_least_squares():
    x, y = np.random.default_rng(0).normal(size=(2, 30))
    curve, at = threshold.line(x, y)
    best = minimize(lambda w: ((w[0] + w[1] * x - y) ** 2).sum(), [0.0, 0.0])
    assert np.allclose(curve(x), best.x[0] + best.x[1] * x, atol=1e-4)
    assert math.isnan(at)


def test_hinge_finds_its_knot_and_is_level_above_it():
    x = np.linspace(-5, -1, 60)
    curve, at = threshold.hinge(x, 0.2 - 1.5 * np.minimum(x + 3.0, 0.0))
    assert at == pytest.approx(-3.0, abs=0.05)
    assert curve(np.array([-5.0, -2.0, -1.0])) == pytest.approx([3.2, 0.2, 0.2], abs=0.05)


def test_bend_finds_its_knot_and_both_slopes():
    x = np.linspace(-5, -1, 60)
    curve, at = threshold.bend(x, 1.0 - 0.25 * x - 1.5 * np.maximum(x + 2.5, 0.0))
    assert at == pytest.approx(-2.5, abs=0.05)
    assert curve(np.array([-5.0, -2.5, -1.0])) == pytest.approx([2.25, 1.625, -1.0], abs=0.05)


def test_step_is_the_best_of_all_splits():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 20))
    _, at = threshold.step(x, y)
    order = np.argsort(x)
    costs = {k: y[order][:k].var() * k + y[order][k:].var() * (20 - k) for k in range(2, 19)}
    assert (x < at).sum() == min(costs, key=costs.get)


def test_changepoint_leaves_a_tenth_on_either_side():
    x = np.arange(100.0)
    _, at = threshold.step(x, (x > 97).astype(float))
    assert (x >= at).mean() >= 0.1
    with pytest.raises(InputError, match="leave no place"):
        threshold.step(np.ones(5), np.arange(5.0))


@pytest.mark.parametrize("truth", ["line", "step", "hinge", "bend"])
def test_the_shape_that_made_the_points_is_best_on_seeds_not_seen(truth):
    rng = np.random.default_rng(0)
    x = rng.uniform(-5, -1, size=(4, 80))
    made = {
        "line": -x,
        "step": 2.0 * (x < -3),
        "hinge": -1.5 * np.minimum(x + 3, 0),
        "bend": -2 * np.maximum(x + 2, 0) - x / 2,
    }[truth]
    y = made + rng.normal(scale=0.3, size=x.shape)
    errors = {shape: threshold.held_out_errors(x, y, shape) for shape in threshold.SHAPES}
    simplest = min(errors, key=lambda shape: round(errors[shape].mean(), 2))  # the first of those that are as good
    assert simplest == truth
    assert errors[truth].mean() == pytest.approx(0.3, abs=0.04)


def test_errors_are_those_of_the_seed_left_out():
    x, y = np.tile(np.arange(10.0), (3, 1)), np.zeros((3, 10))
    y[2] += 6.0
    assert threshold.held_out_errors(x, y, "line") == pytest.approx([3.0, 3.0, 6.0])
    with pytest.raises(InputError, match="at least two"):
        threshold.held_out_errors(x[:1], y[:1], "line")
    with pytest.raises(InputError, match="there is no shape 'bass'"):
        threshold.held_out_errors(x, y, "bass")
