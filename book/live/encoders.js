// Both encoders and one temperature: CLIP (chapter 2).
import { InputError } from "./errors.js";
import { ImageEncoder } from "./image_encoder.js";
import { normalize, normalizeBackward } from "./layers.js";
import { transposed } from "./products.js";
import { rng } from "./random.js";
import { CaptionEncoder } from "./text_encoder.js";

const EMBED_DIM = 64; // D
const START_SCALE = 1 / 0.07; // Radford et al. 2021, section 2.5
const MAX_SCALE = 100;
const AT_ONCE = 64; // pictures that are embedded together

const filter = (outputs, inputs) => [
  [outputs, inputs, 3, 3],
  (random) => random.normal(0, Math.sqrt(2 / (9 * inputs))), // He et al. 2015, which belongs to ReLU
];
const even = (inputs, ...shape) => [shape, (random) => random.uniform(-1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs))];
const constant = (value, ...shape) => [shape, () => value];

/** Name -> shape, and how each number starts: in torch's own ways. */
const START = {
  log_logit_scale: constant(Math.log(START_SCALE)),
  "image_encoder.convs.0.weight": filter(32, 3),
  "image_encoder.convs.0.bias": constant(0, 32),
  "image_encoder.convs.1.weight": filter(32, 32),
  "image_encoder.convs.1.bias": constant(0, 32),
  "image_encoder.convs.2.weight": filter(64, 32),
  "image_encoder.convs.2.bias": constant(0, 64),
  "image_encoder.convs.3.weight": filter(64, 64),
  "image_encoder.convs.3.bias": constant(0, 64),
  "image_encoder.projection.weight": even(64, EMBED_DIM, 64),
  "image_encoder.projection.bias": even(64, EMBED_DIM),
  "text_encoder.positions": [[4, EMBED_DIM], (random) => random.normal(0, 0.01)],
  "text_encoder.tokens.weight": [[10, EMBED_DIM], (random, i) => (i < EMBED_DIM ? 0 : random.normal())], // 0 is padding
  "text_encoder.norm.weight": constant(1, EMBED_DIM),
  "text_encoder.norm.bias": constant(0, EMBED_DIM),
  "text_encoder.projection.weight": even(64, EMBED_DIM, 64),
  "text_encoder.projection.bias": even(64, EMBED_DIM),
};

/** 74,913 parameters: the model of the package with the strided encoder. */
export class ToyCLIP {
  /**
   * @param {object} products from `loadProducts`.
   * @param {number} seed the weights follow from it alone.
   */
  constructor(products, seed) {
    this.products = products;
    this.parameters = new Map();
    for (const [name, [shape, start]] of Object.entries(START)) {
      const random = rng(seed, "weights", name);
      const value = new Float32Array(shape.reduce((product, n) => product * n, 1)).map((_, i) => start(random, i));
      this.parameters.set(name, { value, grad: new Float32Array(value.length), shape });
    }
    this.imageEncoder = new ImageEncoder(products, this.parameters);
    this.textEncoder = new CaptionEncoder(products, this.parameters);
    this.kept = null; // of the last batch, for the way back
  }

  /**
   * @param {object} products
   * @param {Map<string, {shape: number[], values: Float32Array}>} tensors from `readSafetensors`.
   * @throws {InputError} if a tensor is missing, unknown, of another shape or not finite.
   */
  static fromTensors(products, tensors) {
    const model = new ToyCLIP(products, 0);
    for (const name of new Set([...model.parameters.keys(), ...tensors.keys()])) {
      const [known, given] = [model.parameters.get(name), tensors.get(name)];
      if (!known || !given) throw new InputError(`${known ? "missing" : "unknown"} weight '${name}'`);
      if (String(given.shape) !== String(known.shape) || given.values.length !== known.value.length) {
        throw new InputError(`weight '${name}' has shape (${given.shape}), not (${known.shape})`);
      }
      if (!given.values.every(Number.isFinite)) throw new InputError(`weight '${name}' is not finite`);
      known.value.set(given.values);
    }
    return model;
  }

  /** 1 / temperature. */
  get logitScale() {
    return Math.exp(this.parameters.get("log_logit_scale").value[0]);
  }

  /** Bring the scale back into [1, 100], to be called after every step of training (Radford et al. 2021). */
  clampLogitScale() {
    const { value } = this.parameters.get("log_logit_scale");
    value[0] = Math.min(Math.max(value[0], 0), Math.log(MAX_SCALE));
  }

