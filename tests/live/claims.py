"""What must come out when a claim of the ledger is run again in the page, and how it is run here."""

from statistics import mean

import numpy as np
from javascript import Engine

from toyclip.trend import mean_interval

SEEDS = 5

# claim -> what the shares with the change, and those without, must show for the ledger to be right
EXPECTED = {
    "S10": lambda changed, control: max(changed) <= 0.10,  # identical captions teach nothing: 1 / 16
    "S11": lambda changed, control: min(changed) >= 0.80,  # never seen, and named
    "S12": lambda changed, control: upper(changed, control) < 0,  # larger is not better at equal samples
    "S13": lambda changed, control: -0.15 <= mean(changed) - mean(control) <= 0.02,  # slower, if little
    "S14": lambda changed, control: upper(changed, control) < -0.05,  # a scale of 1 costs 18 points in the package
    "S15": lambda changed, control: min(changed) >= 0.90,  # a code is as good as English
    "F1": lambda changed, control: upper(changed, control) < -0.30,  # a rare word is not known
}


def upper(changed: list[float], control: list[float]) -> float:
    """Upper end of the 95 % interval of the mean difference, seed by seed."""
    return mean_interval(np.subtract(changed, control))[2]


RUN = """
  const { PRESETS, settingsOf } = await import("./page/presets.js");
  const { training } = await import("./page/experiment.js");
  const preset = PRESETS.find((p) => p.claim === claim);
  const result = (settings) => {
    const run = training(PRODUCTS.wasm, settings);
    let next = run.next();
    while (!next.done) next = run.next();
    return next.value;
  };
  const changed = preset.look(result({ ...settingsOf(preset), seed }));
  if (!both) return [changed];
  return [changed, (preset.control ?? preset.look)(result({ ...settingsOf(PRESETS[0]), seed }))];
"""


def run(js: Engine, claim: str, seed: int, both: bool = True) -> list[float]:
    """The share that the claim's preset looks at, with its change and, if asked for, without."""
    return js.run(RUN, claim=claim, seed=seed, both=both)
