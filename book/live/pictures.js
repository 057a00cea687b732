// Any picture as the model sees it: on the dark ground of the world, 32 x 32 (chapter 1).
import { InputError } from "./errors.js";
import { resize } from "./resize.js";

const SIZE = 32; // px of a picture of the world
const BACKGROUND = [13, 13, 13]; // a grey from the middle of the world's backgrounds
const FILL = 0.625; // part of the picture's width that a shape of the world takes up on average
const CONTRAST = 32; // of 255: how far a pixel must be from the border's colour to belong to the subject
const PLAIN = 0.6; // part of the border that must have one colour, up to CONTRAST, for it to be a ground
const LARGEST = 2048; // px

/** (N, 4) -> (N, 3): where the picture is transparent, the dark background shows. Rounds as Pillow does. */
function onBackground(rgba) {
  const rgb = new Uint8ClampedArray((rgba.length / 4) * 3); // (N, 3)
  for (let pixel = 0; pixel < rgba.length / 4; pixel++) {
    const alpha = rgba[4 * pixel + 3];
    for (let c = 0; c < 3; c++) {
      rgb[3 * pixel + c] = (rgba[4 * pixel + c] * alpha + BACKGROUND[c] * (255 - alpha)) / 255;
    }
  }
  return rgb;
}

/** Whole number nearest to x; halfway, the even one, as in Python. */
function roundToEven(x) {
  const below = Math.floor(x);
  return x - below === 0.5 ? below + (below % 2 ? 1 : 0) : Math.round(x);
}

/** The middle one of some numbers; of an even number of them, the mean of the two in the middle. */
function median(values) {
  const sorted = Float64Array.from(values).sort();
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

/** Pixel numbers of the border, corners twice. */
function borderOf(width, height) {
  const across = Array.from({ length: width }, (_, x) => [x, (height - 1) * width + x]);
  const down = Array.from({ length: height }, (_, y) => [y * width, y * width + width - 1]);
  return [...across, ...down].flat();
}

/** For each pixel of (N, 3), whether it is far from a colour in any channel, 1 or 0: (N,). */
function farFrom(rgb, [red, green, blue]) {
  const far = new Uint8Array(rgb.length / 3); // (N,)
  for (let i = 0; i < far.length; i++) {
    const apart = Math.max(Math.abs(rgb[3 * i] - red), Math.abs(rgb[3 * i + 1] - green));
    if (Math.max(apart, Math.abs(rgb[3 * i + 2] - blue)) > CONTRAST) far[i] = 1;
  }
  return far;
}

/** The box around the pixels that are 1 in (H, W), or null if there is none. */
function boxAround(mask, width) {
  const box = { left: width, top: Math.floor(mask.indexOf(1) / width), right: 0, bottom: 0 };
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    box.left = Math.min(box.left, i % width);
    box.right = Math.max(box.right, (i % width) + 1);
    box.bottom = Math.floor(i / width) + 1;
  }
  return box.right ? box : null;
}

/**
 * Put the subject of a picture, (H, W, 3), on the world's dark ground, as large as the world's shapes: a square.
 *
 * If most of the border has one colour, that is the ground, and the box around all that is far from it the subject. A
 * picture of one colour, or one without a plain border, such as a photograph, becomes the square around it.
 *
 * @returns {{square: Uint8ClampedArray, side: number}} (side, side, 3)
 */
function frame(rgb, width, height) {
  const border = borderOf(width, height);
  const plain = [0, 1, 2].map((c) => median(border.map((i) => rgb[3 * i + c])));
  const apart = farFrom(rgb, plain); // (H, W)
  const hasGround = border.filter((i) => apart[i] === 0).length / border.length >= PLAIN;
  const subject = hasGround ? boxAround(apart, width) : null;
  const { left, top, right, bottom } = subject ?? { left: 0, top: 0, right: width, bottom: height };
  const wanted = Math.max(right - left, bottom - top) / (subject ? FILL : 1);
  const [x, y] = [roundToEven((left + right - wanted) / 2), roundToEven((top + bottom - wanted) / 2)];
  const side = roundToEven(wanted);
  const ground = subject ? BACKGROUND : plain.map(Math.floor);
  const square = new Uint8ClampedArray(side * side * 3); // (side, side, 3)
  for (let i = 0; i < square.length; i += 3) square.set(ground, i);
  for (let i = 0; i < width * height; i++) {
    const column = (i % width) - x;
    const row = Math.floor(i / width) - y;
    const isInside = column >= 0 && column < side && row >= 0 && row < side;
    if (!isInside || (subject && apart[i] === 0)) continue;
    for (let c = 0; c < 3; c++) square[3 * (row * side + column) + c] = rgb[3 * i + c];
  }
  return { square, side };
}

/**
 * A picture as the model sees it, the same to the byte as the package makes it; only where it is squeezed, not framed,
 * and taller than wide, some versions of Pillow take the columns first, and some numbers differ by 1.
 *
 * @param {Uint8ClampedArray} rgba (H, W, 4), as a canvas gives it.
 * @param {number} width
 * @param {number} height
 * @param {boolean} [framed] move and scale the subject to where the world's shapes are; otherwise squeeze to a square.
 * @returns {Uint8Array} (3, 32, 32)
 * @throws {InputError} if the picture has no pixel, too many, or not as many as its sides say.
 */
export function fromRGBA(rgba, width, height, framed = true) {
  if (rgba.length !== 4 * width * height || Math.min(width, height) < 1 || Math.max(width, height) > LARGEST) {
    const got = `${width} x ${height} px in ${rgba.length} bytes`;
    throw new InputError(`got a picture of ${got}; give RGBA with 1 to ${LARGEST} px a side`);
  }
  const rgb = onBackground(rgba); // (H, W, 3)
  const { square, side } = framed ? frame(rgb, width, height) : {};
  const small = framed ? resize(square, side, side, SIZE) : resize(rgb, width, height, SIZE); // (32, 32, 3)
  const pixels = new Uint8Array(small.length); // (3, 32, 32)
  for (let i = 0; i < small.length; i++) pixels[(i % 3) * SIZE * SIZE + Math.floor(i / 3)] = small[i];
  return pixels;
}
