// What moves while a model learns: loss and accuracy over updates, the matrix, and a map of the space.
import { CAPTIONS, CLASSES } from "../data.js";
import { drawing, mixed, nats, percent, set, svg } from "./dom.js";
import { glyph, moved } from "./glyphs.js";

const WIDTH = 340,
  LEFT = 44,
  RIGHT = 12;

/** A line over updates, with an optional level to arrive at. */
function line({ height, most, ticks, write, says, level }) {
  const top = 10,
    bottom = 18,
    path = svg("polyline", { class: "live-line" }),
    end = svg("text", { class: "live-value" });
  const y = (value) => top + (height - top - bottom) * (1 - Math.min(value, most()) / most());
  const grid = svg("g", {}),
    aim = svg("g", {}),
    steps = svg("text", { x: WIDTH - RIGHT, y: height - 4, "text-anchor": "end" });
  const element = drawing(WIDTH, height, says, grid, aim, path, end, steps);
  return {
    element,
    draw(values, total, floor = null) {
      const x = (i) => LEFT + ((WIDTH - LEFT - RIGHT) * i) / Math.max(1, total - 1);
      grid.replaceChildren(
        ...ticks().flatMap((tick) => [
          svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "live-grid" }),
          svg("text", { x: LEFT - 5, y: y(tick) + 4, "text-anchor": "end" }, write(tick)),
        ]),
      );
      aim.replaceChildren(
        ...(floor === null
          ? []
          : [
              svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(floor), y2: y(floor), class: "live-level" }),
              svg("text", { x: LEFT + 4, y: y(floor) + 14 }, `${level} ${write(floor)}`),
            ]),
      );
      set(path, { points: values.map(([i, v]) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(" ") });
      steps.textContent = total ? `${total} updates` : "";
      const last = values.at(-1);
      end.textContent = last ? write(last[1]) : "";
      if (last)
        set(end, {
          x: Math.min(x(last[0]) + 4, WIDTH - 2),
          y: Math.max(12, y(last[1]) - 6),
          "text-anchor": x(last[0]) > WIDTH - 50 ? "end" : "start",
        });
      set(element, {
        "aria-label": last
          ? `${says}: now ${write(last[1])}${floor === null ? "" : `, ${level} ${write(floor)}`}`
          : says,
      });
    },
  };
}

/** The loss of each update, with the floor that no model can pass and the height of knowing nothing. */
export function lossChart() {
  let chance = Math.log(32);
  const chart = line({
    height: 150,
    most: () => 1.15 * chance,
    ticks: () => [0, chance],
    write: nats,
    says: "Loss over updates, in nats",
    level: "floor",
  });
  return {
    element: chart.element,
    draw(losses, total, floor, batchSize) {
      chance = Math.log(batchSize);
      chart.draw(
        losses.map((loss, i) => [i, loss]),
        total,
        floor,
      );
    },
  };
}

/** The share of held-out pictures named right. */
export function accuracyChart() {
  const chart = line({
    height: 110,
    most: () => 1,
    ticks: () => [0, 0.5, 1],
    write: percent,
    says: "Held-out pictures named right, over updates",
  });
  return { element: chart.element, draw: (values, total) => chart.draw(values, total) };
}

/** 16 x 16 cosines: a class's pictures in rows, captions in columns. */
export function matrixChart() {
  const cell = 18,
    edge = 24,
    size = CLASSES.length,
    cells = [];
  let seen = [];
  const element = drawing(
    edge + size * cell + 4,
    edge + size * cell + 4,
    "Cosines of the pictures of sixteen classes with the sixteen captions",
  );
  for (let i = 0; i < size; i++) {
    element.append(
      glyph(i, edge + (i + 0.5) * cell, edge / 2, 6, true),
      glyph(i, edge / 2, edge + (i + 0.5) * cell, 6),
    );
    for (let j = 0; j < size; j++) {
      const title = svg("title"),
        place = { x: edge + j * cell, y: edge + i * cell, width: cell - 1, height: cell - 1 },
        own = { class: i === j ? "live-own" : "" },
        says = () => {
          const cosine = seen[i * size + j]?.toFixed(2) ?? "";
          title.textContent = `pictures of ${CAPTIONS[i].slice(2)}, caption ${CAPTIONS[j].slice(2)}: ${cosine}`;
        }; // written where a reader points, and not for all cells at every update
      const box = svg("rect", { ...place, ...own, onpointerenter: says }, title);
      cells.push({ box, fill: "" });
      element.append(box);
    }
  }
  return {
    element,
    draw(matrix) {
      let own = 0,
        others = 0;
      seen = matrix;
      matrix.forEach((value, k) => {
        const i = Math.floor(k / size),
          j = k % size,
          fill = mixed(value, 100, "surface");
        if (fill !== cells[k].fill) cells[k].box.style.fill = cells[k].fill = fill;
        if (i === j) own += value / size;
        else others += value / (size * (size - 1));
      });
      set(element, {
        "aria-label": `Cosines: ${own.toFixed(2)} on average on the diagonal, ${others.toFixed(2)} elsewhere`,
      });
    },
  };
}

/** The space on paper: pictures as filled signs, captions as hollow ones. */
export function mapChart() {
  const side = 300,
    layer = svg("g", {});
  const element = drawing(
    side,
    side,
    "A map of the shared space: pictures and captions along the two directions in which pictures differ most",
    layer,
  );
  return {
    element,
    draw(pictures, words) {
      const most = Math.max(1e-3, ...[...pictures, ...words].flatMap((row) => [...row].map(Math.abs)));
      const at = (value) => side / 2 + (value / most) * (side / 2 - 12);
      const perClass = Math.max(1, pictures[0].length / CLASSES.length);
      const places = [
        ...[...pictures[0]].map((_, i) => [Math.floor(i / perClass), at(pictures[0][i]), at(pictures[1][i]), 5]),
        ...[...words[0]].map((_, c) => [c, at(words[0][c]), at(words[1][c]), 10, true]),
      ];
      if (places.length === layer.children.length)
        places.forEach(([, x, y, r], i) => moved(layer.children[i], x, y, r));
      else layer.replaceChildren(...places.map((place) => glyph(...place)));
    },
  };
}
