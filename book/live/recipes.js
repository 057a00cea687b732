// How a model is trained in the page, and how fast at which step (chapter 4).

/** One epoch of small batches: 85 updates, and 95 % of the pictures named right before the last of them. */
export const LIVE = {
  batchSize: 32,
  epochs: 1,
  lr: 4e-3, // the highest learning rate of AdamW
  muonLr: 0.12, // the highest learning rate of Muon for the convolutions; null: AdamW for all weights
  weightDecay: 0.05,
  gradClip: 1, // largest norm of the whole gradient
  oneCycle: true, // straight up for a quarter of the steps, then straight down; otherwise a cosine per epoch
};

/**
 * What part of the highest learning rate step 0, 1, 2, ... is taken with.
 *
 * @param {object} recipe
 * @param {number} step
 * @param {number} stepsPerEpoch
 * @returns {number} 0 to 1.
 */
export function schedule(recipe, step, stepsPerEpoch) {
  const steps = recipe.epochs * stepsPerEpoch;
  if (recipe.oneCycle) {
    return Math.min((step + 1) / (steps / 4 + 1), (steps - step) / (steps - steps / 4)); // Smith 2018
  }
  return (1 + Math.cos((Math.PI * Math.floor(step / stepsPerEpoch)) / recipe.epochs)) / 2;
}
