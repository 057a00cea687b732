"""Counts of concepts in captions against a plain search, and tables of answers against a count by hand."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toyclip.errors import InputError
from toyclip.own.concept_counts import count_concepts, from_predictions, lemmas

WORDS = st.sampled_from(["cat", "hot", "dog", "sea", "lion", "Cat", "dogs"])
CAPTION = st.lists(st.tuples(WORDS, st.sampled_from([" ", ", ", "-", "_", ". "])), max_size=6).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)


@given(st.lists(CAPTION, max_size=8))
def test_exact_counts_are_those_of_a_search_by_regular_expression(captions):
    names = ["cat", "hot dog", "sea_lion", "dogs", "sea"]

    def says(caption: str, concept: str) -> bool:
        pattern = r"[\W_]+".join(re.split(r"[ _]", concept))
        return re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", caption, re.IGNORECASE) is not None

    told = {concept: sum(says(caption, concept) for caption in captions) for concept in names}
    assert count_concepts(captions, names, lemmas=False) == told


@given(st.lists(CAPTION, max_size=8))
def test_lemmas_only_add(captions):
    names = ["cat", "hot dog", "dogs"]
    exact, more = (count_concepts(captions, names, lemmas=form) for form in (False, True))
    assert all(more[name] >= exact[name] for name in names)


@pytest.mark.parametrize(
    ("word", "lemma"),
    [("cats", "cat"), ("boxes", "box"), ("ponies", "pony"), ("running", "run"), ("making", "make"), ("walked", "walk"),
     ("stopped", "stop"), ("baked", "bake"), ("carried", "carry"), ("churches", "church"), ("potatoes", "potato"),
     ("cries", "cry")],
)  # fmt: skip
def test_forms_of_a_word_have_it_among_their_lemmas(word, lemma):
    assert lemma in lemmas(word)
    assert count_concepts([f"A photo of {word.upper()}!"], [lemma]) == {lemma: 1}


@pytest.mark.parametrize(
    ("word", "no"),
    [("geese", "goose"), ("ring", "r"), ("glass", "glas"), ("red", "r"), ("string", "stre"), ("seed", "see")],
)
def test_what_the_rule_misses_or_leaves_alone(word, no):
    assert no not in lemmas(word)


def test_captions_stream_and_a_concept_counts_once_a_caption():
    captions = (text for text in ["cat cat cat", "two cats", "concatenate", "", "Cat's eye", "été"])
    assert count_concepts(captions, ["cat", "ÉTÉ"]) == {"cat": 2, "ÉTÉ": 1}


@pytest.mark.parametrize("names", [[], ["cat", "cat"], ["!"]])
def test_concepts_that_cannot_be_counted_are_refused(names):
    with pytest.raises(InputError):
        count_concepts(["a cat"], names)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_table_of_answers_is_that_of_a_count_by_hand(answers):
    names, counts = ["a", "b", "c", "d"], [1, 0, 5, 7]
    found = from_predictions([p for p, _ in answers], np.array([t for _, t in answers]), names, counts)
    n = Counter(names[t] for _, t in answers)
    right = Counter(names[t] for p, t in answers if p == t)
    tested = sorted(n)
    assert found["concept"] == tested
    assert found["n"] == [n[name] for name in tested]
    assert found["correct"] == [right[name] for name in tested]
    assert found["count"] == [counts[names.index(name)] for name in tested]


@pytest.mark.parametrize(
    ("predicted", "target", "names", "counts"),
    [
        ([0, 1], [0], "ab", [1, 2]),
        ([0, 2], [0, 1], "ab", [1, 2]),
        ([0, -1], [0, 1], "ab", [1, 2]),
        ([0.0, 1.0], [0, 1], "ab", [1, 2]),
        ([0, 1], [0, 1], "ab", [1]),
        ([0, 1], [0, 1], "ab", {"a": 1}),
        ([0, 1], [0, 1], "aa", {"a": 1}),
    ],
)
def test_answers_that_cannot_be_a_table_are_refused(predicted, target, names, counts):
    with pytest.raises(InputError):
        from_predictions(predicted, target, list(names), counts)
