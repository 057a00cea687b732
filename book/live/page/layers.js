// One picture, followed layer by layer to the 64 numbers, and from there to the cosine with one caption.
import { drawing, html, choice, labelled, set, svg } from "./dom.js";

const MOST = 64; // channels of a layer that are shown

/** One channel, (H, W), scaled so that its layer's largest value is white. */
function channel(values, offset, height, width, largest) {
  const canvas = html("canvas", { width, height, "aria-hidden": "true" });
  const context = canvas.getContext("2d"),
    image = context.createImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    const grey = (255 * Math.max(0, values[offset + i])) / largest;
    image.data.set([grey, grey, grey, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The channels of a layer as a grid of small pictures, or a vector as a strip of bars. */
function layer({ name, shape, values }) {
  const says = html("figcaption", {}, `${name}: ${shape.join(" × ")}`);
  if (shape.length === 1) return html("figure", {}, bars(values, `${name}: ${shape[0]} numbers`), says);
  const [channels, height, width] = shape;
  let largest = 1e-6;
  for (const value of values) largest = Math.max(largest, value);
  const grid = html("div", {
    class: "live-channels",
    role: "img",
    "aria-label": `${channels} channels of ${height} by ${width}`,
  });
  for (let c = 0; c < Math.min(channels, MOST); c++)
    grid.append(channel(values, c * height * width, height, width, largest));
  return html("figure", {}, grid, says);
}

/** Numbers as bars up and down from a line. */
function bars(values, says) {
  const width = 5 * values.length,
    largest = Math.max(1e-6, ...values.map(Math.abs));
  return drawing(
    width,
    50,
    says,
    svg("line", { x1: 0, x2: width, y1: 25, y2: 25, class: "live-axis" }),
    ...[...values].map((value, i) =>
      svg("rect", {
        x: 5 * i + 0.5,
        width: 4,
        y: value > 0 ? 25 - (24 * value) / largest : 25,
        height: (24 * Math.abs(value)) / largest,
        class: value > 0 ? "live-up" : "live-down",
      }),
    ),
  );
}

/** The part, closed at first: nothing is drawn before a reader opens it. */
export function layersView() {
  const place = html("div", { class: "live-layers" }),
    products = html("div", {});
  let state = null,
    chosen = 0; // the caption that is compared: the nearest, or what a reader chose for this picture
  const caption = choice([["0", ""]], (value) => {
    chosen = Number(value);
    multiply();
  });

  const multiply = () => {
    // the cosine as a sum of 64 products
    const { embedding, embedded, captions } = state,
      size = embedding.length;
    chosen = Math.min(chosen, captions.length - 1);
    const words = embedded.subarray(chosen * size, (chosen + 1) * size); // (D,)
    const parts = embedding.map((value, i) => value * words[i]); // (D,)
    const sum = parts.reduce((a, b) => a + b, 0);
    products.replaceChildren(
      html(
        "figure",
        {},
        bars(words, `the caption's ${size} numbers`),
        html("figcaption", {}, `“${captions[chosen]}”: ${size} numbers`),
      ),
      html(
        "figure",
        {},
        bars(parts, `${size} products`),
        html(
          "figcaption",
          {},
          `their products with the picture's, one by one; the sum is the cosine, ${sum.toFixed(2)}`,
        ),
      ),
    );
  };
  const update = () => {
    if (!details.open || !state) return;
    const layers = state.model.layers(state.pixels);
    state.embedding = layers.at(-1).values;
    place.replaceChildren(...layers.map(layer));
    caption.replaceChildren(...state.captions.map((text, i) => new Option(text, i, false, i === chosen)));
    multiply();
  };
  const details = html(
    "details",
    { class: "live-follow", ontoggle: update },
    html("summary", {}, "Follow this picture through the image encoder, layer by layer"),
    place,
    labelled("compare with", caption),
    products,
  );
  set(details, { "aria-live": "off" });
  return {
    element: details,
    clear() {
      state = null;
      place.replaceChildren();
      products.replaceChildren();
    },
    follow(model, pixels, captions, embedded, nearest) {
      state = { model, pixels, captions, embedded };
      chosen = nearest;
      update();
    },
  };
}
