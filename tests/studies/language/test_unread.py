"""A question is on one side for good; both sides have what they should; what belongs to a question stays with it."""

import pytest
import torch

from toyclip.studies.language.unread import draw_apart, unread

EVERY = torch.cartesian_prod(*[torch.arange(1, 9)] * 4)  # (4096, 4)


def test_a_fifth_is_kept_and_every_seed_keeps_another():
    sides = torch.stack([unread(EVERY, seed) for seed in range(5)])  # (5, 4096)
    assert torch.allclose(sides.double().mean(dim=1), torch.tensor(0.2, dtype=torch.float64), atol=0.03)
    agree = (sides[0] == sides[1]).double().mean().item()
    assert agree == pytest.approx(0.2**2 + 0.8**2, abs=0.04)  # as if by chance


def test_no_place_or_word_decides_alone():
    side = unread(EVERY, 3)
    for place in range(4):
        for word in range(1, 9):
            assert 0.1 < side[EVERY[:, place] == word].double().mean() < 0.3


def test_order_of_words_and_of_questions():
    swapped = EVERY[:, [1, 0, 2, 3]]
    assert not torch.equal(unread(EVERY, 0), unread(swapped, 0))
    order = torch.randperm(len(EVERY), generator=torch.Generator().manual_seed(0))
    assert torch.equal(unread(EVERY, 0)[order], unread(EVERY[order], 0))


@pytest.mark.parametrize("asked", [True, False])
def test_drawn_apart_are_as_many_as_wanted_and_belong_together(asked):
    generator = torch.Generator().manual_seed(1)

    def draw(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.randint(len(EVERY), (n,), generator=generator)
        return EVERY[rows], rows

    questions, rows = draw_apart(draw, 300, 0, asked)
    assert len(questions) == len(rows) == 300
    assert torch.equal(EVERY[rows], questions)
    assert (unread(questions, 0) == asked).all()


def test_too_small_a_world_is_refused():
    one = EVERY[~unread(EVERY, 0)][:1]
    with pytest.raises(ValueError, match="make the world larger"):
        draw_apart(lambda n: (one.expand(n, -1),), 5, 0, asked=True)
