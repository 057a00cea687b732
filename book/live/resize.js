// Pictures made smaller or larger as Pillow does it: every pixel a weighted mean of those it covers (chapter 1).
// In whole numbers and in two passes, first along the rows, then along the columns, each rounded to 8 bits.

const ONE = 2 ** 22; // a weight of 1

/** Height of a filter at a distance, in pixels, from the middle of the pixel that is made. */
const FILTERS = {
  box: { reach: 0.5, height: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { reach: 1, height: (x) => Math.max(0, 1 - Math.abs(x)) },
};

/** For each of `to` pixels: the first of the `from` pixels that it is made of, and the weights of it and the next. */
function contributions(from, to, { reach, height }) {
  const scale = from / to;
  const stretch = Math.max(scale, 1); // a filter covers at least the pixels that it is named for
  return Array.from({ length: to }, (_, i) => {
    const middle = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(middle - reach * stretch + 0.5));
    const end = Math.min(from, Math.floor(middle + reach * stretch + 0.5));
    const heights = Array.from({ length: end - first }, (_, j) => height((first + j - middle + 0.5) / stretch));
    const total = heights.reduce((sum, v) => sum + v, 0);
    return { first, weights: heights.map((v) => Math.floor((v / total) * ONE + 0.5)) };
  });
}

/** One pass along the rows; the picture comes out turned, (to, height, 3) from (height, width, 3). */
function resizeRows(pixels, width, height, to, filter) {
  const made = new Uint8ClampedArray(to * height * 3); // (to, height, 3)
  const parts = contributions(width, to, filter);
  for (let x = 0; x < to; x++) {
    const { first, weights } = parts[x];
    for (let y = 0; y < height; y++) {
      let [red, green, blue] = [0, 0, 0];
      for (let j = 0, i = (y * width + first) * 3; j < weights.length; j++, i += 3) {
        red += weights[j] * pixels[i];
        green += weights[j] * pixels[i + 1];
        blue += weights[j] * pixels[i + 2];
      }
      const at = (x * height + y) * 3;
      made[at] = Math.floor(red / ONE + 0.5);
      made[at + 1] = Math.floor(green / ONE + 0.5);
      made[at + 2] = Math.floor(blue / ONE + 0.5);
    }
  }
  return made;
}

/**
 * A picture squeezed or stretched into a square.
 *
 * @param {Uint8ClampedArray} pixels (height, width, 3)
 * @param {number} width
 * @param {number} height
 * @param {number} side px of the square.
 * @returns {Uint8ClampedArray} (side, side, 3): averaged down, or with smooth transitions if it was smaller.
 */
export function resize(pixels, width, height, side) {
  const filter = Math.min(width, height) < side ? FILTERS.bilinear : FILTERS.box;
  const turned = resizeRows(pixels, width, height, side, filter); // (side, height, 3), a column of the picture a row
  return resizeRows(turned, height, side, side, filter); // (side, side, 3), turned back
}
