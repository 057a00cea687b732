// A small figure: the floor of the loss against the batch size, for as many captions as the reader likes.
import { lossFloor } from "../infonce.js";
import { drawing, html, labelled, nats, set, slider, speaker, svg } from "../page/dom.js";

const WIDTH = 340,
  HEIGHT = 210,
  LEFT = 34,
  BOTTOM = 34,
  TOP = 12,
  RIGHT = 58;
const PAIRS = 2720; // of the world's training pictures
const SIZES = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048];
const MOST = Math.log(SIZES.at(-1));

/** So many captions, as equally frequent as that many pairs allow. */
function evenCounts(captions) {
  return Array.from({ length: captions }, (_, i) => Math.floor((PAIRS + i) / captions));
}

/** Chance, floor and the room between them, over batch sizes. */
export function floorFigure(place) {
  const { line, say } = speaker();
  const x = (size) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log2(size / 2)) / 10;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / MOST);
  const curve = (values, look) =>
    svg("polyline", { points: SIZES.map((s, i) => `${x(s)},${y(values[i])}`).join(" "), class: look });
  const layer = svg("g", {});
  const element = drawing(
    WIDTH,
    HEIGHT,
    "The floor of the loss over batch sizes",
    ...[0, 2, 4, 6].flatMap((tick) => [
      svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "live-grid" }),
      svg("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, tick),
    ]),
    ...[2, 16, 128, 1024].map((size) => svg("text", { x: x(size), y: HEIGHT - 18, "text-anchor": "middle" }, size)),
    svg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 3, "text-anchor": "middle" }, "pairs in a batch"),
    layer,
  );
  const state = { captions: 16, size: 64 };
  const update = () => {
    const counts = evenCounts(state.captions),
      floors = SIZES.map((size) => lossFloor(counts, size)); // (11,)
    const at = SIZES.indexOf(state.size),
      floor = floors[at],
      chance = Math.log(state.size);
    layer.replaceChildren(
      curve(SIZES.map(Math.log), "live-line"),
      curve(floors, "live-floor"),
      svg("text", { x: WIDTH - RIGHT + 4, y: y(MOST) + 8 }, "chance"),
      svg("text", { x: WIDTH - RIGHT + 4, y: Math.min(y(floors.at(-1)) + 4, HEIGHT - BOTTOM) }, "floor"),
      svg("line", { x1: x(state.size), x2: x(state.size), y1: y(chance), y2: y(floor), class: "live-mean" }),
    );
    const twins = ((state.size - 1) * (PAIRS / state.captions - 1)) / (PAIRS - 1);
    const text =
      `${state.captions} captions, batches of ${state.size}: a pair has ${twins.toFixed(1)} twins on average. ` +
      `The loss can ` +
      `fall from ${nats(chance)} to ${nats(floor)} nats.`;
    set(element, { "aria-label": text });
    say(text);
  };
  const powers = (key, min, max, value) =>
    slider({
      min,
      max,
      step: 1,
      value,
      show: (log) => String(2 ** log),
      oninput: (log) => {
        state[key] = 2 ** log;
        update();
      },
    });
  place.append(
    html(
      "div",
      { class: "live-small" },
      labelled("different captions", powers("captions", 0, 10, 4)),
      labelled("pairs in a batch", powers("size", 1, 11, 6)),
      line,
    ),
    element,
  );
  update();
}
