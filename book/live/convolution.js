// A 3x3 convolution with its ReLU, as one product of matrices (chapter 2). Pictures are (B, H, W, C) in here.
import { addColumnSums } from "./layers.js";
import { transposed } from "./products.js";

const FIELD = 9; // places of a 3x3 filter

/** Calls `visit(patch, pixel)` for every row of the matrix of patches and every pixel of the picture in it. */
function everyPlace(count, size, stride, visit) {
  const steps = Math.ceil(size / stride); // places of the filter in each direction
  for (let b = 0, patch = 0; b < count; b++) {
    for (let y = -1; y < steps * stride - 1; y += stride) {
      for (let x = -1; x < steps * stride - 1; x += stride, patch += FIELD) {
        for (let place = 0; place < FIELD; place++) {
          const [row, column] = [y + Math.floor(place / 3), x + (place % 3)];
          if (row < 0 || row >= size || column < 0 || column >= size) continue; // the border of zeros
          visit(patch + place, (b * size + row) * size + column);
        }
      }
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

/**
 * Every patch that the filter sees, times the filters, then ReLU: (B, H, W, I) -> (B, H / stride, W / stride, O).
 *
 * @param {object} products
 * @param {Float32Array} x (B, H, W, I), H = W = size.
 * @param {{weight: object, bias: object, stride: number}} layer parameters of shapes (O, I, 3, 3) and (O,).
 * @param {number} count B
 * @returns {{y: Float32Array, patches: Float32Array, filters: Float32Array, size: number, count: number}} the result,
 *   and what the way back needs: patches (P, 9 I), P places in all, and filters (O, 9 I).
 */
export function convolve(products, x, { weight, bias, stride }, count) {
  const [outputs, inputs] = weight.shape;
  const size = Math.sqrt(x.length / count / inputs);
  const places = count * Math.ceil(size / stride) ** 2;
  const width = FIELD * inputs;
  const patches = new Float32Array(places * width); // (P, 9 I)
  everyPlace(count, size, stride, (patch, pixel) => {
    for (let c = 0; c < inputs; c++) patches[patch * inputs + c] = x[pixel * inputs + c];
  });
  const filters = placesFirst(weight.value, inputs); // (O, 9 I)
  const y = new Float32Array(places * outputs); // (P, O)
  products.multiply(patches, width, 1, transposed(filters, outputs, width), y, places, width, outputs);
  for (let i = 0; i < y.length; i++) y[i] = Math.max(0, y[i] + bias.value[i % outputs]);
  return { y, patches, filters, size, count };
}

/**
 * Back through `convolve`: fills the layer's gradients.
 *
 * @param {object} products
 * @param {Float32Array} dy (B, H / stride, W / stride, O); what ReLU shut off is set to 0 in place.
 * @param {object} kept what `convolve` returned.
 * @param {object} layer
 * @param {boolean} further whether the gradient of x is wanted.
 * @returns {?Float32Array} (B, H, W, I), or null.
 */
export function convolveBackward(products, dy, kept, { weight, bias, stride }, further) {
  const { y, patches, filters, size, count } = kept;
  const [outputs, inputs] = weight.shape;
  const places = y.length / outputs;
  const width = FIELD * inputs;
  for (let i = 0; i < y.length; i++) if (y[i] <= 0) dy[i] = 0;
  addColumnSums(dy, outputs, bias.grad);
  const dFilters = new Float32Array(outputs * width); // (O, 9 I)
  products.multiply(dy, 1, outputs, patches, dFilters, outputs, places, width); // (O, P) (P, 9 I)
  for (let o = 0; o < outputs; o++) {
    weight.grad.set(transposed(dFilters.subarray(o * width, (o + 1) * width), FIELD, inputs), o * width); // (I, 9)
  }
  if (!further) return null;
  const dPatches = new Float32Array(patches.length); // (P, 9 I)
  products.multiply(dy, outputs, 1, filters, dPatches, places, outputs, width); // (P, O) (O, 9 I)
  const dx = new Float32Array(count * size * size * inputs); // (B, H, W, I)
  everyPlace(count, size, stride, (patch, pixel) => {
    for (let c = 0; c < inputs; c++) dx[pixel * inputs + c] += dPatches[patch * inputs + c];
  });
  return dx;
}
