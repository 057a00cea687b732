// The contrastive loss of CLIP, its gradient, and the lowest value that it can reach (chapter 3).
import { InputError, quoted } from "./errors.js";

const DIRECTIONS = { both: [0.5, 0.5], images: [1, 0], texts: [0, 1] }; // what each direction counts for

/**
 * InfoNCE of a batch of matching pairs: row i asks which caption belongs to picture i, column i the reverse; pair i is
 * the answer to both (Radford et al. 2021, figure 3; van den Oord et al. 2018).
 *
 * @param {Float32Array} logits (B, B) scaled cosine similarities, pictures in rows, captions in columns.
 * @param {number} size B
 * @param {string} [directions] "both"; or one alone: "images" asks the rows, "texts" the columns.
 * @returns {{loss: number, gradient: Float32Array}} in nats, and with respect to the logits, (B, B): softmax minus
 *   one-hot, averaged over the batch and the directions.
 * @throws {InputError} if logits is not (B, B), B is below 2, or there are no such directions.
 */
export function infoNCE(logits, size, directions = "both") {
  if (!Object.hasOwn(DIRECTIONS, directions)) {
    const known = Object.keys(DIRECTIONS).join(", ");
    throw new InputError(`there are no directions ${quoted(String(directions))}; choose one of ${known}`);
  }
  if (logits.length !== size * size) throw new InputError(`expected ${size} x ${size} logits, got ${logits.length}`);
  if (size < 2) throw new InputError(`a batch of ${size} has no negatives and teaches nothing; use at least two pairs`);
  const [rows, columns] = DIRECTIONS[directions];
  const gradient = new Float32Array(size * size); // (B, B)
  let loss = 0;
  for (let i = 0; i < size; i++) {
    if (rows) loss += (rows / size) * crossEntropy(logits, i * size, 1, i, size, gradient, rows / size);
    if (columns) loss += (columns / size) * crossEntropy(logits, i, size, i, size, gradient, columns / size);
  }
  return { loss, gradient };
}

/** Of one row (step 1) or column (step B) that begins at `first`; adds `weight` times its gradient to `gradient`. */
function crossEntropy(logits, first, step, answer, size, gradient, weight) {
  let most = -Infinity;
  for (let j = 0; j < size; j++) most = Math.max(most, logits[first + j * step]);
  let total = 0;
  for (let j = 0; j < size; j++) total += Math.exp(logits[first + j * step] - most);
  for (let j = 0; j < size; j++) {
    const probability = Math.exp(logits[first + j * step] - most) / total;
    gradient[first + j * step] += weight * (probability - (j === answer ? 1 : 0));
  }
  return most + Math.log(total) - logits[first + answer * step];
}

/**
 * The lowest mean loss, in nats, that any model can reach when captions repeat inside a batch.
 *
 * In a batch where k pairs share a caption, those k captions have one and the same embedding. At best they share the
 * probability, 1/k each, which costs log k. The k - 1 twins of a pair, drawn without replacement, are hypergeometric.
 *
 * @param {number[]} counts how many training pairs carry each caption.
 * @param {number} batchSize pairs per batch, drawn without replacement.
 * @returns {number} nats
 * @throws {InputError} if there is no count, one is below 1, or the batch is larger than the data.
 */
export function lossFloor(counts, batchSize) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  const smallest = counts.length ? Math.min(...counts) : 0;
  if (!(smallest >= 1 && batchSize >= 1 && batchSize <= total)) {
    const got = `cannot draw ${batchSize} of ${total} pairs, smallest count ${smallest}`;
    throw new InputError(`${got}; give counts >= 1`);
  }
  if (batchSize === 1) return 0; // a pair alone has no twin, and nothing to be told apart from
  const logFactorials = new Float64Array(total + 1); // (N + 1,)
  for (let n = 1; n <= total; n++) logFactorials[n] = logFactorials[n - 1] + Math.log(n);
  const logChoose = (n, k) => logFactorials[n] - logFactorials[k] - logFactorials[n - k];

  const expectedLog = (count) => {
    const [twins, others, drawn] = [count - 1, total - count, batchSize - 1];
    let mean = 0;
    for (let k = Math.max(1, drawn - others); k <= Math.min(twins, drawn); k++) {
      const logChance = logChoose(twins, k) + logChoose(others, drawn - k) - logChoose(twins + others, drawn);
      mean += Math.exp(logChance) * Math.log(1 + k);
    }
    return mean;
  };
  return counts.reduce((sum, count) => sum + (count / total) * expectedLog(count), 0);
}

/**
 * Mean floor over the pairs of an epoch, whose last batch is smaller when the data does not divide evenly; a last batch
 * of a single pair is left out, as in training.
 *
 * @param {number[]} counts
 * @param {number} batchSize
 * @returns {number} nats
 * @throws {InputError} as `lossFloor`.
 */
export function epochFloor(counts, batchSize) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  const rest = total % batchSize;
  if (rest === total || rest < 2) return lossFloor(counts, Math.min(batchSize, total));
  return ((total - rest) * lossFloor(counts, batchSize) + rest * lossFloor(counts, rest)) / total;
}
