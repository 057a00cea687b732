// Train: press start, and CLIP learns in the reader's browser, in a worker, from fresh weights.
import { CAPTIONS, CLASSES } from "../data.js";
import { button, html, nats, percent, speaker } from "./dom.js";
import { accuracyChart, lossChart, mapChart, matrixChart } from "./charts.js";
import { classTable } from "./class_table.js";
import { controls } from "./controls.js";
import { study } from "./study.js";

const RARE = 20; // pictures in training; a class with fewer is marked, and asked about

/** Put the part into `place`; `session` starts the worker and keeps what was trained. */
export function train(place, session) {
  const { line, say } = speaker(2500);
  const numbers = html("p", { class: "live-numbers", "aria-hidden": "true" });
  const loss = lossChart(),
    accuracy = accuracyChart(),
    matrix = matrixChart(),
    map = mapChart();
  const outcome = html("div", { class: "live-outcome" });
  const panel = controls(() => {
    reset();
    seeds.reset();
  });
  let state = "idle",
    losses = [],
    accuracies = [],
    settings = panel.current(),
    says = "",
    began = 0,
    spent = 0,
    arrived = null,
    latest = null; // report that is not drawn yet

  const worker = session.worker((message) => {
    if (message.type === "progress") progress(message);
    else if (message.type === "done") done(message.result);
    else if (message.type === "error") {
      seeds.reset();
      say(`The training stopped: ${message.message}`, true);
      enter("idle");
    } else seeds.hear(message);
  });

  const elapsed = () => (spent + (state === "running" ? performance.now() - began : 0)) / 1000; // s, pauses left out
  const enter = (next) => {
    if (state === "running") spent += performance.now() - began;
    if (next === "running") began = performance.now();
    state = next;
    go.textContent = { idle: "Start", running: "Pause", paused: "Go on", done: "Train again" }[next];
    step.disabled = next === "running" || next === "studying";
    go.disabled = next === "studying";
  };
  const start = (paused) => {
    reset();
    settings = panel.current();
    says = `seed ${settings.seed}${panel.described()}`;
    if (tooFew(settings)) return;
    say("Drawing the pictures ...", true);
    spent = 0;
    arrived = null;
    worker.post({ type: "start", settings, paused });
    enter(paused ? "paused" : "running");
  };
  const tooFew = ({ counts, batchSize }) => {
    // said in a sentence, if so
    const few = counts.reduce((a, b) => a + b, 0) < batchSize;
    if (few) say(`There are fewer pictures than one batch of ${batchSize}; give some class more of them.`, true);
    return few;
  };
  const reset = () => {
    worker.post({ type: "stop" });
    losses = [];
    accuracies = [];
    latest = null;
    outcome.replaceChildren();
    numbers.textContent = "";
    say("", true);
    clear();
    enter("idle");
  };
  const go = button(
    "Start",
    () => {
      if (state === "running") {
        worker.post({ type: "pause" });
        enter("paused");
      } else if (state === "paused") {
        worker.post({ type: "resume" });
        enter("running");
      } else start(false);
    },
    { class: "live-go" },
  );
  const step = button("One update", () => (state === "paused" ? worker.post({ type: "step" }) : start(true)));

  const progress = (m) => {
    if (state !== "running" && state !== "paused") return; // what was on its way when a reader pressed reset
    losses.push(...m.losses);
    accuracies.push([m.step - 1, m.accuracy]);
    if (m.accuracy >= 0.95) arrived ??= { update: m.step, seconds: elapsed() };
    if (!latest) requestAnimationFrame(draw);
    latest = m;
    numbers.textContent =
      `update ${m.step} of ${m.steps} · loss ${nats(losses.at(-1))} · floor ${nats(m.floor)} · ` +
      `${percent(m.accuracy)} of 96 held-out pictures · 1 / temperature ${m.logitScale.toFixed(1)}`;
    say(
      `Update ${m.step} of ${m.steps}: loss ${nats(losses.at(-1))}, ${percent(m.accuracy)} named right.`,
      m.steps === m.step,
    );
  };

  /** The charts, once for each picture of the screen, however many reports came in between. */
  const draw = () => {
    if (!latest) return; // it was reset
    const m = latest;
    latest = null;
    loss.draw(losses, m.steps, m.floor, settings.batchSize);
    accuracy.draw(accuracies, m.steps);
    matrix.draw(m.matrix);
    map.draw(m.pictures, m.words);
  };

  const done = (result) => {
    if (state !== "running" && state !== "paused") return; // it was reset while it came to its end
    enter("done");
    session.keep(result, says);
    const own = settings.captions === "permuted" ? ` Asked in its own code: ${percent(result.ownCode)}.` : "";
    const { seconds, update } = arrived ?? {};
    const when = arrived ? `; 95 % of those watched after ${seconds.toFixed(1)}, at update ${update}` : "";
    const named = `${percent(result.accuracy)} of 480 held-out pictures named right`;
    const sentence = `${named} after ${elapsed().toFixed(1)} seconds${when}.${own}`;
    say(sentence, true);
    Object.assign(outcome.dataset, {
      // for a test, and for what measures
      accuracy: result.accuracy,
      ownCode: result.ownCode,
      byClass: JSON.stringify([...result.byClass]),
      seconds: elapsed(),
      arrived: arrived?.seconds ?? "",
      update: arrived?.update ?? "",
      kernel: result.kernel,
    });
    outcome.replaceChildren(
      byClass(result.byClass),
      html(
        "p",
        {},
        "Ask the model that you have just trained: ",
        ...asked().map((c) => button(`draw ${CAPTIONS[c]} and ask`, () => session.askAbout(c))),
      ),
    );
  };

  /** Classes worth asking about: those left out or starved, else the first. */
  const asked = () => {
    const rare = CLASSES.map((_, c) => c).filter((c) => settings.counts[c] < RARE);
    return rare.length ? rare.slice(0, 4) : [0];
  };
  const byClass = (shares) =>
    classTable("Held-out pictures of each class named right", "live-result", (c) =>
      html("td", { class: settings.counts[c] < RARE ? "live-rare" : "" }, percent(shares[c])),
    );

  const clear = () => {
    loss.draw([], 0, null, settings.batchSize);
    accuracy.draw([], 0);
    matrix.draw(new Float32Array(CLASSES.length ** 2));
    map.draw([[], []], [[], []]);
  };
  const seeds = study(worker, panel, tooFew, {
    start: () => {
      reset();
      enter("studying");
    },
    end: () => enter("idle"),
  });
  const resetAll = () => {
    reset();
    seeds.reset();
  };
  const tools = html("div", { class: "live-tools" }, go, step, button("Reset", resetAll));
  const charts = html(
    "div",
    { class: "live-charts" },
    figure(loss, "loss of each update; dashed, its floor; the top line is what guessing costs"),
    figure(accuracy, "held-out pictures, never trained on, that are named right"),
    figure(matrix, "cosines: pictures in rows, captions in columns"),
    figure(map, "the shared space: pictures filled, captions hollow"),
  );
  place.append(html("div", {}, panel.element, tools, line, numbers, charts, outcome, seeds.element));
  clear();
  return panel;
}

const figure = (chart, text) => html("figure", {}, chart.element, html("figcaption", {}, text));
