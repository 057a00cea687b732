// Memory that is used again: a training would otherwise ask for ten megabytes at every update, and give them back.

/** Arrays by name; what stood in one is overwritten when it is taken again. */
export class Workspace {
  #arrays = new Map();

  /** An array of this length, with whatever it held when it was last taken, and zeros beyond that. */
  take(name, length) {
    if (!(this.#arrays.get(name)?.length >= length)) this.#arrays.set(name, new Float32Array(length));
    return this.#arrays.get(name).subarray(0, length);
  }
}
