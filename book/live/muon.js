// Muon: every direction of a weight matrix learns at the same pace (helper of chapter 6).
import { transposed } from "./products.js";

const [A, B, C] = [3.4445, -4.775, 2.0315]; // the quintic of Jordan et al. 2024: steep at 0, near 1 where it matters
const ROUNDS = 3;
const MOMENTUM = 0.6; // share of the running gradient that is kept, in Nesterov's form
const SMALL = 1e-7;

function norm(values) {
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
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
  const length = norm(matrix) + SMALL;
  let x = matrix.map((v) => v / length); // (R, C), no singular value above 1
  const square = () => new Float32Array(rows * rows); // (R, R)
  for (let round = 0; round < ROUNDS; round++) {
    const [gram, gramSquared, moved] = [square(), square(), new Float32Array(x.length)];
    products.multiply(x, columns, 1, transposed(x, rows, columns), gram, rows, columns, rows);
    products.multiply(gram, rows, 1, gram, gramSquared, rows, rows, rows);
    const factor = gram.map((v, i) => B * v + C * gramSquared[i]); // (R, R)
    products.multiply(factor, rows, 1, x, moved, rows, rows, columns);
    x = moved.map((v, i) => A * x[i] + v); // (R, C)
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
      momentum.forEach((v, i) => (momentum[i] = MOMENTUM * v + grad[i]));
      const nesterov = grad.map((v, i) => v + MOMENTUM * momentum[i]); // (outputs, everything else)
      const scale = Math.sqrt(outputs) / Math.max(norm(value), SMALL);
      const direction = orthogonalize(this.products, nesterov, outputs, value.length / outputs);
      value.forEach((v, i) => (value[i] = scale * v - lr * direction[i]));
    }
  }
}
