"""What is wrong with a contrastive loss, a line for each property that CLIP's has (page Your own CLIP)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from toyclip.errors import InputError, lookup
from toyclip.loss_checks import Loss, random_batch
from toyclip.own.measured import Batch, Measured, gradient_of, measure, started
from toyclip.own.usual_mistakes import local, mistakes, right, similarities

CLOSE = 1e-4  # relative; a loss may compute in float32
FORMS: dict[str, Callable[[Callable], Loss]] = {  # what a loss takes -> the same with raw embeddings and log scale
    "embeddings": lambda loss: loss,
    "features": lambda loss: lambda i, t, s: loss(F.normalize(i), F.normalize(t), s.exp()),
    "logits": lambda loss: lambda i, t, s: loss(similarities(i, t, s.exp())),
    "targets": lambda loss: lambda i, t, s: loss(similarities(i, t, s.exp()), torch.eye(len(i), dtype=i.dtype)),
}


@dataclass(frozen=True)
class Finding:
    """A property, and what is wrong with it; None if it is out of sight, "" if nothing."""

    property: str
    wrong: str | None = ""

    def __str__(self) -> str:
        if self.wrong is None:
            return f"unseen  {self.property}"
        return f"WRONG   {self.property}: {self.wrong}" if self.wrong else f"right   {self.property}"


def diagnose(loss: Callable[..., Tensor], takes: str = "embeddings", processes: int = 1) -> list[Finding]:
    """Hold a loss against CLIP's, property by property.

    With several processes each gets its share of the batch and gathers the rest itself. They are stood in for by this
    one, unless it is one of several that torchrun has started: then these are used, whatever `processes` says, and
    all must call this. A gather that communicates in a backward of its own can only be tried there.

    Args:
        loss: returns one number in nats, and takes
        takes: "embeddings": pictures (B, D) and captions (B, D), not normalised, and the logarithm of the scale;
            "features": the same normalised, and the scale itself, as open_clip's ClipLoss; "logits": scaled cosines
            (B, B), as the loss of transformers; "targets": logits and soft targets (B, B), rows for pictures.

    Raises:
        InputError: if the loss cannot be called so, or returns something else.

    >>> from toyclip.infonce import info_nce
    >>> print(*diagnose(info_nce, takes="logits"), sep="\\n")
    right   the value is CLIP's
    right   equal embeddings cost log B
    right   perfect pairs cost what they should at every scale
    unseen  the length of an embedding does not matter
    right   pictures and captions can change places
    right   pairs can stand in any order
    right   the gradient has CLIP's direction
    right   the gradient has CLIP's size
    >>> def one_direction(logits):
    ...     return F.cross_entropy(logits, torch.arange(len(logits)))
    >>> print(diagnose(one_direction, takes="logits")[0])
    WRONG   the value is CLIP's: there is one direction only, pictures look for captions (2.5979 instead of 2.6242 nats)
    """
    if started():
        processes = dist.get_world_size()
    if processes < 1 or (processes > 1 and takes in ("logits", "targets")):
        raise InputError(
            f"a loss of {takes} cannot be tried in {processes} processes; hand over the function that gathers"
        )
    tried = lookup(FORMS, takes, "form of a loss")(loss)
    pairs = 4 * processes if processes > 1 else 8
    batch = random_batch(0, pairs)
    images, texts, log_scale = batch
    order = torch.randperm(pairs, generator=torch.Generator().manual_seed(0))  # (B,)
    lengths = torch.linspace(0.1, 10, pairs, dtype=images.dtype)[:, None]  # (B, 1)

    def value(i: Tensor, t: Tensor, s: Tensor = log_scale) -> float:
        return measure(tried, (i, t, s), processes).value

    usual, ones = value(images, texts), torch.ones_like(images)  # (B, D)
    length = differs(value(lengths * images, lengths.flip(0) * texts), usual) if takes == "embeddings" else None
    findings = [
        Finding("the value is CLIP's", unlike_clip(tried, pairs, processes)),
        Finding("equal embeddings cost log B", differs(value(ones, ones), math.log(pairs))),
        Finding("perfect pairs cost what they should at every scale", imperfect(value, pairs)),
        Finding("the length of an embedding does not matter", length),
        Finding("pictures and captions can change places", differs(value(texts, images), usual)),
        Finding("pairs can stand in any order", differs(value(images[order], texts[order]), usual)),
    ]
    if takes == "targets":
        findings.append(Finding("soft targets are transposed for the captions", untransposed(loss, *batch)))
    return [*findings, *gradients(measure(tried, batch, processes), batch, processes)]


# --- what can be wrong -----------------------------------------------------------------------------------------------


def close(a: float, b: float) -> bool:
    """Whether two numbers are the same but for rounding."""
    return math.isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE)


def differs(got: float, expected: float) -> str:
    """What to say of a number that is not as expected; nothing if it is."""
    return "" if close(got, expected) else f"expected {expected:.4f} nats, got {got:.4f}"


def unlike_clip(loss: Loss, pairs: int, processes: int) -> str:
    """Which of the usual mistakes explains the values on two batches, if they are not CLIP's."""
    batches = [random_batch(seed, pairs) for seed in (0, 1)]
    got = [measure(loss, batch, processes).value for batch in batches]
    expected = [right(*batch).item() for batch in batches]
    if all(map(close, got, expected)):
        return ""
    fitting = (
        name
        for name, mistake in mistakes(pairs, processes).items()
        if all(close(g, mistake(*batch, processes).item()) for g, batch in zip(got, batches, strict=True))
    )
    name = next(fitting, "it is none of the usual mistakes")
    return f"{name} ({got[0]:.4f} instead of {expected[0]:.4f} nats)"


