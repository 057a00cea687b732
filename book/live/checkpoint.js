// Models on disk: the package's safetensors file, read without a library (chapter 4).
import { InputError } from "./errors.js";

const READABLE = ["strided", [2, 2, 2, 1], "mean"]; // image encoder, strides and pooling of the model in the page

/**
 * Read the weights out of a file that `toyclip train --recipe fast --out FILE` wrote: 8 bytes with the length of a
 * JSON header, the header, then the numbers.
 *
 * @param {Uint8Array} bytes the whole file.
 * @returns {Map<string, {shape: number[], values: Float32Array}>} by torch's names.
 * @throws {InputError} if the file is damaged or holds another model.
 */
export function readSafetensors(bytes) {
  try {
    const start = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const { __metadata__: about, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
    const { config } = JSON.parse(about.toyclip);
    const found = [config.image_encoder, config.strides, config.pooling];
    if (JSON.stringify(found) !== JSON.stringify(READABLE)) {
      throw new InputError(`the model in this file is ${found.join(" ")}; the page reads ${READABLE.join(" ")}`);
    }
    const tensors = Object.entries(entries).map(([name, { dtype, shape, data_offsets: [from, to] }]) => {
      const values = new Float32Array(bytes.slice(start + from, start + to).buffer);
      if (dtype !== "F32" || values.length !== shape.reduce((product, n) => product * n, 1)) throw new RangeError(name);
      return [name, { shape, values }];
    });
    return new Map(tensors);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`this is no whole toyclip model (${error.message}); give a file of \`toyclip train --out\``);
  }
}
