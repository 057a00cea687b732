// Training: one loop, one update after the other (chapter 4).
import { AdamW, clipGradients } from "./adamw.js";
import { InputError, LossNotFiniteError } from "./errors.js";
import { infoNCE } from "./infonce.js";
import { Muon } from "./muon.js";
import { rng } from "./random.js";
import { schedule } from "./recipes.js";

/**
 * All pairs in a new order, cut into batches of positions, the last perhaps smaller; a last batch of a single pair is
 * left out: it has nothing to be told apart from.
 *
 * @param {number} pairs
 * @param {number} size
 * @param {object} random a stream from `rng`.
 * @returns {Int32Array[]} (size,) each.
 * @throws {InputError} if the batch is smaller than 2 or larger than the data.
 */
export function batches(pairs, size, random) {
  if (!(size >= 2 && size <= pairs)) {
    throw new InputError(`cannot draw batches of ${size} from ${pairs} pairs; use at least 2 and at most all`);
  }
  const order = random.permutation(pairs); // (pairs,)
  const parts = Array.from({ length: Math.ceil(pairs / size) }, (_, i) => order.slice(i * size, (i + 1) * size));
  return parts.filter((batch) => batch.length > 1);
}

/** The rows of a table, (N, each), at some positions, (B,): a table (B, each). */
function rowsAt(table, positions, each) {
  const rows = new table.constructor(positions.length * each); // (B, each)
  positions.forEach((position, i) => rows.set(table.subarray(position * each, (position + 1) * each), i * each));
  return rows;
}

/**
 * What moves the weights, and how fast at most: AdamW, and Muon for the filters if the recipe has a rate for it.
 *
 * @param {ToyCLIP} model
 * @param {object} recipe
 * @param {object[]} trained the parameters that are to move.
 * @returns {{optimizer: object, lr: number}[]}
 */
export function optimizers(model, recipe, trained) {
  const isFilter = ({ shape }) => shape.length === 4 && recipe.muonLr !== null; // (out, in, 3, 3)
  const adamw = new AdamW(trained.filter((parameter) => !isFilter(parameter)), recipe.weightDecay);
  const muon = new Muon(model.products, trained.filter(isFilter));
  return [{ optimizer: adamw, lr: recipe.lr }, { optimizer: muon, lr: recipe.muonLr ?? 0 }];
}

/**
 * Train `model` in place, one update each time the generator is asked for more; stop asking, and it stops.
 *
 * @param {ToyCLIP} model
 * @param {{pixels: Uint8Array}} pairs N pictures, as `drawPairs` gives them.
 * @param {Int32Array} tokens (N, L); row i is the caption of picture i.
 * @param {object} recipe such as LIVE.
 * @param {number} seed of the order of the pairs.
 * @param {{directions: string, fixedScale: ?number, updates: ?number}} [options] one direction of the loss alone; a
 *   logit scale that is not learned; so many updates, whatever that makes of the last epoch.
 * @yields {{step: number, steps: number, loss: number, logitScale: number, batch: Int32Array, logits: Float32Array}}
 *   `step` counts from 1; the loss, in nats, and the logits, (B, B), are those before the update, `logitScale` is the
 *   one after it, and `batch` holds the positions of the pairs, (B,).
 * @throws {InputError} if the batch does not fit the data, or the fixed scale is not above 0.
 * @throws {LossNotFiniteError} if the loss becomes NaN or infinite.
 */
export function* fit(
  model, pairs, tokens, recipe, seed, { directions = "both", fixedScale = null, updates = null } = {}
) {
  if (fixedScale !== null && !(fixedScale > 0)) throw new InputError(`the scale ${fixedScale} is not above 0`);
  const count = pairs.classes.length; // N
  const random = rng(seed, "order");
  const scale = model.parameters.get("log_logit_scale");
  if (fixedScale !== null) scale.value[0] = Math.log(fixedScale);
  const trained = [...model.parameters.values()].filter((parameter) => fixedScale === null || parameter !== scale);
  const chosen = optimizers(model, recipe, trained);
  const perEpoch = batches(count, recipe.batchSize, rng(seed, "a count")).length;
  const steps = updates ?? recipe.epochs * perEpoch;
  let step = 0;
  while (step < steps) {
    for (const batch of batches(count, recipe.batchSize, random).slice(0, steps - step)) { // (B,)
      const pictures = rowsAt(pairs.pixels, batch, pairs.pixels.length / count); // (B, 3, 32, 32)
      const captions = rowsAt(tokens, batch, tokens.length / count); // (B, L)
      const logits = model.forward(pictures, captions, batch.length); // (B, B)
      const { loss, gradient } = infoNCE(logits, batch.length, directions);
      if (!Number.isFinite(loss)) {
        throw new LossNotFiniteError(`the loss is ${loss} at step ${step}; lower the learning rate`);
      }
      model.backward(gradient);
      clipGradients(trained, recipe.gradClip);
      const part = schedule(recipe, step, updates === null ? perEpoch : steps / recipe.epochs);
      for (const { optimizer, lr } of chosen) optimizer.step(lr * part);
      if (fixedScale === null) model.clampLogitScale();
      step++;
      yield { step, steps, loss, logitScale: model.logitScale, batch, logits };
    }
  }
}
