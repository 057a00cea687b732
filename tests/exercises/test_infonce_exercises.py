"""The checks of the chapter on the loss: a right answer passes, usual mistakes are told what they are."""

import torch
import torch.nn.functional as F
from exercises.judge import answers

from toyclip.exercises import infonce as exercises
from toyclip.infonce import info_nce, info_nce_gradient, mask_twins
from toyclip.studies.infonce import wrong_losses

LOPSIDED = torch.eye(4) * 0.05 + torch.tensor([0.2, 0, 0, 0])[:, None]


def over_everything(images, texts, log_scale):
    """One softmax over all entries."""
    z = log_scale.exp() * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    return z.logsumexp((0, 1)) - z.diagonal().mean()


CASES = [
    (exercises.captions_needed, 422, None),
    (exercises.captions_needed, 421, "still 0.100"),
    (exercises.captions_needed, 1000, "is enough, but"),
    (exercises.captions_needed, 0.5, "no number"),
    (exercises.lopsided, LOPSIDED, None),
    (exercises.lopsided, torch.eye(4), "the columns cost only"),
    (exercises.lopsided, LOPSIDED.T, "the rows still cost"),
    (exercises.lopsided, 10 * LOPSIDED, "is no cosine"),
    (exercises.lopsided, torch.ones(2, 3), "square"),
    (exercises.gradient, lambda z, same: info_nce_gradient(mask_twins(z, same)), None),
    (exercises.gradient, lambda z, same: info_nce_gradient(z), "twins still push"),
    (exercises.gradient, lambda z, same: 2 * info_nce_gradient(mask_twins(z, same)), "off by"),
    (exercises.gradient, lambda z, same: info_nce(z), "expected a tensor"),
    (exercises.gradient, lambda z, same: mask_twins(z, same), "not finite"),
    (exercises.whole_matrix, over_everything, None),
    (exercises.whole_matrix, wrong_losses.right, "the right loss"),
    (exercises.whole_matrix, wrong_losses.without_normalization, "should be"),
]

test_answer_is_judged = answers(exercises, CASES)
