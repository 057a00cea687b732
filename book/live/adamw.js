// AdamW: every number moves at a pace of its own; and the clip that comes before it (chapter 4).

const BETA1 = 0.9; // share of the running mean of gradients that is kept
const BETA2 = 0.999; // and of their squares
const EPSILON = 1e-8;

/**
 * Scale all gradients down together, so that the norm of the whole is at most `most`.
 *
 * @param {{grad: Float32Array}[]} parameters
 * @param {number} most
 */
export function clipGradients(parameters, most) {
  let squares = 0;
  for (const { grad } of parameters) {
    for (let i = 0; i < grad.length; i++) squares += grad[i] * grad[i];
  }
  const factor = Math.min(1, most / (Math.sqrt(squares) + 1e-6));
  for (const { grad } of parameters) {
    for (let i = 0; i < grad.length; i++) grad[i] *= factor;
  }
}

/** Adam with weight decay that does not pass through the gradient (Loshchilov and Hutter 2019). */
export class AdamW {
  constructor(parameters, weightDecay) {
    this.weightDecay = weightDecay;
    this.steps = 0;
    this.states = parameters.map((parameter) => ({
      parameter,
      mean: new Float32Array(parameter.value.length),
      square: new Float32Array(parameter.value.length),
    }));
  }

  /** Move every parameter by its gradient. */
  step(lr) {
    this.steps++;
    const [meanPart, squarePart] = [1 - BETA1 ** this.steps, 1 - BETA2 ** this.steps]; // both means began at 0
    for (const { parameter: { value, grad }, mean, square } of this.states) {
      for (let i = 0; i < value.length; i++) {
        mean[i] += (1 - BETA1) * (grad[i] - mean[i]);
        square[i] = BETA2 * square[i] + (1 - BETA2) * grad[i] * grad[i];
        const pace = Math.sqrt(square[i] / squarePart) + EPSILON;
        value[i] = value[i] * (1 - lr * this.weightDecay) - (lr * mean[i]) / (meanPart * pace);
      }
    }
  }
}
