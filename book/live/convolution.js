// A 3x3 convolution with its ReLU, as one product of matrices (chapter 2). Pictures are (B, H, W, C) in here.
import { addToRows, columnSums } from "./layers.js";
import { transposed } from "./products.js";
import { Workspace } from "./workspace.js";

const FIELD = 9; // places of a 3x3 filter

/**
 * Calls `visit(inPatches, inPicture, length)` for every stretch of memory that a row of a patch, three pixels side by
 * side with all their channels, shares with the picture; what of a patch lies outside, on the border of zeros, is left.
 */
function everyStretch(count, size, stride, channels, visit) {
  const steps = Math.ceil(size / stride); // places of the filter in each direction
  for (let patch = 0; patch < count * steps * steps; patch++) {
    const picture = Math.floor(patch / (steps * steps));
    const top = (Math.floor(patch / steps) % steps) * stride - 1;
    const left = (patch % steps) * stride - 1;
    const [first, end] = [Math.max(left, 0), Math.min(left + 3, size)];
    for (let row = Math.max(top, 0); row < Math.min(top + 3, size); row++) {
      const inPatches = (patch * FIELD + (row - top) * 3 + (first - left)) * channels;
      const inPicture = ((picture * size + row) * size + first) * channels;
      visit(inPatches, inPicture, (end - first) * channels);
    }
  }
}

/** Filters (O, I, 3, 3) as a matrix (O, 9 I), the channels of a place side by side as they are in a picture. */
function placesFirst(weight, inputs) {
  return weight.map((_, i) => {
    const [filter, place, channel] = [Math.floor(i / (FIELD * inputs)), Math.floor(i / inputs) % FIELD, i % inputs];
    return weight[(filter * inputs + channel) * FIELD + place];
  });
}

/** Every patch that the filter sees, times the filters, then ReLU. Keeps of the last pictures what the way back needs. */
export class Convolution {
  /**
   * @param {object} products
   * @param {{value: Float32Array, grad: Float32Array, shape: number[]}} weight a parameter, (O, I, 3, 3).
   * @param {{value: Float32Array, grad: Float32Array}} bias a parameter, (O,).
   * @param {number} stride pixels from one place of the filter to the next.
   */
  constructor(products, weight, bias, stride) {
    Object.assign(this, { products, weight, bias, stride, workspace: new Workspace(), kept: null });
  }

  /**
   * @param {Float32Array} x (B, H, W, I), H = W.
   * @param {number} count B
   * @returns {Float32Array} (B, H / stride, W / stride, O), overwritten by the next call.
   */
  forward(x, count) {
    const [outputs, inputs] = this.weight.shape;
    const width = FIELD * inputs;
    const size = Math.sqrt(x.length / count / inputs); // H
    const places = count * Math.ceil(size / this.stride) ** 2; // P, of the filter on all pictures
    const patches = this.workspace.take("patches", places * width); // (P, 9 I), the border of zeros is always the same
    everyStretch(count, size, this.stride, inputs, (inPatches, inPicture, length) => {
      for (let i = 0; i < length; i++) patches[inPatches + i] = x[inPicture + i];
    });
    const filters = placesFirst(this.weight.value, inputs); // (O, 9 I)
    const y = this.workspace.take("y", places * outputs); // (P, O)
    this.products.multiply(patches, width, 1, transposed(filters, outputs, width), y, places, width, outputs);
    addToRows(y, this.bias.value);
    for (let i = 0; i < y.length; i++) if (y[i] < 0) y[i] = 0;
    this.kept = { y, patches, filters, size, count };
    return y;
  }

  /**
   * Fills the gradients of weight and bias.
   *
   * @param {Float32Array} dy (B, H / stride, W / stride, O); what ReLU shut off is set to 0 in place.
   * @param {boolean} further whether the gradient of x is wanted.
   * @returns {?Float32Array} (B, H, W, I), overwritten by the next call; or null.
   */
  backward(dy, further) {
    const { y, patches, filters, size, count } = this.kept;
    const [outputs, inputs] = this.weight.shape;
    const [places, width] = [y.length / outputs, FIELD * inputs];
    for (let i = 0; i < y.length; i++) if (y[i] <= 0) dy[i] = 0;
    columnSums(dy, this.bias.grad);
    const dFilters = new Float32Array(outputs * width); // (O, 9 I)
    this.products.multiply(dy, 1, outputs, patches, dFilters, outputs, places, width); // (O, P) (P, 9 I)
    for (let start = 0; start < dFilters.length; start += width) {
      this.weight.grad.set(transposed(dFilters.subarray(start, start + width), FIELD, inputs), start); // (I, 9)
    }
    if (!further) return null;
    const dPatches = this.workspace.take("dPatches", patches.length); // (P, 9 I)
    this.products.multiply(dy, outputs, 1, filters, dPatches, places, outputs, width); // (P, O) (O, 9 I)
    const dx = this.workspace.take("dx", count * size * size * inputs).fill(0); // (B, H, W, I)
    everyStretch(count, size, this.stride, inputs, (inPatches, inPicture, length) => {
      for (let i = 0; i < length; i++) dx[inPicture + i] += dPatches[inPatches + i];
    });
    return dx;
  }
}
