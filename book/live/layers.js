// The layers that both encoders are made of, each with its way back (chapter 2).
import { transposed } from "./products.js";

const VARIANCE_FLOOR = 1e-5; // as torch's layer norm
const LENGTH_FLOOR = 1e-12; // as torch's normalize

/** Adds an offset, (columns,), to every row of a matrix, (rows, columns). */
export function addToRows(matrix, offset) {
  for (let start = 0; start < matrix.length; start += offset.length) {
    for (let j = 0; j < offset.length; j++) matrix[start + j] += offset[j];
  }
}

/** Sums of the columns of a matrix, (rows, columns), into `sums`, (columns,): the way back of `addToRows`. */
export function columnSums(matrix, sums) {
  const exact = new Float64Array(sums.length); // (columns,)
  for (let start = 0; start < matrix.length; start += sums.length) {
    for (let j = 0; j < sums.length; j++) exact[j] += matrix[start + j];
  }
  sums.set(exact);
}

/**
 * A linear layer: (rows, I) -> (rows, O).
 *
 * @param {object} products
 * @param {Float32Array} x (rows, I)
 * @param {{weight: object, bias: object}} layer parameters of shapes (O, I) and (O,).
 */
export function linear(products, x, { weight, bias }) {
  const [outputs, inputs] = weight.shape;
  const rows = x.length / inputs;
  const y = new Float32Array(rows * outputs); // (rows, O)
  products.multiply(x, inputs, 1, transposed(weight.value, outputs, inputs), y, rows, inputs, outputs);
  addToRows(y, bias.value);
  return y;
}

/** Back through `linear`: from the gradient of its output, (rows, O), to that of x, (rows, I); fills the layer's. */
export function linearBackward(products, dy, x, { weight, bias }) {
  const [outputs, inputs] = weight.shape;
  const rows = x.length / inputs;
  products.multiply(dy, 1, outputs, x, weight.grad, outputs, rows, inputs); // (O, rows) (rows, I)
  columnSums(dy, bias.grad);
  const dx = new Float32Array(x.length); // (rows, I)
  products.multiply(dy, outputs, 1, weight.value, dx, rows, outputs, inputs); // (rows, O) (O, I)
  return dx;
}

/**
 * Each row with mean 0 and variance 1, then a gain and an offset for each column: (rows, D) -> (rows, D).
 *
 * @returns {{y: Float32Array, standard: Float32Array, deviations: Float64Array}} the result, the rows before gain and
 *   offset, and the standard deviation of each row: what the way back needs.
 */
export function layerNorm(x, { weight, bias }) {
  const width = weight.value.length;
  const rows = x.length / width;
  const [y, standard] = [new Float32Array(x.length), new Float32Array(x.length)]; // (rows, D) each
  const deviations = new Float64Array(rows); // (rows,)
  for (let r = 0; r < rows; r++) {
    const row = x.subarray(r * width, (r + 1) * width);
    const mean = row.reduce((sum, v) => sum + v, 0) / width;
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width;
    deviations[r] = Math.sqrt(variance + VARIANCE_FLOOR);
    for (let j = 0; j < width; j++) {
      standard[r * width + j] = (row[j] - mean) / deviations[r];
      y[r * width + j] = standard[r * width + j] * weight.value[j] + bias.value[j];
    }
  }
  return { y, standard, deviations };
}

/** Back through `layerNorm`: from the gradient of y, (rows, D), to that of x; fills those of gain and offset. */
export function layerNormBackward(dy, { standard, deviations }, { weight, bias }) {
  const width = weight.value.length;
  const dx = new Float32Array(dy.length); // (rows, D)
  columnSums(dy, bias.grad);
  columnSums(dy.map((v, i) => v * standard[i]), weight.grad);
  deviations.forEach((deviation, r) => {
    let [mean, along] = [0, 0]; // of the gradient, and of the gradient along the row itself
    for (let j = 0, i = r * width; j < width; j++, i++) {
      mean += (dy[i] * weight.value[j]) / width;
      along += (dy[i] * weight.value[j] * standard[i]) / width;
    }
    for (let j = 0, i = r * width; j < width; j++, i++) {
      dx[i] = (dy[i] * weight.value[j] - mean - standard[i] * along) / deviation;
    }
  });
  return dx;
}

/**
 * Each row divided by its length: (rows, D) -> (rows, D).
 *
 * @returns {{unit: Float32Array, lengths: Float64Array}} rows of length 1, and how long they were.
 */
export function normalize(x, width) {
  const unit = new Float32Array(x.length); // (rows, D)
  const lengths = new Float64Array(x.length / width); // (rows,)
  lengths.forEach((_, r) => {
    const row = x.subarray(r * width, (r + 1) * width);
    lengths[r] = Math.max(Math.sqrt(row.reduce((sum, v) => sum + v * v, 0)), LENGTH_FLOOR);
    row.forEach((v, j) => (unit[r * width + j] = v / lengths[r]));
  });
  return { unit, lengths };
}

/** Back through `normalize`: what would only change a row's length has no effect, so it is taken out. */
export function normalizeBackward(dUnit, { unit, lengths }) {
  const width = unit.length / lengths.length;
  const dx = new Float32Array(unit.length); // (rows, D)
  lengths.forEach((length, r) => {
    let along = 0;
    for (let i = r * width; i < (r + 1) * width; i++) along += dUnit[i] * unit[i];
    for (let i = r * width; i < (r + 1) * width; i++) dx[i] = (dUnit[i] - along * unit[i]) / length;
  });
  return dx;
}
