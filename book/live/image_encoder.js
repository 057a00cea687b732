// The eye: four convolutions, a mean over the picture, a linear layer (chapter 2).
import { convolve, convolveBackward } from "./convolution.js";
import { PIXEL_MEAN, PIXEL_STD } from "./data.js";
import { linear, linearBackward } from "./layers.js";

const STRIDES = [2, 2, 2, 1]; // the convolutions step over pixels: 32 -> 16 -> 8 -> 4 -> 4

/** Pictures as bytes (B, 3, H, W) -> floats around 0, (B, H, W, 3). */
function standardize(pixels, count) {
  const area = pixels.length / count / 3;
  const x = new Float32Array(pixels.length); // (B, H, W, 3)
  for (let i = 0; i < x.length; i++) {
    const [b, place, channel] = [Math.floor(i / (3 * area)), Math.floor(i / 3) % area, i % 3];
    x[i] = (pixels[(3 * b + channel) * area + place] / 255 - PIXEL_MEAN) / PIXEL_STD;
  }
  return x;
}

/** 69,728 parameters, those of the model that begin with "image_encoder." */
export class ImageEncoder {
  constructor(products, parameters) {
    const layer = (name) => ({
      weight: parameters.get(`image_encoder.${name}.weight`),
      bias: parameters.get(`image_encoder.${name}.bias`),
    });
    this.products = products;
    this.convs = STRIDES.map((stride, i) => ({ ...layer(`convs.${i}`), stride }));
    this.projection = layer("projection");
  }

  /**
   * @param {Uint8Array} pixels (B, 3, 32, 32)
   * @param {number} count B
   * @returns {{output: Float32Array, input: Float32Array, steps: object[], mean: Float32Array}} embeddings (B, D), not
   *   yet normalised; pictures (B, 32, 32, 3), what each convolution made of them, and the mean over all places (B, C).
   */
  forward(pixels, count) {
    const input = standardize(pixels, count); // (B, 32, 32, 3)
    const steps = [];
    let x = input;
    for (const conv of this.convs) {
      steps.push(convolve(this.products, x, conv, count));
      x = steps.at(-1).y; // (B, h, w, C)
    }
    const channels = this.projection.weight.shape[1];
    const places = x.length / count / channels;
    const mean = new Float32Array(count * channels); // (B, C)
    for (let i = 0; i < x.length; i++) {
      mean[Math.floor(i / (places * channels)) * channels + (i % channels)] += x[i] / places;
    }
    return { output: linear(this.products, mean, this.projection), input, steps, mean };
  }

  /** Fills the gradients of all parameters, from that of the embeddings, (B, D), and what `forward` returned. */
  backward(dOutput, { steps, mean }) {
    const dMean = linearBackward(this.products, dOutput, mean, this.projection); // (B, C)
    const channels = this.projection.weight.shape[1];
    const places = steps.at(-1).y.length / mean.length;
    let dx = steps.at(-1).y.map(
      (_, i) => dMean[Math.floor(i / (places * channels)) * channels + (i % channels)] / places,
    ); // (B, h, w, C)
    for (let i = steps.length - 1; i >= 0; i--) {
      dx = convolveBackward(this.products, dx, steps[i], this.convs[i], i > 0); // (B, H, W, I)
    }
  }
}
