"""The climb: what each rung is made of, who is asked what, and captions that any text encoder can read."""

from dataclasses import asdict, replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toyclip import streams
from toyclip.encoders import ImageEncoder, TextEncoder
from toyclip.infonce import info_nce
from toyclip.studies.scale import climb
from toyclip.studies.scale.captions import LANGUAGES, Pieces, Words, captions, name, named, rows, told
from toyclip.studies.scale.climb import FULL, LADDER, RUNGS, TOY, Size, build, world
from toyclip.studies.scale.text import TextTransformer
from toyclip.vit import VisionTransformer

SMALL = Size(asked=4, unseen=3, test=2, part=100)


def changed(rung, other) -> set[str]:
    """The fields in which two rungs differ."""
    return {key for key, value in asdict(rung).items() if value != asdict(other)[key]}


def test_each_rung_changes_one_thing_and_keeps_the_others():
    rungs = list(LADDER.values())
    assert rungs[0] == TOY
    steps = [changed(one, other) for one, other in pairwise(rungs)]
    assert steps == [{"text_encoder"}, {"captions"}, {"batch_size"}, {"concepts"}, {"image_encoder"}]
    single = ("captions, words averaged", "corpus alone", "image encoder alone", *climb.WIDTHS)
    assert all(len(changed(TOY, RUNGS[name])) == 1 for name in single)
    assert changed(LADDER["+ captions"], RUNGS["+ captions, five languages"]) == {"languages"}
    assert changed(LADDER["+ batch"], RUNGS["+ batch, twins masked"]) == {"twins"}


def test_control_of_the_batch_sees_as_many_pictures_with_the_smaller_one():
    control, batch = RUNGS[climb.CONTROL], LADDER["+ batch"]
    assert control.updates * control.batch_size == batch.updates * batch.batch_size
    assert changed(control, LADDER["+ captions"]) == {"updates"}


@pytest.mark.parametrize("seed", range(3))
def test_every_rung_is_asked_for_the_same_and_shown_nothing_that_is_hidden(seed):
    worlds = [world(rung, FULL, seed) for rung in (TOY, LADDER["+ corpus"])]
    (few, hidden), (many, also_hidden) = worlds
    assert [len(few), len(many), len(hidden)] == [200, 600, 100]
    assert hidden == also_hidden
    assert many[:200] == few
    assert len({e.character for e in [*many, *hidden]}) == 700
    assert {e.character for e in world(TOY, FULL, seed + 9)[0]} != {e.character for e in few}


