// What a reader may change before a training, as controls around one object of settings.
import { CLASSES, TRAINING } from "../data.js";
import { PRESETS, settingsOf } from "./presets.js";
import { classTable } from "./class_table.js";
import { button, choice, html, labelled } from "./dom.js";

const BATCHES = [8, 16, 32, 64, 128].map((n) => [n, `${n} pairs`]);
const RATES = [
  [0.1, "a tenth"],
  [0.3, "a third"],
  [1, "as in the recipe"],
  [3, "three times"],
];
const SCALES = [
  ["learned", "learned"],
  ["1", "fixed at 1"],
  ["14.3", "fixed at 1 / 0.07"],
  ["100", "fixed at 1 / 0.01"],
];
const DIRECTIONS = [
  ["both", "pictures and captions"],
  ["images", "only the pictures"],
  ["texts", "only the captions"],
];
const CAPTION_KINDS = [
  ["true", "true"],
  ["lot", "dealt out by lot"],
  ["permuted", "permuted: each class has another's"],
  ["identical", "all the same"],
];

/** The controls; `current()` gives the settings as they stand, `onpreset` is called when a preset is chosen. */
export function controls(onpreset) {
  let settings = settingsOf(PRESETS[0]),
    preset = PRESETS[0];
  const bet = html("p", {}),
    link = html("a", {});
  const fields = {
    batchSize: choice(BATCHES, (value) => {
      settings.batchSize = Number(value);
    }),
    rate: choice(RATES, (value) => {
      settings.rate = Number(value);
    }),
    scale: choice(SCALES, (value) => {
      settings.scale = value;
    }),
    directions: choice(DIRECTIONS, (value) => {
      settings.directions = value;
    }),
    captions: choice(CAPTION_KINDS, (value) => {
      settings.captions = value;
    }),
    seed: html("input", {
      type: "number",
      min: 0,
      max: 9999,
      step: 1,
      value: 0,
      oninput: () => {
        settings.seed = Math.abs(Math.round(Number(fields.seed.value))) || 0;
      },
    }),
  };
  const counts = CLASSES.map(([color, shape], c) => {
    const input = html("input", {
      type: "number",
      min: 0,
      max: TRAINING,
      step: 1,
      value: TRAINING,
      "aria-label": `pictures of a ${color} ${shape}`,
      oninput: () => {
        settings.counts[c] = Math.min(TRAINING, Math.max(0, Math.round(Number(input.value)) || 0));
      },
      onchange: () => {
        input.value = settings.counts[c];
      },
    });
    return input;
  });
  const table = classTable(
    `Pictures of each class in training, 0 to ${TRAINING}; 0 leaves it out`,
    "live-counts",
    (c) => html("td", {}, counts[c]),
  );

  const show = () => {
    for (const [name, field] of Object.entries(fields)) field.value = settings[name];
    counts.forEach((input, c) => {
      input.value = settings.counts[c];
    });
    bet.textContent = preset.bet;
    link.textContent = preset.title;
    link.href = `${preset.chapter}.html`;
  };
  const choose = (name) => {
    preset = PRESETS.find((p) => p.name === name) ?? PRESETS[0];
    settings = { ...settingsOf(preset), seed: settings.seed };
    presets.value = preset.name;
    show();
    onpreset(preset);
  };
  const presets = choice(
    PRESETS.map(({ name, text }) => [name, text]),
    choose,
  );
  show();
  const element = html(
    "div",
    { class: "live-controls" },
    labelled("the change to try", presets),
    html(
      "div",
      { class: "live-bet" },
      html("p", {}, html("b", {}, "Guess first.")),
      bet,
      html("p", {}, "The chapter that explains it: ", link),
    ),
    html(
      "details",
      {},
      html("summary", {}, "Change anything else"),
      html(
        "div",
        { class: "live-fields" },
        labelled("batch", fields.batchSize),
        labelled("learning rate", fields.rate),
        labelled("1 / temperature", fields.scale),
        labelled("who asks whom", fields.directions),
        labelled("captions", fields.captions),
        labelled("seed", fields.seed),
      ),
      table,
      button("back to all pictures", () => {
        settings.counts = CLASSES.map(() => TRAINING);
        show();
      }),
    ),
  );
  const presetsAlone = () =>
    JSON.stringify({ ...settingsOf(preset), seed: settings.seed }) === JSON.stringify(settings);
  return {
    element,
    choose,
    /** What is changed, in words that go on a sentence; nothing, if nothing is. */
    described: () =>
      (preset.name === "none" ? "" : `, ${preset.text}`) + (presetsAlone() ? "" : ", with changes of your own"),
    preset: () => preset,
    current: () => ({ ...settings, counts: [...settings.counts] }),
  };
}
