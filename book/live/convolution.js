// A 3x3 convolution with its ReLU, as one product of matrices (chapter 2). Pictures are (B, H, W, C) in here.
import { columnSums } from "./layers.js";
import { transposed } from "./products.js";
import { Workspace } from "./workspace.js";

const FIELD = 9; // places of a 3x3 filter

/**
 * Where patches and pictures have a stretch of memory in common: a row of a patch, three pixels side by side with all
 * their channels, less what lies outside, on the border of zeros.
 *
 * @returns {Int32Array} three numbers for each: where it begins in the patches, where in the pictures, its length.
 */
function stretches(count, size, stride, channels) {
  const steps = Math.ceil(size / stride); // places of the filter in each direction
  const found = [];
  for (let patch = 0; patch < count * steps * steps; patch++) {
    const picture = Math.floor(patch / (steps * steps));
    const top = (Math.floor(patch / steps) % steps) * stride - 1;
    const left = (patch % steps) * stride - 1;
    const [first, end] = [Math.max(left, 0), Math.min(left + 3, size)];
    for (let row = Math.max(top, 0); row < Math.min(top + 3, size); row++) {
      const inPatches = (patch * FIELD + (row - top) * 3 + (first - left)) * channels;
      const inPictures = ((picture * size + row) * size + first) * channels;
      found.push(inPatches, inPictures, (end - first) * channels);
    }
  }
  return Int32Array.from(found);
}

/** Copies every stretch of the pictures into the patches. */
function fillPatches(patches, pictures, shared) {
  for (let s = 0; s < shared.length; s += 3) {
    const inPatches = shared[s];
    const inPictures = shared[s + 1];
    const length = shared[s + 2];
    for (let i = 0; i < length; i++) patches[inPatches + i] = pictures[inPictures + i];
  }
}

/** Adds every stretch of the patches to the pictures: the way back of `fillPatches`. */
function addPatches(patches, pictures, shared) {
  for (let s = 0; s < shared.length; s += 3) {
    const inPatches = shared[s];
    const inPictures = shared[s + 1];
    const length = shared[s + 2];
    for (let i = 0; i < length; i++) pictures[inPictures + i] += patches[inPatches + i];
  }
}

/** Filters (O, I, 3, 3) as a matrix (9 I, O), the channels of a place side by side as they are in a picture. */
function placesFirst(weight, outputs, inputs) {
  const matrix = new Float32Array(weight.length); // (9 I, O)
  for (let o = 0, i = 0; o < outputs; o++) {
    for (let channel = 0; channel < inputs; channel++) {
      for (let place = 0; place < FIELD; place++, i++) matrix[(place * inputs + channel) * outputs + o] = weight[i];
    }
  }
  return matrix;
}

/** Every patch that the filter sees, times the filters, then ReLU; keeps of the last pictures what `backward` needs. */
export class Convolution {
  #shared = new Int32Array(0); // the stretches of as many pictures as there ever were; those of fewer come first
  #mostPictures = 0;

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
   * @param {Float32Array} x (B, H, W, I), H = W, the same at every call.
   * @param {number} count B
   * @returns {Float32Array} (B, H / stride, W / stride, O), overwritten by the next call.
   */
  forward(x, count) {
    const [outputs, inputs] = this.weight.shape;
    const width = FIELD * inputs;
    const size = Math.sqrt(x.length / count / inputs); // H
    const places = count * Math.ceil(size / this.stride) ** 2; // P, of the filter on all pictures
    const patches = this.workspace.take("patches", places * width); // (P, 9 I), the border of zeros is always the same
    if (count > this.#mostPictures) {
      this.#shared = stretches(count, size, this.stride, inputs);
      this.#mostPictures = count;
    }
    const shared = this.#shared.subarray(0, (count * this.#shared.length) / this.#mostPictures);
    fillPatches(patches, x, shared);
    const filters = placesFirst(this.weight.value, outputs, inputs); // (9 I, O)
    const y = this.workspace.take("y", places * outputs); // (P, O)
    this.products.multiply(patches, width, 1, filters, y, places, width, outputs);
    for (let start = 0; start < y.length; start += outputs) {
      for (let o = 0; o < outputs; o++) y[start + o] = Math.max(0, y[start + o] + this.bias.value[o]);
    }
    this.kept = { y, patches, filters, shared, size, count };
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
    const { y, patches, filters, shared, size, count } = this.kept;
    const [outputs, inputs] = this.weight.shape;
    const [places, width] = [y.length / outputs, FIELD * inputs];
    for (let i = 0; i < y.length; i++) dy[i] = y[i] > 0 ? dy[i] : 0;
    columnSums(dy, this.bias.grad);
    const dFilters = new Float32Array(outputs * width); // (O, 9 I)
    this.products.multiply(dy, 1, outputs, patches, dFilters, outputs, places, width); // (O, P) (P, 9 I)
    for (let start = 0; start < dFilters.length; start += width) {
      this.weight.grad.set(transposed(dFilters.subarray(start, start + width), FIELD, inputs), start); // (I, 9)
    }
    if (!further) return null;
    const dPatches = this.workspace.take("dPatches", patches.length); // (P, 9 I)
    const turned = transposed(filters, width, outputs); // (O, 9 I)
    this.products.multiply(dy, outputs, 1, turned, dPatches, places, outputs, width); // (P, O) (O, 9 I)
    const dx = this.workspace.take("dx", count * size * size * inputs).fill(0); // (B, H, W, I)
    addPatches(dPatches, dx, shared);
    return dx;
  }
}
