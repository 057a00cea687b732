// Muon: every direction of a weight matrix learns at the same pace (helper of chapter 6).
import { transposed } from "./products.js";

const [A, B, C] = [3.4445, -4.775, 2.0315]; // the quintic of Jordan et al. 2024: steep at 0, near 1 where it matters
const ROUNDS = 3;
const MOMENTUM = 0.6; // share of the running gradient that is kept, in Nesterov's form
const SMALL = 1e-7;

function norm(values) {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i] * values[i];
  return Math.sqrt(squares);
}

/** a x + b y, number by number, written into `out`, which may be x or y. */
function combine(a, x, b, y, out) {
  for (let i = 0; i < out.length; i++) out[i] = a * x[i] + b * y[i];
  return out;
}

/**
 * The nearest matrix with all singular values 1, roughly: same singular vectors, values pulled towards 1 by a quintic
 * polynomial of the matrix, applied three times, which needs nothing but products (Jordan et al. 2024).
 *
 * @param {object} products
 * @param {Float32Array} matrix (R, C)
 * @param {number} rows R
 * @param {number} columns C
 * @returns {Float32Array} (R, C)
 */
export function orthogonalize(products, matrix, rows, columns) {
  if (rows > columns) {
    const turned = orthogonalize(products, transposed(matrix, rows, columns), columns, rows); // the cheaper way
    return transposed(turned, columns, rows);
  }
  const x = matrix.slice(); // (R, C)
  combine(1 / (norm(matrix) + SMALL), x, 0, x, x); // no singular value above 1
  const [gram, gramSquared] = [new Float32Array(rows * rows), new Float32Array(rows * rows)]; // (R, R) each
  const moved = new Float32Array(x.length); // (R, C)
  for (let round = 0; round < ROUNDS; round++) {
    products.multiply(x, columns, 1, transposed(x, rows, columns), gram, rows, columns, rows);
    products.multiply(gram, rows, 1, gram, gramSquared, rows, rows, rows);
    const factor = combine(B, gram, C, gramSquared, gram); // (R, R)
    products.multiply(factor, rows, 1, x, moved, rows, rows, columns);
    combine(A, x, 1, moved, x);
  }
  return x;
}

/**
 * Momentum, then `orthogonalize`, on weights that keep the length they should have (Jordan et al. 2024): each tensor is
 * read as a matrix (outputs, everything else), and before each step scaled so that an output's weights have length 1 on
 * average.
 */
export class Muon {
  constructor(products, parameters) {
    this.products = products;
    this.states = parameters.map((parameter) => ({ parameter, momentum: new Float32Array(parameter.value.length) }));
  }

  /** Move every parameter by its gradient; `lr` is how far each singular value of the weights moves. */
  step(lr) {
    for (const { parameter: { value, grad, shape: [outputs] }, momentum } of this.states) {
      combine(MOMENTUM, momentum, 1, grad, momentum);
      const nesterov = combine(1, grad, MOMENTUM, momentum, new Float32Array(grad.length)); // (outputs, all else)
      const scale = Math.sqrt(outputs) / Math.max(norm(value), SMALL);
      const direction = orthogonalize(this.products, nesterov, outputs, value.length / outputs);
      combine(scale, value, -lr, direction, value);
    }
  }
}