def imperfect(value: Callable[[Tensor, Tensor, Tensor], float], pairs: int) -> str:
    """Matching pairs at right angles to all others cost log(1 + (B - 1) exp(-scale))."""
    perfect = torch.eye(pairs, max(pairs, 16), dtype=torch.float64)  # (B, D)
    for scale in (0.5, 2.0, 10.0):
        got = value(perfect, perfect, torch.tensor(math.log(scale), dtype=torch.float64))
        wrong = differs(got, math.log1p((pairs - 1) * math.exp(-scale)))
        if wrong:
            return f"at scale {scale:g} {wrong}"
    return ""


def untransposed(loss: Callable[[Tensor, Tensor], Tensor], images: Tensor, texts: Tensor, log_scale: Tensor) -> str:
    """Targets that give a third to the next caption: row i of the other direction then gives it to the one before."""
    logits = similarities(images, texts, log_scale.exp())  # (B, B)
    own = torch.eye(len(logits), dtype=logits.dtype)  # (B, B)
    targets = (2 * own + own.roll(1, dims=1)) / 3  # (B, B), rows and columns sum to 1
    got, forth = loss(logits, targets).item(), F.cross_entropy(logits, targets).item()
    back, twisted = (F.cross_entropy(logits.T, target).item() for target in (targets.T, targets))
    if close(got, (forth + back) / 2):
        return ""
    name = "rows are used for columns" if close(got, (forth + twisted) / 2) else "none of the usual mistakes"
    return f"{name} ({got:.4f} instead of {(forth + back) / 2:.4f} nats)"


def gradients(measured: Measured, batch: Batch, processes: int) -> list[Finding]:
    """Hold gradients against those of CLIP's loss, first their direction, then their size."""
    direction, size = "the gradient has CLIP's direction", "the gradient has CLIP's size"
    expected = gradient_of(right, batch)
    for name, got in zip(("pictures", "captions", "scale"), measured.gradients, strict=True):
        if not got.isfinite().all():
            return [Finding(direction, f"that of the {name} is NaN or infinite")]
        if not got.abs().max() > 0:
            return [
                Finding(direction, f"none arrives at the {name}; look for detach, no_grad, item or numpy on its way")
            ]
    got, want = (torch.cat([g.flatten() for g in side[:2]]) for side in (measured.gradients, expected))  # (2 B D,)
    times = (got.norm() / want.norm()).item()
    if (got - times * want).norm() > 10 * CLOSE * got.norm():
        cut = torch.cat([g.flatten() for g in gradient_of(half_local, batch, processes)[:2]])  # (2 B D,)
        lost = processes > 1 and (got - cut).norm() < 10 * CLOSE * cut.norm()
        why = "what is gathered comes without its gradient, and pairs as negatives of other processes learn nothing"
        return [Finding(direction, why if lost else f"cosine {F.cosine_similarity(got, want, dim=0):.3f} to CLIP's")]
    why = ""
    if not math.isclose(times, 1, rel_tol=10 * CLOSE):
        why = f"it is {times:.3g} times as large"
        if processes > 1 and math.isclose(times, 1 / processes, rel_tol=10 * CLOSE):
            why += ", since all compute the whole loss and gather without gradient; only Adam does not notice"
    return [Finding(direction), Finding(size, why)]


def half_local(images: Tensor, texts: Tensor, log_scale: Tensor, processes: int) -> Tensor:
    """The local loss behind a gather without gradient."""
    return local(images, texts, log_scale, processes, gradient=False)