  /**
   * @param {Uint8Array} pixels (N, 3, 32, 32)
   * @param {number} count N
   * @returns {Float32Array} (N, D) of length 1.
   */
  embedImages(pixels, count) {
    this.kept = null; // the way back would lead through these pictures
    const each = pixels.length / count;
    const embeddings = new Float32Array(count * EMBED_DIM); // (N, D)
    for (let start = 0; start < count; start += AT_ONCE) {
      const end = Math.min(start + AT_ONCE, count);
      const { output } = this.imageEncoder.forward(pixels.subarray(start * each, end * each), end - start);
      embeddings.set(normalize(output, EMBED_DIM).unit, start * EMBED_DIM);
    }
    return embeddings;
  }

  /**
   * @param {Int32Array} tokens (N, L), as a tokenizer encodes them.
   * @returns {Float32Array} (N, D) of length 1.
   */
  embedTexts(tokens) {
    return normalize(this.textEncoder.forward(tokens).output, EMBED_DIM).unit;
  }

  /**
   * One picture on its way through the image encoder.
   *
   * @param {Uint8Array} pixels (3, 32, 32)
   * @returns {{name: string, shape: number[], values: Float32Array}[]} pictures as [C, H, W], then vectors as [D].
   */
  layers(pixels) {
    this.kept = null;
    const { input, maps, mean, output } = this.imageEncoder.forward(pixels, 1);
    const picture = (name, values, channels) => {
      const size = Math.sqrt(values.length / channels);
      return { name, shape: [channels, size, size], values: transposed(values, size * size, channels) }; // (C, H, W)
    };
    return [
      picture("standardised picture", input, 3),
      ...maps.map((map, i) => picture(`convolution ${i + 1}`, map, this.imageEncoder.convs[i].weight.shape[0])),
      { name: "mean over the picture", shape: [mean.length], values: mean },
      { name: "projection", shape: [EMBED_DIM], values: output },
      { name: "embedding", shape: [EMBED_DIM], values: normalize(output, EMBED_DIM).unit },
    ];
  }

  /**
   * Scaled cosine similarities of matching pairs, pictures in rows and captions in columns.
   *
   * @param {Uint8Array} pixels (B, 3, 32, 32)
   * @param {Int32Array} tokens (B, L)
   * @param {number} count B
   * @returns {Float32Array} (B, B)
   */
  forward(pixels, tokens, count) {
    const [image, text] = [this.imageEncoder.forward(pixels, count), this.textEncoder.forward(tokens)];
    const [images, texts] = [normalize(image.output, EMBED_DIM), normalize(text.output, EMBED_DIM)];
    const logits = new Float32Array(count * count); // (B, B)
    const columns = transposed(texts.unit, count, EMBED_DIM); // (D, B)
    this.products.multiply(images.unit, EMBED_DIM, 1, columns, logits, count, EMBED_DIM, count);
    const scale = this.logitScale;
    for (let i = 0; i < logits.length; i++) logits[i] *= scale;
    this.kept = { text, images, texts, logits };
    return logits;
  }

  /**
   * Back through the last `forward`: the gradient of every parameter, from that of the logits, (B, B).
   *
   * @throws {InputError} if pictures have been embedded since.
   */
  backward(dLogits) {
    if (!this.kept) throw new InputError("there is no way back; call forward right before");
    const { text, images, texts, logits } = this.kept;
    const count = Math.sqrt(logits.length);
    for (const { grad } of this.parameters.values()) grad.fill(0);
    const dScaled = dLogits.map((v) => v * this.logitScale); // (B, B), of the cosines
    this.parameters.get("log_logit_scale").grad[0] = dLogits.reduce((sum, v, i) => sum + v * logits[i], 0);
    const [dImages, dTexts] = [new Float32Array(count * EMBED_DIM), new Float32Array(count * EMBED_DIM)]; // (B, D)
    this.products.multiply(dScaled, count, 1, texts.unit, dImages, count, count, EMBED_DIM);
    this.products.multiply(dScaled, 1, count, images.unit, dTexts, count, count, EMBED_DIM); // transposed
    this.imageEncoder.backward(normalizeBackward(dImages, images));
    this.textEncoder.backward(normalizeBackward(dTexts, texts), text);
    this.kept = null;
  }
}
