// Where a shape is: its four outlines, each as a question to a point (chapter 1).

const SLANT = Math.sqrt(3); // an equilateral triangle rises by this much for every step to the side

/**
 * Whether each shape covers a point. Lengths are parts of the shape's extent, y points down as on the screen, and the
 * shape stands upright with its centre at the origin. A cross's `arm` is its width as a part of its length, and a point
 * no further outside than `rim` still counts.
 */
export const COVERS = {
  circle: (x, y, rim) => x * x + y * y <= (1 + rim) ** 2,
  square: (x, y, rim) => Math.abs(x) <= 1 + rim && Math.abs(y) <= 1 + rim,
  triangle: (x, y, rim) => y <= 1 / SLANT + rim && SLANT * Math.abs(x) - y <= 2 / SLANT + 2 * rim,
  cross: (x, y, rim, arm) =>
    Math.max(Math.abs(x), Math.abs(y)) <= 1 + rim && Math.min(Math.abs(x), Math.abs(y)) <= arm + rim,
};
