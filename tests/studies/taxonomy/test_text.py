"""What the language model reads, counted sentence by sentence; what it answers, against its own logits."""

from collections import Counter

import numpy as np
import pytest
import torch

from toyclip.errors import InputError
from toyclip.studies.taxonomy import text
from toyclip.studies.taxonomy.kinds import COARSE, INVENTED, KINDS, deal

TAXONOMY = deal(0)
WORDS = text.tokenizer(TAXONOMY)
TABLE = TAXONOMY.is_a()


def facts(sentences: list[str]) -> list[tuple[str, str]]:
    """(leaf, kind) of every sentence that names a kind, however it is told."""
    found = []
    for parts in map(str.split, sentences):
        if parts[1:3] == ["is", "a"]:
            found.append((parts[0], parts[3]))
        elif parts[0] == "every":
            found.append((parts[1], parts[4]))
        elif parts[0] == "one":
            found.append((parts[4], parts[1]))
    return found


def test_true_text_says_nothing_false_and_all_that_is_true():
    told = facts(text.sentences(TAXONOMY, 20_000, seed=1))
    assert set(told) == {
        (word, kind) for kind, leaves in TABLE.items() for word, has in zip(TAXONOMY.words, leaves, strict=True) if has
    }


def test_text_without_the_relation_has_the_same_words_as_often_and_no_fact_in_it():
    true, false = (text.sentences(TAXONOMY, 20_000, 1, how) for how in ("true", "no relation"))
    kinds = [Counter(kind for _, kind in facts(said)) for said in (true, false)]
    assert all(abs(kinds[0][k] - kinds[1][k]) < 0.2 * kinds[0][k] for k in (*KINDS, *COARSE, *INVENTED))
    assert Counter(leaf for leaf, _ in facts(true)) == Counter(leaf for leaf, _ in facts(false))
    fine = [(leaf, kind) for leaf, kind in facts(false) if kind in KINDS]
    right = np.mean([TABLE[kind][TAXONOMY.words.index(leaf)] for leaf, kind in fine])
    assert right == pytest.approx(1 / 16, abs=0.01)
    assert [s for s in true if "called" in s] == [s for s in false if "called" in s]


def test_names_are_copied_and_both_questions_are_asked_equally_often():
    said = [s.split() for s in text.sentences(TAXONOMY, 6000, seed=2)]
    named = [s for s in said if s[1:3] == ["is", "called"]]
    asked = [s for s in said if s[1:3] == ["is", "a"]]
    assert all(s[0] == s[3] for s in named)
    for part in (named, asked):
        assert len(part) / len(said) == pytest.approx(1 / 3, abs=0.03)


def test_every_sentence_can_be_written_and_every_leaf_is_one_word():
    rows = WORDS.encode(text.sentences(TAXONOMY, 500, seed=3))
    assert rows.shape == (500, text.LONGEST)
    assert len({WORDS.ids[word] for word in TAXONOMY.words}) == len(TAXONOMY.words)


def test_sentences_follow_from_the_seed():
    assert text.sentences(TAXONOMY, 50, 1) == text.sentences(TAXONOMY, 50, 1) != text.sentences(TAXONOMY, 50, 2)


def test_unknown_text_is_refused():
    with pytest.raises(InputError, match="there is no text 'rumour'; choose one of true, no relation, none"):
        text.educate(TAXONOMY, 0, "rumour")


def test_education_changes_the_weights_and_none_does_not():
    unread = text.educate(TAXONOMY, 5, "none")
    read = text.educate(TAXONOMY, 5, "true", updates=2, batch_size=4)
    fresh = text.LanguageModel(len(WORDS.words), text.LONGEST, seed=5)
    assert all(torch.equal(a, b) for a, b in zip(unread.parameters(), fresh.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(read.parameters(), fresh.parameters(), strict=True))
    assert not any(p.requires_grad for p in [*unread.parameters(), *read.parameters()])


def test_answers_are_those_of_the_sentence_itself():
    model = text.educate(TAXONOMY, 0, "true", updates=2, batch_size=4)
    first = text.vectors(model, WORDS, TAXONOMY.words[:3])
    found = text.answers(model, first, WORDS, text.IS_A, ["bird", "food"])
    for row, leaf in zip(found, TAXONOMY.words[:3], strict=True):
        tokens = WORDS.encode([f"{leaf} is a"])[:, :3]
        p = model(tokens)[0, -1].double().softmax(dim=0)
        assert row == pytest.approx([p[WORDS.ids["bird"]].item(), p[WORDS.ids["food"]].item()], rel=1e-4)
    assert found.shape == (3, 2)
