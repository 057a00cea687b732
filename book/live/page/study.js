// A small study: the same training with and without one change, on several seeds; dots appear, an interval is drawn.
import { DEFAULTS, mean } from "./experiment.js";
import { button, choice, drawing, html, labelled, percent, set, speaker, svg } from "./dom.js";

const T = { 5: 2.776, 10: 2.262 }; // Student's t, two-sided 95 %, of n - 1 degrees of freedom
const WIDTH = 340,
  LEFT = 12,
  RIGHT = 12;

/** Mean of paired differences with its 95 % interval, as shares. */
export function pairedInterval(differences) {
  const middle = mean(differences);
  const variance = differences.reduce((sum, d) => sum + (d - middle) ** 2, 0) / (differences.length - 1);
  const half = T[differences.length] * Math.sqrt(variance / differences.length);
  return { mean: middle, low: middle - half, high: middle + half };
}

/** The part; `hooks.start` and `hooks.end` tell the rest of the page that the worker is taken. */
export function study(worker, panel, refused, hooks) {
  const { line, say } = speaker(3000);
  let dots = [[], []],
    count = 5,
    running = false,
    preset = null;
  const layer = svg("g", {});
  const element = drawing(WIDTH, 130, "No seeds yet", layer);
  const x = (share) => LEFT + (WIDTH - LEFT - RIGHT) * share;

  const draw = () => {
    const rows = [
      ["without", 34],
      ["with the change", 84],
    ];
    layer.replaceChildren(
      ...[0, 0.5, 1].flatMap((tick) => [
        svg("line", { x1: x(tick), x2: x(tick), y1: 22, y2: 106, class: "live-grid" }),
        svg("text", { x: x(tick), y: 122, "text-anchor": ["start", "middle", "end"][2 * tick] }, percent(tick)),
      ]),
      ...rows.flatMap(([name, y], arm) => [
        svg("text", { x: LEFT, y: y - 8 }, name),
        ...dots[arm].map(({ seed, share }) =>
          svg("circle", { cx: x(share), cy: y + 4 + 3 * (seed % 5), r: 4, class: arm ? "live-changed" : "live-plain" }),
        ),
        ...(dots[arm].length
          ? [svg("path", { d: `M${x(mean(dots[arm].map((d) => d.share)))} ${y - 4}v28`, class: "live-mean" })]
          : []),
      ]),
    );
    const told = rows.map(([name], arm) =>
      dots[arm].length
        ? `${name} ${percent(mean(dots[arm].map((d) => d.share)))} on average of ${dots[arm].length} seeds`
        : `${name} none yet`,
    );
    set(element, { "aria-label": `Share of ${preset?.asked ?? "pictures named right"}: ${told.join(", ")}` });
  };

  const hear = (message) => {
    if (!running) return;
    if (message.type === "dot") {
      const look = message.arm ? preset.look : (preset.control ?? preset.look);
      dots[message.arm].push({ seed: message.seed, share: look(message) });
      draw();
      say(`Seed ${message.seed}, ${message.arm ? "with the change" : "without"}: ${percent(look(message))}.`);
    } else if (message.type === "studied") end();
  };
  const end = () => {
    running = false;
    seeds.disabled = false;
    go.textContent = "Run the study";
    hooks.end();
    if (dots[1].length < count) return;
    const { mean: moved, low, high } = pairedInterval(dots[1].map(({ share }, i) => share - dots[0][i].share));
    const points = (value) => (100 * value).toFixed(1);
    say(
      `${count} seeds. The change moves the share of ${preset.asked} by ${points(moved)} points ` +
        `(95 % interval ${points(low)} to ${points(high)}), from ${percent(mean(dots[0].map((d) => d.share)))} ` +
        `to ${percent(mean(dots[1].map((d) => d.share)))}.`,
      true,
    );
  };
  const reset = () => {
    dots = [[], []];
    preset = panel.preset();
    running = false;
    seeds.disabled = false;
    go.textContent = "Run the study";
    say("", true);
    draw();
  };
  draw();
  const go = button("Run the study", () => {
    if (running) {
      worker.post({ type: "stop" });
      end();
      say(`Stopped after ${dots[0].length + dots[1].length} of ${2 * count} trainings.`, true);
      return;
    }
    const changed = panel.current();
    if (refused(changed)) return;
    reset();
    if (panel.described() === "") {
      say("Both arms would be the same: choose a change first.", true);
      return;
    }
    hooks.start();
    running = true;
    seeds.disabled = true;
    go.textContent = "Stop";
    worker.post({ type: "study", seeds: count, arms: [{ ...DEFAULTS }, changed] });
    say(`${2 * count} trainings, half of them with the change.`, true);
  });
  const seeds = choice(
    [
      [5, "five seeds"],
      [10, "ten seeds"],
    ],
    (value) => {
      count = Number(value);
    },
  );
  return {
    element: html(
      "section",
      { class: "live-study" },
      html("h3", {}, "One run is an anecdote"),
      html(
        "p",
        {},
        "A seed fixes the random start, so another seed is another run. Here the same training runs with and " +
          "without the change, from seed 0 on; each dot is one run, the stroke their mean.",
      ),
      html("div", { class: "live-tools" }, labelled("how many", seeds), go),
      element,
      line,
    ),
    hear,
    reset,
  };
}