def test_a_rung_has_the_encoders_that_it_says_and_each_seed_its_own_weights():
    toy, top = build(TOY, 30, 5, seed=0), build(LADDER["+ image encoder"], 30, 5, seed=0)
    assert (type(toy.image_encoder), type(toy.text_encoder)) == (ImageEncoder, TextEncoder)
    assert (type(top.image_encoder), type(top.text_encoder)) == (VisionTransformer, TextTransformer)
    again, other = (build(LADDER["+ image encoder"], 30, 5, seed) for seed in (0, 1))
    for a, b, c in zip(top.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.ndim < 2 or not a.any() or not torch.equal(a, c)


def test_text_is_read_at_its_last_word_and_nothing_looks_ahead():
    torch.manual_seed(0)
    encoder = TextTransformer(vocab_size=9, context_length=6).eval()
    with torch.no_grad():
        short = encoder(torch.tensor([[3, 4, 0, 0, 0, 0]]))  # (1, D)
        assert torch.allclose(short, encoder(torch.tensor([[3, 4]])), atol=1e-6)  # padding changes nothing
        for other in ([3, 5, 0, 0, 0, 0], [5, 4, 0, 0, 0, 0], [4, 3, 0, 0, 0, 0], [3, 4, 5, 0, 0, 0]):
            assert not torch.allclose(short, encoder(torch.tensor([other])), atol=1e-3)  # words and order do
        encoder.tokens.weight[0] = 100.0
        assert torch.allclose(short, encoder(torch.tensor([[3, 4, 0, 0, 0, 0]])), atol=1e-6)


def test_every_concept_has_a_name_in_every_language_and_few_share_one():
    concepts = named()
    assert len(concepts) == 1376
    for language in LANGUAGES:
        assert len({name(concept, language) for concept in concepts}) >= 1370
    assert told()["de"]["🐶"][0] == "Hundegesicht"


def test_captions_are_names_or_keywords_of_their_concept_in_the_languages_asked_for():
    concept = next(e for e in named() if e.character == "🐶")
    lines = captions(concept, streams.rng(0, "captions"), 300, ["de"])
    first, *keywords = told()["de"]["🐶"]
    named_in = [line for line in lines if first in line]
    assert 100 < len(named_in) < 200
    assert all(set(line.split(", ")) <= set(keywords) for line in lines if line not in named_in)
    assert len(set(named_in)) == 3
    assert captions(concept, streams.rng(0, "captions"), 300, ["de"]) == lines
    mixed = captions(concept, streams.rng(1, "captions"), 300, tuple(LANGUAGES))
    assert all(any(told()[language]["🐶"][0] in line for line in mixed) for language in LANGUAGES)


@given(st.text(min_size=1, max_size=30))
def test_pieces_write_any_text_and_different_texts_differently(text):
    ids = PIECES.encode([text])[0]
    assert (ids >= 0).all()
    assert (ids < PIECES.vocab_size).all()
    assert PIECES.model.decode((ids[ids > 0] - 1).tolist()).strip() == text.lower().strip() or len(text.encode()) > 60


PIECES = Pieces([name(concept) for concept in named()[:200]], vocab_size=500, context_length=128)


def test_pieces_are_learned_from_what_was_seen():
    assert (PIECES.encode(["a picture of"]) > 0).sum() == 3
    again = Pieces([name(concept) for concept in named()[:200]], vocab_size=500, context_length=128)
    assert torch.equal(PIECES.encode(["a brown dog"]), again.encode(["a brown dog"]))


def test_words_know_what_they_have_seen_and_one_number_for_the_rest():
    words = Words(["a red circle", "a blue cross"], context_length=3)
    assert words.encode(["a green circle of fire", "Red"]).tolist() == [[2, 1, 4], [3, 0, 0]]
    assert words.vocab_size == 7
    assert rows([[]], 2).tolist() == [[0, 0]]


@pytest.mark.parametrize(("loss", "twins_count"), [(climb.compared, True), (climb.masked, False)])
def test_twins_are_negatives_only_where_they_are_compared(loss, twins_count):
    model, images = build(TOY, 9, 3, seed=0), torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    captions = torch.tensor([[2, 3, 0], [4, 5, 0], [6, 0, 0], [7, 8, 0]])  # (B, L)
    alone, pair = (torch.cat([captions, torch.tensor([c]).T], 1) for c in ([0, 1, 2, 3], [0, 0, 2, 3]))
    assert loss(model, images, alone).item() == pytest.approx(info_nce(model(images, captions)).item())
    assert (loss(model, images, alone) == loss(model, images, pair)).item() is twins_count
    assert loss(model, images, pair) <= loss(model, images, alone)


def test_a_longer_corpus_and_other_languages_reach_the_model(monkeypatch):
    """The arguments of a rung arrive where pictures are drawn and captions written."""
    lines, drawn = [], []
    real_learn, real_draw = climb.learn, climb.draw_concepts
    monkeypatch.setattr(climb, "draw_concepts", lambda c, n, s: drawn.append(len(c)) or real_draw(c, n, s))
    monkeypatch.setattr(climb, "learn", lambda *a: lines.append(a[0].captions) or real_learn(*a))
    monkeypatch.setitem(RUNGS, "+ corpus", replace(LADDER["+ corpus"], updates=200, batch_size=800))
    found = climb.climb("+ corpus", 0, SMALL)
    assert (lines, drawn) == (["many"], [6, 4, 3])
    assert found["shown"].keys() == LANGUAGES.keys()
