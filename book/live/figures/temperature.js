// A small figure: what the temperature does to one picture's row of cosines.
import { softmax } from "../zero_shot.js";
import { drawing, html, labelled, percent, set, slider, speaker, svg } from "../page/dom.js";

const WIDTH = 340,
  ROW = 17,
  NAME = 118;

/** `data`: captions and their cosines with one picture, as the package measured them, and the scale it learned. */
export function temperatureFigure(place, { captions, cosines, scale, picture }) {
  const { line, say } = speaker();
  const bars = captions.map((text, i) => {
    const bar = svg("rect", { x: NAME, y: i * ROW + 3, height: ROW - 6, class: "live-up" });
    const number = svg("text", { y: i * ROW + 13 });
    return { bar, number, name: svg("text", { x: NAME - 6, y: i * ROW + 13, "text-anchor": "end" }, text) };
  });
  const element = drawing(
    WIDTH,
    captions.length * ROW,
    "Probabilities of sixteen captions",
    ...bars.flatMap(Object.values),
  );
  const show = (log) => {
    const chances = softmax(Float32Array.from(cosines), Math.exp(log)); // (16,)
    bars.forEach(({ bar, number }, i) => {
      const width = Math.max(0.5, (WIDTH - NAME - 44) * chances[i]);
      set(bar, { width });
      set(number, { x: NAME + width + 5 });
      number.textContent = percent(chances[i]);
    });
    const best = chances.indexOf(Math.max(...chances));
    set(element, { "aria-label": `Probabilities of sixteen captions; ${captions[best]}: ${percent(chances[best])}` });
    say(`Scale ${Math.exp(log).toFixed(1)}: ${captions[best]} gets ${percent(chances[best])}.`);
  };
  const control = slider({
    min: 0,
    max: Math.log(100),
    step: 0.01,
    value: Math.log(scale),
    show: (log) => `× ${Math.exp(log).toFixed(1)}`,
    oninput: show,
  });
  place.append(
    html(
      "div",
      { class: "live-small" },
      html("img", {
        src: `data:image/webp;base64,${picture}`,
        alt: "The picture that is asked about: a green cross",
        class: "live-pixels",
      }),
      labelled("1 / temperature", control),
      line,
    ),
    element,
  );
  show(Math.log(scale));
}
