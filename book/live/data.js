// The colour-shape world: pictures drawn point by point, their captions and the tokenizer (chapter 1).
import { CaptionError, InputError, quoted } from "./errors.js";
import { COVERS } from "./outlines.js";
import { rng } from "./random.js";
import { closestWord } from "./words.js";

export const COLORS = ["red", "blue", "green", "yellow"];
export const SHAPES = ["circle", "square", "triangle", "cross"];
export const CLASSES = COLORS.flatMap((color) => SHAPES.map((shape) => [color, shape])); // class id = position here
export const CAPTIONS = CLASSES.map(([color, shape]) => caption(color, shape));
export const PIXEL_MEAN = 0.18; // of the training pictures, all channels together
export const PIXEL_STD = 0.26;
const MARGIN = 1.08; // shapes stay inside, but for a corner now and then
export const TRAINING = 170; // pictures of each class to train on, and to test with
const HELD_OUT = 30;

/** How a picture may vary: the numbers of the package. Every range is sampled uniformly for each picture. */
export const RENDERING = {
  size: 32, // px, width and height of a picture
  extent: [9, 11], // px, half the width of the shape before it is turned
  rotation: [0, 8, 15, 45], // degrees either way, in SHAPES order; 45 turns + into x
  arm: [0.28, 0.4], // width of a cross's arm, as a part of its length
  hue: [[-16, 16], [190, 250], [69, 155], [45, 61]], // degrees, in COLORS order
  saturation: [0.45, 1], // HSV saturation
  value: [0.7, 1], // HSV value
  background: [0, 0.1], // grey level, 0 black to 1 white
  noise: 0.02, // standard deviation of the Gaussian noise on every pixel and channel, 0 to 1
  supersampling: 4, // points a pixel in each direction, averaged: anti-aliasing
};

/** Red, green and blue, 0 to 1, of a hue in degrees, a saturation and a value (Smith 1978). */
function hsvToRgb(hue, saturation, value) {
  return [5, 3, 1].map((offset) => {
    const part = (((offset + hue / 60) % 6) + 6) % 6;
    return value * (1 - saturation * Math.max(0, Math.min(part, 4 - part, 1)));
  });
}

/**
 * Draw one picture of a shape at a random place, size, rotation and shade.
 *
 * @param {string} color
 * @param {string} shape
 * @param {object} random a stream from `rng`.
 * @returns {Uint8Array} (3, 32, 32) RGB.
 * @throws {InputError} if the colour or the shape is not one of the world's.
 */
export function draw(color, shape, random) {
  if (!COLORS.includes(color) || !SHAPES.includes(shape)) {
    const known = `colours are ${COLORS.join(", ")}, shapes are ${SHAPES.join(", ")}`;
    throw new InputError(`cannot draw ${quoted(color)} ${quoted(shape)}: ${known}`);
  }
  const { size, supersampling } = RENDERING;
  const turn = RENDERING.rotation[SHAPES.indexOf(shape)];
  const extent = random.uniform(...RENDERING.extent);
  const angle = (random.uniform(-turn, turn) * Math.PI) / 180;
  const arm = random.uniform(...RENDERING.arm);
  const hue = random.uniform(...RENDERING.hue[COLORS.indexOf(color)]);
  const rgb = hsvToRgb(hue, random.uniform(...RENDERING.saturation), random.uniform(...RENDERING.value));
  const fill = rgb.map((level) => Math.round(255 * level));
  const background = Math.round(255 * random.uniform(...RENDERING.background));
  const margin = Math.min(MARGIN * extent, size / 2); // so that the shape stays inside when it is turned
  const [x, y] = [random.uniform(margin, size - margin), random.uniform(margin, size - margin)];
  const place = { x, y, extent, arm, cos: Math.cos(angle) / extent, sin: Math.sin(angle) / extent };
  const part = coverage(COVERS[shape], place, size, supersampling); // (32, 32)
  const noise = random.fillNormal(new Float32Array(3 * size * size)); // (3, 32, 32)

  const deviation = 255 * RENDERING.noise;
  const pixels = new Uint8ClampedArray(3 * size * size); // (3, 32, 32), rounds and clamps what is written into it
  for (let c = 0, i = 0; c < 3; c++) {
    const above = fill[c] - background;
    for (let p = 0; p < size * size; p++, i++) pixels[i] = background + part[p] * above + deviation * noise[i];
  }
  return new Uint8Array(pixels.buffer);
}

