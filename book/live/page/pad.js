// A pad to draw on, with mouse, finger or keys: a brush, four stamps, four colours, on the world's dark ground.
import { COLORS, SHAPES } from "../data.js";
import { button, choice, html, labelled } from "./dom.js";

const SIDE = 256; // px of the pad
const GROUND = "rgb(13, 13, 13)"; // BACKGROUND of pictures.py
const PAINT = { red: "#e8322b", blue: "#2b6fe8", green: "#2eb84f", yellow: "#f2c81e" };
const BRUSH = 26; // px, the brush's width
const EXTENT = 80; // px, half the width of a stamp
const STEP = 8; // px, how far an arrow key moves
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Corners of a shape around (x, y); of a circle none. */
function corners(shape, x, y, r) {
  if (shape === "square")
    return [
      [1, 1],
      [-1, 1],
      [-1, -1],
      [1, -1],
    ].map(([u, v]) => [x + r * u, y + r * v]);
  if (shape === "triangle") {
    const third = 1 / Math.sqrt(3);
    return [
      [1, third],
      [-1, third],
      [0, -2 * third],
    ].map(([u, v]) => [x + r * u, y + r * v]);
  }
  const arm = 0.34,
    quarter = [
      [arm, 1],
      [arm, arm],
      [1, arm],
    ],
    points = [];
  for (let turn = 0, part = quarter; turn < 4; turn++, part = part.map(([u, v]) => [v, -u])) points.push(...part);
  return points.map(([u, v]) => [x + (r * (u + v)) / Math.SQRT2, y + (r * (v - u)) / Math.SQRT2]); // + turned into x
}

/** The pad with its tools; `ondraw` is called whenever the picture has changed. */
export function pad(ondraw) {
  const canvas = html("canvas", {
    width: SIDE,
    height: SIDE,
    tabindex: 0,
    class: "live-pad",
    role: "application",
    "aria-label":
      "Pad to draw on. Arrow keys move the pen, space puts it down or lifts it, Enter stamps the chosen shape.",
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const cursor = html("span", { class: "live-cursor", "aria-hidden": "true" });
  let color = COLORS[0],
    tool = "brush",
    at = [SIDE / 2, SIDE / 2],
    down = false;

  const clear = () => {
    context.fillStyle = GROUND;
    context.fillRect(0, 0, SIDE, SIDE);
  };
  const stamp = (shape, [x, y]) => {
    context.fillStyle = PAINT[color];
    context.beginPath();
    if (shape === "circle") context.arc(x, y, EXTENT, 0, 2 * Math.PI);
    else corners(shape, x, y, EXTENT).forEach((corner) => context.lineTo(...corner));
    context.fill();
  };
  const stroke = (from, to) => {
    context.strokeStyle = PAINT[color];
    context.lineWidth = BRUSH;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0], to[1] + 0.01); // so that a dot is drawn as well
    context.stroke();
  };
  const place = () =>
    Object.assign(cursor.style, { left: `${(100 * at[0]) / SIDE}%`, top: `${(100 * at[1]) / SIDE}%` });

  const position = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    canvas.setPointerCapture(event.pointerId);
    at = position(event);
    down = tool === "brush";
    if (down) stroke(at, at);
    else stamp(tool, at);
    place();
    ondraw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!down || !event.buttons) return;
    const to = position(event);
    stroke(at, to);
    at = to;
    place();
    ondraw();
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => {
      down = false;
    });
  canvas.addEventListener("blur", () => {
    down = false;
  });

  canvas.addEventListener("keydown", (event) => {
    let drew = true;
    if (event.key in ARROWS) {
      drew = down;
      const to = at.map((value, i) => Math.min(SIDE, Math.max(0, value + STEP * ARROWS[event.key][i])));
      if (down) stroke(at, to);
      at = to;
    } else if (event.key === " ") {
      down = !down && tool === "brush";
      drew = down;
      if (down) stroke(at, at);
    } else if (event.key === "Enter") {
      if (tool === "brush") stroke(at, at);
      else stamp(tool, at);
    } else return;
    event.preventDefault();
    place();
    if (drew) ondraw();
  });

  clear();
  place();
  const element = html(
    "div",
    { class: "live-drawing-pad" },
    html("div", { class: "live-canvas" }, canvas, cursor),
    html(
      "div",
      { class: "live-tools" },
      labelled(
        "colour",
        choice(
          COLORS.map((c) => [c, c]),
          (value) => {
            color = value;
          },
        ),
      ),
      labelled(
        "with",
        choice([["brush", "the brush"], ...SHAPES.map((s) => [s, `a ${s} as a stamp`])], (value) => {
          tool = value;
          down = false;
        }),
      ),
      button("clear", () => {
        clear();
        ondraw();
      }),
    ),
  );
  return {
    element,
    /** What is drawn, RGBA, SIDE x SIDE. */
    picture: () => context.getImageData(0, 0, SIDE, SIDE),
  };
}
