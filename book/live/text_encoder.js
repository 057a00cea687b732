// The ear: word plus position vectors, averaged over the real words, normalised and projected (chapter 2).
import { layerNorm, layerNormBackward, linear, linearBackward } from "./layers.js";

/** 5,184 parameters, those of the model that begin with "text_encoder." */
export class CaptionEncoder {
  constructor(products, parameters) {
    const layer = (name) => ({
      weight: parameters.get(`text_encoder.${name}.weight`),
      bias: parameters.get(`text_encoder.${name}.bias`),
    });
    this.products = products;
    this.tokens = parameters.get("text_encoder.tokens.weight"); // (V, D)
    this.positions = parameters.get("text_encoder.positions"); // (L, D)
    this.norm = layer("norm");
    this.projection = layer("projection");
  }

  /** Calls `visit(row, position, id, part)` for every real word; `part` is 1 over the words of its caption. */
  #everyWord(tokens, visit) {
    const length = this.positions.shape[0];
    for (let row = 0; row * length < tokens.length; row++) {
      const ids = tokens.subarray(row * length, (row + 1) * length);
      const words = ids.filter((id) => id !== 0).length;
      ids.forEach((id, position) => {
        if (id !== 0) visit(row, position, id, 1 / words);
      });
    }
  }

  /**
   * @param {Int32Array} tokens (B, L) ids, 0 for padding.
   * @returns {{output: Float32Array, tokens: Int32Array, norm: object}} embeddings (B, D), not yet normalised, and what
   *   the way back needs.
   */
  forward(tokens) {
    const [length, width] = this.positions.shape;
    const mean = new Float32Array((tokens.length / length) * width); // (B, D)
    this.#everyWord(tokens, (row, position, id, part) => {
      for (let j = 0; j < width; j++) {
        const sum = this.tokens.value[id * width + j] + this.positions.value[position * width + j];
        mean[row * width + j] += part * sum;
      }
    });
    const norm = layerNorm(mean, this.norm); // y is (B, D)
    return { output: linear(this.products, norm.y, this.projection), tokens, norm };
  }

  /** Fills the gradients of all parameters, from that of the embeddings, (B, D), and what `forward` returned. */
  backward(dOutput, { tokens, norm }) {
    const width = this.positions.shape[1];
    const dNorm = linearBackward(this.products, dOutput, norm.y, this.projection); // (B, D)
    const dMean = layerNormBackward(dNorm, norm, this.norm); // (B, D)
    this.#everyWord(tokens, (row, position, id, part) => {
      for (let j = 0; j < width; j++) {
        this.tokens.grad[id * width + j] += part * dMean[row * width + j];
        this.positions.grad[position * width + j] += part * dMean[row * width + j];
      }
    });
  }
}
