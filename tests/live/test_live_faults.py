"""The parity tests would notice: faults planted in the JavaScript on its way to the browser, one at a time.

Errors of thought, such as have been made. A fault that no longer fits its module fails, too: write it anew.
"""

from collections.abc import Callable

import numpy as np
import parity
import pytest
from javascript import Engine, engine
from scipy.stats import ks_2samp
from test_live_parity import CLOSE
from test_live_world import CHANCE, measured

from toyclip.data import draw_pairs
from toyclip.loss_floor import floor


def gradients(js: Engine) -> bool:
    return max(parity.gradients(js, "wasm", 8).values()) > CLOSE


def losses(js: Engine) -> bool:
    return parity.loss(js, 17, "both") > 1e-6


def embeddings(js: Engine) -> bool:
    return parity.forward(js, "wasm", 5) > 1e-6


def weights(js: Engine) -> bool:
    found = parity.training(js, "wasm", 32, 8).values()
    return any(not apart < max(CLOSE, 2 * torch_apart) for apart, torch_apart in found)


def floors(js: Engine) -> bool:
    return abs(js.run("return lossFloor([9, 4, 4], 5);") - floor([9, 4, 4], 5)) > 1e-9


def greens(js: Engine) -> bool:
    found = js.run("return drawPairs([...Array(8).fill(0), 60, 60, 60, 60, 0, 0, 0, 0], 1).pixels;")
    pairs = draw_pairs(60, seed=1)
    wanted = measured(pairs.pixels[np.isin(pairs.classes.numpy(), [8, 9, 10, 11])].numpy())
    made = measured(found.reshape(-1, 3, 32, 32))
    return any(ks_2samp(made[name], wanted[name]).pvalue < CHANCE for name in wanted)


# module, what stands there, what is to stand there instead, and what has to notice
FAULTS: dict[str, tuple[str, str, str, Callable[[Engine], bool]]] = {
    "answers of the captions on the wrong diagonal": (
        "infonce", "crossEntropy(logits, i, size, i, size,", "crossEntropy(logits, i, size, 0, size,", losses),
    "one direction counts twice": ("infonce", "both: [0.5, 0.5]", "both: [1, 0]", losses),
    "gradient not averaged over the batch": (
        "infonce", "gradient, rows / size)", "gradient, rows)", losses),
    "no way back to the filters' biases": ("convolution", "columnSums(dy, this.bias.grad);", "", gradients),
    "gradient passes a ReLU that was shut": (
        "convolution", "dy[i] = y[i] > 0 ? dy[i] : 0;", "dy[i] = dy[i];", gradients),
    "border on the wrong side": (
        "convolution", "* stride - 1;\n    const left", "* stride;\n    const left", embeddings),
    "length of an embedding learns": (
        "layers", "(dUnit[i] - along * unit[i]) / length", "dUnit[i] / length", gradients),
    "mean forgotten on the way back of the layer norm": (
        "layers", "weight.value[j] - mean - standard", "weight.value[j] - standard", gradients),
    "padding counts as a word": ("text_encoder", "ids.filter((id) => id !== 0).length", "ids.length", embeddings),
    "scale has the gradient of its exponential": (
        "encoders", "sum + v * logits[i], 0)", "sum + v * logits[i] / this.logitScale, 0)", gradients),
    "AdamW without correction of its start": ("adamw", "1 - BETA1 ** this.steps", "1", weights),
    "weight decay by the square of the rate": (
        "adamw", "value[i] * (1 - lr * this.weightDecay)", "value[i] * (1 - this.weightDecay * lr * lr)", weights),
    "Muon keeps the length of the other side": (
        "muon", "Math.sqrt(outputs) /", "Math.sqrt(value.length / outputs) /", weights),
    "Muon reads its matrix along the wrong axis": (
        "muon", "nesterov, outputs, value.length / outputs)", "nesterov, value.length / outputs, outputs)", weights),
    "schedule one step late": (
        "train", "schedule(recipe, step, updates", "schedule(recipe, step + 1, updates", weights),
    "gradient is clipped before it is there": (
        "train", "model.backward(gradient);\n      clipGradients(trained, recipe.gradClip);",
        "clipGradients(trained, recipe.gradClip);\n      model.backward(gradient);", weights),
    "a pair is its own twin": (
        "infonce", "[count - 1, total - count, batchSize - 1]", "[count, total - count, batchSize - 1]", floors),
    "greens that are yellow": ("data", "[69, 155]", "[49, 155]", greens),
    "pictures without noise": ("data", "+ deviation * noise[i]", "", greens),
    "shapes too large by a part of a pixel": ("data", "0.5 / (points * extent)", "2 / (points * extent)", greens),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_noticed(browser, address, folder, name):
    module, right, wrong, notices = FAULTS[name]
    with engine(browser, address, folder, (module, right, wrong)) as broken:
        assert notices(broken)


@pytest.mark.parametrize("notices", [losses, embeddings, gradients, weights, floors, greens], ids=lambda f: f.__name__)
def test_nothing_is_noticed_where_nothing_is_wrong(js, notices):
    assert not notices(js)
