// The sixteen classes as small signs: the colour word in its own colour, the shape word in its own shape.
import { CLASSES } from "../data.js";
import { set, svg } from "./dom.js";

const PAINT = { red: "#d1342f", blue: "#2f6fd1", green: "#2e9e4f", yellow: "#d9a400" };
const PATHS = {
  // around (0, 0), about 1 in every direction
  square: "M-.9-.9H.9V.9H-.9Z",
  triangle: "M-1 .75H1L0-1Z",
  cross: "M-1-.65-.65-1 0-.35.65-1 1-.65.35 0 1 .65.65 1 0 .35-.65 1-1 .65-.35 0Z",
};

/** The sign of class c at (x, y), of radius r; hollow for a caption. */
export function glyph(c, x, y, r, hollow = false) {
  const [color, shape] = CLASSES[c];
  const look = hollow
    ? { fill: "none", stroke: PAINT[color], "stroke-width": 0.35 }
    : { fill: PAINT[color], "fill-opacity": 0.75 };
  const mark = shape === "circle" ? svg("circle", { r: 0.95, ...look }) : svg("path", { d: PATHS[shape], ...look });
  return moved(svg("g", { class: "live-glyph" }, mark), x, y, r);
}

/** A sign that is there, at another place. */
export function moved(sign, x, y, r) {
  set(sign, { transform: `translate(${x} ${y}) scale(${r})` });
  return sign;
}
