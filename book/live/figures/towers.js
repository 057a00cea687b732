// A small figure: CLIP as two towers; what passes a place, and in which shape, shows when one points at it.
import { drawing, html, set, speaker, svg } from "../page/dom.js";

const STATIONS = [
  // name, place (x, y, width, height), shape, and what happens there
  [
    "pictures",
    [6, 14, 70, 42],
    "(B, 3, 32, 32) bytes",
    "A batch of B pictures, three colours, 32 by 32 pixels, each from 0 to 255.",
  ],
  [
    "image encoder",
    [96, 8, 92, 54],
    "(B, 64)",
    "Four convolutions, a mean over the places of the picture, one matrix: 69,728 parameters. A picture " +
      "leaves as 64 numbers.",
  ],
  [
    "captions",
    [6, 124, 70, 42],
    "(B, 4) whole numbers",
    "B captions, each a row of at most four word numbers; 0 fills it up.",
  ],
  [
    "text encoder",
    [96, 118, 92, 54],
    "(B, 64)",
    "A vector for each word and each position, their mean, one matrix: 5,184 parameters. A caption " +
      "leaves as 64 numbers, too.",
  ],
  [
    "length 1",
    [204, 66, 46, 48],
    "twice (B, 64)",
    "Every row is divided by its length. From now on only directions count.",
  ],
  [
    "matrix",
    [264, 56, 68, 68],
    "(B, B)",
    "Every picture with every caption: 64 products and a sum each, times one learned number, the scale. " +
      "The diagonal holds the pairs.",
  ],
  [
    "loss",
    [264, 146, 68, 28],
    "one number",
    "How surprised the model is by the diagonal, along rows and along columns. What flows back from here " +
      "changes all 74,913 parameters.",
  ],
];
const ARROWS = ["M76 35H94", "M76 145H94", "M188 35H227V64", "M188 145H227V116", "M250 90H262", "M298 124V144"];

export function towersFigure(place) {
  const { line, say } = speaker(0);
  const parts = STATIONS.map(([name, [x, y, width, height], shape, text]) => {
    const tell = () => {
      parts.forEach((part) => part.classList.toggle("live-chosen", part === element));
      say(`${name}: ${shape}. ${text}`, true);
    };
    const element = svg(
      "g",
      {
        tabindex: 0,
        role: "button",
        "aria-label": `${name}, ${shape}`,
        class: "live-station",
        onmouseenter: tell,
        onfocus: tell,
        onclick: tell,
      },
      svg("rect", { x, y, width, height, rx: 5 }),
      svg("text", { x: x + width / 2, y: y + height / 2 + 4, "text-anchor": "middle" }, name),
    );
    return element;
  });
  const element = drawing(
    340,
    182,
    "CLIP as two towers",
    ...ARROWS.map((d) => svg("path", { d, class: "live-push live-thin" })),
    ...parts,
  );
  set(element, { role: "group" });
  place.append(element, line);
  say("Point at a part, or go through them with the Tab key.");
}
