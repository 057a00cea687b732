// Classifying with sentences (chapter 4).
import { CAPTIONS } from "./data.js";
import { InputError } from "./errors.js";
import { transposed } from "./products.js";

/**
 * One unit vector per caption: the classifier that CLIP writes from sentences.
 *
 * @param {ToyCLIP} model
 * @param {string[]} captions C of them, one per class.
 * @param {Tokenizer} tokenizer
 * @returns {Float32Array} (C, D)
 * @throws {InputError} if there is no caption.
 * @throws {CaptionError} if one cannot be read.
 */
export function classifier(model, captions, tokenizer) {
  if (captions.length === 0) throw new InputError("there is nothing to choose from; give at least one caption");
  return model.embedTexts(tokenizer.encode(captions), captions.length);
}

/**
 * Cosine of every picture with every class.
 *
 * @param {ToyCLIP} model
 * @param {Uint8Array} pixels (N, 3, 32, 32)
 * @param {number} count N
 * @param {Float32Array} weights (C, D) from `classifier`.
 * @param {number} classes C
 * @returns {Float32Array} (N, C)
 */
export function similarities(model, pixels, count, weights, classes) {
  const width = weights.length / classes; // D
  const cosines = new Float32Array(count * classes); // (N, C)
  const images = model.embedImages(pixels, count); // (N, D)
  const columns = transposed(weights, classes, width); // (D, C)
  model.products.multiply(images, width, 1, columns, cosines, count, width, classes);
  return cosines;
}

/** Position of the largest number of a row; of several, the first. */
export function argmax(row) {
  return row.reduce((best, v, i) => (v > row[best] ? i : best), 0);
}

/**
 * Share of pictures for which the caption of their own class wins, 0 to 1; caption c is that of class c.
 *
 * @param {ToyCLIP} model
 * @param {{pixels: Uint8Array, classes: Int32Array}} pairs
 * @param {Tokenizer} tokenizer
 * @param {string[]} [captions]
 * @returns {number}
 */
export function accuracy(model, pairs, tokenizer, captions = CAPTIONS) {
  const [count, classes] = [pairs.classes.length, captions.length];
  const weights = classifier(model, captions, tokenizer); // (C, D)
  const cosines = similarities(model, pairs.pixels, count, weights, classes); // (N, C)
  const right = pairs.classes.filter((c, i) => argmax(cosines.subarray(i * classes, (i + 1) * classes)) === c);
  return right.length / count;
}

/**
 * Probabilities of a row of cosines.
 *
 * @param {Float32Array} row (C,)
 * @param {number} scale the logit scale: 1 / temperature.
 * @returns {Float32Array} (C,), sums to 1.
 */
export function softmax(row, scale) {
  const most = Math.max(...row);
  const powers = Float64Array.from(row, (v) => Math.exp(scale * (v - most))); // (C,)
  const total = powers.reduce((sum, v) => sum + v, 0);
  return Float32Array.from(powers, (v) => v / total);
}
