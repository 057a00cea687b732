// The worker: trains beside the page, in slices, and tells the page what happens.
import { loadProducts } from "../products.js";
import { firstAxes, snapshot, training } from "./experiment.js";

const SLICE = 40; // ms of work before messages are looked at
const EVERY = 100; // ms between two reports on what goes on, at least
const LOOK = 20; // updates after which a report comes, whatever the clock says
const SHARE = 4; // and so many times as long as the last report took, so that most of the time goes into training

/** Answer the messages of the page: `start`, `study`, `pause`, `resume`, `step`, `stop`. */
export function serve(scope) {
  let ready = null,
    products = null,
    work = null,
    running = false;
  const say = (message) => scope.postMessage(message);

  const slice = () => {
    const end = performance.now() + SLICE;
    try {
      do {
        if (!work || work.next().done) {
          work = null;
          running = false;
        }
      } while (running && performance.now() < end);
    } catch (error) {
      work = null;
      running = false;
      say({ type: "error", message: error.message });
    }
    if (running) setTimeout(slice, 0);
  };
  const begin = (generator, paused = false) => {
    work = generator;
    running = !paused;
    slice(); // one update, where it is paused
  };

  /** One training that is watched; it ends with a message that holds the weights. */
  function* watched(settings) {
    let axes = firstAxes(),
      next = 0,
      losses = [],
      state = null;
    const tell = () => {
      const began = performance.now(),
        seen = snapshot(state, axes);
      axes = seen.axes;
      const { step, steps, logitScale, floor } = state;
      say({ type: "progress", step, steps, logitScale, floor, losses, ...seen });
      losses = [];
      const now = performance.now();
      next = now + Math.max(EVERY, SHARE * (now - began));
    };
    const run = training(products, settings);
    for (let one = run.next(); ; one = run.next()) {
      if (one.done) {
        if (losses.length) tell();
        say({ type: "done", result: finished(one.value) });
        return;
      }
      state = one.value;
      losses.push(state.loss);
      if (!running || state.step % LOOK === 0 || performance.now() > next) tell();
      yield;
    }
  }

  /** The same with and without a change, one seed after the other. */
  function* study({ seeds, arms }) {
    for (let seed = 0; seed < seeds; seed++) {
      for (const [arm, settings] of arms.entries()) {
        const run = training(products, { ...settings, seed });
        let next = run.next();
        for (; !next.done; next = run.next()) yield;
        const { accuracy, byClass, ownCode, pace } = next.value;
        say({ type: "dot", arm, seed, accuracy, byClass, ownCode, pace });
      }
    }
    say({ type: "studied" });
  }

  const handlers = {
    start: ({ settings, paused = false }) => begin(watched(settings), paused),
    study: (message) => begin(study(message)),
    pause: () => {
      running = false;
    },
    resume: () => {
      if (work && !running) {
        running = true;
        slice();
      }
    },
    step: () => {
      if (work && !running) slice();
    },
    stop: () => {
      work = null;
      running = false;
    },
  };
  scope.onmessage = async ({ data }) => {
    try {
      if (data.type === "kernel") {
        ready = loadProducts(data.kernel);
        return;
      }
      products = await ready;
      handlers[data.type](data);
    } catch (error) {
      say({ type: "error", message: error.message });
    }
  };
}

/** A result as it travels: the weights copied out of the kernel's memory. */
function finished({ model, ...result }) {
  const weights = [...model.parameters].map(([name, { shape, value }]) => [
    name,
    { shape: [...shape], values: value.slice() },
  ]);
  return { ...result, weights };
}
