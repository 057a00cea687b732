"""Words against shots: what is dealt, drawn, averaged and asked, by hand; a prompt's lines against sentences."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from toyclip.checkpoint import load
from toyclip.data import CLASSES, COLORS, SHAPES, draw_pairs
from toyclip.errors import InputError
from toyclip.studies.language import examples, shots
from toyclip.studies.language.examples import NAMES, QUESTIONS, TOKENIZER
from toyclip.studies.taxonomy.language import LanguageModel, surprise

SOME = shots.Amounts(counts=(1, 8), pool=20, test=4, draws=4)
QUICK = examples.Lessons(updates=3, batch_size=4, width=8, counts=(0, 2), prompts=12, lines=3)


@pytest.fixture(scope="module")
def found() -> dict:
    """What the shipped model says of few pictures."""
    return shots.few_shots(*load(), seed=7, amounts=SOME)


# --- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("below", "beside"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_corner_is_where_the_bright_square_stands(below, beside):
    picture = torch.full((1, 3, 16, 16), 20, dtype=torch.uint8)
    picture[:, 1, 1 + 8 * below : 7 + 8 * below, 1 + 8 * beside : 7 + 8 * beside] = 200
    assert shots.corners(picture).item() == 2 * below + beside


def test_a_darker_ground_moves_no_corner():
    pairs = draw_pairs(per_class=3, seed=1)
    brighter = (pairs.pixels.int() + 12).clamp(max=255).byte()
    assert (shots.corners(pairs.pixels) == shots.corners(brighter)).double().mean() > 0.95
    assert set(shots.corners(pairs.pixels).tolist()) == {0, 1, 2, 3}


def test_each_shape_has_a_nuisance_of_its_own_or_all_have_one():
    seen = set()
    for seed in range(40):
        own, one = (shots.deal(how, 3, np.random.default_rng(seed)) for how in ("own", "one"))
        assert sorted(own[:, 0]) == [0, 1, 2, 3]
        assert (own == own[:, :1]).all()
        assert len(np.unique(one)) == 1
        seen |= {(0, int(one[0, 0])), (1, int(own[0, 0]))}
    assert len(seen) == 8  # which it is, lots decide


def test_by_lot_all_nuisances_are_as_frequent_and_no_shape_has_its_own():
    dealt = shots.deal("each", 4000, np.random.default_rng(0))
    shares = np.stack([np.bincount(row, minlength=4) / 4000 for row in dealt])
    assert shares == pytest.approx(0.25, abs=0.03)
    assert np.corrcoef(dealt)[0, 1] == pytest.approx(0, abs=0.06)


def test_a_wrong_way_is_refused():
    with pytest.raises(InputError, match="there is no way 'some'"):
        shots.deal("some", 1, np.random.default_rng(0))


def test_chosen_pictures_are_what_was_wanted_and_none_comes_twice():
    shapes, nuisances = torch.arange(4).repeat(60), torch.arange(4).repeat_interleave(60)
    wanted = shots.deal("each", 12, np.random.default_rng(3))
    chosen = shots.choose(shapes, nuisances, wanted, np.random.default_rng(4))
    assert (shapes[chosen] == torch.arange(4)[:, None]).all()
    assert (nuisances[chosen].numpy() == wanted).all()
    assert chosen.unique().numel() == 48
    all_there_are = shots.choose(
        shapes, nuisances, shots.deal("own", 15, np.random.default_rng(6)), np.random.default_rng(7)
    )
    assert all_there_are.unique().numel() == 60
    assert not torch.equal(chosen, shots.choose(shapes, nuisances, wanted, np.random.default_rng(5)))


def test_classes_come_apart_into_colour_and_shape():
    classes = torch.arange(16)
    pairs = zip(shots.color_of(classes).tolist(), shots.shape_of(classes).tolist(), strict=True)
    assert [(COLORS[c], SHAPES[s]) for c, s in pairs] == list(CLASSES)


def test_a_prototype_is_the_direction_of_the_mean():
    embeddings = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [0.0, 2.0]]])
    half = math.sqrt(0.5)
    assert shots.prototypes(embeddings).flatten().tolist() == pytest.approx([half, half, 0, 1])


def test_one_vector_for_a_shape_is_nearest_to_its_own_captions():
    model, tokenizer = load()
    words = shots.told_by_words(model, tokenizer)
    said = model.embed_texts(tokenizer.encode([f"a {c} {s}" for c in COLORS for s in SHAPES]))
    assert (said @ words.T).argmax(dim=1).tolist() == [0, 1, 2, 3] * 4
    assert words.norm(dim=1).tolist() == pytest.approx([1] * 4, abs=1e-5)


def test_shots_with_a_colour_of_their_own_mislead_and_others_do_not(found):
    clean = found["clean"]
    assert clean["words"] == 1
    assert clean["shots"]["varied"][1] > 0.97 > 0.85 > clean["shots"]["varied"][0]
    assert clean["shots"]["one colour"] == pytest.approx([1, 1], abs=0.01)
    assert clean["shots"][shots.OWN][1] < 0.75
    assert clean["led"] > 0.95
    assert clean["shots"]["one corner"][1] > 0.9 < clean["shots"]["a corner of its own"][1]


def test_noise_takes_words_off_the_ceiling(found):
    assert 0.8 < found["noisy"]["words"] < 1
    assert found["noisy"]["shots"]["varied"][1] < found["clean"]["shots"]["varied"][1]


def test_led_is_by_chance_what_one_in_four_is(monkeypatch):
    """Shots whose labels are shuffled: a mistake names the colour's shape as often as any other."""
    scrambled = lambda embeddings: torch.nn.functional.normalize(  # noqa: E731
        torch.randn(4, embeddings.shape[2], generator=torch.Generator().manual_seed(int(1e6 * embeddings.sum().abs())))
    )
    monkeypatch.setattr(shots, "prototypes", scrambled)
    amounts = replace(SOME, draws=12)
    told = shots.few_shots(*load(), seed=8, amounts=amounts)["clean"]
    assert told["led"] == pytest.approx(1 / 4, abs=0.12)
    assert np.mean(told["shots"]["varied"]) == pytest.approx(1 / 4, abs=0.08)


