// See the loss: eight pairs, their cosines under sliders; what each cell pays, and which way its cosine is pushed.
import { infoNCE } from "../infonce.js";
import { softmax } from "../zero_shot.js";
import { choice, html, labelled, mixed, nats, slider, speaker } from "./dom.js";

const B = 8;

/** What stands in the cells: the cosines, the softmax of each row, or the gradient of the loss, with its sign. */
const VIEWS = {
  cosines: (cosines) => [...cosines],
  "probabilities, each row": (cosines, scale) =>
    Array.from({ length: B }, (_, i) => [...softmax(cosines.slice(i * B, (i + 1) * B), scale)]).flat(),
  "gradient: minus means it is pushed up": (_, __, gradient) => [...gradient].map((g) => g * B),
};

/** Put the part into `place`. */
export function seeLoss(place) {
  const { line, say } = speaker();
  const state = { own: 0.3, other: 0.1, twins: 1, scale: 14.3, view: "cosines", cell: null, changed: new Map() };
  const boxes = Array.from({ length: B * B }, (_, k) =>
    html("button", {
      type: "button",
      onclick: () => {
        state.cell = k;
        update();
      },
    }),
  );
  const cellSlider = slider({
    min: -1,
    max: 1,
    step: 0.01,
    value: 0,
    show: (v) => v.toFixed(2),
    oninput: (value) => {
      if (state.cell === null || moving) return;
      state.changed.set(state.cell, value);
      update();
    },
  });
  const cellField = labelled("one cosine: choose a cell first", cellSlider),
    cellName = cellField.firstChild;
  let moving = false;

  const cosineAt = (k) => {
    const i = Math.floor(k / B),
      j = k % B;
    if (state.changed.has(k)) return state.changed.get(k);
    return i === j || (i < state.twins && j < state.twins) ? state.own : state.other;
  };
  const update = () => {
    const cosines = Float32Array.from({ length: B * B }, (_, k) => cosineAt(k)); // (B, B)
    const { loss, gradient } = infoNCE(
      cosines.map((c) => c * state.scale),
      B,
    );
    const values = VIEWS[state.view](cosines, state.scale, gradient);
    boxes.forEach((box, k) => {
      const i = Math.floor(k / B),
        j = k % B,
        value = values[k];
      box.textContent = Math.abs(value) < 0.005 ? "0" : value.toFixed(2).replace("0.", ".").replace("-", "−");
      box.style.background = mixed(value, 55, "background");
      box.className = i === j ? "live-own" : "";
      box.setAttribute("aria-pressed", String(state.cell === k));
      box.setAttribute("aria-label", `picture ${i + 1}, caption ${j + 1}: ${value.toFixed(2)}`);
    });
    if (state.cell !== null) {
      const i = Math.floor(state.cell / B),
        j = state.cell % B;
      cellName.textContent = `cosine of picture ${i + 1} and caption ${j + 1}`;
      moving = true;
      cellSlider.move(cosineAt(state.cell));
      moving = false;
    }
    const floor = (state.twins * Math.log(state.twins)) / B;
    say(
      `Loss ${nats(loss)} nats. Knowing nothing costs ${nats(Math.log(B))}, ` +
        `and no model gets below ${nats(floor)} with these captions.`,
    );
  };
  const number = (name, text, options) =>
    labelled(
      text,
      slider({
        ...options,
        value: state[name],
        oninput: (value) => {
          state[name] = value;
          if (name !== "scale") state.changed.clear();
          update();
        },
      }),
    );
  const two = (v) => v.toFixed(2);
  place.append(
    html(
      "div",
      { class: "live-columns" },
      html(
        "div",
        { class: "live-side" },
        html(
          "div",
          { class: "live-eight", role: "group", "aria-label": "Eight pictures in rows, eight captions in columns" },
          ...boxes,
        ),
      ),
      html(
        "div",
        { class: "live-side" },
        line,
        number("own", "cosine of a picture with its own caption", { min: -1, max: 1, step: 0.01, show: two }),
        number("other", "cosine with every other caption", { min: -1, max: 1, step: 0.01, show: two }),
        number("scale", "1 / temperature", { min: 1, max: 100, step: 0.1, show: (v) => `× ${v.toFixed(1)}` }),
        number("twins", "pairs that carry the same caption", { min: 1, max: B, step: 1, show: String }),
        cellField,
        labelled(
          "show in the cells",
          choice(
            Object.keys(VIEWS).map((v) => [v, v]),
            (value) => {
              state.view = value;
              update();
            },
          ),
        ),
      ),
    ),
  );
  update();
}