/** What part of each pixel a shape covers, 0 to 1, (size, size), from points x points places in it. */
function coverage(covers, { x, y, extent, arm, cos, sin }, size, points) {
  const part = new Float32Array(size * size); // (size, size)
  const rim = 0.5 / (points * extent);
  const reach = Math.SQRT1_2 / extent; // half a pixel's diagonal
  const isCovered = (dx, dy, margin) => covers(cos * dx + sin * dy, cos * dy - sin * dx, margin, arm); // turned back
  for (let i = 0; i < part.length; i++) {
    const dx = (i % size) - x; // px from the centre to the pixel's corner
    const dy = Math.floor(i / size) - y;
    if (!isCovered(dx + 0.5, dy + 0.5, rim + reach)) continue; // all of the pixel is outside
    if (isCovered(dx + 0.5, dy + 0.5, rim - reach)) {
      part[i] = 1; // or inside
      continue;
    }
    for (let point = 0; point < points * points; point++) {
      const right = ((point % points) + 0.5) / points;
      const down = (Math.floor(point / points) + 0.5) / points;
      if (isCovered(dx + right, dy + down, rim)) part[i] += 1 / (points * points);
    }
  }
  return part;
}

/**
 * So many pictures of each class, each with its own caption; the same seed gives the same pictures, and a class's do
 * not depend on how many there are of another.
 *
 * @param {number[]} counts of pictures of class 0, 1, ... 15, each 0 or more.
 * @param {number} seed
 * @param {string} [what] the name of the stream.
 * @returns {{pixels: Uint8Array, classes: Int32Array, captions: Int32Array}} (N, 3, 32, 32), (N,) and (N,): the class
 *   that a picture shows, and the one whose caption stands under it.
 * @throws {InputError} if there is not one whole count for each class, or nothing to draw.
 */
export function drawPairs(counts, seed, what = "pictures") {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (counts.length !== CLASSES.length || !counts.every((n) => Number.isInteger(n) && n >= 0) || total === 0) {
    throw new InputError(`counts are ${counts}; give ${CLASSES.length} whole numbers, 0 or more, not all of them 0`);
  }
  const each = 3 * RENDERING.size ** 2;
  const pixels = new Uint8Array(total * each); // (N, 3, 32, 32)
  const classes = Int32Array.from(counts.flatMap((count, c) => Array(count).fill(c))); // (N,)
  const streams = counts.map((_, c) => rng(seed, what, c));
  classes.forEach((c, i) => pixels.set(draw(...CLASSES[c], streams[c]), i * each));
  return { pixels, classes, captions: classes.slice() };
}

/**
 * The pairs that a model of this seed is trained on, and the 480 that are held out, 30 of each class whatever it is
 * trained on.
 *
 * @param {number} seed
 * @param {number[]} [counts] of training pictures of each class; 170 each, as in the package, if nothing is said.
 * @returns {{training: object, heldOut: object}} both as `drawPairs` gives them.
 */
export function world(seed, counts = Array(CLASSES.length).fill(TRAINING)) {
  const heldOut = drawPairs(Array(CLASSES.length).fill(HELD_OUT), seed, "held out");
  return { training: drawPairs(counts, seed), heldOut };
}

/** The sentence that names a picture. */
export function caption(color, shape) {
  return `a ${color} ${shape}`;
}

/**
 * Splits a caption at spaces and looks each word up. Id 0 is the padding that fills a caption to its length.
 *
 * @param {string[]} [words]
 * @param {number} [contextLength] L, how many words a caption may have.
 */
export class Tokenizer {
  constructor(words = ["a", ...COLORS, ...SHAPES], contextLength = 4) {
    this.words = ["<pad>", ...words];
    this.contextLength = contextLength;
  }

  /**
   * @param {string[]} captions
   * @returns {Int32Array} (N, L) token ids.
   * @throws {CaptionError} if a caption is empty, has more words than fit, or holds an unknown word.
   */
  encode(captions) {
    const tokens = new Int32Array(captions.length * this.contextLength); // (N, L)
    captions.forEach((text, row) => {
      const words = text.toLowerCase().split(/\s+/).filter(Boolean);
      if (words.length === 0) throw new CaptionError("the caption is empty; write at least one word");
      if (words.length > this.contextLength) {
        throw new CaptionError(`${quoted(text)} has ${words.length} words; at most ${this.contextLength} fit`);
      }
      tokens.set(words.map((word) => this.#id(word)), row * this.contextLength);
    });
    return tokens;
  }

  #id(word) {
    const known = this.words.slice(1);
    if (known.includes(word)) return 1 + known.indexOf(word);
    const close = closestWord(word, known);
    const hint = close === null ? "." : `; did you mean ${quoted(close)}?`;
    throw new CaptionError(`unknown word ${quoted(word)}${hint} The vocabulary is: ${known.join(", ")}`);
  }
}
