// A small figure: accuracy against frequency when the lot decides, drawn again at a click from the stored runs.
import { rng } from "../random.js";
import { button, drawing, html, percent, set, speaker, svg } from "../page/dom.js";

const WIDTH = 340,
  HEIGHT = 220,
  LEFT = 44,
  RIGHT = 12,
  TOP = 10,
  BOTTOM = 36,
  RUNGS = 11;

/** `data.runs`: for each seed the count of every concept and how many of its `data.test` pictures were named right. */
export function lotsFigure(place, { runs, test }) {
  const { line, say } = speaker();
  const x = (count) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log2(count)) / (RUNGS - 1);
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  const layer = svg("g", {});
  const element = drawing(
    WIDTH,
    HEIGHT,
    "Accuracy of emoji against how many pictures the lot gave them",
    ...[0, 0.5, 1].flatMap((tick) => [
      svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "live-grid" }),
      svg("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, percent(tick)),
    ]),
    ...[1, 8, 64, 1024].map((count) =>
      svg("text", { x: x(count), y: HEIGHT - 20, "text-anchor": count === 1024 ? "end" : "middle" }, count),
    ),
    svg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "pictures in the corpus"),
    layer,
  );
  let seed = 0,
    shuffles = 0;

  const show = (counts, hits, says) => {
    const rungs = Array.from({ length: RUNGS }, () => []),
      jitter = rng(seed, "jitter");
    counts.forEach((count, i) => rungs[Math.round(Math.log2(count))].push(hits[i] / test));
    const means = rungs.map((shares) => shares.reduce((a, b) => a + b, 0) / shares.length); // (11,)
    layer.replaceChildren(
      ...counts.map((count, i) =>
        svg("circle", { cx: x(count) + jitter.uniform(-6, 6), cy: y(hits[i] / test), r: 2.5, class: "live-dot" }),
      ),
      svg("polyline", { points: means.map((m, rung) => `${x(2 ** rung)},${y(m)}`).join(" "), class: "live-line" }),
    );
    const slope = slopeOf(
      counts,
      hits.map((h) => h / test),
    );
    const text = `${says}: ${(100 * slope).toFixed(0)} points of accuracy for ten times the pictures.`;
    set(element, { "aria-label": `Accuracy of ${counts.length} emoji against their number of pictures. ${text}` });
    say(text, true);
  };
  const own = () => show(runs[seed].counts, runs[seed].hits, `Seed ${seed}`);
  const again = () => {
    seed = (seed + 1) % runs.length;
    own();
  };
  const shuffle = () => {
    const { counts, hits } = runs[seed],
      order = rng(shuffles++, "shuffle").permutation(counts.length);
    show(
      counts.map((_, i) => counts[order[i]]),
      hits,
      `Seed ${seed}, but each emoji is said to have had another's count`,
    );
  };
  place.append(
    html(
      "div",
      { class: "live-small" },
      html(
        "div",
        { class: "live-tools" },
        button("Draw lots again", again),
        button("Shuffle the counts", shuffle),
        button("Undo the shuffle", own),
      ),
      line,
    ),
    element,
  );
  own();
}

/** Of the straight line through accuracies over log10 of the counts. */
export function slopeOf(counts, shares) {
  const logs = counts.map(Math.log10),
    n = logs.length;
  const [meanX, meanY] = [logs, shares].map((values) => values.reduce((a, b) => a + b, 0) / n);
  const across = logs.reduce((sum, v) => sum + (v - meanX) ** 2, 0);
  return logs.reduce((sum, v, i) => sum + (v - meanX) * (shares[i] - meanY), 0) / across;
}