# --- prompts ---------------------------------------------------------------------------------------------------------


def test_lines_say_the_name_of_what_is_asked():
    told = examples.lines(np.array([0, 1]), np.array([[0, 3], [1, 2]]), np.array([[2, 1], [0, 3]]))
    assert TOKENIZER.decode(told) == ["red triangle dax yellow square lom", "blue circle dax green cross lom"]


def test_a_head_says_the_question_or_leaves_it():
    told = examples.heads(np.array([0, 1, 0, 1]), np.array([True, True, False, False]))
    assert TOKENIZER.decode(told) == [*QUESTIONS, "thing", "thing"]


def taken_apart(documents: torch.Tensor) -> list[tuple[str, list[list[str]]]]:
    """The head and the lines of each document, in words."""
    words = [text.split() for text in TOKENIZER.decode(documents)]
    return [(head, [rest[i : i + 3] for i in range(0, len(rest), 3)]) for head, *rest in words]


def consistent(question: str, line: list[str]) -> bool:
    """Whether a line's name answers the question."""
    color, shape, name = line
    return NAMES.index(name) == (COLORS.index(color) if question == "colour" else SHAPES.index(shape))


def test_a_document_keeps_to_one_question_which_is_the_one_it_says():
    heads = Counter()
    for head, rows in taken_apart(examples.documents(400, 9, 0.0, seed=0)):
        fits = [q for q in QUESTIONS if all(consistent(q, row) for row in rows)]
        assert fits == [head] if head in QUESTIONS else len(fits) == 1
        heads[head, fits[0]] += 1
    shares = {key: n / 400 for key, n in heads.items()}
    assert shares["thing", "colour"] == pytest.approx(0.25, abs=0.07) == shares["thing", "shape"]
    assert shares["colour", "colour"] == pytest.approx(0.25, abs=0.07) == shares["shape", "shape"]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_as_many_documents_keep_to_one_colour_as_was_said(share):
    rows = [rows for _, rows in taken_apart(examples.documents(400, 9, share, seed=1))]
    assert np.mean([len({row[0] for row in one}) == 1 for one in rows]) == pytest.approx(share, abs=0.08)
    assert np.mean([len({row[1] for row in one}) == 1 for one in rows]) < 0.02


@pytest.mark.parametrize("kind", examples.EXAMPLES)
def test_what_is_asked_tells_the_questions_apart(kind):
    color, shape = examples.examples(kind, 300, 8, np.random.default_rng(2))
    assert color.shape == shape.shape == (300, 9)
    assert (color[:, -1] != shape[:, -1]).all()
    assert set(np.unique(color)) == set(np.unique(shape)) == {0, 1, 2, 3}


def test_kinds_of_examples_are_what_they_are_called():
    drawn = {kind: examples.examples(kind, 300, 8, np.random.default_rng(3)) for kind in examples.EXAMPLES}
    color, shape = drawn["one colour"]
    assert (color[:, :-1] == color[:, :1]).all()
    assert (color[:, 0] != color[:, -1]).all()
    assert (shape[:, :-1] != shape[:, :1]).any()
    color, shape = drawn["a colour of its own"]
    assert (color[:, :-1] == shape[:, :-1]).all()
    color, shape = drawn["varied"]
    assert (color[:, :-1] == shape[:, :-1]).mean() == pytest.approx(0.25, abs=0.04)


