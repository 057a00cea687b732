"""The model in the page beside the package's own: how far apart they are, by one measure for each thing they do."""

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from javascript import Engine

from toyclip import checkpoint
from toyclip.data import CAPTIONS, Tokenizer, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.infonce import info_nce
from toyclip.recipes import Recipe
from toyclip.train import fit

LIVE = Recipe("live", epochs=1, batch_size=32, lr=4e-3, one_cycle=True, image_encoder="strided", muon_lr=0.12)
MODEL = "const model = ToyCLIP.fromTensors(PRODUCTS[kind], new Map(Object.entries(start))); "
LOSSES = {
    "both": info_nce,
    "images": lambda logits: F.cross_entropy(logits, torch.arange(len(logits))),
    "texts": lambda logits: F.cross_entropy(logits.T, torch.arange(len(logits))),
}


@dataclass(frozen=True)
class Batch:
    """Pictures (B, 3, 32, 32) uint8 with the token ids of their captions, (B, 4)."""

    pixels: torch.Tensor
    tokens: torch.Tensor


def batch(size: int, seed: int = 0) -> Batch:
    """Pictures of all classes in a random order, with captions of two to three words."""
    pairs, tokenizer = draw_pairs(per_class=-(-size // 16), seed=seed), Tokenizer()
    chosen = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))[:size]  # (B,)
    captions = [CAPTIONS[c].removeprefix("a " if i % 3 else "") for i, c in enumerate(pairs.captions[chosen].tolist())]
    return Batch(pairs.pixels[chosen], tokenizer.encode(captions))


def shipped() -> ToyCLIP:
    """The trained model of the package."""
    return checkpoint.load()[0]


def fresh(seed: int = 0, logit_scale: float = 1 / 0.07) -> ToyCLIP:
    """An untrained model of the kind that the page trains; no bias is 0, so that each of them shows."""
    model = ToyCLIP(Config(image_encoder="strided", logit_scale=logit_scale), seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in (p for p in model.parameters() if p.ndim == 1):
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model


def largest(found: np.ndarray, wanted: torch.Tensor) -> float:
    """Largest difference, as a part of the largest number that is wanted."""
    wanted = wanted.detach().double().numpy().ravel()
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def weights(model: ToyCLIP) -> dict[str, dict]:
    """The weights of a torch model as `readSafetensors` of the page would give them."""
    state = model.state_dict().items()
    return {name: {"shape": list(value.shape), "values": value.numpy().copy().reshape(-1)} for name, value in state}


def forward(js: Engine, kind: str, size: int) -> float:
    """Difference of the embeddings of pictures and captions, and of the logits."""
    given, model = batch(size), shipped()
    found = js.run(
        MODEL + "return [model.embedImages(pixels, size), model.embedTexts(tokens, size), "
        "model.forward(pixels, tokens, size)];",
        kind=kind, start=weights(model), pixels=given.pixels.numpy(), tokens=given.tokens.int().numpy(), size=size,
    )  # fmt: skip
    with torch.no_grad():
        images, texts = model.embed_images(given.pixels), model.embed_texts(given.tokens)  # (B, D) each
        wanted = images, texts, model.logit_scale * images @ texts.T
    return max(largest(f, w) for f, w in zip(found, wanted, strict=True))


def loss(js: Engine, size: int, directions: str) -> float:
    """Difference of the loss and of its gradient, on random logits."""
    logits = 5 * torch.randn(size, size, generator=torch.Generator().manual_seed(size))  # (B, B)
    found = js.run("return infoNCE(logits, size, directions);", logits=logits.numpy(), size=size, directions=directions)
    logits = logits.double().requires_grad_()
    wanted = LOSSES[directions](logits)
    wanted.backward()
    return max(abs(found["loss"] - wanted.item()), largest(found["gradient"], logits.grad))


def _backward(model: ToyCLIP, given: Batch, directions: str) -> dict[str, torch.Tensor]:
    model.zero_grad()
    LOSSES[directions](model(given.pixels / 255, given.tokens)).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def gradients(js: Engine, kind: str, size: int, directions: str = "both") -> dict[str, float]:
    """Difference of the gradient of every parameter from torch's in double precision."""
    given, model = batch(size), fresh()
    found = js.run(
        MODEL + "model.backward(infoNCE(model.forward(pixels, tokens, size), size, directions).gradient); "
        "return new Map([...model.parameters].map(([name, { grad }]) => [name, grad]));",
        kind=kind, start=weights(model), pixels=given.pixels.numpy(), tokens=given.tokens.int().numpy(), size=size,
        directions=directions,
    )  # fmt: skip
    wanted = _backward(model.double(), Batch(given.pixels.double(), given.tokens), directions)
    assert found.keys() == wanted.keys()
    return {name: largest(found[name], wanted[name]) for name in wanted}


def training(
    js: Engine, kind: str, pairs: int, size: int, epochs: int = 1, directions: str = "both",
    fixed_scale: float | None = None, start_scale: float = 1 / 0.07, one_cycle: bool = True,
) -> dict[str, tuple[float, float]]:  # fmt: skip
    """Difference of every weight, and of the last epoch's mean loss, after a training on the same batches.

    Args:
        pairs: how many there are; with `size` and `epochs` it says how many updates are made.

    Returns:
        For each name the difference of the page from torch in double precision, and that of torch in single precision.
    """
    given, model = batch(pairs), fresh(logit_scale=fixed_scale or start_scale)
    recipe = replace(LIVE, batch_size=size, epochs=epochs, one_cycle=one_cycle)
    found = js.run(
        MODEL + """const recipe = { ...LIVE, lr, muonLr, batchSize, epochs, oneCycle };
        const given = { pixels, classes: { length: pairs } };
        const updates = fit(model, given, tokens, recipe, 0, { directions, fixedScale });
        const steps = [...updates].map(({ batch, loss }) => ({ batch: batch.slice(), loss }));
        return { steps, weights: new Map([...model.parameters].map(([name, { value }]) => [name, value])) };""",
        kind=kind, start=weights(model), pixels=given.pixels.numpy(), tokens=given.tokens.int().numpy(), pairs=pairs,
        batchSize=size, epochs=epochs, lr=LIVE.lr, muonLr=LIVE.muon_lr, directions=directions, fixedScale=fixed_scale,
        oneCycle=one_cycle,
    )  # fmt: skip
    batches = [torch.from_numpy(step["batch"].astype(np.int64)) for step in found["steps"]]  # (size,) each
    per_epoch = len(batches) // epochs
    order = [batches[start : start + per_epoch] for start in range(0, len(batches), per_epoch)]

    def by_torch(model: ToyCLIP, images: torch.Tensor) -> dict[str, torch.Tensor]:
        model.log_logit_scale.requires_grad_(fixed_scale is None)
        *_, (loss, _) = fit(model, images, given.tokens, recipe, order, lambda m, *pair: LOSSES[directions](m(*pair)))
        return model.state_dict() | {"loss": torch.tensor(loss)}

    single = by_torch(copy.deepcopy(model), given.pixels)
    wanted = by_torch(model.double(), given.pixels.double() / 255)
    last = found["steps"][-per_epoch:]
    lengths = [len(step["batch"]) for step in last]
    mean_loss = sum(step["loss"] * n for step, n in zip(last, lengths, strict=True)) / sum(lengths)
    found = found["weights"] | {"loss": np.array([mean_loss])}
    return {
        name: (largest(found[name], value), largest(single[name].numpy().ravel(), value))
        for name, value in wanted.items()
    }
