"""A table of answers that leaves a check without right or wrong ones is refused; so is a wrong word about an answer."""

import pytest
from exercises.judge import answers, checks, lacking

from toyclip.exercises import conclusion


def test_every_check_needs_a_right_answer_and_two_wrong_ones():
    assert checks(conclusion) == {"largest_without_data", "interaction", "seeds_needed"}
    assert len(lacking(conclusion, [])) == 6
    wrong = [(conclusion.interaction, number, "another number") for number in (1e3, 2e3)]
    assert [text for text in lacking(conclusion, wrong) if "interaction" in text] == [
        "interaction: 0 right answers, not 1"
    ]
    with pytest.raises(ValueError, match="interaction: 0 right answers, not 1"):
        answers(conclusion, wrong)


@pytest.mark.parametrize("says", [None, "the sign"])
def test_answer_that_is_judged_otherwise_fails(says, monkeypatch):
    monkeypatch.setattr("exercises.judge.lacking", lambda chapter, cases: [])
    judged = answers(conclusion, [(conclusion.interaction, 1e3, says)])
    with pytest.raises(AssertionError, match="another number"):
        judged(conclusion.interaction, 1e3, says)
