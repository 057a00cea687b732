// The eye: four convolutions, a mean over the picture, a linear layer (chapter 2).
import { Convolution } from "./convolution.js";
import { PIXEL_MEAN, PIXEL_STD } from "./data.js";
import { InputError } from "./errors.js";
import { columnSums, linear, linearBackward } from "./layers.js";
import { Workspace } from "./workspace.js";

const STRIDES = [2, 2, 2, 1]; // the convolutions step over pixels: 32 -> 16 -> 8 -> 4 -> 4
const PIXELS = 3 * 32 * 32; // bytes of a picture

/** Pictures as bytes (B, 3, H, W) -> floats around 0, (B, H, W, 3), written into `x`. */
function standardize(pixels, count, x) {
  const area = pixels.length / count / 3; // H W
  for (let plane = 0; plane < 3 * count; plane++) {
    const first = Math.floor(plane / 3) * 3 * area + (plane % 3); // one channel of one picture
    for (let i = 0; i < area; i++) x[first + 3 * i] = (pixels[plane * area + i] / 255 - PIXEL_MEAN) / PIXEL_STD;
  }
  return x;
}

/** 69,728 parameters: "image_encoder." in the model. Keeps of the last pictures what the way back needs. */
export class ImageEncoder {
  constructor(products, parameters) {
    const parameter = (name) => parameters.get(`image_encoder.${name}`);
    this.products = products;
    this.workspace = new Workspace();
    this.convs = STRIDES.map(
      (stride, i) => new Convolution(products, parameter(`convs.${i}.weight`), parameter(`convs.${i}.bias`), stride),
    );
    this.projection = { weight: parameter("projection.weight"), bias: parameter("projection.bias") };
  }

  /**
   * @param {Uint8Array} pixels (B, 3, 32, 32)
   * @param {number} count B
   * @returns {{input: Float32Array, maps: Float32Array[], mean: Float32Array, output: Float32Array}} pictures, (B, 32,
   *   32, 3), and what each convolution made of them, (B, h, w, C), both overwritten by the next call; the mean over
   *   all places, (B, C), and embeddings (B, D), not yet normalised.
   * @throws {InputError} if there is no picture, or they are not 32 x 32.
   */
  forward(pixels, count) {
    if (pixels.length !== count * PIXELS || count === 0) {
      throw new InputError(`expected pictures (${count}, 3, 32, 32), at least one, got ${pixels.length} bytes`);
    }
    const input = standardize(pixels, count, this.workspace.take("input", pixels.length)); // (B, 32, 32, 3)
    const maps = [];
    for (const conv of this.convs) maps.push(conv.forward(maps.at(-1) ?? input, count)); // (B, h, w, C)
    const last = maps.at(-1);
    const channels = this.projection.weight.shape[1]; // C
    const mean = new Float32Array(count * channels); // (B, C)
    for (let b = 0; b < count; b++) {
      const picture = last.subarray((b * last.length) / count, ((b + 1) * last.length) / count); // (h w, C)
      const row = mean.subarray(b * channels, (b + 1) * channels); // (C,)
      columnSums(picture, row);
      row.forEach((sum, c) => (row[c] = (sum * channels) / picture.length));
    }
    this.kept = { mean, places: last.length / mean.length };
    return { input, maps, mean, output: linear(this.products, mean, this.projection) };
  }

  /** Fills the gradients of all parameters, from that of the embeddings of the last pictures, (B, D). */
  backward(dOutput) {
    const { mean, places } = this.kept;
    const dMean = linearBackward(this.products, dOutput, mean, this.projection); // (B, C)
    const channels = this.projection.weight.shape[1];
    let dx = this.workspace.take("dx", mean.length * places); // (B, h, w, C)
    for (let start = 0; start < dx.length; start += channels) {
      const picture = Math.floor(start / (places * channels)) * channels;
      for (let c = 0; c < channels; c++) dx[start + c] = dMean[picture + c] / places;
    }
    for (const conv of [...this.convs].reverse()) dx = conv.backward(dx, conv !== this.convs[0]); // (B, H, W, I)
  }
}
