// Where a shape is: its four outlines, each as a question to a point (chapter 1).

const SLANT = Math.sqrt(3); // an equilateral triangle rises by this much for every step to the side

/**
 * Whether a shape covers a point. Lengths are parts of the shape's extent, y points down as on the screen, and the
 * shape stands upright with its centre at the origin.
 *
 * @param {string} shape
 * @param {number} x
 * @param {number} y
 * @param {number} arm width of a cross's arm as a part of its length; read for the cross only.
 * @param {number} rim a point this far outside still counts.
 * @returns {boolean}
 */
export function covers(shape, x, y, arm, rim) {
  const edge = 1 + rim;
  x = Math.abs(x); // all four are the same left and right
  if (shape === "circle") return x * x + y * y <= edge * edge;
  if (shape === "square") return x <= edge && Math.abs(y) <= edge;
  if (shape === "triangle") return y <= 1 / SLANT + rim && SLANT * x - y <= 2 / SLANT + 2 * rim;
  y = Math.abs(y);
  return (x <= edge && y <= arm + rim) || (x <= arm + rim && y <= edge);
}
