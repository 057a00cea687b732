// Push and pull: eight pairs on a circle, moved by nothing but the gradient of the loss.
import { infoNCE } from "../infonce.js";
import { rng } from "../random.js";
import { button, drawing, html, labelled, nats, set, slider, speaker, svg } from "./dom.js";
import { glyph } from "./glyphs.js";

const B = 8,
  SIDE = 320,
  RADIUS = 120,
  RATE = 0.25;
const CHOSEN = [0, 2, 5, 7, 8, 10, 13, 15]; // the classes that stand for the eight pairs
const SECONDS = 0.03; // between two steps that are watched

/** Loss of points on a circle at these angles, and how it changes with each angle. */
export function circleLoss(pictures, captions, scale) {
  const logits = new Float32Array(B * B); // (B, B)
  for (let i = 0; i < B; i++)
    for (let j = 0; j < B; j++) logits[i * B + j] = scale * Math.cos(pictures[i] - captions[j]);
  const { loss, gradient } = infoNCE(logits, B);
  const dPictures = new Float64Array(B),
    dCaptions = new Float64Array(B);
  for (let i = 0; i < B; i++) {
    for (let j = 0; j < B; j++) {
      const slope = gradient[i * B + j] * scale * Math.sin(pictures[i] - captions[j]);
      dPictures[i] -= slope;
      dCaptions[j] += slope;
    }
  }
  return { loss, dPictures, dCaptions };
}

/** Put the part into `place`. */
export function pushAndPull(place) {
  const { line, say } = speaker(2000);
  let scale = 10,
    seed = 0,
    steps = 0,
    timer = null,
    pictures = [],
    captions = [];
  const layer = svg("g", {});
  const element = drawing(
    SIDE,
    SIDE,
    "Eight pairs on a circle",
    svg("circle", { cx: SIDE / 2, cy: SIDE / 2, r: RADIUS, class: "live-ring" }),
    layer,
  );

  const spot = (angle, r) => [SIDE / 2 + r * Math.cos(angle), SIDE / 2 + r * Math.sin(angle)];
  const arrow = (angle, slope, r) => {
    // where the gradient sends a point
    const turn = Math.max(-0.6, Math.min(0.6, -slope * 0.9));
    if (Math.abs(turn) < 0.01) return [];
    const [x, y] = spot(angle, r),
      [u, v] = spot(angle + turn, r);
    return [svg("path", { d: `M${x} ${y}A${r} ${r} 0 0 ${turn > 0 ? 1 : 0} ${u} ${v}`, class: "live-push" })];
  };
  const draw = () => {
    const { loss, dPictures, dCaptions } = circleLoss(pictures, captions, scale);
    layer.replaceChildren(
      ...pictures.flatMap((angle, i) => arrow(angle, dPictures[i] * B, RADIUS - 16)),
      ...captions.flatMap((angle, i) => arrow(angle, dCaptions[i] * B, RADIUS + 16)),
      ...pictures.map((angle, i) =>
        svg("line", {
          x1: spot(angle, RADIUS - 16)[0],
          y1: spot(angle, RADIUS - 16)[1],
          x2: spot(captions[i], RADIUS + 16)[0],
          y2: spot(captions[i], RADIUS + 16)[1],
          class: "live-pair",
        }),
      ),
      ...pictures.map((angle, i) => glyph(CHOSEN[i], ...spot(angle, RADIUS - 16), 8)),
      ...captions.map((angle, i) => glyph(CHOSEN[i], ...spot(angle, RADIUS + 16), 8, true)),
    );
    const text = `Step ${steps}: loss ${nats(loss)} nats.`;
    set(element, { "aria-label": `Eight pairs on a circle, pictures inside, captions outside. ${text}` });
    say(text);
  };
  const move = () => {
    const { dPictures, dCaptions } = circleLoss(pictures, captions, scale);
    pictures = pictures.map((angle, i) => angle - RATE * dPictures[i]);
    captions = captions.map((angle, i) => angle - RATE * dCaptions[i]);
    steps += 1;
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    run.textContent = "Run";
  };
  const run = button("Run", () => {
    if (timer) return stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      // the end of the film, without the film
      for (let i = 0; i < 100; i++) move();
      return draw();
    }
    run.textContent = "Pause";
    timer = setInterval(() => {
      move();
      draw();
      if (steps % 400 === 0 || !element.isConnected) stop();
    }, 1000 * SECONDS);
  });
  const shuffle = () => {
    const generator = rng(seed++, "circle");
    steps = 0;
    pictures = Array.from({ length: B }, () => generator.uniform(0, 2 * Math.PI));
    captions = Array.from({ length: B }, () => generator.uniform(0, 2 * Math.PI));
    draw();
  };
  place.append(
    html(
      "div",
      { class: "live-columns" },
      html("div", { class: "live-side" }, element),
      html(
        "div",
        { class: "live-side" },
        html(
          "p",
          {},
          "Pictures run on the inner track, captions on the outer one. A thin line ties a pair, " +
            "a thick one shows where the gradient pushes a point.",
        ),
        line,
        html(
          "div",
          { class: "live-tools" },
          run,
          button("One step", () => {
            stop();
            move();
            draw();
          }),
          button("Shuffle", () => {
            stop();
            shuffle();
          }),
        ),
        labelled(
          "1 / temperature",
          slider({
            min: 1,
            max: 50,
            step: 0.5,
            value: scale,
            show: (v) => `× ${v.toFixed(1)}`,
            oninput: (v) => {
              scale = v;
              draw();
            },
          }),
        ),
      ),
    ),
  );
  shuffle();
}