def test_a_wrong_kind_of_examples_is_refused():
    with pytest.raises(InputError, match="there is no kind of examples 'none'"):
        examples.examples("none", 1, 1, np.random.default_rng(0))


def test_only_names_are_asked_about():
    """The loss of a document is the mean surprise at its names, taken by hand."""
    told = examples.documents(2, 3, 0.0, seed=4)
    model = LanguageModel(len(TOKENIZER.words), 28, width=8)
    log_p = model(told).log_softmax(dim=2)
    places = [3, 6, 9]
    by_hand = -np.mean([log_p[n, t - 1, told[n, t]].item() for n in range(2) for t in places])
    assert surprise(model(told), examples.names_alone(told)).item() == pytest.approx(by_hand, abs=1e-5)


class Perfect(LanguageModel):
    """Answers the question of the head; without it, says the first name after whatever."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(*tokens.shape, len(TOKENIZER.words))
        for row, text in enumerate(tokens.tolist()):
            words = [TOKENIZER.words[i] for i in text]
            for t, word in enumerate(words):
                if word in SHAPES:
                    color, shape = COLORS.index(words[t - 1]), SHAPES.index(word)
                    name = {"colour": color, "shape": shape}.get(words[0], 0)
                    logits[row, t, TOKENIZER.ids[NAMES[name]]] = 5.0
        return logits


class Copier(LanguageModel):
    """Says the last name once more."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(*tokens.shape, len(TOKENIZER.words))
        for t in range(3, tokens.shape[1]):
            logits[torch.arange(len(tokens)), t, tokens[:, 3 * (t // 3)]] = 5.0
        return logits


def test_who_answers_the_head_is_always_right_and_who_copies_is_counted():
    perfect, copier = Perfect(len(TOKENIZER.words), 28, width=8), Copier(len(TOKENIZER.words), 28, width=8)
    lessons = examples.Lessons(prompts=60)
    for kind in examples.EXAMPLES:
        told = examples.ask(perfect, kind, 4, True, lessons, seed=0)
        assert (told["colour"], told["shape"]) == (1, 1)
    unsaid = examples.ask(perfect, "varied", 4, False, lessons, seed=0)
    assert unsaid["colour"] == pytest.approx(0.25, abs=0.15) == unsaid["shape"]
    copied = examples.ask(copier, "one colour", 4, True, lessons, seed=0)
    assert (copied["copied"], copied["colour"]) == (1, 0)
    assert "copied" not in examples.ask(copier, "one colour", 0, True, lessons, seed=0)


def test_prompts_with_and_without_the_head_are_the_same_otherwise(monkeypatch):
    seen = []
    monkeypatch.setattr(examples, "answers", lambda model, prompts: (seen.append(prompts), prompts[:, 0])[1])
    for said in (True, False):
        examples.ask(LanguageModel(2, 2, width=4), "varied", 2, said, QUICK, seed=0)
    assert all(torch.equal(a[:, 1:], b[:, 1:]) for a, b in zip(seen[:2], seen[2:], strict=True))
    assert all(one.shape == (12, 9) for one in seen)
    assert TOKENIZER.decode(torch.stack([one[0, :1] for one in seen])) == [*QUESTIONS, "thing", "thing"]


def test_a_reader_learns_names_and_is_told_nothing_of_colours():
    """From its first weights, at which a name costs more than a guess among four."""
    lessons = examples.Lessons(updates=40, batch_size=16, lines=2, width=16)
    fresh = examples.documents(60, 2, 0.0, seed=9)
    others = fresh.where(examples.names_alone(fresh) == 0, 0)  # (N, T), all but names
    trained = examples.reader(0.0, 0, lessons)
    untrained = LanguageModel(len(TOKENIZER.words), 28, width=16, seed=0)
    costs = [surprise(m(fresh), examples.names_alone(fresh)).item() for m in (untrained, trained)]
    assert costs[1] < min(1.45, costs[0] - 0.5)
    assert surprise(trained(fresh), others).item() > 3


def test_a_subject_reads_the_documents_of_its_name(monkeypatch):
    shares = []
    monkeypatch.setattr(shots, "prompted", lambda share, seed, lessons: shares.append(share) or {})
    for name in shots.READERS:
        shots.shots(name, 0)
    assert shares == [0.0, 0.5, 0.95, 1.0]
